"""What holds an update up though no event tells it is named all the same, with what to do."""

from typing import Any

import pytest

from rehearse.snapshots import dump
from rehearse.test_rehearsal import deployment
from seatrial.base.types import JSON
from seatrial.rehearse import faults, whole
from seatrial.rehearse.changes.change import Apply, Drain, Scale
from seatrial.rehearse.rehearsal import Plan
from seatrial.rehearse.result import Result
from seatrial.rehearse.snapshots.snapshot import of_manifests
from simulation.worlds import deployment as in_a_namespace

ONE_SET = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "q"},
    "spec": {"hard": {"count/replicasets.apps": "1"}},
}


def changed(pod: JSON, replicas: int = 4) -> JSON:
    new = deployment(replicas, image="web:2")
    new["spec"]["template"]["spec"] |= pod
    return new


def outcome(new: JSON, *others: JSON, crashed: tuple[str, ...] = ()) -> Result:
    given = [faults.parse(f"node-crash={node}@1s") for node in crashed]
    return whole.run(Plan(of_manifests([*others, deployment(new["spec"]["replicas"])]), [Apply([new])], faults=given))


def cause(result: Result) -> Any:
    assert result.verdict == "hangs"
    found = next(each for each in result.findings if each.severity == "problem")
    assert found.message == result.reason
    assert found.remedy
    return found


@pytest.mark.parametrize(
    ("pod", "rule", "words"),
    [
        ({"schedulingGates": [{"name": "x/y"}]}, "scheduling-gate", "waits for its scheduling gate x/y"),
        ({"nodeName": "ghost"}, "node-missing", "is for node ghost (spec.nodeName), and there is no such node"),
    ],
)
def test_what_keeps_pods_from_a_node_is_named(pod: JSON, rule: str, words: str) -> None:
    found = cause(outcome(changed(pod)))
    assert found.rule == rule
    assert words in found.message
    assert found.remedy.endswith("kubectl rollout undo deployment/web -n default goes back")


def test_a_quota_of_replica_sets_is_raised_by_the_one_that_it_refuses() -> None:
    result = outcome(changed({}, replicas=8), ONE_SET)
    assert cause(result).rule == "quota-reached"
    assert "no ReplicaSet can be created" in result.reason
    assert [each.title for each in result.remedies] == ["resourcequota/q raised to count/replicasets.apps 2"]


def test_pods_of_nodes_that_are_all_silent_wait_for_them() -> None:
    found = cause(outcome(changed({}, replicas=3), crashed=("node-1", "node-2", "node-3")))
    assert found.rule == "node-not-ready"
    assert "and the node does not report any more" in found.message


def test_a_drain_of_a_silent_node_says_which_pods_do_not_end() -> None:
    crash = faults.parse("node-crash=node-1@0s")
    result = whole.run(Plan(of_manifests([deployment()]), [Drain("node-1")], faults=[crash]))
    found = cause(result)
    assert found.rule == "pod-does-not-end"
    assert found.message.startswith("drain node-1: pod web-")
    assert any(each.completes for each in result.remedies)


GATED = {"readinessGates": [{"conditionType": "example.com/balanced"}]}


def test_whoever_sets_a_readiness_gate_is_assumed_to_do_so_and_that_is_told() -> None:
    result = outcome(changed(GATED))
    assert result.completes
    assert "readiness gate example.com/balanced assumed to be set as soon as a Pod's containers are ready" in (
        result.assumptions
    )


def test_a_gate_that_is_closed_in_the_cluster_stays_so_and_is_named() -> None:
    web = in_a_namespace("web", 2)
    web["spec"]["template"]["spec"] |= GATED
    found = cause(whole.run(Plan(dump(web), [Scale("deployment/web", 3)])))
    assert found.rule == "readiness-gate"
    assert "waits for its readiness gate example.com/balanced: its containers are ready" in found.message
    assert "(and 1 more Pod)" in found.message
