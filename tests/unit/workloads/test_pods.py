"""Active, ready, available; and who goes first."""

from typing import Any

import pytest

from seatrial.api.registry import REPLICA_SETS
from seatrial.base.types import JSON
from seatrial.machinery import objects, times
from seatrial.workloads import pods

NOW = 1_700_000_000.0


def a_pod(
    name: str = "p",
    *,
    node: str = "n1",
    phase: str = "Running",
    ready_for: float | None = 1000,
    age: float = 5000,
    restarts: int = 0,
    sidecar_restarts: int = 0,
    **metadata: Any,
) -> JSON:
    condition = {"type": "Ready", "status": "False"}
    if ready_for is not None:
        condition = {"type": "Ready", "status": "True", "lastTransitionTime": times.format_time(NOW - ready_for)}
    return {
        "metadata": {"name": name, "uid": name, "creationTimestamp": times.format_time(NOW - age), **metadata},
        "spec": {"nodeName": node, "initContainers": [{"name": "side", "restartPolicy": "Always"}]},
        "status": {
            "phase": phase,
            "conditions": [{"type": "PodScheduled", "status": "True"}, condition],
            "containerStatuses": [{"name": "a", "restartCount": restarts}],
            "initContainerStatuses": [{"name": "side", "restartCount": sidecar_restarts}],
        },
    }


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        (a_pod(), True),
        (a_pod(phase="Succeeded"), False),
        (a_pod(phase="Failed"), False),
        (a_pod(phase="Unknown"), True),
        (a_pod(deletionTimestamp="2026-01-01T00:00:00Z"), False),
        ({"metadata": {"name": "new"}}, True),
    ],
)
def test_active(pod: JSON, expected: bool) -> None:
    assert pods.is_active(pod) is expected


@pytest.mark.parametrize(
    ("ready_for", "seconds", "expected"),
    [(None, 0, False), (0, 0, True), (5, 5, False), (6, 5, True), (4, 5, False)],
    ids=["unready", "at once", "just as long", "longer", "not yet"],
)
def test_available(ready_for: float | None, seconds: int, expected: bool) -> None:
    assert pods.is_available(a_pod(ready_for=ready_for), seconds, NOW) is expected


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"node": ""}, {}),
        ({"phase": "Pending"}, {"phase": "Unknown"}),
        ({"phase": "Unknown"}, {}),
        ({"ready_for": None}, {}),
        ({"annotations": {pods.DELETION_COST: "-5"}}, {}),
        ({}, {"annotations": {pods.DELETION_COST: "10"}}),
        ({"node": "n2"}, {"node": "n1"}),
        ({"ready_for": 100}, {"ready_for": 1000}),
        ({"restarts": 3}, {"restarts": 1}),
        ({"sidecar_restarts": 3}, {"sidecar_restarts": 1}),
        ({"age": 100}, {"age": 5000}),
        ({"ready_for": None, "restarts": 9}, {"ready_for": None, "restarts": 1}),
        ({"ready_for": 1000, "restarts": 0}, {"ready_for": 5000, "restarts": 9}),
    ],
    ids=[
        "without a node", "pending", "unknown", "not ready", "cheaper", "dearer later", "doubled up", "ready for less",
        "restarted more", "sidecar restarted more", "younger", "restarts of the unready", "readiness before restarts",
    ],
)  # fmt: skip
def test_what_is_deleted_first(first: dict[str, Any], second: dict[str, Any]) -> None:
    one, other = a_pod("z", **first), a_pod("a", **second)
    assert pods.by_deletion([other, one], {"n1": 1, "n2": 2}, NOW) == [one, other]
    assert pods.by_deletion([one, other], {"n1": 1, "n2": 2}, NOW) == [one, other]


def test_pods_of_about_the_same_age_are_told_apart_by_uid_alone() -> None:
    younger, older = a_pod("z", ready_for=1200), a_pod("a", ready_for=1300)
    assert pods.by_deletion([younger, older], {}, NOW) == [older, younger]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("7", 7), ("-7", -7), ("+7", 0), ("07", 0), ("x", 0), ("99999999999", 0), ("0", 0)],
)
def test_deletion_cost(text: str, expected: int) -> None:
    assert pods.deletion_cost(a_pod(annotations={pods.DELETION_COST: text})) == expected


def test_a_pod_from_a_template_has_its_labels_annotations_and_finalizers() -> None:
    owner = {"metadata": {"name": "web", "namespace": "ns", "uid": "u"}}
    metadata = {"labels": {"a": "b"}, "annotations": {"c": "d"}, "finalizers": ["x/y"]}
    made = pods.from_template({"metadata": metadata, "spec": {"containers": []}}, owner, REPLICA_SETS)
    assert made["metadata"]["generateName"] == "web-"
    assert {name: made["metadata"][name] for name in metadata} == metadata
    assert objects.is_controlled_by(made, owner)


@pytest.mark.parametrize(("name", "expected"), [("web", "web-"), ("a.b", "a.b-"), ("x" * 252, "x" * 252 + "-")])
def test_prefix_of_generated_names(name: str, expected: str) -> None:
    assert pods.name_prefix(name) == expected


def test_active_pods_per_node() -> None:
    assert pods.active_per_node([a_pod(), a_pod(node="n2"), a_pod(phase="Failed")]) == {"n1": 1, "n2": 1}
