"""A rule about those who have to make room: Pods of a lower priority, of whatever workload they are."""

from collections.abc import Iterator, Sequence

from seatrial.api.registry import EVENTS, POD_DISRUPTION_BUDGETS, PODS
from seatrial.base.types import JSON
from seatrial.machinery import conditions, objects, selectors
from seatrial.rehearse import target
from seatrial.rehearse.rules.base import Case, Found


def preempts_others(case: Case) -> Found:
    """Once for each workload that Pods were taken from."""
    victims: dict[str, tuple[JSON, int]] = {}
    for event in _preemptions(case):
        about = event["involvedObject"]
        owner = case.course.root_of(str(about.get("uid", ""))) or {**about, "metadata": about}
        name = _name(case, owner)
        victims[name] = owner, victims.get(name, (owner, 0))[1] + 1
    for name, (owner, number) in victims.items():
        budgets = _overridden(case, owner)
        against = f", against {' and '.join(budgets)}" if budgets else ""
        pods = "1 Pod" if number == 1 else f"{number} Pods"
        yield (
            f"{case.name} takes the room of {pods} of {name} by its priority{against}; {_afterwards(case, owner)}",
            (case.name, name, *budgets),
        )


def _preemptions(case: Case) -> Iterator[JSON]:
    """The events that tell of what the workload's Pods preempted since the change."""
    before = {objects.uid(event) for event in case.course.at_first(EVENTS)}
    for event in case.course.all(EVENTS):
        if event.get("reason") == "Preempted" and objects.uid(event) not in before:
            uid = str(objects.get(event, "related", "uid", default=""))
            if case.course.target_of(uid) == case.target:
                yield event


def _name(case: Case, owner: JSON) -> str:
    name = f"{str(owner.get('kind')).lower()}/{objects.name(owner)}"
    where = objects.namespace(owner)
    return name if where == case.target.namespace else f"{where}/{name}"


def _afterwards(case: Case, owner: JSON) -> str:
    """Whether they are back at the end."""
    if owner.get("kind") not in {each.kind for each in target.KINDS}:
        return "nobody makes it again"
    found = target.counts(owner)
    if found.complete:
        return "it has all of them again at the end"
    waits = any(_is_unschedulable(pod) and case.course.root_of(objects.uid(pod)) is owner for pod in _pods(case))
    why = ", and no node takes the rest" if waits else ""
    return f"at the end {found.available} of {found.desired} of its Pods are available{why}"


def _pods(case: Case) -> Sequence[JSON]:
    return case.course.all(PODS)


def _is_unschedulable(pod: JSON) -> bool:
    return (conditions.find(pod, "PodScheduled") or {}).get("reason") == "Unschedulable"


def _overridden(case: Case, owner: JSON) -> list[str]:
    """Budgets that allowed no disruption before, or are not met at the end: preemption only prefers to keep them."""
    labels = objects.get(owner, "spec", "template", "metadata", "labels", default=objects.labels(owner))
    at_first = {objects.uid(each): each for each in case.course.at_first(POD_DISRUPTION_BUDGETS)}
    found = []
    for budget in case.course.all(POD_DISRUPTION_BUDGETS):
        chosen = selectors.from_label_selector(budget["spec"].get("selector"))
        if objects.namespace(budget) != objects.namespace(owner) or not chosen.matches(labels):
            continue
        status, before = budget.get("status") or {}, at_first.get(objects.uid(budget), {}).get("status") or {}
        missed = int(status.get("currentHealthy") or 0) < int(status.get("desiredHealthy") or 0)
        if missed or before.get("disruptionsAllowed") == 0:
            found.append(_name(case, {**budget, "kind": POD_DISRUPTION_BUDGETS.kind}))
    return found
