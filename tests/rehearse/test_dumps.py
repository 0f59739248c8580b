"""A rehearsal that starts from a cluster's present state: everything is where it was, and nothing is started anew."""

import asyncio
from dataclasses import replace

import pytest

from rehearse.snapshots import dump
from seatrial.aio import virtual_loop
from seatrial.api.registry import PODS
from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.rehearse import whole
from seatrial.rehearse.behaviour.profiles import Profiles
from seatrial.rehearse.behaviour.sampling import SampledModel
from seatrial.rehearse.changes.change import DeletePod, Drain, Restart, Scale, Undo
from seatrial.rehearse.changes.set_image import SetImage
from seatrial.rehearse.rehearsal import Plan, rehearse
from seatrial.rehearse.snapshots.snapshot import complete
from seatrial.rehearse.world import open_world
from simulation.worlds import deployment


def test_pods_that_run_are_ready_from_the_beginning() -> None:
    snapshot = dump(deployment("web", 4), start=5, ready=3, exit=1)
    result = rehearse(Plan(snapshot, [SetImage("deployment/web", [("", "nginx:1.11.9")])]))
    assert result.completes
    assert [pod.phases[0].state for pod in result.pods if not pod.updated] == ["ready"] * 4
    assert result.min_available == 3


def test_new_pods_start_as_the_live_ones_did() -> None:
    snapshot = dump(deployment("web", 2), start=20, ready=10, exit=1)
    result = rehearse(Plan(snapshot, [Restart("deployment/web")]))
    assert result.completes
    assert 60 <= result.duration_seconds <= 64, "two waves of 20 s and 10 s"
    assert any("starts in 20s, ready 10s later" in each for each in result.assumptions)


def test_nothing_but_the_change_happens() -> None:
    snapshot = dump(deployment("web", 3), start=1, exit=1)
    result = rehearse(Plan(snapshot, [Scale("deployment/web", 5)]))
    assert [(event.from_, event.to) for event in result.scale_events] == [(3, 5)]
    assert result.completes


def test_undo_finds_the_earlier_version_in_the_dump() -> None:
    snapshot = dump(deployment("web", 2), start=1, exit=1)
    result = rehearse(Plan(snapshot, [SetImage("deployment/web", [("c", "nginx:2")]), Undo("deployment/web")]))
    assert result.completes
    assert {pod.version for pod in result.pods if pod.phases[-1].state == "ready"} == {"nginx:1.10.1"}


def test_a_drained_node_is_left_by_its_pods() -> None:
    snapshot = dump(deployment("web", 3), start=1, exit=1)
    result = rehearse(Plan(snapshot, [Drain("node-1")]))
    assert result.completes
    assert all(pod.node != "node-1" for pod in result.pods if pod.phases[-1].state == "ready")


def test_a_deleted_pod_is_replaced() -> None:
    snapshot = dump(deployment("web", 2), start=1, exit=1)
    name = next(obj["metadata"]["name"] for obj in snapshot.objects if obj["kind"] == "Pod")
    result = rehearse(Plan(snapshot, [DeletePod(name)]))
    assert result.completes
    assert len(result.pods) == 3
    assert result.min_available == 1


@pytest.mark.parametrize(
    ("obj", "told"),
    [
        ({"kind": "Pod", "spec": None}, "spec.containers: Required value"),
        ({"kind": "Pod", "spec": {"containers": []}, "status": {"startTime": "noon"}}, "cannot be handled as a Pod"),
        ({"kind": "DaemonSet", "apiVersion": "apps/v1"}, "DaemonSet x"),
        ({"kind": "Pod", "metadata": {"name": "x", "namespace": "default", "ownerReferences": ["web"]}}, "Pod x"),
        ({"kind": "Pod", "metadata": {"name": "x", "namespace": "default", "labels": "web"}}, "Pod x"),
        ({"kind": "Pod", "metadata": {"name": 5, "namespace": "default", "annotations": [1]}}, "Pod 5"),
        ({"kind": "HorizontalPodAutoscaler", "apiVersion": "autoscaling/v2"}, "HorizontalPodAutoscaler x"),
        (
            {"kind": "HorizontalPodAutoscaler", "apiVersion": "autoscaling/v2", "spec": {"scaleTargetRef": "web"}},
            "HorizontalPodAutoscaler x",
        ),
        (
            {"kind": "Widget", "apiVersion": "acme.io/v1"},
            "left out, with all that their controllers make of them: Widget.acme.io/v1",
        ),
        ({"kind": "Node", "status": {"allocatable": {"cpu": "many"}}}, "Node x"),
    ],
)
def test_what_no_server_would_have_taken_is_left_out_and_told(obj: JSON, told: str) -> None:
    good = dump(deployment("web", 2), start=1, exit=1)
    broken = {"apiVersion": "v1", "metadata": {"name": "x", "namespace": "default"}, **obj}
    snapshot = complete([*good.objects, broken], good.taken_at)
    result = rehearse(Plan(snapshot, [Restart("deployment/web")]))
    assert result.completes
    assert [each for each in result.assumptions if each.startswith("left out") and told in each]


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("text", "left out: Deployment web: Deployment in version"),
        ({"selector": {"matchLabels": {"app": "web"}}}, "left out: Deployment web: .*spec.template.metadata.labels"),
    ],
)
def test_a_workload_that_was_left_out_is_not_just_missing(spec: object, why: str) -> None:
    broken: JSON = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"}}
    broken["spec"] = spec
    for word in ("deployment/web", ""):
        with pytest.raises(ToolError, match=f"there is no .* in namespace default.*; {why}"):
            rehearse(Plan(complete([broken], 0.0), [Restart(word)]))


def test_pods_of_a_workload_that_was_left_out_stay_as_they_are() -> None:
    good = dump(deployment("web", 2), deployment("api", 3), start=1, exit=1)
    objs = [{**obj, "spec": "text"} if _is_api(obj) else obj for obj in good.objects]

    async def later() -> list[str]:
        async with open_world(complete(objs, good.taken_at), SampledModel(Profiles(), 0)) as world:
            await asyncio.sleep(60)
            return [objects.name(pod).partition("-")[0] for pod in (await world.client.list(PODS))["items"]]

    assert sorted(virtual_loop.run(later())) == ["api"] * 3 + ["web"] * 2


def _is_api(obj: JSON) -> bool:
    return obj["kind"] == "Deployment" and obj["metadata"]["name"] == "api"


def test_a_node_that_is_silent_stays_silent() -> None:
    snapshot = dump(deployment("web", 3), start=1, exit=1)
    objs = [_not_ready(obj) if _is_node_3(obj) else obj for obj in snapshot.objects]
    result = rehearse(Plan(replace(snapshot, objects=objs), [Restart("deployment/web")]))
    assert not [pod for pod in result.pods if pod.updated and pod.node == "node-3"]


def _is_node_3(obj: JSON) -> bool:
    return obj["kind"] == "Node" and obj["metadata"]["name"] == "node-3"


def _not_ready(node: JSON) -> JSON:
    kept = [each for each in node["status"]["conditions"] if each["type"] != "Ready"]
    unknown = {"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}
    taint = {"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"}
    return {**node, "spec": {"taints": [taint]}, "status": {**node["status"], "conditions": [*kept, unknown]}}


def test_a_budget_that_spares_nobody_keeps_a_node_from_being_drained() -> None:
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "all", "namespace": "default"},
        "spec": {"minAvailable": 3, "selector": {"matchLabels": {"app": "web"}}},
    }
    snapshot = dump(deployment("web", 3), budget, start=1, exit=1)
    result = whole.run(Plan(snapshot, [Drain("node-1")]))
    assert result.verdict == "hangs"
    assert result.findings[0].rule == "drain-refused"
    assert "The disruption budget all needs 3 healthy pods and has 3 currently" in result.reason
    assert "budget-allows-no-eviction" in [each.rule for each in result.warnings]
    assert [each.completes for each in result.remedies] == [True]


EMPTY_DIR = {"volumes": [{"name": "tmp", "emptyDir": {}}]}


def _bare(name: str, node: str) -> JSON:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"nodeName": node, "containers": [{"name": "c", "image": "bare:1"}]},
    }


def test_a_pod_that_nobody_would_replace_keeps_a_node_from_being_drained() -> None:
    snapshot = dump(deployment("web", 3), _bare("bare", "node-1"), start=1, exit=1)
    result = whole.run(Plan(snapshot, [Drain("node-1")]))
    assert result.headline == (
        "REFUSED: drain node-1: cannot delete Pods that declare no controller (use --force to override): default/bare"
    )
    assert result.findings[0].rule == "drain-refused"
    assert [step.object for step in result.evidence] == ["node/node-1", "deployment/web"]
    assert not result.remedies
    assert whole.run(Plan(snapshot, [Drain("node-1", force=True)])).completes


def test_a_node_with_nothing_but_bare_pods_says_what_refuses_the_drain() -> None:
    snapshot = dump(_bare("bare", "node-1"), start=1, exit=1)
    result = whole.run(Plan(snapshot, [Drain("node-1")]))
    assert result.reason.endswith("(use --force to override): default/bare")


def test_a_pod_whose_empty_dir_would_be_lost_keeps_a_node_from_being_drained() -> None:
    web = deployment("web", 3)
    web["spec"]["template"]["spec"] |= EMPTY_DIR
    snapshot = dump(web, start=1, exit=1)
    result = whole.run(Plan(snapshot, [Drain("node-1")]))
    assert "cannot delete Pods with local storage (use --delete-emptydir-data to override)" in result.reason
    assert whole.run(Plan(snapshot, [Drain("node-1", delete_emptydir_data=True)])).completes


def test_a_container_that_crashes_in_the_cluster_crashes_in_the_rehearsal() -> None:
    broken = deployment("web", 2, "broken:1")
    snapshot = dump(broken, start=1, exit=1)
    result = rehearse(Plan(snapshot, [Restart("deployment/web")]))
    assert result.verdict == "hangs"
    assert result.findings[0].rule == "image-not-found"


def test_old_pods_that_stay_though_nothing_waits_for_them_are_warned_of() -> None:
    held = deployment("web", 2)
    held["spec"]["template"]["metadata"]["finalizers"] = ["example.com/deregister"]
    result = whole.run(Plan(dump(held, start=1, exit=1), [Restart("deployment/web")]))
    assert (result.verdict, result.decided_by, result.remedies) == ("completes", "completed", ())
    (warning,) = (each for each in result.warnings if each.rule == "finalizer")
    assert warning.message.endswith("can't go: it is kept by example.com/deregister (and 1 more Pod)")
    assert set(warning.objects) - {"deployment/web"} == {
        f"pod/{pod.name}" for pod in result.pods if pod.phases[-1].state == "terminating"
    }


def test_finalizers_that_nobody_takes_off_are_taken_off_in_the_remedy() -> None:
    held = deployment("web", 2, strategy={"type": "Recreate"})
    held["spec"]["template"]["metadata"]["finalizers"] = ["example.com/deregister"]
    snapshot = dump(held, start=1, exit=1)
    result = whole.run(Plan(snapshot, [SetImage("deployment/web", [("c", "nginx:2")])]))
    assert result.findings[0].rule == "finalizer"
    (remedy,) = result.remedies
    assert remedy.completes
    assert remedy.command.count("kubectl patch pod/web-") == len(remedy.objects) == 2


@pytest.mark.parametrize(
    "junk",
    [
        {"webhooks": "all"},
        {"webhooks": [None, {"rules": 5}, {"rules": [{"resources": ["pods"], "operations": 3, "apiGroups": [""]}]}]},
        {
            "webhooks": [
                {
                    "clientConfig": {"service": "s"},
                    "rules": [{"resources": ["*"], "operations": ["*"], "apiGroups": ["*"]}],
                }
            ]
        },
    ],
)
def test_webhooks_that_no_server_would_have_taken_refuse_nobody(junk: JSON) -> None:
    good = dump(deployment("web", 2), start=1, exit=1)
    hooks = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "x"},
    }
    snapshot = complete([*good.objects, {**hooks, **junk}], good.taken_at)
    assert rehearse(Plan(snapshot, [Restart("deployment/web")])).completes
