"""What a rolling update leaves on the server, so that whoever runs it again knows how far it came. Pure.

    annotation (prefix kubectl.kubernetes.io/)   on     meaning
    update-source-id                             new    OLD_NAME:OLD_UID; there while the update isn't finished
    desired-replicas                             new    the size in the end
    original-replicas                            old    the size before; a rollback goes back to it
    next-controller-id                           old    name of the new one (updates by image)

Follows pkg/kubectl/rolling_updater.go (1.4 to 1.9). Differs in one thing: update-source-id and desired-replicas are
taken away last, when the old controller is gone; kubectl took them away before, and an update that was killed in
between could neither be resumed nor found. For the same reason a controller that is being renamed carries RENAMING.
"""

from collections.abc import Iterable, Mapping

from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.machinery import go_format, objects

SOURCE_ID = "kubectl.kubernetes.io/update-source-id"
DESIRED_REPLICAS = "kubectl.kubernetes.io/desired-replicas"
ORIGINAL_REPLICAS = "kubectl.kubernetes.io/original-replicas"
NEXT_CONTROLLER_ID = "kubectl.kubernetes.io/next-controller-id"
ALL = (SOURCE_ID, DESIRED_REPLICAS, ORIGINAL_REPLICAS, NEXT_CONTROLLER_ID)

RENAMING = "seatrial.dev/renaming"
"""A finalizer: keeps the object until its successor is created, and holds no Pod back."""


def source_id(old: JSON) -> str:
    """How the new controller names the one that it replaces."""
    return f"{objects.name(old)}:{objects.uid(old)}"


def source_name(new: JSON) -> str:
    """Which controller this one replaces, "" if none."""
    return str(objects.annotations(new).get(SOURCE_ID, "")).partition(":")[0]


def is_rolled_back_to(rc: JSON) -> bool:
    """Whether this is the old one of an update that is being rolled back: it replaces what was to replace it."""
    replaced = source_name(rc)
    return bool(replaced) and objects.annotations(rc).get(NEXT_CONTROLLER_ID) == replaced


def find_successor(old_name: str, controllers: Iterable[JSON]) -> JSON | None:
    """The first controller (by name) that replaces `old_name`."""
    found = [rc for rc in controllers if source_name(rc) == old_name]
    return min(found, key=objects.name, default=None)


def find_renamed(current: JSON, controllers: Iterable[JSON]) -> JSON | None:
    """What is left of the controller that `current` was renamed from."""
    for rc in controllers:
        if objects.is_terminating(rc) and RENAMING in objects.finalizers(rc):
            identity = str(objects.annotations(rc).get(SOURCE_ID, ""))
            if source_name(rc) == objects.name(current) and identity != source_id(current):
                return rc
    return None


def check_continues(new: JSON, identity: str) -> None:
    """Raises ToolError unless `new` is the unfinished successor of `identity`."""
    annotations = objects.annotations(new)
    if annotations.get(SOURCE_ID) != identity or DESIRED_REPLICAS not in annotations:
        raise ToolError(
            f"Missing/unexpected annotations for controller {objects.name(new)}, expected {identity} : "
            f"{go_format.value(dict(annotations))}"
        )


def desired_replicas(new: JSON) -> int:
    """The size in the end. Raises ToolError when the annotation is no number."""
    text = str(objects.annotations(new).get(DESIRED_REPLICAS, ""))
    try:
        return int(text)
    except ValueError:
        raise ToolError(f"Unable to parse annotation for {objects.name(new)}: {DESIRED_REPLICAS}={text}") from None


def annotated(rc: JSON, annotations: Mapping[str, str]) -> JSON:
    """The controller with these annotations as well."""
    return objects.with_metadata(rc, annotations={**objects.annotations(rc), **annotations})


def without(rc: JSON, *names: str) -> JSON:
    """The controller without these annotations."""
    kept = {name: value for name, value in objects.annotations(rc).items() if name not in names}
    return objects.with_metadata(rc, annotations=kept or None)


def ready_to_create(new: JSON, identity: str) -> JSON:
    """The new controller with no replicas and the annotations that make the update resumable."""
    replicas = int(new["spec"].get("replicas") or 0)
    if replicas <= 0:
        raise ToolError(
            f"Invalid controller spec for {objects.name(new)}; required: > 0 replicas, actual: {replicas}\n"
        )
    marked = annotated(new, {DESIRED_REPLICAS: str(replicas), SOURCE_ID: identity})
    return {**marked, "spec": {**marked["spec"], "replicas": 0}}


def swapped(old: JSON, new: JSON) -> JSON:
    """For a rollback: `old` marked as the one that replaces `new`, in its original size."""
    original = objects.annotations(old).get(ORIGINAL_REPLICAS)
    if original is None:
        raise ToolError(f'couldn\'t find original replica count of "{objects.name(old)}"')
    return annotated(old, {SOURCE_ID: source_id(new), DESIRED_REPLICAS: str(original)})


def renamed(rc: JSON, name: str) -> JSON:
    """What to create in the place of `rc` under another name, with the size that the update was to reach."""
    size = objects.annotations(rc).get(DESIRED_REPLICAS)
    bare = without(rc, *ALL)
    metadata = {
        field: bare["metadata"][field]
        for field in ("namespace", "labels", "annotations")
        if bare["metadata"].get(field)
    }
    spec = {**bare["spec"], "replicas": desired_replicas(rc)} if size is not None else bare["spec"]
    return {"apiVersion": "v1", "kind": "ReplicationController", "metadata": {**metadata, "name": name}, "spec": spec}
