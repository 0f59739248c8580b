"""RuntimeClass: what a Pod's class makes it cost its node, and where it may run.

Follows plugin/pkg/admission/runtimeclass/admission.go (1.32).
"""

from collections.abc import Mapping

from seatrial.api.registry import RUNTIME_CLASSES
from seatrial.apiserver.admission.base import Attributes
from seatrial.base.types import JSON
from seatrial.machinery import quantity
from seatrial.workloads import tolerations

DIFFERENT = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"
UNFOUNDED = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"


async def admit(attributes: Attributes) -> None:
    """Put the class's overhead, node selector and tolerations into a new Pod."""
    if not attributes.is_new_pod:
        return
    found = await _class_of(attributes)
    if found is None:
        return
    _set_overhead(attributes, found)
    _set_scheduling(attributes, found.get("scheduling") or {})


async def validate(attributes: Attributes) -> None:
    """A Pod has the overhead of its class, and none of its own."""
    if not attributes.is_new_pod:
        return
    given = attributes.obj["spec"].get("overhead")
    overhead = (await _class_of(attributes) or {}).get("overhead")
    if overhead is not None:
        if not _equal(overhead.get("podFixed"), given):
            raise attributes.forbidden(DIFFERENT)
    elif given is not None:
        raise attributes.forbidden(UNFOUNDED)


async def _class_of(attributes: Attributes) -> JSON | None:
    name = attributes.obj["spec"].get("runtimeClassName")
    if name is None:
        return None
    found = await attributes.lookup(RUNTIME_CLASSES, "", name)
    if found is None:
        raise attributes.forbidden(f'pod rejected: RuntimeClass "{name}" not found')
    return found


def _set_overhead(attributes: Attributes, found: JSON) -> None:
    spec, overhead = attributes.obj["spec"], found.get("overhead")
    if overhead is None:
        return
    if spec.get("overhead") is not None and not _equal(overhead.get("podFixed"), spec["overhead"]):
        raise attributes.forbidden(DIFFERENT)
    if overhead.get("podFixed") is not None:
        spec["overhead"] = dict(overhead["podFixed"])


def _equal(one: Mapping[str, str] | None, other: Mapping[str, str] | None) -> bool:
    """As amounts: `1` is `1000m`."""
    amounts = [{name: quantity.parse(str(text)) for name, text in (each or {}).items()} for each in (one, other)]
    return amounts[0] == amounts[1]


def _set_scheduling(attributes: Attributes, scheduling: JSON) -> None:
    spec = attributes.obj["spec"]
    selector = dict(spec.get("nodeSelector") or {})
    for key, wanted in (scheduling.get("nodeSelector") or {}).items():
        if selector.get(key, wanted) != wanted:
            raise attributes.forbidden(
                f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {wanted}; "
                f"pod.spec.nodeSelector[{key}] = {selector[key]}"
            )
        selector[key] = wanted
    if selector:
        spec["nodeSelector"] = selector
    if scheduling.get("tolerations"):
        spec["tolerations"] = tolerations.merged(spec.get("tolerations") or (), scheduling["tolerations"])
