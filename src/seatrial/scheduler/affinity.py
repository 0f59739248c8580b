"""Pod affinity and anti-affinity terms, read off a Pod once, and whom they mean.

Follows pkg/scheduler/framework/types.go (AffinityTerm, WeightedAffinityTerm). matchLabelKeys and mismatchLabelKeys are
in the terms' label selectors already: the API server puts them there when the Pod is created.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from seatrial.base.types import JSON
from seatrial.machinery import objects, selectors
from seatrial.machinery.selectors import Selector

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


@dataclass(frozen=True, slots=True)
class PodSet:
    """Pods by namespace and labels. `namespace_selector`: further namespaces, by their labels.

    `terminating`: those that are being deleted, too.
    """

    namespaces: frozenset[str]
    selector: Selector
    namespace_selector: Selector = selectors.NOTHING
    terminating: bool = True

    def matches(self, namespace: str, labels: Mapping[str, str], namespace_labels: Mapping[str, str]) -> bool:
        """Whether a Pod of this namespace with these labels is meant."""
        known = namespace in self.namespaces or self.namespace_selector.matches(namespace_labels)
        return known and self.selector.matches(labels)


class Term(NamedTuple):
    """Together with these Pods, or apart from them, in one domain of the topology. `weight` 0: required."""

    pods: PodSet
    topology_key: str
    together: bool
    weight: int = 0


def required(pod: JSON, *, together: bool) -> tuple[Term, ...]:
    """The terms of podAffinity (`together`) or podAntiAffinity that must hold."""
    return tuple(_term(each, pod, together) for each in _rules(pod, together).get(REQUIRED) or ())


def preferred(pod: JSON) -> tuple[Term, ...]:
    """The terms that would be nice to hold, with their weights."""
    return tuple(
        _term(each["podAffinityTerm"], pod, together, each["weight"])
        for together in (True, False)
        for each in _rules(pod, together).get(PREFERRED) or ()
        if each.get("weight")
    )


def all_of(pod: JSON) -> tuple[Term, ...]:
    """Everything that the Pod asks of its neighbours."""
    if not (pod["spec"].get("affinity") or {}).keys() & {"podAffinity", "podAntiAffinity"}:
        return ()
    return (*required(pod, together=True), *required(pod, together=False), *preferred(pod))


def _rules(pod: JSON, together: bool) -> JSON:
    affinity = pod["spec"].get("affinity") or {}
    return affinity.get("podAffinity" if together else "podAntiAffinity") or {}


def _term(term: JSON, pod: JSON, together: bool, weight: int = 0) -> Term:
    """Without namespaces and namespaceSelector the Pod's own namespace is meant; an empty selector means all."""
    listed: Iterable[str] = term.get("namespaces") or ()
    chosen = term.get("namespaceSelector")
    namespaces = frozenset(listed) if listed or chosen is not None else frozenset((objects.namespace(pod),))
    pods = PodSet(
        namespaces, selectors.from_label_selector(term.get("labelSelector")), selectors.from_label_selector(chosen)
    )
    return Term(pods, term["topologyKey"], together, weight)
