"""Rules about how a workload is replaced: its strategy, deadlines, budgets, history."""

from seatrial.api.registry import POD_DISRUPTION_BUDGETS
from seatrial.base.types import JSON
from seatrial.machinery import objects, selectors
from seatrial.rehearse.durations import told
from seatrial.rehearse.rules.base import Case, Found, strategy
from seatrial.workloads import rolling


def surges(case: Case) -> bool:
    """Whether Pods of a new version come before old ones go, so that doing without that may make room."""
    if not (case.replaces or case.is_another_version):
        return False
    given = objects.get(case.spec, "updateStrategy", "rollingUpdate", "maxSurge", default=0)
    return case.rolls or (case.target.resource.kind == "DaemonSet" and given not in (0, "0%"))


def single_replica(case: Case) -> Found:
    if case.counts.desired == 1 and case.target.resource.kind in ("Deployment", "StatefulSet"):
        yield (
            "a single replica: whatever happens to its Pod or node is an outage",
            (case.name,),
        )


def deadline_too_short(case: Case) -> Found:
    """One Pod alone takes longer than the whole roll may make no progress."""
    deadline = case.spec.get("progressDeadlineSeconds")
    if case.target.resource.kind != "Deployment" or deadline is None:
        return
    longest = max(_start_up_seconds(case), default=0.0) + float(case.spec.get("minReadySeconds") or 0)
    if longest > float(deadline):
        yield (
            f"progressDeadlineSeconds {deadline} is shorter than a Pod takes to become available ({told(longest)})",
            (case.name,),
        )


def _start_up_seconds(case: Case) -> list[float]:
    """From a Pod's creation to its being ready, of those that got there."""
    taken = []
    for life in case.lives:
        at = {phase.state: phase.time_seconds for phase in reversed(life.phases)}
        if "ready" in at and life.phases[0].state != "ready":
            taken.append(at["ready"] - life.phases[0].time_seconds)
    return taken


def budget_allows_no_eviction(case: Case) -> Found:
    for budget in case.there(POD_DISRUPTION_BUDGETS):
        chosen = selectors.from_label_selector(budget["spec"].get("selector"))
        status = budget.get("status") or {}
        healthy, needed = int(status.get("expectedPods") or 0), int(status.get("desiredHealthy") or 0)
        if chosen.matches(case.pod_labels) and healthy and needed >= healthy:
            yield (
                f"poddisruptionbudget/{objects.name(budget)} allows no eviction: {needed} of {healthy} Pods are "
                "needed, and drains of their nodes wait for ever",
                (f"poddisruptionbudget/{objects.name(budget)}", case.name),
            )


def no_history(case: Case) -> Found:
    if case.spec.get("revisionHistoryLimit") == 0:
        yield (
            "revisionHistoryLimit 0 keeps no earlier version: there will be nothing to undo to",
            (case.name,),
        )


def surge_and_unavailable_zero(case: Case) -> Found:
    """Both round to nothing: the controller then takes one Pod away first."""
    if not case.rolls:
        return
    given = strategy(case.spec).get("rollingUpdate") or {}
    surge, unavailable = given.get("maxSurge"), given.get("maxUnavailable")
    limits = rolling.limits(case.spec)
    if limits.max_surge == 0 and _rounds_to_nothing(unavailable, limits.desired):
        yield (
            f"maxSurge {surge} and maxUnavailable {unavailable} are 0 of {limits.desired}: one Pod is taken away first",
            (case.name,),
        )


def _rounds_to_nothing(value: object, desired: int) -> bool:
    return isinstance(value, str) and value.endswith("%") and 0 < int(value[:-1]) * desired < 100


def partition_kept(case: Case) -> Found:
    """Pods below the partition are of another version, and stay so."""
    partition = int(objects.get(case.spec, "updateStrategy", "rollingUpdate", "partition", default=0))
    status = case.obj.get("status") or {}
    if case.target.resource.kind == "StatefulSet" and partition and _differs(status):
        below = min(partition, case.counts.desired)
        yield (
            f"{case.name} has a partition of {partition}: {below} of {case.counts.desired} Pods keep their version",
            (case.name,),
        )


def _differs(status: JSON) -> bool:
    return bool(status.get("updateRevision")) and status.get("updateRevision") != status.get("currentRevision")
