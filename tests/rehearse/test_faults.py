"""What goes wrong meanwhile: nodes, registry, API server, locks."""

import re

import pytest

from rehearse.snapshots import dump
from seatrial.api.registry import STATEFUL_SETS
from seatrial.base.errors import ToolError
from seatrial.rehearse import faults, whole
from seatrial.rehearse.changes.change import Restart, Scale
from seatrial.rehearse.changes.set_image import SetImage
from seatrial.rehearse.faults import Fault
from seatrial.rehearse.rehearsal import Plan, rehearse
from seatrial.rehearse.result import Result
from seatrial.rehearse.snapshots.snapshot import of_manifests
from simulation.workload_worlds import a_set
from simulation.worlds import deployment

DISK = {
    "apiVersion": "v1",
    "kind": "PersistentVolume",
    "metadata": {"name": "disk"},
    "spec": {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "",
        "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-1"},
    },
}
CLAIM = {
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "", "resources": {"requests": {"storage": "1Gi"}}},
}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("node-crash=node-1@30s", Fault("node-crash", "node-1", 30.0)),
        ("node-partition=node-1@1m+90s", Fault("node-partition", "node-1", 60.0, 90.0)),
        ("slow-node=node-2x10", Fault("slow-node", "node-2", factor=10.0)),
        ("slow-node=node-2", Fault("slow-node", "node-2", factor=5.0)),
        ("registry-down+1m30s", Fault("registry-down", "", 0.0, 90.0)),
        ("lock-left-behind=mioss/index-api-image", Fault("lock-left-behind", "mioss/index-api-image")),
        ("registry-down@10s+2m", Fault("registry-down", "", 10.0, 120.0)),
        ("api-down@500ms+30", Fault("api-down", "", 0.5, 30.0)),
    ],
)
def test_faults_are_written_in_a_word(text: str, fault: Fault) -> None:
    assert faults.parse(text) == fault


@pytest.mark.parametrize(
    "text",
    [
        "node-crash",
        "earthquake=node-1",
        "api-down=node-1",
        "node-crash=@",
        "node-crash=a@b",
        "api-down@-5s",
        "slow-node=n1x0",
    ],
)
def test_what_is_no_fault_is_refused(text: str) -> None:
    with pytest.raises(ToolError, match="--fault"):
        faults.parse(text)


def update(*given: Fault, replicas: int = 4) -> Result:
    snapshot = dump(deployment("web", replicas), start=5, ready=0, exit=1)
    return rehearse(Plan(snapshot, [SetImage("deployment/web", [("c", "nginx:2")])], faults=given))


def test_a_node_that_does_not_exist_is_told() -> None:
    with pytest.raises(ToolError, match="there is no such node; there are node-1, node-2, node-3"):
        update(Fault("node-crash", "node-9"))


def test_an_image_that_no_volume_names_is_told() -> None:
    with pytest.raises(ToolError, match="there is no such image; there are none"):
        update(Fault("lock-left-behind", "mioss/index-api-image", 5.0))


def test_a_node_that_crashes_takes_its_pods_with_it() -> None:
    crashed = update(Fault("node-crash", "node-1", 2.0))
    assert crashed.completes
    assert crashed.duration_seconds > 300, "its Pods are given up after five minutes"


def test_a_crash_is_felt_though_the_update_was_complete_before_anybody_noticed() -> None:
    node = update().pods[-1].node
    crashed = update(Fault("node-crash", node, 20.0))
    assert crashed.completes
    assert crashed.min_available < 4
    assert crashed.duration_seconds > 340, "its Pods are made again elsewhere"


def test_a_node_that_is_back_before_anybody_noticed_changes_nothing() -> None:
    node = update().pods[-1].node
    assert update(Fault("node-partition", node, 20.0, 10.0)).duration_seconds == update().duration_seconds


def test_a_volume_of_a_dead_node_is_where_the_story_of_its_pod_leads() -> None:
    labels = {"app": "one"}
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "c", "image": "one:1"}], "volumes": volumes},
    }
    one = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "one"},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **CLAIM}
    snapshot = of_manifests([DISK, claim, one], "2x4cpu,8Gi")
    (pod,) = rehearse(Plan(snapshot, [Scale("deployment/one", 1)])).pods
    result = rehearse(Plan(snapshot, [Scale("deployment/one", 1)], faults=[Fault("node-crash", pod.node, 1.0)]))
    told = f"volume disk is attached to {pod.node}, where pod {pod.name} is still being deleted"
    assert result.headline.startswith("HANGS at 0/1 after 5m")
    assert result.reason == f"the new Pod can't mount claim data: {told}"
    assert [each.rule for each in result.findings if each.severity == "problem"] == ["multi-attach", "pod-does-not-end"]


def test_a_node_that_is_cut_off_comes_back() -> None:
    result = update(Fault("node-partition", "node-1", 2.0, 100.0))
    assert result.completes
    assert result.duration_seconds > 90


def test_a_slow_node_delays_the_update() -> None:
    assert update(Fault("slow-node", "node-1", factor=20.0)).duration_seconds >= 100 > update().duration_seconds


def test_while_the_registry_is_down_no_new_image_starts() -> None:
    result = update(Fault("registry-down", "", 0.0, 60.0))
    assert result.completes
    assert result.duration_seconds > 60
    assert any("connection refused" in event.message for event in result.events)


def test_while_the_api_is_down_nothing_moves() -> None:
    result = update(Fault("api-down", "", 1.0, 60.0))
    assert result.completes
    assert result.duration_seconds > 60
    assert not [event for event in result.scale_events if 1.0 < event.time_seconds < 60]


def test_a_change_that_does_not_reach_the_api_is_refused() -> None:
    result = update(Fault("api-down", "", 0.0, 60.0))
    assert result.decided_by == "refused"
    assert result.reason.endswith("the API server can't be reached")


def test_an_api_that_does_not_come_back_is_the_reason() -> None:
    result = update(Fault("api-down", "", 2.0))
    assert result.reason == "the API server has been out of reach since 2s after the change"
    assert result.findings[0].rule == "api-unreachable"
    assert [step.text for step in result.evidence if step.object == "API server"] == [
        "can't be reached any more (--fault api-down)"
    ]
    assert result.remedies == ()


def test_faults_leave_what_needs_no_node_alone() -> None:
    snapshot = dump(deployment("web", 1), start=1, exit=1)
    result = rehearse(Plan(snapshot, [Restart("deployment/web")], faults=[Fault("registry-down", "", 5.0, 1.0)]))
    assert result.completes


def test_a_fault_that_is_still_to_end_is_waited_for() -> None:
    result = update(Fault("registry-down", "", 0.0, 1500.0))
    assert result.completes
    assert result.duration_seconds > 1500


def test_pods_of_a_stateful_set_wait_until_their_node_is_given_up() -> None:
    snapshot = dump(a_set(STATEFUL_SETS, replicas=3, serviceName="web"), start=2, ready=0, exit=1)
    crash = Fault("node-crash", "node-1", 1.0, 200.0)
    result = rehearse(Plan(snapshot, [Restart("sts/web")], faults=[crash]))
    assert result.completes
    assert result.duration_seconds > 200


def test_a_pod_is_forced_away_from_a_dead_node_when_that_is_known_to_be_dead() -> None:
    snapshot = of_manifests([a_set(STATEFUL_SETS, replicas=3, serviceName="web")], "3x4cpu,8Gi")
    pods = rehearse(Plan(snapshot, [Restart("sts/web")])).pods
    (node,) = {pod.node for pod in pods if pod.name == "web-1" and not pod.updated}
    result = whole.run(Plan(snapshot, [Restart("sts/web")], faults=[Fault("node-crash", node, 1.0)]))
    assert [each.title for each in result.remedies if each.completes] == [
        "pod/web-1 forced away",
        f"node/{node} out of service",
    ]


def test_a_registry_is_asked_for_what_is_always_pulled_though_nodes_have_it() -> None:
    old = deployment("web", 2)
    old["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Always"
    snapshot = of_manifests([old])
    down = Fault("registry-down", "", 0.0, 120.0)
    result = rehearse(Plan(snapshot, [Restart("deployment/web")], faults=[down]))
    assert result.completes
    assert result.duration_seconds > 120
    assert any("connection refused" in event.message for event in result.events)


def test_who_is_freed_from_a_dead_node_waits_for_its_volume_unless_the_node_is_said_to_be_gone() -> None:
    db = a_set(STATEFUL_SETS, replicas=1, serviceName="web", volumeClaimTemplates=[CLAIM])
    snapshot = of_manifests([DISK, db], "2x4cpu,8Gi")
    (node,) = {pod.node for pod in rehearse(Plan(snapshot, [Restart("sts/web")])).pods if not pod.updated}
    result = whole.run(Plan(snapshot, [Restart("sts/web")], faults=[Fault("node-crash", node, 0.5)]))
    assert result.findings[0].rule == "pod-does-not-end"
    assert [step.text for step in result.evidence if step.object == f"node/{node}"] == [
        f"loses power (--fault node-crash={node})",
        "NodeStatusUnknown: Kubelet stopped posting node status.",
    ]
    forced, given_up = result.remedies
    assert forced.command == "kubectl delete pod/web-0 -n default --grace-period=0 --force"
    assert given_up.command == f"kubectl taint node {node} node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"
    took = [re.match(r"completes in (\d+m)?", each.outcome) for each in (forced, given_up)]
    assert [each and each[1] for each in took] == ["6m", None]
