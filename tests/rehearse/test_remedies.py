"""What is proposed where an update hangs, beyond what the corpus has one scenario of each; and what never is."""

from typing import Any

import pytest

from rehearse.snapshots import dump
from rehearse.test_rehearsal import deployment
from seatrial.api.registry import DAEMON_SETS, STATEFUL_SETS
from seatrial.base.types import JSON
from seatrial.rehearse import whole
from seatrial.rehearse.behaviour.behaviour_file import parse
from seatrial.rehearse.changes.change import Apply, Drain, Restart
from seatrial.rehearse.changes.set_image import SetImage
from seatrial.rehearse.rehearsal import Plan
from seatrial.rehearse.result import Result
from seatrial.rehearse.snapshots.snapshot import of_manifests
from simulation.test_persistent_volumes import claim, volume
from simulation.workload_worlds import a_set
from simulation.worlds import deployment as in_a_namespace

HOST = "kubernetes.io/hostname"


def changed(pod: JSON, replicas: int = 3) -> JSON:
    new = deployment(replicas, image="web:2")
    new["spec"]["template"]["spec"] |= pod
    return new


def outcome(pod: JSON, *others: JSON, replicas: int = 3) -> Result:
    old = of_manifests([*others, deployment(replicas)])
    return whole.run(Plan(old, [Apply([changed(pod, replicas)])]))


def helping(result: Result) -> list[str]:
    assert not result.completes
    return [each.title for each in result.remedies if each.completes]


def a_node(name: str, labels: JSON, *taints: JSON) -> JSON:
    room = {"cpu": "4", "memory": "8Gi", "pods": "110"}
    metadata = {"name": name, "labels": {HOST: name, **labels}}
    status = {"capacity": room, "allocatable": room}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": metadata,
        "spec": {"taints": list(taints)},
        "status": status,
    }


def a_taint(key: str) -> JSON:
    return {"key": key, "effect": "NoSchedule"}


def config_map(name: str) -> JSON:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"there": "yes"}}


def test_all_that_is_missing_is_made_at_once() -> None:
    env = [
        {"name": key, "valueFrom": {"configMapKeyRef": {"name": name, "key": key}}}
        for name, key in (("a", "there"), ("a", "one"), ("b", "two"))
    ]
    containers = [{"name": "c", "image": "web:2", "env": env}]
    result = outcome({"containers": containers}, config_map("a"))
    assert helping(result) == ["one added to configmap/a and configmap/b made with two"]
    assert result.remedies[0].command == (
        """kubectl patch configmap/a -n default --type=merge -p '{"data": {"one": "VALUE"}}' && """
        "kubectl create configmap b -n default --from-literal=two=VALUE"
    )


def test_what_is_optional_is_not_made() -> None:
    env = [
        {"name": "x", "valueFrom": {"configMapKeyRef": {"name": "a", "key": "x", "optional": True}}},
        {"name": "y", "valueFrom": {"configMapKeyRef": {"name": "a", "key": "y"}}},
    ]
    result = outcome({"containers": [{"name": "c", "image": "web:2", "env": env}]}, config_map("a"))
    assert helping(result) == ["y added to configmap/a"]


def test_spreading_may_be_a_wish() -> None:
    spread = {
        "maxSkew": 1,
        "topologyKey": "rack",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }
    nodes = [a_node("n1", {}), a_node("n2", {})]
    assert helping(outcome({"topologySpreadConstraints": [spread]}, *nodes)) == ["spreading only preferred"]


@pytest.mark.parametrize("label", ["topology.kubernetes.io/zone", "node.kubernetes.io/instance-type"])
def test_nobody_is_told_to_give_a_node_labels_that_its_cloud_gives(label: str) -> None:
    result = outcome({"nodeSelector": {label: "elsewhere"}})
    assert helping(result) == []
    assert [each.title for each in result.remedies] == []


def test_the_node_that_lacks_least_is_labelled() -> None:
    nodes = [a_node("n1", {}), a_node("n2", {"disk": "ssd"})]
    result = outcome({"nodeSelector": {"disk": "ssd", "tier": "web"}}, *nodes)
    assert helping(result) == ["node/n2 labelled tier=web"]
    assert result.remedies[0].command == "kubectl label node/n2 tier=web --overwrite"


@pytest.mark.parametrize(
    ("key", "remedies"),
    [
        ("example.com/gpu", ["taint example.com/gpu:NoSchedule tolerated"]),
        ("node-role.kubernetes.io/control-plane", []),
    ],
)
def test_only_taints_that_somebody_chose_are_tolerated(key: str, remedies: list[str]) -> None:
    nodes = [a_node("n1", {}), a_node("n2", {"role": "special"}, a_taint(key))]
    assert helping(outcome({"nodeSelector": {"role": "special"}}, *nodes)) == remedies


def test_a_request_that_fits_is_said_only_where_more_is_asked_for_than_before() -> None:
    def asking(cpu: str) -> JSON:
        return {"containers": [{"name": "c", "image": "web:2", "resources": {"requests": {"cpu": cpu}}}]}

    assert helping(outcome(asking("9"))) == ["a request of 8 cpu for container c"]
    old = changed(asking("3"))
    full = whole.run(Plan(of_manifests([old], "3x4cpu,8Gi"), [SetImage("deployment/web", [("c", "web:3")])]))
    assert helping(full) == ["maxSurge 0", "strategy Recreate"]


BAD = parse({"behaviours": {"nginx:2": {"bad_image": True}}}, "x")


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (
            a_set(STATEFUL_SETS, replicas=2, serviceName="web"),
            "; kubectl rollout undo statefulset/web -n default goes back, once kubectl delete pod web-1 -n default "
            "has made room for it",
        ),
        (in_a_namespace("web", 2), "; kubectl rollout undo deployment/web -n default goes back"),
    ],
)
def test_a_version_that_does_not_start_comes_with_the_way_back(manifest: Any, words: str) -> None:
    kind = manifest["kind"].lower()
    container = manifest["spec"]["template"]["spec"]["containers"][0]["name"]
    snapshot = dump(manifest, start=1, exit=1)
    result = whole.run(Plan(snapshot, [SetImage(f"{kind}/web", [(container, "nginx:2")])], profiles=BAD))
    assert result.findings[0].rule == "image-not-found"
    assert result.findings[0].remedy.endswith(words)


def advice(result: Result) -> str:
    assert not result.completes
    return next(each.remedy for each in result.findings if each.severity == "problem")


def a_budget(name: str) -> JSON:
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": spec}


def test_a_daemon_set_whose_host_port_is_taken_by_its_own_old_pod_does_without_a_surge() -> None:
    template = a_set(DAEMON_SETS)["spec"]["template"]
    template["spec"]["containers"][0]["ports"] = [{"containerPort": 80, "hostPort": 80}]
    surging = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    agent = a_set(DAEMON_SETS, template=template, updateStrategy=surging)
    result = whole.run(Plan(of_manifests([agent]), [Restart("daemonset/web")]))
    assert helping(result) == ["maxSurge 0"]
    limits = {"maxSurge": 0, "maxUnavailable": 1}
    assert result.remedies[0].patch == {"spec": {"updateStrategy": {"rollingUpdate": limits}}}


def test_a_drain_is_not_told_to_do_without_a_surge() -> None:
    term = {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": HOST}
    web = deployment(3)
    web["spec"]["template"]["spec"]["affinity"] = {
        "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    }
    result = whole.run(Plan(of_manifests([web]), [Drain("node-1")]))
    assert advice(result) == "add a node"
    assert "anti-affinity-as-many-as-nodes" not in {each.rule for each in result.warnings}


def test_of_two_budgets_over_one_pod_one_has_to_go() -> None:
    result = whole.run(Plan(of_manifests([deployment(3), a_budget("p"), a_budget("q")]), [Drain("node-1")]))
    assert advice(result) == "leave these Pods one budget, and delete the others (kubectl delete pdb)"
    assert not result.remedies, "sparing more Pods helps neither"
    assert any(step.text.endswith("it allows 1 disruption") for step in result.evidence)


def test_what_was_tried_in_vain_is_not_advised() -> None:
    """Two replicas on two nodes can't have a volume that is for one."""
    web = deployment(2)
    web["spec"]["template"]["spec"]["volumes"] = [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]
    result = whole.run(Plan(of_manifests([volume("pv"), claim("data"), web]), [Restart("deployment/web")]))
    assert [(each.title, each.completes) for each in result.remedies] == [
        ("maxSurge 0", False),
        ("strategy Recreate", False),
    ]
    assert "where another of these Pods has it, and stays" in result.remedies[1].outcome
    assert advice(result) == "let only Pods of one node use it, or give each Pod a volume of its own"
