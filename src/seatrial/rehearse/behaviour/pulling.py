"""Which images nodes have without pulling them: what their statuses list, and what ran there. Pure."""

from collections.abc import Iterable, Iterator

from seatrial.base.errors import RuntimeFailure
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.node import images
from seatrial.node.images import Reference

MOST_LISTED = 50
"""A kubelet lists its largest images, so many at most (nodeStatusMaxImages)."""


def has(node: JSON | None, image: str) -> bool | None:
    """Whether a Node says that it has an image; None if its status can't tell."""
    listed = objects.get(node or {}, "status", "images", default=[])
    wanted = _reference(image)
    if any(_reference(str(name)) == wanted for each in listed for name in each.get("names") or ()):
        return True
    return False if 0 < len(listed) < MOST_LISTED else None


def assumptions(before: Iterable[JSON], made: Iterable[JSON], nodes: Iterable[JSON]) -> list[str]:
    """What to tell of images that are never pulled: the Pods `made` may have them only where those `before` ran."""
    by_name = {objects.name(node): node for node in nodes}
    ran = {(node, image) for node, image, _ in _images(before)}
    unknown = {
        image
        for node, image, policy in _images(made)
        if policy == "Never" and (node, image) not in ran and has(by_name.get(node), image) is None
    }
    return [f"imagePullPolicy Never: nodes are assumed to have {', '.join(sorted(unknown))}"] if unknown else []


def _images(pods: Iterable[JSON]) -> Iterator[tuple[str, str, str]]:
    """(node, image, pull policy) of every container."""
    for pod in pods:
        spec = pod["spec"]
        for container in (*(spec.get("initContainers") or ()), *spec["containers"]):
            yield spec.get("nodeName", ""), str(container.get("image", "")), str(container.get("imagePullPolicy", ""))


def _reference(image: str) -> Reference | str:
    """Without what makes no difference, such as docker.io/library/; a name that is none as it is."""
    try:
        return images.parse(image)
    except RuntimeFailure:
        return image
