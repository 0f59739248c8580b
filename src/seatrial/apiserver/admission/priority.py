"""Priority: the number behind a Pod's priority class, and that only one class is the default.

Follows plugin/pkg/admission/priority/admission.go (1.32).
"""

from seatrial.api.registry import PRIORITY_CLASSES
from seatrial.api.scheduling_v1.priority_class import PREEMPT
from seatrial.apiserver.admission.base import Attributes
from seatrial.base.types import JSON
from seatrial.machinery import objects

NO_CLASS: JSON = {"metadata": {"name": ""}, "value": 0, "preemptionPolicy": PREEMPT}
"""What a Pod gets that names no class where no class is the default."""


async def admit(attributes: Attributes) -> None:
    """Fill in what the class of a new Pod says; it may not say something else itself. What was found then stays."""
    if attributes.concerns_pods and attributes.operation == "UPDATE":
        _keep(attributes)
    if not attributes.is_new_pod:
        return
    spec = attributes.obj["spec"]
    found = await _class_of(attributes, spec.get("priorityClassName") or "")
    if objects.name(found):
        spec["priorityClassName"] = objects.name(found)
    priority, policy = found["value"], found.get("preemptionPolicy") or PREEMPT
    given = spec.get("priority")
    if given is not None and given != priority:
        raise attributes.forbidden(
            f"the integer value of priority ({given}) must not be provided in pod spec; "
            f"priority admission controller computed {priority} from the given PriorityClass name"
        )
    spec["priority"] = priority
    if spec.setdefault("preemptionPolicy", policy) != policy:
        raise attributes.forbidden(
            f"the string value of PreemptionPolicy ({spec['preemptionPolicy']}) must not be provided in pod spec; "
            f"priority admission controller computed {policy} from the given PriorityClass name"
        )


def _keep(attributes: Attributes) -> None:
    """An update that leaves out what admission filled in leaves it as it is."""
    before = (attributes.old or {}).get("spec") or {}
    for name in ("priority", "preemptionPolicy"):
        if attributes.obj["spec"].get(name) is None and before.get(name) is not None:
            attributes.obj["spec"][name] = before[name]


async def validate(attributes: Attributes) -> None:
    """Refuse a second default among the classes."""
    if attributes.resource is not PRIORITY_CLASSES or attributes.operation == "DELETE":
        return
    if not attributes.obj.get("globalDefault"):
        return
    known = await _default(attributes)
    if known is not None and objects.name(known) != objects.name(attributes.obj):
        raise attributes.forbidden(
            f"PriorityClass {objects.name(known)} is already marked as default. Only one default can exist"
        )


async def _class_of(attributes: Attributes, name: str) -> JSON:
    if not name:
        return await _default(attributes) or NO_CLASS
    found = await attributes.lookup(PRIORITY_CLASSES, "", name)
    if found is None:
        raise attributes.forbidden(f"no PriorityClass with name {name} was found")
    return found


async def _default(attributes: Attributes) -> JSON | None:
    """Of several, which can't be but may be there from before, the one of the lowest value."""
    classes = await attributes.cluster.select(PRIORITY_CLASSES, "")
    return min((each for each in classes if each.get("globalDefault")), key=lambda each: each["value"], default=None)
