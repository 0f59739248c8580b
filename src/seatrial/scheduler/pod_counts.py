"""How many Pods of a set each node has, kept up as Pods come and go.

Spreading and affinity ask for the same few sets with every Pod of a workload, so a set that was asked for once is
counted on; those not asked for longest are forgotten. A set that needs a certain label is looked at only when a Pod
with that label comes or goes.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping

from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.scheduler.affinity import PodSet

COUNTED_SETS = 256

Sets = tuple[PodSet, ...]
"""Pods that are in all of these."""
_Label = tuple[str, str] | None
CountAnew = Callable[[Sets], dict[str, int]]


class PodCounts:
    """Sets → node name → number of Pods; no entry means none."""

    def __init__(self, count_anew: CountAnew) -> None:
        self._count_anew = count_anew
        self._counted: OrderedDict[Sets, dict[str, int]] = OrderedDict()
        self._by_label: dict[_Label, dict[Sets, dict[str, int]]] = {}

    def of(self, sets: Sets) -> Mapping[str, int]:
        """Node name → how many of its Pods are in all of the sets; kept up from now on."""
        counted = self._counted.get(sets)
        if counted is None:
            counted = self._counted[sets] = self._count_anew(sets)
            self._by_label.setdefault(_label(sets), {})[sets] = counted
            if len(self._counted) > COUNTED_SETS:
                self._forget(next(iter(self._counted)))
        else:
            self._counted.move_to_end(sets)
        return counted

    def tally(self, pod_labels: Mapping[str, str], is_in: Callable[[Sets], bool], node: str, sign: int) -> None:
        """A Pod with these labels has come to the node, or left it."""
        for label in (None, *pod_labels.items()):
            for sets, counted in self._by_label.get(label, {}).items():
                if is_in(sets):
                    counted[node] = counted.get(node, 0) + sign

    def namespaces_changed(self) -> None:
        """Forget what depends on the labels of namespaces."""
        for sets in [sets for sets in self._counted if any(not each.namespace_selector.nothing for each in sets)]:
            self._forget(sets)

    def _forget(self, sets: Sets) -> None:
        del self._counted[sets]
        label = _label(sets)
        del self._by_label[label][sets]
        if not self._by_label[label]:
            del self._by_label[label]


def _label(sets: Iterable[PodSet]) -> _Label:
    return next((pair for each in sets for pair in each.selector.pairs), None)


def is_in(sets: Sets, pod: JSON, namespace_labels: Mapping[str, str]) -> bool:
    """Whether the Pod is in all of the sets."""
    namespace, labels, terminating = objects.namespace(pod), objects.labels(pod), objects.is_terminating(pod)
    return all(
        (each.terminating or not terminating) and each.matches(namespace, labels, namespace_labels) for each in sets
    )
