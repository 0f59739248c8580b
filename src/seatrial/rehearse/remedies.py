"""What would mend an update that hangs: merge patches that can be applied as they are. Pure; others rehearse them."""

from collections.abc import Iterator, Sequence

from seatrial.api.registry import POD_DISRUPTION_BUDGETS
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.rehearse.result import Finding, Remedy
from seatrial.rehearse.rules.base import Case

NO_ROOM = frozenset({
    "no-room", "anti-affinity", "topology-spread", "host-port-taken", "quota-reached", "volume-locked", "multi-attach",
    "volume-not-mounted", "volume-elsewhere", "unschedulable",
})  # fmt: skip
MOST = 3


def proposals(cases: Sequence[Case], causes: Sequence[Finding]) -> list[Remedy]:
    """The most promising first, each once."""
    rules = {cause.rule for cause in causes}
    found: dict[str, Remedy] = {}
    for case in cases:
        for one in _of(case, rules):
            found.setdefault(f"{one.object} {one.title}", one)
    return list(found.values())[:MOST]


def _of(case: Case, rules: set[str]) -> Iterator[Remedy]:
    def propose(title: str, spec: JSON) -> Remedy:
        return Remedy(title, case.name, case.target.namespace, {"spec": spec})

    if case.rolls and rules & NO_ROOM:
        limits: JSON = {"maxSurge": 0, "maxUnavailable": 1}
        yield propose("maxSurge 0", {"strategy": {"type": "RollingUpdate", "rollingUpdate": limits}})
        yield propose("strategy Recreate", {"strategy": {"type": "Recreate", "rollingUpdate": None}})
    if "paused" in rules:
        yield propose("it resumed", {"paused": False})
    if "partition" in rules:
        yield propose("partition 0", {"updateStrategy": {"rollingUpdate": {"partition": 0}}})
    if "on-delete" in rules:
        yield propose("RollingUpdate", {"updateStrategy": {"type": "RollingUpdate"}})
    if "drain-refused" in rules:
        for budget in case.there(POD_DISRUPTION_BUDGETS):
            spec = {"maxUnavailable": 1, "minAvailable": None}
            name = f"poddisruptionbudget/{objects.name(budget)}"
            yield Remedy("a budget that spares one Pod", name, case.target.namespace, {"spec": spec})
