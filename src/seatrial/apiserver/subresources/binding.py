"""The subresource binding of Pods: assigns a Pod to a node, once.

Follows pkg/registry/core/pod/storage/storage.go (BindingREST). As there, neither admission nor the rules for changing
Pods apply.
"""

from seatrial.api.resource import Resource
from seatrial.apiserver.options import WRITE, WriteOptions
from seatrial.apiserver.registry import Registry
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.machinery import objects, status, times
from seatrial.machinery.gvk import ResourceRef
from seatrial.machinery.validation import required, unsupported
from seatrial.store.base import Record

BINDING = ResourceRef("", "v1", "Binding", "pods/binding")
TARGET_KINDS = ("", "Node")


async def create(
    registry: Registry, resource: Resource, namespace: str, name: str, body: JSON, options: WriteOptions = WRITE
) -> JSON:
    """POST pods/NAME/binding; also of `bindings`, with the name from the body."""
    if objects.name(body) != name:
        raise status.bad_request("name in URL does not match name in Binding object")
    target = body.get("target") or {}
    _check_target(target)

    def assign(current: Record) -> JSON:
        _check_preconditions(name, body, current)
        return _assigned(current.object, target["name"], objects.annotations(body), registry.env.now())

    await registry.rewrite(resource, namespace, name, assign, dry_run=options.dry_run)
    return status.success(code=201)


def _check_target(target: JSON) -> None:
    """As upstream, a broken target is a plain error, no Invalid status."""
    errors = []
    if target.get("kind", "") not in TARGET_KINDS:
        errors.append(unsupported("target.kind", target["kind"], ["Node", "<empty>"]))
    if not target.get("name"):
        errors.append(required("target.name"))
    if errors:
        texts = [str(error) for error in errors]
        raise status.plain_error(texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]")


def _check_preconditions(name: str, body: JSON, current: Record) -> None:
    for field, text in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        wanted, actual = (body.get("metadata") or {}).get(field), current.object["metadata"].get(field)
        if wanted and wanted != actual:
            raise _refused(
                name, f"Precondition failed: {text} in precondition: {wanted}, {text} in object meta: {actual}"
            )


def _assigned(pod: JSON, node: str, annotations: JSON, now: float) -> JSON:
    name, spec = objects.name(pod), pod.get("spec") or {}
    if objects.is_terminating(pod):
        raise _refused(name, f"pod {name} is being deleted, cannot be assigned to a host")
    if spec.get("nodeName"):
        raise _refused(name, f'pod {name} is already assigned to node "{spec["nodeName"]}"')
    if spec.get("schedulingGates"):
        raise _refused(name, f"pod {name} has non-empty .spec.schedulingGates")
    metadata = dict(pod["metadata"])
    if annotations:
        metadata["annotations"] = {**(metadata.get("annotations") or {}), **annotations}
    state = pod.get("status") or {}
    scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": times.format_time(now)}
    others = [condition for condition in state.get("conditions") or () if condition.get("type") != "PodScheduled"]
    return {
        **pod,
        "metadata": metadata,
        "spec": {**spec, "nodeName": node},
        "status": {**state, "conditions": [*others, scheduled]},
    }


def _refused(name: str, why: str) -> StatusError:
    return status.conflict(BINDING, name, why)
