"""Storage objects that the scheduler looks at, and informers that hold them."""

from collections.abc import Mapping, Sequence
from typing import Any

from seatrial.base.types import JSON, Key
from seatrial.machinery import objects
from seatrial.machinery.gvk import ResourceRef
from unit.scheduler.builders import pod


class Storage:
    """What the informers hold."""

    def __init__(self, held: Mapping[ResourceRef, Sequence[JSON]]) -> None:
        self._held = held

    def get(self, resource: ResourceRef, key: Key) -> JSON | None:
        return next((obj for obj in self.list(resource) if objects.key(obj) == key), None)

    def list(self, resource: ResourceRef, namespace: str = "") -> Sequence[JSON]:
        return self._held.get(resource, ())


def claim(name: str, volume: str = "", **spec: Any) -> JSON:
    """Bound to the volume, if one is named."""
    annotations = {"pv.kubernetes.io/bind-completed": "yes"} if volume else {}
    asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec}
    named = {"volumeName": volume} if volume else {}
    metadata = {"name": name, "namespace": "ns", "annotations": annotations}
    return {"metadata": metadata, "spec": {**asked, **named}, "status": {}}


def volume(name: str, size: str = "1Gi", labels: dict[str, str] | None = None, **spec: Any) -> JSON:
    whole = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": size}, **spec}
    return {"metadata": {"name": name, "labels": labels or {}}, "spec": whole, "status": {"phase": "Available"}}


def only_on(*nodes: str) -> JSON:
    """A volume's nodeAffinity."""
    expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": list(nodes)}
    return {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}


def using(name: str, *claims: str) -> JSON:
    return with_volumes(name, *({"persistentVolumeClaim": {"claimName": each}} for each in claims))


def with_volumes(name: str, *sources: JSON) -> JSON:
    made = pod(name)
    made["spec"]["volumes"] = [{"name": f"v{index}", **source} for index, source in enumerate(sources)]
    return made
