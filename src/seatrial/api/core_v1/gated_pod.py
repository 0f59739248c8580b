"""What may change of a Pod that waits at a scheduling gate: it may be told more exactly where to go, and nothing else.

Follows validateNodeSelectorMutation and validateNodeAffinityMutation of pkg/apis/core/validation/validation.go (1.32).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seatrial.base.types import JSON
from seatrial.machinery import objects, validation
from seatrial.machinery.validation import FieldError, GoText

_TERMS = ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
_PATH = ".".join(("spec", *_TERMS))
_REQUIREMENTS = ("matchExpressions", "matchFields")


def validate_update(new: Mapping[str, Any], old: Mapping[str, Any]) -> Iterator[FieldError]:
    """`new`, `old`: specs."""
    selector, before = new.get("nodeSelector") or {}, old.get("nodeSelector") or {}
    if any(selector.get(name) != value for name, value in before.items()):
        detail = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
        yield validation.invalid("spec.nodeSelector", validation.go_map(selector or None), detail)
    if objects.get(old, "affinity", "nodeAffinity") is not None:
        yield from _validate_terms(objects.get(new, *_TERMS, default=()), objects.get(old, *_TERMS, default=()))


def _validate_terms(new: Sequence[JSON], old: Sequence[JSON]) -> Iterator[FieldError]:
    """Where there are none yet, any may come."""
    if old and len(new) != len(old):
        detail = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
        yield validation.invalid(_PATH, _go_terms(new), detail)
        return
    for index, (term, before) in enumerate(zip(new, old, strict=False)):
        if not _only_grows(term, before):
            detail = "only additions are allowed (no mutations or deletions)"
            yield validation.invalid(f"{_PATH}[{index}]", _go_term(term), detail)


def _only_grows(term: JSON, before: JSON) -> bool:
    """All requirements are there still, first and in their order; an empty term matches nothing and stays empty."""
    if not any(before.get(kind) for kind in _REQUIREMENTS):
        return not any(term.get(kind) for kind in _REQUIREMENTS)
    return all(
        (term.get(kind) or [])[: len(before.get(kind) or ())] == (before.get(kind) or []) for kind in _REQUIREMENTS
    )


def take_back(spec: JSON, old: Mapping[str, Any]) -> None:
    """Undo in `spec`, which is private, what may change: nodeSelector and affinity to nodes; to Pods stays fixed."""
    spec.pop("nodeSelector", None)
    if old.get("nodeSelector") is not None:
        spec["nodeSelector"] = old["nodeSelector"]
    before = objects.get(old, "affinity", "nodeAffinity")
    if objects.get(spec, "affinity", "nodeAffinity") == before:
        return
    affinity = {name: value for name, value in (spec.get("affinity") or {}).items() if name != "nodeAffinity"}
    if before is not None:
        affinity["nodeAffinity"] = before
    if affinity or old.get("affinity") is not None:
        spec["affinity"] = affinity
    else:
        spec.pop("affinity", None)


def _go_terms(terms: Sequence[JSON]) -> GoText:
    if not terms:
        return GoText("[]core.NodeSelectorTerm(nil)")
    return GoText(f"[]core.NodeSelectorTerm{{{', '.join(_go_term(term) for term in terms)}}}")


def _go_term(term: JSON) -> GoText:
    fields = zip(("MatchExpressions", "MatchFields"), _REQUIREMENTS, strict=True)
    shown = (f"{field}:{_go_requirements(term.get(kind) or ())}" for field, kind in fields)
    return GoText(f"core.NodeSelectorTerm{{{', '.join(shown)}}}")


def _go_requirements(requirements: Sequence[JSON]) -> str:
    if not requirements:
        return "[]core.NodeSelectorRequirement(nil)"
    shown = (
        f"core.NodeSelectorRequirement{{Key:{validation.go_quote(each['key'])}, "
        f"Operator:{validation.go_quote(each['operator'])}, Values:{validation.go_strings(each.get('values'))}}}"
        for each in requirements
    )
    return f"[]core.NodeSelectorRequirement{{{', '.join(shown)}}}"
