"""Every kind that rolls, from manifests: what the verdict says of it."""

from dataclasses import replace

import pytest

from seatrial.api.registry import DAEMON_SETS, STATEFUL_SETS
from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.rehearse.behaviour.behaviour_file import parse
from seatrial.rehearse.behaviour.profiles import Profiles
from seatrial.rehearse.changes.change import Apply, Change, Restart
from seatrial.rehearse.changes.roll import Roll
from seatrial.rehearse.changes.set_image import SetImage
from seatrial.rehearse.rehearsal import Plan, rehearse
from seatrial.rehearse.result import Result
from seatrial.rehearse.snapshots.snapshot import of_manifests
from simulation.workload_worlds import a_set
from simulation.worlds import deployment

BEHAVIOUR = {"defaults": {"start": 2, "ready": 1, "exit": 1}, "behaviours": {"broken:1": {"bad_image": True}}}


def outcome(change: Change, *manifests: JSON, profiles: Profiles | None = None) -> Result:
    return rehearse(Plan(of_manifests(manifests), [change], profiles=profiles or parse(BEHAVIOUR, "test")))


def controller(name: str = "old", image: str = "app:1", **labels: str) -> JSON:
    marked = {"app": "web", **labels}
    template = {"metadata": {"labels": marked}, "spec": {"containers": [{"name": "c", "image": image}]}}
    spec = {"replicas": 3, "selector": marked, "template": template}
    return {"apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": name}, "spec": spec}


def test_a_stateful_set_rolls_one_pod_at_a_time() -> None:
    result = outcome(SetImage("sts/web", [("app", "app:2")]), a_set(STATEFUL_SETS, replicas=3, serviceName="web"))
    assert result.completes
    assert result.min_available == 2
    assert result.duration_seconds == pytest.approx(3 * 4, abs=0.5), "ended, started, ready; three times"


def test_a_stateful_set_with_a_bad_image_hangs_at_its_last_ordinal() -> None:
    result = outcome(SetImage("sts/web", [("app", "broken:1")]), a_set(STATEFUL_SETS, replicas=3, serviceName="web"))
    assert result.verdict == "hangs"
    assert result.findings[0].rule == "image-not-found"
    assert result.findings[0].objects[0] == "pod/web-2"
    assert result.headline.startswith("HANGS at 0/3 after 1s: pod web-2: image broken:1 can't be had")


def test_a_daemon_set_rolls_node_by_node() -> None:
    result = outcome(SetImage("ds/web", [("app", "app:2")]), a_set(DAEMON_SETS))
    assert result.completes
    assert result.desired == 3
    assert result.min_available == 2


def test_a_replication_controller_whose_new_pods_do_not_come_up_hangs_until_its_roll_gives_up() -> None:
    result = outcome(Roll("old", manifest=controller("new", "broken:1", version="2")), controller(version="1"))
    assert result.headline.startswith("HANGS at 0/4 after 3s: pod new-")
    assert result.findings[0].rule == "image-not-found"
    (given_up,) = [step for step in result.evidence if step.object == "rolling-update old to another controller"]
    assert given_up.text == "gives up: timed out waiting for any update progress to be made"
    assert given_up.time_seconds >= 300


def test_a_replication_controller_rolls_as_kubectl_rolled_it() -> None:
    result = outcome(
        Roll("old", manifest=controller("new", "app:2", version="2"), update_period=10), controller(version="1")
    )
    assert result.completes
    assert result.min_available >= 2
    assert {pod.version for pod in result.pods if pod.phases[-1].state == "ready"} == {"app:2"}
    assert result.max_pods == 5, "one more than it has, and one that ends"


def test_a_replication_controller_keeps_its_name_with_a_new_image() -> None:
    result = outcome(SetImage("rc/old", [("c", "app:2")]), controller())
    assert result.min_available == result.min_ready_pods > 0, "Pods serve while they change hands"
    assert result.completes
    assert {pod.version for pod in result.pods if pod.phases[-1].state == "ready"} == {"app:2"}


def test_a_service_means_all_workloads_behind_it() -> None:
    blue, green = deployment("blue", 2), deployment("green", 2)
    for each in (blue, green):
        each["spec"]["template"]["metadata"]["labels"]["tier"] = "web"
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"tier": "web"}, "ports": [{"port": 80}]},
    }
    result = outcome(SetImage("service/web", [("c", "nginx:2")]), blue, green, service)
    assert result.completes
    assert result.workloads == ("deployment/blue", "deployment/green")
    assert result.desired == 4


def test_a_workload_that_is_not_there_is_told() -> None:
    with pytest.raises(ToolError, match="there is no deployment/wbe in namespace default"):
        outcome(SetImage("deployment/wbe", [("c", "x")]), deployment("web", 1))


def test_a_change_that_concerns_nothing_that_rolls_is_told() -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "b"}}
    with pytest.raises(ToolError, match="concerns no Deployment"):
        outcome(Apply([config]), deployment("web", 1))


@pytest.mark.parametrize(("ours", "least"), [(False, 3), (True, 2)])
def test_several_pods_of_a_stateful_set_are_replaced_at_once_only_where_the_gate_is_on(ours: bool, least: int) -> None:
    several = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}}
    begin = of_manifests([a_set(STATEFUL_SETS, replicas=4, updateStrategy=several)])
    result = rehearse(Plan(replace(begin, is_of_seatrial=ours), [Restart("statefulset/web")]))
    assert (result.completes, result.min_available) == (True, least)
    assert any("maxUnavailable" in each for each in result.assumptions) != ours


def container(**more: object) -> JSON:
    return {"name": "c", "image": "a:2", **more}


PORT = {"containerPort": 80, "hostPort": 80}


@pytest.mark.parametrize(
    ("rule", "spec", "pod_spec"),
    [
        ("paused", {"paused": True}, {}),
        ("no-matching-node", {}, {"nodeSelector": {"disk": "ssd"}}),
        ("missing-configuration", {}, {"containers": [container(envFrom=[{"configMapRef": {"name": "gone"}}])]}),
        ("missing-configuration", {}, {"volumes": [{"name": "v", "configMap": {"name": "gone"}}]}),
        ("host-port-taken", {}, {"containers": [container(ports=[PORT])]}),
        ("no-room", {}, {"containers": [container(resources={"requests": {"cpu": "9"}})]}),
        ("claim-not-bound", {}, {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "gone"}}]}),
    ],
)
def test_the_cause_has_the_name_of_its_rule(rule: str, spec: JSON, pod_spec: JSON) -> None:
    old = deployment("web", 3, "a:1")
    template = old["spec"]["template"]
    if rule == "host-port-taken":
        template["spec"]["containers"][0]["ports"] = [PORT]
    new_template = {**template, "spec": {**template["spec"], "containers": [container()], **pod_spec}}
    new = {**old, "spec": {**old["spec"], "template": new_template, **spec}}
    there = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "there"}, "data": {"a": "b"}}
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "there"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    result = outcome(Apply([new]), there, claim, old)
    assert result.verdict == "hangs"
    assert result.findings[0].rule == rule
    assert result.evidence
