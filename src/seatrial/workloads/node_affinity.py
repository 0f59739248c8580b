"""nodeSelector and node affinity terms (k8s.io/component-helpers/scheduling/corev1/nodeaffinity)."""

from collections.abc import Iterable, Mapping

from seatrial.base.types import JSON
from seatrial.machinery import objects, selectors


def required_matches(pod: JSON, node: JSON) -> bool:
    """nodeSelector and, if given, one of the required terms."""
    spec = pod["spec"]
    labels = objects.labels(node)
    if any(labels.get(name) != value for name, value in (spec.get("nodeSelector") or {}).items()):
        return False
    required = objects.get(spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    return selector_matches(required, node)


def is_asked_for(pod: JSON) -> bool:
    """Whether `required_matches` can be false at all."""
    spec = pod["spec"]
    path = ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    return bool(spec.get("nodeSelector")) or objects.get(spec, *path) is not None


def named_nodes(pod: JSON) -> frozenset[str] | None:
    """The only nodes that can match, where each required term names some by matchFields (as a DaemonSet's do).

    None: any node may; an empty set: the terms name different nodes at once, so that none can.
    """
    path = ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    found: set[str] = set()
    terms = (objects.get(pod["spec"], *path, default={})).get("nodeSelectorTerms") or ()
    for term in terms:
        values = [
            set(each.get("values") or ())
            for each in term.get("matchFields") or ()
            if each["key"] == "metadata.name" and each["operator"] == "In"
        ]
        if not values:
            return None
        found |= set.intersection(*values)
    return frozenset(found) if terms else None


def preferences(pod: JSON) -> Iterable[JSON]:
    path = ("affinity", "nodeAffinity", "preferredDuringSchedulingIgnoredDuringExecution")
    return objects.get(pod["spec"], *path, default=())  # type: ignore[no-any-return]


def preference_weight(terms: Iterable[JSON], node: JSON) -> int:
    """The sum of the weights of the terms that match."""
    return sum(term["weight"] for term in terms if _term_matches(term.get("preference") or {}, node))


def _term_matches(term: JSON, node: JSON) -> bool:
    """An empty term matches nothing."""
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    labels = objects.labels(node)
    names = {"metadata.name": objects.name(node)}
    return all(_requirement_matches(each, labels) for each in expressions) and all(
        _requirement_matches(each, names) for each in fields
    )


def _requirement_matches(requirement: JSON, labels: Mapping[str, str]) -> bool:
    key, operator, values = requirement["key"], requirement["operator"], requirement.get("values") or ()
    present = key in labels
    if operator == "In":
        return present and labels[key] in values
    if operator == "NotIn":
        return not present or labels[key] not in values
    if operator == "Exists":
        return present
    if operator == "DoesNotExist":
        return not present
    return present and _compares(labels[key], operator, values[0] if values else "")


def _compares(text: str, operator: str, limit: str) -> bool:
    """Gt and Lt, by whole numbers; anything else doesn't match."""
    number, bound = selectors.integer(text), selectors.integer(limit)
    if number is None or bound is None:
        return False
    return number > bound if operator == "Gt" else number < bound


def selector_matches(selector: JSON, node: JSON) -> bool:
    """Whether one of a NodeSelector's terms matches, as in a PersistentVolume's nodeAffinity."""
    return any(_term_matches(term, node) for term in selector.get("nodeSelectorTerms") or ())
