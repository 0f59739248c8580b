"""The affinity terms of Pods that have a node, found by the labels of the Pod that comes.

Thousands of Pods of one workload share each term, so terms are kept once, with the number of Pods per node. A term
that needs a certain label is looked for under that label only.
"""

from collections.abc import Iterator, Mapping

from seatrial.scheduler.affinity import Term

_Label = tuple[str, str] | None
"""A label that the term's Pods must have; None: they need none."""


class TermIndex:
    """Term → node name → how many Pods there have it."""

    def __init__(self) -> None:
        self._by_label: dict[_Label, dict[Term, dict[str, int]]] = {}

    def count(self, terms: tuple[Term, ...], node: str, sign: int) -> None:
        """A Pod with these terms has come to the node (sign 1), or left it (-1)."""
        for term in terms:
            label = next(iter(term.pods.selector.pairs), None)
            nodes = self._by_label.setdefault(label, {}).setdefault(term, {})
            nodes[node] = nodes.get(node, 0) + sign
            if not nodes[node]:
                self._drop(label, term, node)

    def matching(
        self, namespace: str, labels: Mapping[str, str], namespace_labels: Mapping[str, str]
    ) -> Iterator[tuple[Term, Mapping[str, int]]]:
        """The terms that mean a Pod of this namespace with these labels, and where they are."""
        for label in (None, *labels.items()):
            for term, nodes in self._by_label.get(label, {}).items():
                if term.pods.matches(namespace, labels, namespace_labels):
                    yield term, nodes

    def _drop(self, label: _Label, term: Term, node: str) -> None:
        terms = self._by_label[label]
        del terms[term][node]
        if not terms[term]:
            del terms[term]
        if not terms:
            del self._by_label[label]
