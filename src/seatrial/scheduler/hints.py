"""Which changes are worth another try of a Pod that fits nowhere (queueing hints).

Follows QueueingHintFn and EventsToRegister of the plugins of 1.32 (`BY_PLUGIN`); 1.20 tried again after nearly
everything (`ANYTHING`; pkg/scheduler/eventhandlers.go).
"""

from collections.abc import Callable
from dataclasses import dataclass

from seatrial.api.registry import PERSISTENT_VOLUME_CLAIMS
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.scheduler import affinity, topology_spread, volume_hints
from seatrial.scheduler.snapshot import PodInfo
from seatrial.scheduler.volume_filters import BINDING, ZONE
from seatrial.scheduler.volume_limits import LIMITS
from seatrial.scheduler.volume_restrictions import RESTRICTIONS
from seatrial.workloads import claims, host_ports, node_affinity, pod_resources, taints


@dataclass(frozen=True)
class Hint:
    """What a change may mean for Pods that wait. `filters`: those that may change their minds; None: any of them."""

    filters: frozenset[str] | None = None
    worth: Callable[[PodInfo, str], bool] = lambda waiting, filter: True
    """(waiting Pod, name of a filter that rejected it): is it worth another try?"""


@dataclass(frozen=True)
class Hints:
    """Each makes the hint for one change; None: no Pod is concerned."""

    node_changed: Callable[[JSON | None, JSON], Hint | None]
    pod_gone: Callable[[JSON], Hint | None]
    pod_came: Callable[[JSON | None, JSON], Hint | None]
    """A Pod has a node now, or, having one, was changed (first argument: what it was)."""
    node_gone: Callable[[JSON], Hint | None]
    storage_changed: Callable[[Resource, JSON | None, JSON | None], Hint | None]


_ANY = Hint()


# --- 1.32 ---


def _node_changed(old: JSON | None, new: JSON) -> Hint | None:
    if old is not None and not _differs_for_scheduling(old, new):
        return None

    def hint(waiting: PodInfo, filter: str) -> bool:
        return _NODE_HINTS[filter](waiting, old, new)

    return Hint(worth=hint)


def _differs_for_scheduling(old: JSON, new: JSON) -> bool:
    return (
        objects.labels(old) != objects.labels(new)
        or objects.get(old, "status", "allocatable") != objects.get(new, "status", "allocatable")
        or taints.of_node(old) != taints.of_node(new)
        or old["spec"].get("unschedulable") != new["spec"].get("unschedulable")
    )


def _is_uncordoned(waiting: PodInfo, old: JSON | None, new: JSON) -> bool:
    return not new["spec"].get("unschedulable") and (old is None or bool(old["spec"].get("unschedulable")))


def _is_tolerated(waiting: PodInfo, old: JSON | None, new: JSON) -> bool:
    kept_away = old is None or taints.first_untolerated(waiting.pod, taints.of_node(old)) is not None
    return kept_away and taints.first_untolerated(waiting.pod, taints.of_node(new)) is None


def _is_wanted(waiting: PodInfo, old: JSON | None, new: JSON) -> bool:
    was_not = old is None or not node_affinity.required_matches(waiting.pod, old)
    return was_not and node_affinity.required_matches(waiting.pod, new)


def _is_named(waiting: PodInfo, old: JSON | None, new: JSON) -> bool:
    return old is None and waiting.pod["spec"].get("nodeName") == objects.name(new)


def _is_new(waiting: PodInfo, old: JSON | None, new: JSON) -> bool:
    return old is None


def _has_more_room(waiting: PodInfo, old: JSON | None, new: JSON) -> bool:
    allocatable = pod_resources.amounts(objects.get(new, "status", "allocatable"))
    before = pod_resources.amounts(objects.get(old, "status", "allocatable")) if old is not None else {}
    if any(amount > allocatable.get(name, 0) for name, amount in waiting.requests.items()):
        return False
    if allocatable.get("pods", 0) < 1:
        return False
    return old is None or any(allocatable.get(name, 0) > before.get(name, 0) for name in (*waiting.requests, "pods"))


def _has_other_domain(waiting: PodInfo, old: JSON | None, new: JSON) -> bool:
    """A label that a term of the Pod looks at has come or is another one now."""
    keys = {term.topology_key for term in waiting.terms if not term.weight}
    labels, before = objects.labels(new), objects.labels(old or {})
    return any(key in labels and labels.get(key) != before.get(key) for key in keys) or (old is None and not keys)


def _spreads_otherwise(waiting: PodInfo, old: JSON | None, new: JSON) -> bool:
    keys = {each.topology_key for each in topology_spread.constraints(waiting.pod, "DoNotSchedule")}
    labels = objects.labels(new)
    if old is None:
        return keys <= labels.keys()
    before = objects.labels(old)
    if not keys <= labels.keys():
        return keys <= before.keys()
    return any(labels[key] != before.get(key) for key in keys) or taints.of_node(old) != taints.of_node(new)


def _has_other_labels(waiting: PodInfo, old: JSON | None, new: JSON) -> bool:
    return old is None or objects.labels(old) != objects.labels(new)


def _never(waiting: PodInfo, old: JSON | None, new: JSON) -> bool:
    return False


_NODE_HINTS: dict[str, Callable[[PodInfo, JSON | None, JSON], bool]] = {
    "NodeUnschedulable": _is_uncordoned,
    "NodeName": _is_named,
    "TaintToleration": _is_tolerated,
    "NodeAffinity": _is_wanted,
    "NodePorts": _is_new,
    "NodeResourcesFit": _has_more_room,
    "InterPodAffinity": _has_other_domain,
    "PodTopologySpread": _spreads_otherwise,
    RESTRICTIONS: _is_new,
    LIMITS: _never,
    BINDING: _has_other_labels,
    ZONE: _has_other_labels,
}


def _node_gone(gone: JSON) -> Hint | None:
    """A domain that was the emptiest may be no more."""

    def hint(waiting: PodInfo, filter: str) -> bool:
        wanted = topology_spread.constraints(waiting.pod, "DoNotSchedule")
        return all(each.topology_key in objects.labels(gone) for each in wanted)

    return Hint(frozenset({"PodTopologySpread"}), hint)


def _storage_changed(resource: Resource, old: JSON | None, new: JSON | None) -> Hint | None:
    concerned = volume_hints.storage_changed(resource, old, new)
    if not concerned:
        return None
    if resource is not PERSISTENT_VOLUME_CLAIMS or new is None:
        return Hint(concerned)
    return Hint(concerned, lambda waiting, filter: volume_hints.uses(waiting, new))


def _pod_gone(gone: JSON) -> Hint | None:
    def hint(waiting: PodInfo, filter: str) -> bool:
        if filter == "NodePorts":
            freed = {port[1:] for port in host_ports.of_pod(gone)}
            return any(port[1:] in freed for port in waiting.host_ports)
        if filter == "InterPodAffinity":
            return _keeps_apart(waiting.pod, gone) or _keeps_apart(gone, waiting.pod)
        if filter == "PodTopologySpread":
            return _is_spread_over(waiting, gone)
        if filter == RESTRICTIONS:
            return volume_hints.frees(gone, waiting)
        if filter == LIMITS:
            return bool(claims.names_of(gone))
        return filter not in _NO_MATTER

    return Hint(worth=hint)


_NO_MATTER = frozenset({"NodeUnschedulable", "NodeName", "NodeAffinity", "TaintToleration", BINDING, ZONE})
"""Filters to which it doesn't matter where other Pods are."""


_NEIGHBOURS = frozenset({"InterPodAffinity", "PodTopologySpread"})


def _pod_came(old: JSON | None, new: JSON) -> Hint | None:
    if old is not None and objects.labels(old) == objects.labels(new):
        return None

    def hint(waiting: PodInfo, filter: str) -> bool:
        if filter == "InterPodAffinity":
            if _is_company(waiting, new) and not (old is not None and _is_company(waiting, old)):
                return True
            return old is not None and _keeps_apart(waiting.pod, old) and not _keeps_apart(waiting.pod, new)
        if filter == "PodTopologySpread":
            return _is_spread_over(waiting, new) != (old is not None and _is_spread_over(waiting, old))
        return False

    return Hint(_NEIGHBOURS, hint)


def _is_company(waiting: PodInfo, pod: JSON) -> bool:
    """Whether all terms by which the one that waits wants to be together with others mean this Pod."""
    terms = affinity.required(waiting.pod, together=True)
    return bool(terms) and all(_is_meant(term, pod) for term in terms)


def _keeps_apart(pod: JSON, other: JSON) -> bool:
    return any(_is_meant(term, other) for term in affinity.required(pod, together=False))


def _is_meant(term: affinity.Term, pod: JSON) -> bool:
    """Labels of namespaces are not looked at: a Pod is rather tried once more than left waiting."""
    pods = term.pods
    known = objects.namespace(pod) in pods.namespaces or not pods.namespace_selector.nothing
    return known and pods.selector.matches(objects.labels(pod))


def _is_spread_over(waiting: PodInfo, pod: JSON) -> bool:
    if objects.namespace(pod) != waiting.key[0]:
        return False
    wanted = topology_spread.constraints(waiting.pod, "DoNotSchedule")
    return any(each.selector.matches(objects.labels(pod)) for each in wanted)


BY_PLUGIN = Hints(_node_changed, _pod_gone, _pod_came, _node_gone, _storage_changed)


# --- 1.20 ---


def _any_node_changed(old: JSON | None, new: JSON) -> Hint | None:
    return _ANY if old is None or _differs_for_scheduling(old, new) else None


def _any_pod_gone(gone: JSON) -> Hint | None:
    return _ANY


def _affinity_came(old: JSON | None, new: JSON) -> Hint | None:
    """Pods that want to be together with this one (getUnschedulablePodsWithMatchingAffinityTerm)."""

    def hint(waiting: PodInfo, filter: str) -> bool:
        return any(_is_meant(term, new) for term in affinity.required(waiting.pod, together=True))

    return Hint(frozenset({"InterPodAffinity"}), hint)


def _any_node_gone(gone: JSON) -> Hint | None:
    return None


def _any_storage_changed(resource: Resource, old: JSON | None, new: JSON | None) -> Hint | None:
    return _ANY if new is not None else None


ANYTHING = Hints(_any_node_changed, _any_pod_gone, _affinity_came, _any_node_gone, _any_storage_changed)
