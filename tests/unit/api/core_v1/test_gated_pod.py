"""A Pod at a scheduling gate may be told more exactly where to go, and not otherwise."""

from typing import Any

import pytest

from seatrial.api.core_v1 import pod
from seatrial.base.types import JSON


def gated(**spec: Any) -> JSON:
    container = {"name": "a", "image": "i"}
    gates = [{"name": "example.com/later"}]
    return {"metadata": {"name": "p"}, "spec": {"containers": [container], "schedulingGates": gates, **spec}}


def wants(**requirements: str) -> JSON:
    return {
        "matchExpressions": [{"key": key, "operator": "In", "values": [value]} for key, value in requirements.items()]
    }


def on(*terms: JSON, **affinity: Any) -> JSON:
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}
    return {"nodeAffinity": required, **affinity}


TERMS = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
APART = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]}}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({}, {"nodeSelector": {"disk": "ssd"}}),
        ({"nodeSelector": {"disk": "ssd"}}, {"nodeSelector": {"disk": "ssd", "zone": "1"}}),
        ({}, {"affinity": on(wants(zone="1"))}),
        ({"affinity": APART}, {"affinity": {**APART, **on(wants(zone="1"))}}),
        ({"affinity": on(wants(zone="1"))}, {"affinity": on({**wants(zone="1", disk="ssd")})}),
    ],
    ids=["a selector", "a further label", "affinity", "affinity to nodes beside that to Pods", "a further requirement"],
)
def test_it_may_be_told_more_exactly(old: JSON, new: JSON) -> None:
    assert pod.validate_update(gated(**new), gated(**old)) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param(
            {"nodeSelector": {"disk": "ssd"}},
            {"nodeSelector": {"disk": "hdd"}},
            'spec.nodeSelector: Invalid value: map[string]string{"disk":"hdd"}: only additions to spec.nodeSelector '
            "are allowed (no mutations or deletions)",
            id="another label",
        ),
        pytest.param(
            {"nodeSelector": {"disk": "ssd"}},
            {},
            "spec.nodeSelector: Invalid value: map[string]string(nil): only additions to spec.nodeSelector are allowed "
            "(no mutations or deletions)",
            id="no selector any more",
        ),
        pytest.param(
            {"affinity": on(wants(zone="1"))},
            {"affinity": on(wants(zone="1"), wants(zone="2"))},
            f"{TERMS}: Invalid value: []core.NodeSelectorTerm{{core.NodeSelectorTerm{{MatchExpressions:"
            '[]core.NodeSelectorRequirement{core.NodeSelectorRequirement{Key:"zone", Operator:"In", '
            'Values:[]string{"1"}}}, MatchFields:[]core.NodeSelectorRequirement(nil)}, core.NodeSelectorTerm{'
            'MatchExpressions:[]core.NodeSelectorRequirement{core.NodeSelectorRequirement{Key:"zone", Operator:"In", '
            'Values:[]string{"2"}}}, MatchFields:[]core.NodeSelectorRequirement(nil)}}: no additions/deletions to '
            "non-empty NodeSelectorTerms list are allowed",
            id="a further term",
        ),
        pytest.param(
            {"affinity": on(wants(zone="1"))},
            {"affinity": on(wants(zone="2"))},
            f"{TERMS}[0]: Invalid value: core.NodeSelectorTerm{{MatchExpressions:[]core.NodeSelectorRequirement{{"
            'core.NodeSelectorRequirement{Key:"zone", Operator:"In", Values:[]string{"2"}}}, '
            "MatchFields:[]core.NodeSelectorRequirement(nil)}: only additions are allowed (no mutations or deletions)",
            id="another requirement",
        ),
    ],
)
def test_it_may_not_be_told_otherwise(old: JSON, new: JSON, told: str) -> None:
    assert [str(error) for error in pod.validate_update(gated(**new), gated(**old))] == [told]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({}, {"affinity": APART}),
        ({"affinity": APART}, {}),
        ({"affinity": APART}, {"affinity": on(wants(zone="1"))}),
        ({"affinity": {**APART, **on(wants(zone="1"))}}, {"affinity": on(wants(zone="1"))}),
    ],
    ids=["it comes", "it goes", "it goes for affinity to nodes", "it goes beside affinity to nodes"],
)
def test_affinity_to_pods_stays_as_it_is(old: JSON, new: JSON) -> None:
    [error] = pod.validate_update(gated(**new), gated(**old))
    assert str(error).startswith("spec: Forbidden: pod updates may not change fields other than")
