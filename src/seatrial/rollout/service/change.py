"""What is to be rolled out to each workload: images, or what a file says. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.rollout.workload import Workload
from seatrial.workloads import change_cause, template_hash

_NAMED = re.compile(r"([a-z0-9]([-a-z0-9]*[a-z0-9])?)=(.+)", re.ASCII)
_KEPT = ("template", "selector", "serviceName", "volumeClaimTemplates", "podManagementPolicy")


@dataclass(frozen=True)
class Image:
    """An image, for the container of this name, or "" for the one whose image it can replace."""

    image: str
    container: str = ""


@dataclass(frozen=True)
class Target:
    """What one workload is to become. `fields`: what else of spec a file changes (replicas, strategy …)."""

    workload: Workload
    template: JSON
    fields: Mapping[str, Any] = field(default_factory=dict)


def parse_image(text: str) -> Image:
    """`nginx:1.11.9` or `web=nginx:1.11.9`. Raises ToolError for nothing."""
    named = _NAMED.fullmatch(text)
    image = named[3] if named else text
    if not image or "=" in image.partition("@")[0] or any(character.isspace() for character in image):
        raise ToolError(f"--image {text!r}: give an image, or CONTAINER=IMAGE")
    return Image(image, named[1] if named else "")


def by_images(found: Sequence[tuple[Workload, JSON]], images: Sequence[Image]) -> list[Target]:
    """The targets of all workloads. Raises ToolError for an image that fits nowhere, or more than one container."""
    used: set[Image] = set()
    targets = []
    for workload, obj in found:
        template = obj["spec"]["template"]
        for image in images:
            name = _container_for(image, template, workload, certain=len(found) == 1)
            if name:
                used.add(image)
                template = _with_image(template, name, image.image)
        targets.append(Target(workload, template))
    for image in images:
        if image not in used:
            where = ", ".join(workload.shown for workload, _ in found)
            raise ToolError(f"no container {image.container or 'that ' + image.image + ' could replace'} in {where}")
    return targets


def _container_for(image: Image, template: JSON, workload: Workload, *, certain: bool) -> str:
    """Its name, or "" for none. An image without a name is for the only container, or the one of its repository."""
    containers = [str(each["name"]) for each in template["spec"]["containers"]]
    if image.container:
        initial = [str(each["name"]) for each in template["spec"].get("initContainers") or ()]
        return image.container if image.container in (*containers, *initial) else ""
    if len(containers) == 1:
        return containers[0]
    wanted = repository(image.image)
    same = [str(each["name"]) for each in template["spec"]["containers"] if repository(each["image"]) == wanted]
    if len(same) == 1:
        return same[0]
    if len(same) > 1 or certain:
        raise ToolError(
            f"{workload.shown} has {len(containers)} containers ({', '.join(containers)}): say which, as in "
            f"--image {containers[0]}={image.image}"
        )
    return ""


def repository(image: str) -> str:
    """The image without tag and digest."""
    path, slash, last = image.partition("@")[0].rpartition("/")
    return f"{path}{slash}{last.partition(':')[0]}"


def _with_image(template: JSON, container: str, image: str) -> JSON:
    spec = dict(template["spec"])
    for group in ("containers", "initContainers"):
        if spec.get(group):
            spec[group] = [{**each, "image": image} if each["name"] == container else each for each in spec[group]]
    return {**template, "spec": spec}


def by_result(workload: Workload, current: JSON, result: JSON) -> Target:
    """The target when applying a file would make `result` of the workload."""
    before, after = current["spec"], result["spec"]
    differing = [name for name in {**before, **after} if name not in _KEPT and before.get(name) != after.get(name)]
    return Target(workload, after["template"], {name: after.get(name) for name in sorted(differing)})


def is_reached(target: Target, obj: JSON) -> bool:
    """Whether the workload has the target's template. A ReplicationController's labels change with every update."""
    template = obj["spec"]["template"]
    if target.workload.resource.kind == "ReplicationController":
        return _images(template) == _images(target.template)
    return template_hash.equal_ignoring_hash(template, target.template)


def identity(target: Target) -> str:
    """A hash that tells whether two targets are the same."""
    if target.workload.resource.kind == "ReplicationController":
        return template_hash.compute({"images": _images(target.template)})
    return template_hash.compute(template_hash.without_hash(target.template))


def has_fields(target: Target, obj: JSON) -> bool:
    """Whether all else that the target says is as it says."""
    return all(obj["spec"].get(name) == value for name, value in target.fields.items())


def _images(template: JSON) -> list[tuple[str, str]]:
    return [(str(each["name"]), str(each["image"])) for each in objects.get(template, "spec", "containers", default=[])]


def differences(target: Target, obj: JSON) -> list[str]:
    """What would change, a line each."""
    lines = change_cause.differences(obj["spec"]["template"], target.template)
    return lines + [f"{name} {obj['spec'].get(name)} → {value}" for name, value in target.fields.items()]
