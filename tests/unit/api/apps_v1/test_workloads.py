"""Deployments, ReplicaSets and ReplicationControllers as the API has them."""

from typing import Any

import pytest

from seatrial.api.registry import DEPLOYMENTS, POD_TEMPLATES, REPLICA_SETS, REPLICATION_CONTROLLERS
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import objects

NOW = 1_700_000_000.0


def a_workload(resource: Resource = DEPLOYMENTS, **spec: Any) -> JSON:
    selector: JSON = {"app": "web"} if resource is REPLICATION_CONTROLLERS else {"matchLabels": {"app": "web"}}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "a", "image": "a:1"}]}}
    made = {
        "metadata": {"name": "web", "creationTimestamp": "2023-11-14T22:08:20Z"},
        "spec": {"selector": selector, "template": template, **spec},
    }
    resource.default(made)
    return made


def messages(resource: Resource, obj: JSON) -> list[str]:
    return [str(error) for error in resource.validate(obj)]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}),
        ({"strategy": {"type": "Recreate"}}, {"type": "Recreate"}),
        (
            {"strategy": {"rollingUpdate": {"maxSurge": 0}}},
            {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "25%"}},
        ),
    ],
    ids=["none", "Recreate", "half"],
)
def test_default_strategies(spec: JSON, expected: JSON) -> None:
    made = a_workload(**spec)
    assert made["spec"]["strategy"] == expected
    numbers = {name: made["spec"][name] for name in ("replicas", "revisionHistoryLimit", "progressDeadlineSeconds")}
    assert numbers == {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600}


def test_templates_have_no_defaults_of_pods_alone() -> None:
    assert "enableServiceLinks" not in a_workload()["spec"]["template"]["spec"]


def test_a_replication_controller_takes_labels_and_selector_from_its_template() -> None:
    made = a_workload(REPLICATION_CONTROLLERS, selector=None)
    assert made["spec"]["selector"] == made["metadata"]["labels"] == {"app": "web"}


@pytest.mark.parametrize("resource", [DEPLOYMENTS, REPLICA_SETS, REPLICATION_CONTROLLERS], ids=lambda each: each.kind)
def test_a_plain_one_is_valid_and_defaulting_is_idempotent(resource: Resource) -> None:
    made = a_workload(resource)
    assert messages(resource, made) == []
    again = objects.copy(made)
    resource.default(again)
    assert again == made
    resource.prepare_for_create(again)
    assert list(resource.validate_status_update(again, again)) == []
    assert len(resource.row(again, NOW)) == len(resource.columns)


NOTHING_SELECTED = (
    "v1.LabelSelector{MatchLabels:map[string]string(nil), MatchExpressions:[]v1.LabelSelectorRequirement(nil)}"
)
INT = "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: intstr.IntOrString"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            {"selector": {}},
            f"spec.selector: Invalid value: {NOTHING_SELECTED}: empty selector is invalid for deployment",
        ),
        (
            {"selector": {"matchLabels": {"app": "db"}}},
            'spec.template.metadata.labels: Invalid value: map[string]string{"app":"web"}: `selector` does not match '
            "template `labels`",
        ),
        ({"replicas": -1}, "spec.replicas: Invalid value: -1: must be greater than or equal to 0"),
        (
            {"progressDeadlineSeconds": 10, "minReadySeconds": 10},
            "spec.progressDeadlineSeconds: Invalid value: 10: must be greater than minReadySeconds",
        ),
        (
            {"strategy": {"type": "Recreate", "rollingUpdate": {}}},
            "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
        ),
        (
            {"strategy": {"type": "Odd"}},
            'spec.strategy.type: Unsupported value: "Odd": supported values: "Recreate", "RollingUpdate"',
        ),
        (
            {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}}},
            f'{INT}{{Type:1, IntVal:0, StrVal:"0%"}}: may not be 0 when `maxSurge` is 0',
        ),
        (
            {"strategy": {"rollingUpdate": {"maxUnavailable": "101%"}}},
            f'{INT}{{Type:1, IntVal:0, StrVal:"101%"}}: must not be greater than 100%',
        ),
    ],
)
def test_errors_of_deployments(spec: JSON, expected: str) -> None:
    assert messages(DEPLOYMENTS, a_workload(**spec)) == [expected]


def test_without_a_selector_nothing_matches() -> None:
    assert messages(DEPLOYMENTS, a_workload(selector=None)) == [
        "spec.selector: Required value",
        'spec.template.metadata.labels: Invalid value: map[string]string{"app":"web"}: `selector` does not match '
        "template `labels`",
    ]


def test_a_selector_that_can_not_be_read_is_told_once_more() -> None:
    selector = {"matchExpressions": [{"key": "a", "operator": "Like", "values": ["x"]}]}
    operator, unreadable = messages(REPLICA_SETS, a_workload(REPLICA_SETS, selector=selector))
    assert operator == (
        'spec.selector.matchExpressions[0].operator: Invalid value: "Like": not a valid selector operator'
    )
    assert unreadable.endswith(": invalid label selector")


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        (
            "restartPolicy",
            "Never",
            'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
        ),
        (
            "activeDeadlineSeconds",
            5,
            "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported",
        ),
    ],
)
@pytest.mark.parametrize("resource", [DEPLOYMENTS, REPLICA_SETS, REPLICATION_CONTROLLERS], ids=lambda each: each.kind)
def test_pods_of_workloads_run_for_ever(resource: Resource, field: str, value: object, expected: str) -> None:
    made = a_workload(resource)
    made["spec"]["template"]["spec"][field] = value
    assert messages(resource, made) == [expected]


@pytest.mark.parametrize("resource", [DEPLOYMENTS, REPLICA_SETS], ids=lambda each: each.kind)
def test_selectors_stay(resource: Resource) -> None:
    old = a_workload(resource)
    new = a_workload(resource, selector={"matchLabels": {"app": "web", "b": "c"}})
    (error,) = resource.validate_update(new, old)
    assert str(error).endswith(
        'MatchLabels:map[string]string{"app":"web", "b":"c"}, MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: '
        "field is immutable"
    )
    assert list(resource.validate_update(old, old)) == []


def test_a_status_must_add_up() -> None:
    made = {**a_workload(REPLICA_SETS), "status": {"replicas": 1, "readyReplicas": 2, "availableReplicas": -1}}
    assert [str(error) for error in REPLICA_SETS.validate_status_update(made, made)] == [
        "status.availableReplicas: Invalid value: -1: must be greater than or equal to 0",
        "status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas",
    ]


def test_collisions_are_never_forgotten() -> None:
    old, new = ({**a_workload(), "status": {"collisionCount": count}} for count in (2, 1))
    (error,) = DEPLOYMENTS.validate_status_update(new, old)
    assert str(error) == "status.collisionCount: Invalid value: 1: cannot be decremented"


def test_rows() -> None:
    made = {**a_workload(replicas=3), "status": {"readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 1}}
    assert DEPLOYMENTS.row(made, NOW) == ("web", "2/3", 3, 1, "5m", "a", "a:1", "app=web")
    made = {**a_workload(REPLICA_SETS, replicas=3), "status": {"replicas": 2, "readyReplicas": 1}}
    assert REPLICA_SETS.row(made, NOW) == ("web", 3, 2, 1, "5m", "a", "a:1", "app=web")
    template = {"metadata": {"name": "t"}, "template": a_workload()["spec"]["template"]}
    assert POD_TEMPLATES.row(template, NOW) == ("t", "a", "a:1", "app=web")


def test_annotations_count_as_a_new_generation_of_a_deployment() -> None:
    one, other = a_workload(), a_workload()
    other["metadata"]["annotations"] = {"a": "b"}
    assert DEPLOYMENTS.generation_fields(one) != DEPLOYMENTS.generation_fields(other)
