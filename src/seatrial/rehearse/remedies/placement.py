"""Remedies for Pods that no node takes: labels, cordons, taints, and what a template insists on without need."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seatrial.api.registry import NODES
from seatrial.base.types import JSON
from seatrial.machinery import objects, selectors
from seatrial.rehearse.result import Finding, Remedy
from seatrial.rehearse.rules.base import Case

_CORDONED = "were unschedulable"
"""What the scheduler says of cordoned nodes."""
_OF_PODS = {"anti-affinity": "podAntiAffinity", "pod-affinity": "podAffinity"}
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def of(case: Case, causes: Sequence[Finding]) -> Iterator[Remedy]:
    """What the Pods ask of nodes first, then the nodes."""
    rules, messages = {cause.rule for cause in causes}, [cause.message for cause in causes]
    for rule, kind in _OF_PODS.items():
        if rule in rules:
            yield from _preferred(case, kind)
    if "topology-spread" in rules:
        yield from _spread_anyway(case)
    if any("affinity/selector" in message for message in messages):
        yield from _labels(case)
        yield from _preferred(case, "nodeAffinity")
    if "untolerated-taint" in rules:
        yield from _tolerations(case)
    if any(_CORDONED in message for message in messages):
        yield from _uncordoned(case)


def _of_pods(case: Case, title: str, pod_spec: JSON) -> Remedy:
    return Remedy(title, case.name, case.target.namespace, {"spec": {"template": {"spec": pod_spec}}})


def _preferred(case: Case, kind: str) -> Iterator[Remedy]:
    """What is required becomes a wish."""
    given = objects.get(case.pod_spec, "affinity", kind, default={})
    path = (_REQUIRED, "nodeSelectorTerms") if kind == "nodeAffinity" else (_REQUIRED,)
    terms = objects.get(given, *path, default=[])
    if terms:
        under = "preference" if kind == "nodeAffinity" else "podAffinityTerm"
        wishes = [*(given.get(_PREFERRED) or []), *({"weight": 100, under: term} for term in terms)]
        changed = {"affinity": {kind: {_REQUIRED: None, _PREFERRED: wishes}}}
        yield _of_pods(case, f"{kind} only preferred", changed)


def _spread_anyway(case: Case) -> Iterator[Remedy]:
    given = case.pod_spec.get("topologySpreadConstraints") or []
    changed = [{**each, "whenUnsatisfiable": "ScheduleAnyway"} for each in given]
    if changed != given:
        yield _of_pods(case, "spreading only preferred", {"topologySpreadConstraints": changed})


def _labels(case: Case) -> Iterator[Remedy]:
    """The node that lacks the fewest labels, if people set such labels: zones and the like are not theirs to choose."""
    lacking = {
        objects.name(node): {key: value for key, value in wanted.items() if objects.labels(node).get(key) != value}
        for node in case.course.all(NODES)
        if not objects.get(node, "spec", "unschedulable") and (wanted := _wanted_labels(case.pod_spec))
    }
    for name, labels in sorted(lacking.items(), key=lambda each: (len(each[1]), each[0]))[:1]:
        if labels and not any(_is_given(key) for key in labels):
            shown = " ".join(f"{key}={value}" for key, value in labels.items())
            said = f"kubectl label node/{name} {shown} --overwrite"
            yield Remedy(
                f"node/{name} labelled {shown}", f"node/{name}", "", {"metadata": {"labels": labels}}, said=said
            )


def _wanted_labels(pod_spec: JSON) -> dict[str, str]:
    """Labels that nodeSelector and the first required term of the node affinity are content with; {} if it can't be
    told."""
    wanted = {str(key): str(value) for key, value in (pod_spec.get("nodeSelector") or {}).items()}
    terms = objects.get(pod_spec, "affinity", "nodeAffinity", _REQUIRED, "nodeSelectorTerms", default=[])
    for each in terms[0].get("matchExpressions") or () if terms else ():
        if each["operator"] not in ("In", "Exists"):
            return {}
        wanted[each["key"]] = str((each.get("values") or [""])[0])
    return wanted


def _is_given(key: str) -> bool:
    """Labels and taints that kubelet, cloud and installers set."""
    domain = key.partition("/")[0] if "/" in key else ""
    return domain.endswith(("kubernetes.io", "k8s.io"))


def _tolerations(case: Case) -> Iterator[Remedy]:
    """The taints of a node that would take it otherwise."""
    for node in case.course.all(NODES):
        taints = [
            each for each in objects.get(node, "spec", "taints", default=[]) if each["effect"] != "PreferNoSchedule"
        ]
        if not taints or any(_is_given(taint["key"]) for taint in taints) or not _chosen(case.pod_spec, node):
            continue
        added = [_toleration(taint) for taint in taints]
        shown = ", ".join(f"{taint['key']}:{taint['effect']}" for taint in taints)
        changed = {"tolerations": [*(case.pod_spec.get("tolerations") or []), *added]}
        yield _of_pods(case, f"taint {shown} tolerated", changed)
        return


def _toleration(taint: Mapping[str, Any]) -> JSON:
    value = {"operator": "Equal", "value": taint["value"]} if taint.get("value") else {"operator": "Exists"}
    return {"key": taint["key"], **value, "effect": taint["effect"]}


def _chosen(pod_spec: JSON, node: JSON) -> bool:
    return selectors.from_map(_wanted_labels(pod_spec)).matches(objects.labels(node))


def _uncordoned(case: Case) -> Iterator[Remedy]:
    """Nodes that were cordoned before the change, where the scheduler misses them."""
    for node in case.course.at_first(NODES):
        if objects.get(node, "spec", "unschedulable"):
            name = f"node/{objects.name(node)}"
            said = f"kubectl uncordon {objects.name(node)}"
            yield Remedy(f"{name} uncordoned", name, "", {"spec": {"unschedulable": None}}, said=said)
