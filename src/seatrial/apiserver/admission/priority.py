"""Priority: the number behind a Pod's priority class.

Follows plugin/pkg/admission/priority/admission.go. The two classes that every cluster has are known; there are no
PriorityClass objects yet, so other names are refused as unknown.
"""

from seatrial.apiserver.admission.base import Attributes

BUILT_IN = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
DEFAULT_PRIORITY = 0
PREEMPT = "PreemptLowerPriority"


async def admit(attributes: Attributes) -> None:
    if not attributes.is_new_pod:
        return
    spec = attributes.obj["spec"]
    name = spec.get("priorityClassName")
    if name and name not in BUILT_IN:
        raise attributes.forbidden(f"no PriorityClass with name {name} was found")
    priority = BUILT_IN[name] if name else DEFAULT_PRIORITY
    given = spec.get("priority")
    if given is not None and given != priority:
        raise attributes.forbidden(
            f"the integer value of priority ({given}) must not be provided in pod spec; "
            f"priority admission controller computed {priority} from the given PriorityClass name"
        )
    spec["priority"] = priority
    policy = spec.setdefault("preemptionPolicy", PREEMPT)
    if policy != PREEMPT:
        raise attributes.forbidden(
            f"the string value of PreemptionPolicy ({policy}) must not be provided in pod spec; "
            f"priority admission controller computed {PREEMPT} from the given PriorityClass name"
        )
