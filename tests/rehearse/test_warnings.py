"""What a rehearsal warns of, one case for each rule; and a Deployment of which there is nothing to say."""

from typing import Any

import pytest

from seatrial.api.registry import STATEFUL_SETS
from seatrial.base.types import JSON
from seatrial.rehearse.behaviour.behaviour_file import parse
from seatrial.rehearse.changes.change import Apply, Restart, Scale
from seatrial.rehearse.rehearsal import Plan, rehearse
from seatrial.rehearse.result import Result
from seatrial.rehearse.rules import catalogue
from seatrial.rehearse.snapshots.snapshot import of_manifests
from simulation.test_persistent_volumes import claim, volume
from simulation.workload_worlds import a_set
from simulation.worlds import deployment

PROBE = {"periodSeconds": 1, "httpGet": {"path": "/", "port": 80}}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
}
ANTI_AFFINITY = {
    "podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [
            {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "kubernetes.io/hostname"}
        ]
    }
}
APART = ANTI_AFFINITY["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0]
APART_BY_VERSION = {
    "podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [{**APART, "matchLabelKeys": ["pod-template-hash"]}]
    }
}
BUDGET = {
    "apiVersion": "policy/v1",
    "kind": "PodDisruptionBudget",
    "metadata": {"name": "all"},
    "spec": {"minAvailable": "100%", "selector": {"matchLabels": {"app": "web"}}},
}
OTHER_TIER = {
    **SERVICE,
    "metadata": {"name": "api"},
    "spec": {**SERVICE["spec"], "selector": {"app": "web", "tier": "api"}},
}
SCALER = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "web"},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "maxReplicas": 5,
        "metrics": [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
            }
        ],
    },
}
BY_NAME = {
    **SERVICE,
    "metadata": {"name": "by-name"},
    "spec": {**SERVICE["spec"], "ports": [{"port": 80, "targetPort": "http"}]},
}
CANARY = deployment("canary", 1)
CANARY["spec"]["selector"]["matchLabels"]["app"] = "web"
QUOTA = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": "3"}}}


def web(container: JSON, pod: JSON, spec: JSON) -> JSON:
    sound = {
        "name": "c",
        "image": "web:1",
        "readinessProbe": PROBE,
        "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
    }
    made: JSON = {"containers": [{**sound, **container}], **pod}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": made},
            **spec,
        },
    }


def outcome(*others: JSON, container: JSON | None = None, pod: JSON | None = None, spec: JSON | None = None) -> Result:
    slow = parse({"behaviours": {"slow": {"start": 1, "ready": 40}}}, "x")
    manifests = [*others, SERVICE, web(container or {}, pod or {}, spec or {})]
    return rehearse(Plan(of_manifests(manifests, "3x4cpu,8Gi"), [Restart("deployment/web")], profiles=slow))


CASES: list[tuple[str, dict[str, Any]]] = [
    ("no-readiness-probe", {"container": {"readinessProbe": None}}),
    ("exits-at-once", {"container": {"lifecycle": None}}),
    ("slow-pre-stop", {"pod": {"terminationGracePeriodSeconds": 5}}),
    ("budget-allows-no-eviction", {"others": [BUDGET]}),
    ("deadline-too-short", {"container": {"image": "slow:1"}, "spec": {"progressDeadlineSeconds": 20}}),
    ("single-replica", {"spec": {"replicas": 1}}),
    ("surge-needs-more", {"container": {"resources": {"requests": {"cpu": "3"}}}}),
    ("quota-reached", {"others": [QUOTA]}),
    ("mutable-tag", {"container": {"image": "web"}}),
    ("mutable-tag", {"container": {"image": "registry:5000/web:latest"}}),
    ("no-history", {"spec": {"revisionHistoryLimit": 0}}),
    ("liveness-kills-slow-starter", {"container": {"image": "slow:1", "livenessProbe": {**PROBE, "periodSeconds": 5}}}),
    (
        "rwo-volume-with-surge",
        {
            "others": [volume("index-api-pv"), claim("data")],
            "pod": {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]},
        },
    ),
    ("anti-affinity-as-many-as-nodes", {"pod": {"affinity": ANTI_AFFINITY}}),
    (
        "rounds-to-nothing",
        {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "10%"}}}},
    ),
    ("service-without-pods", {"others": [OTHER_TIER]}),
    ("service-port-missing", {"others": [BY_NAME], "container": {"ports": [{"name": "web", "containerPort": 80}]}}),
    ("shared-selector", {"others": [CANARY]}),
    ("replicas-beside-autoscaler", {"others": [SCALER]}),
    ("autoscaler-can-not-scale", {"others": [SCALER, {**SCALER, "metadata": {"name": "more"}}]}),
]


@pytest.mark.parametrize(("rule", "given"), CASES, ids=[rule for rule, _ in CASES])
def test_it_is_warned_of(rule: str, given: dict[str, Any]) -> None:
    given = dict(given)
    result = outcome(*given.pop("others", ()), **given)
    found = [each for each in result.warnings if each.rule == rule]
    assert found
    assert len(found) == len({each.objects for each in found})
    assert "deployment/web" in found[0].objects
    assert found[0].remedy


def test_a_partition_leaves_pods_behind() -> None:
    split = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    db = a_set(STATEFUL_SETS, replicas=3, serviceName="web", updateStrategy=split)
    result = rehearse(Plan(of_manifests([db]), [Restart("statefulset/web")]))
    assert result.completes
    assert [each.message for each in result.warnings if each.rule == "partition"] == [
        "statefulset/web has a partition of 1: 1 of 3 Pods keep their version"
    ]


@pytest.mark.parametrize("others", [[], [SCALER]])
def test_a_size_that_the_manifest_had_and_leaves_out_is_lost(others: list[JSON]) -> None:
    old, new = web({}, {}, {}), web({"image": "web:2"}, {}, {})
    del new["spec"]["replicas"]
    result = rehearse(Plan(of_manifests([old, *others], "3x4cpu,8Gi"), [Apply([new])]))
    (found,) = [each for each in result.warnings if each.rule == "replicas-left-out"]
    assert "apply takes deployment/web from 3 to 1" in found.message
    assert ("horizontalpodautoscaler/web" in found.objects) == bool(others)
    assert "kubectl apply edit-last-applied" in found.remedy


def test_a_size_that_no_manifest_has_stays() -> None:
    old, new = web({}, {}, {}), web({"image": "web:2"}, {}, {})
    del old["spec"]["replicas"], new["spec"]["replicas"]
    scaled = Scale("deployment/web", 3)
    result = rehearse(Plan(of_manifests([old], "3x4cpu,8Gi"), [scaled, Apply([new])]))
    assert (result.desired, [each.rule for each in result.warnings]) == (3, [])


def test_every_rule_has_a_case() -> None:
    elsewhere = {"partition", "replicas-left-out", "preempts-others"}
    assert {rule for rule, _ in CASES} | elsewhere == {each.id for each in catalogue.WARNINGS}


def test_there_is_nothing_to_say_of_a_sound_deployment() -> None:
    result = outcome()
    assert result.completes
    assert result.findings == ()


def local(name: str, node: str) -> JSON:
    """A volume that is on one node only."""
    made = volume(name)
    terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}]
    made["spec"] |= {"nodeAffinity": {"required": {"nodeSelectorTerms": terms}}}
    return made


DATA = {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]}
LESSER = {
    **deployment("lesser", 3),
    "metadata": {"name": "lesser"},
}
LESSER["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "2"}}
HIGH = {
    "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 1000,
}  # fmt: skip
OTHERS = {**QUOTA, "spec": {"hard": {"pods": "3"}, "scopes": ["BestEffort"]}}
TIGHT = {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}

SOUND: list[tuple[str, str, dict[str, Any]]] = [
    ("exits-at-once", "a hook that asks", {"container": {"lifecycle": {"preStop": {"httpGet": {"port": 80}}}}}),
    ("slow-pre-stop", "no hook, and no time either", {
        "container": {"lifecycle": None}, "pod": {"terminationGracePeriodSeconds": 0},
    }),
    ("service-port-missing", "a port of that name", {
        "others": [BY_NAME], "container": {"ports": [{"name": "http", "containerPort": 80}]},
    }),
    ("service-port-missing", "a sidecar has it", {
        "others": [BY_NAME],
        "pod": {"initContainers": [
            {"name": "s", "image": "s:1", "restartPolicy": "Always", "ports": [{"name": "http", "containerPort": 80}]},
        ]},
    }),
    ("budget-allows-no-eviction", "a budget of others", {
        "others": [{**BUDGET, "spec": {"minAvailable": "100%", "selector": {"matchLabels": {"app": "other"}}}}],
    }),
    ("budget-allows-no-eviction", "one that spares a Pod", {
        "others": [{**BUDGET, "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}}}],
    }),
    ("deadline-too-short", "as long as it takes", {
        "container": {"image": "slow:1"}, "spec": {"progressDeadlineSeconds": 60},
    }),
    ("surge-needs-more", "no surge", {
        "container": {"resources": {"requests": {"cpu": "3"}}}, "spec": {"strategy": TIGHT},
    }),
    ("surge-needs-more", "lesser Pods give way", {
        "others": [HIGH, LESSER], "container": {"resources": {"requests": {"cpu": "1500m"}}},
        "pod": {"priorityClassName": "high"},
    }),
    ("quota-reached", "a quota of other Pods", {
        "others": [OTHERS], "container": {"resources": {"requests": {"cpu": "1"}}},
    }),
    ("mutable-tag", "a registry with a port", {"container": {"image": "registry:5000/web:1"}}),
    ("mutable-tag", "a digest", {"container": {"image": "web@sha256:" + "a" * 64}}),
    ("no-history", "one version", {"spec": {"revisionHistoryLimit": 1}}),
    ("liveness-kills-slow-starter", "one that waits", {
        "container": {"image": "slow:1", "livenessProbe": {**PROBE, "periodSeconds": 5, "initialDelaySeconds": 60}},
    }),
    ("rwo-volume-with-surge", "a volume that one node has anyway", {
        "others": [local("index-api-pv", "node-1"), claim("data")], "pod": DATA,
    }),
    ("rwo-volume-with-surge", "Pods that are for one node", {
        "others": [volume("index-api-pv"), claim("data")],
        "pod": {**DATA, "nodeSelector": {"kubernetes.io/hostname": "node-1"}},
    }),
    ("anti-affinity-as-many-as-nodes", "only Pods of one version are kept apart", {
        "pod": {"affinity": APART_BY_VERSION},
    }),
    ("anti-affinity-as-many-as-nodes", "a node to spare", {
        "pod": {"affinity": ANTI_AFFINITY}, "spec": {"replicas": 2},
    }),
    ("anti-affinity-as-many-as-nodes", "one may be missing", {
        "pod": {"affinity": ANTI_AFFINITY}, "spec": {"strategy": {"rollingUpdate": {"maxUnavailable": 1}}},
    }),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "why", "given"), SOUND, ids=[f"{rule}: {why}" for rule, why, _ in SOUND])
def test_it_is_not_warned_of(rule: str, why: str, given: dict[str, Any]) -> None:
    given = dict(given)
    result = outcome(*given.pop("others", ()), **given)
    assert rule not in {each.rule for each in result.warnings}


FULL = {"resources": {"requests": {"cpu": "2"}}}
BUDGET_OF_LESSER = {
    **BUDGET,
    "metadata": {"name": "lesser"},
    "spec": {"minAvailable": "100%", "selector": {"matchLabels": {"app": "lesser"}}},
}


def test_who_loses_pods_for_good_to_an_update_of_others_is_told_with_the_budget_that_did_not_help() -> None:
    manifests = [HIGH, LESSER, BUDGET_OF_LESSER, web(FULL, {"priorityClassName": "high"}, {})]
    result = rehearse(Plan(of_manifests(manifests, "3x4cpu,8Gi"), [Scale("deployment/web", 5)]))
    (found,) = [each for each in result.warnings if each.rule == "preempts-others"]
    assert found.message == (
        "deployment/web takes the room of 2 Pods of deployment/lesser by its priority, against "
        "poddisruptionbudget/lesser; at the end 1 of 3 of its Pods are available, and no node takes the rest"
    )
    assert found.objects == ("deployment/web", "deployment/lesser", "poddisruptionbudget/lesser")
    assert "surge-needs-more" not in {each.rule for each in result.warnings}, "a scale has no surge"


def test_who_has_its_pods_back_at_the_end_is_told_as_well() -> None:
    manifests = [HIGH, LESSER, web(FULL, {"priorityClassName": "high"}, {})]
    result = rehearse(Plan(of_manifests(manifests, "3x4cpu,8Gi"), [Restart("deployment/web")]))
    (found,) = [each for each in result.warnings if each.rule == "preempts-others"]
    assert found.message.endswith("Pods of deployment/lesser by its priority; it has all of them again at the end")


def test_nodes_that_are_full_of_pods_are_no_place_for_a_surge() -> None:
    result = rehearse(Plan(of_manifests([web({}, {}, {})], "3x4cpu,8Gi,1pods"), [Restart("deployment/web")]))
    (found,) = [each for each in result.warnings if each.rule == "surge-needs-more"]
    assert found.message == "a surge Pod finds no node that takes one Pod more, whatever it asks for"


def test_nodes_that_the_template_does_not_want_are_no_place_for_a_surge() -> None:
    asking = {"resources": {"requests": {"cpu": "1500m"}}}
    pinned = {"nodeSelector": {"kubernetes.io/hostname": "node-1"}}
    result = rehearse(Plan(of_manifests([web(asking, pinned, {"replicas": 2})], "3x4cpu,8Gi"), [Restart("deploy/web")]))
    (found,) = [each for each in result.warnings if each.rule == "surge-needs-more"]
    assert found.message == "a surge Pod needs 1.5 cpu, 500m more than any node has left"


def test_what_the_runtime_of_the_pods_costs_counts() -> None:
    kata = {
        "apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "kata"}, "handler": "kata",
        "overhead": {"podFixed": {"cpu": "2500m"}},
    }  # fmt: skip
    result = outcome(kata, pod={"runtimeClassName": "kata"})
    assert "surge-needs-more" in {each.rule for each in result.warnings}


def test_who_serves_nobody_is_told_of_the_roll_and_not_of_requests() -> None:
    bare = web({"readinessProbe": None}, {}, {})
    result = rehearse(Plan(of_manifests([bare], "3x4cpu,8Gi"), [Restart("deployment/web")]))
    assert [each.message for each in result.warnings] == [
        "no readiness probe: Pods count as available as soon as they run, ready or not"
    ]


@pytest.mark.parametrize(("rule", "remedy"), [("anti-affinity", "maxSurge 0"), ("quota-reached", "maxSurge 0")])
def test_the_same_rules_name_the_cause_when_it_comes_to_that(rule: str, remedy: str) -> None:
    given: dict[str, Any] = {"pod": {"affinity": ANTI_AFFINITY}} if rule == "anti-affinity" else {}
    result = outcome(*([QUOTA] if rule == "quota-reached" else []), **given)
    assert result.verdict == "hangs"
    assert result.findings[0].rule == rule
    assert result.remedies[0].title == remedy


def test_a_probe_that_kills_is_named_as_the_cause() -> None:
    result = outcome(container={"image": "slow:1", "livenessProbe": {**PROBE, "periodSeconds": 5}})
    assert result.verdict == "hangs"
    assert result.findings[0].rule == "liveness-kills-slow-starter"
    assert "the liveness probe kills container c again and again, before it answers" in result.reason


def test_what_is_said_of_several_workloads_alike_is_said_once_with_their_names() -> None:
    other = web({"lifecycle": None}, {}, {})
    other = {**other, "metadata": {"name": "other"}}
    labels = {"app": "web", "part": "other"}
    other["spec"] = {**other["spec"], "selector": {"matchLabels": {"part": "other"}}}
    other["spec"]["template"] = {**other["spec"]["template"], "metadata": {"labels": labels}}
    first = web({"lifecycle": None}, {}, {"revisionHistoryLimit": 0})
    first["spec"]["selector"] = {"matchLabels": {"part": "web"}}
    first["spec"]["template"]["metadata"]["labels"] = {"app": "web", "part": "web"}
    result = rehearse(Plan(of_manifests([SERVICE, first, other], "3x4cpu,8Gi"), [Restart("service/web")]))
    told = {each.rule: each for each in result.warnings}
    assert [each.rule for each in result.warnings] == ["exits-at-once", "no-history"]
    assert told["exits-at-once"].message.startswith("deployment/other, deployment/web: no preStop hook")
    assert told["no-history"].message.startswith("deployment/web: revisionHistoryLimit 0")
    assert told["exits-at-once"].objects == ("deployment/other", "service/web", "deployment/web")
