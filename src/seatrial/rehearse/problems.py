"""What stands in the way of an update that is not complete, said once each; and the one reason of its verdict. Pure."""

import re
from collections.abc import Sequence
from dataclasses import replace

from seatrial.api.registry import POD_DISRUPTION_BUDGETS
from seatrial.machinery import objects, selectors
from seatrial.rehearse import durations, evidence, faults
from seatrial.rehearse.ending import Ending
from seatrial.rehearse.result import Finding, Step
from seatrial.rehearse.rules import causes
from seatrial.rehearse.rules.base import Case

_POD = re.compile(r"\bpod [\w.-]+")


def find(workloads: Sequence[Case], ending: Ending) -> list[Finding]:
    """What stands in the way at the end, the surest first."""
    return _together(_all(workloads, ending))


def left_behind(workloads: Sequence[Case]) -> list[Finding]:
    """Old Pods that do not go, though the update is complete without that."""
    found = [causes.problem(*seen) for case in workloads for seen in causes.staying(case)]
    return [replace(each, severity="warning") for each in _together(found)]


def reason(problems: Sequence[Finding], workloads: Sequence[Case], ending: Ending) -> str:
    """Why it is not complete, in a line. Nothing is proved of what still moved when the time was up."""
    if problems and ending.decided_by != "horizon":
        return problems[0].message
    return _unexplained(workloads, ending)


def _all(workloads: Sequence[Case], ending: Ending) -> list[Finding]:
    if ending.refusal:
        refusal, named = ending.refusal, tuple(case.name for case in workloads)
        return [causes.problem(refusal.rule, f"{ending.unfinished}: {refusal.text}", (*refusal.objects, *named))]
    since = faults.api_down_since(ending.happened)
    if since is not None:
        text = f"the {faults.API_SERVER} has been out of reach since {durations.told(since)} after the change"
        return [causes.problem("api-unreachable", text, tuple(case.name for case in workloads))]
    found = [
        causes.problem("drain-refused", f"{ending.unfinished}: {one.object}: {one.text}", _with_budgets(workloads, one))
        for one in ending.refusals
        if ending.unfinished
    ]
    for case in workloads:
        if not case.counts.complete:
            found += causes.of(case)
        elif ending.unfinished:
            seen = causes.staying(case)
            found += [causes.problem(rule, f"{ending.unfinished}: {text}", where) for rule, text, where in seen]
    return found


def _with_budgets(workloads: Sequence[Case], refused: Step) -> tuple[str, ...]:
    """A Pod that may not be evicted, and the budgets that choose it."""
    budgets = [
        f"poddisruptionbudget/{objects.name(budget)}"
        for case in workloads
        for life in case.lives
        if evidence.shown(life) == refused.object
        for budget in case.there(POD_DISRUPTION_BUDGETS)
        if selectors.from_label_selector(budget["spec"].get("selector")).matches(objects.labels(life.pod))
    ]
    return (refused.object, *budgets)


def _together(found: Sequence[Finding]) -> list[Finding]:
    """What is said of many Pods of a workload is said once."""
    alike: dict[tuple[str, ...], list[Finding]] = {}
    for each in found:
        others = (name for name in each.objects if not name.startswith("pod/"))
        alike.setdefault((each.rule, _POD.sub("pod", each.message), *others), []).append(each)
    return [_once(group) for group in alike.values()]


def _once(group: Sequence[Finding]) -> Finding:
    first = group[0]
    named = tuple(dict.fromkeys(name for each in group for name in each.objects))
    others = len({each.objects[0] for each in group if each.objects[:1] and each.objects[0].startswith("pod/")}) - 1
    more = f" (and {others} more Pod{'s' if others > 1 else ''})" if others > 0 else ""
    return replace(first, message=first.message + more, objects=named)


def _unexplained(workloads: Sequence[Case], ending: Ending) -> str:
    """No guess: what is known is said, and that the cause isn't."""
    left = [case for case in workloads if not case.counts.complete]
    if ending.unfinished:
        return f"{ending.unfinished} is not done"
    if not left:
        return "the workloads are not there any more"
    counts = left[0].counts
    state = f"{counts.updated} of {counts.desired} updated, {counts.available} available, {counts.total} in all"
    if ending.decided_by == "horizon":
        return f"{left[0].name} still moves when the time is up ({state}); a longer horizon may decide"
    return f"{left[0].name} does not go on ({state}), and no object or event says why"
