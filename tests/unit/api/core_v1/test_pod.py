"""Pods: defaults, validation, updates."""

from typing import Any

import pytest

from seatrial.api.core_v1 import containers, pod, resources
from seatrial.base.types import JSON
from seatrial.machinery import objects


def a_pod(container: JSON | None = None, **spec: Any) -> JSON:
    made = {
        "metadata": {"name": "p", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"containers": [{"name": "a", "image": "a:1", **(container or {})}], **spec},
    }
    pod.default(made)
    return made


def messages(obj: JSON) -> list[str]:
    return [str(error) for error in pod.validate(obj)]


def test_a_small_pod_gets_all_defaults() -> None:
    assert a_pod()["spec"] == {
        "containers": [
            {
                "name": "a",
                "image": "a:1",
                "imagePullPolicy": "IfNotPresent",
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
                "resources": {},
            }
        ],
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "terminationGracePeriodSeconds": 30,
        "securityContext": {},
        "enableServiceLinks": True,
    }


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1.27", "IfNotPresent"),
        ("localhost:5000/nginx", "Always"),
        ("localhost:5000/nginx:1", "IfNotPresent"),
        ("nginx@sha256:0123", "IfNotPresent"),
        ("nginx:latest@sha256:0123", "IfNotPresent"),
    ],
)
def test_pull_policy(image: str, policy: str) -> None:
    assert containers.pull_policy(image) == policy


def test_defaults_of_a_container() -> None:
    obj = a_pod(
        {
            "ports": [{"containerPort": 80}],
            "readinessProbe": {"httpGet": {"port": 80}},
            "livenessProbe": {"grpc": {"port": 9}},
            "lifecycle": {"preStop": {"httpGet": {"port": 80}}},
            "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
            "resources": {"limits": {"cpu": "0.5", "memory": "1024Mi"}},
        },
        hostNetwork=True,
    )
    container = obj["spec"]["containers"][0]
    assert container["ports"] == [{"containerPort": 80, "protocol": "TCP", "hostPort": 80}]
    numbers = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
    assert container["readinessProbe"] == {"httpGet": {"port": 80, "path": "/", "scheme": "HTTP"}, **numbers}
    assert container["livenessProbe"] == {"grpc": {"port": 9, "service": ""}, **numbers}
    assert container["lifecycle"]["preStop"]["httpGet"]["scheme"] == "HTTP"
    assert container["env"][0]["valueFrom"]["fieldRef"]["apiVersion"] == "v1"
    assert container["resources"] == {kind: {"cpu": "500m", "memory": "1Gi"} for kind in ("limits", "requests")}


@pytest.mark.parametrize(
    ("volume", "expected"),
    [
        ({}, {"emptyDir": {}}),
        ({"secret": {"secretName": "s"}}, {"secret": {"secretName": "s", "defaultMode": 420}}),
        ({"configMap": {"name": "c", "defaultMode": 0}}, {"configMap": {"name": "c", "defaultMode": 0}}),
        ({"hostPath": {"path": "/x"}}, {"hostPath": {"path": "/x", "type": ""}}),
        (
            {"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
            {
                "projected": {
                    "sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 3600}}],
                    "defaultMode": 420,
                }
            },
        ),
        (
            {"rbd": {"monitors": ["m"], "image": "i"}},
            {"rbd": {"monitors": ["m"], "image": "i", "pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"}},
        ),
        ({"emptyDir": {"sizeLimit": "1024Ki"}}, {"emptyDir": {"sizeLimit": "1Mi"}}),
    ],
    ids=["none", "secret", "configMap", "hostPath", "projected", "rbd", "emptyDir"],
)
def test_defaults_of_volumes(volume: JSON, expected: JSON) -> None:
    obj = a_pod(volumes=[{"name": "v", **volume}])
    assert obj["spec"]["volumes"] == [{"name": "v", **expected}]


def test_defaulting_twice_changes_nothing() -> None:
    obj = a_pod({"readinessProbe": {"exec": {"command": ["true"]}}}, volumes=[{"name": "v"}])
    again = objects.copy(obj)
    pod.default(again)
    assert again == obj


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ({"name": ""}, "spec.containers[0].name: Required value"),
        ({"image": ""}, "spec.containers[0].image: Required value"),
        (
            {"image": " a"},
            'spec.containers[0].image: Invalid value: " a": must not have leading or trailing whitespace',
        ),
        (
            {"ports": [{"containerPort": 70000, "protocol": "TCP"}]},
            "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
        ),
        (
            {"volumeMounts": [{"name": "v", "mountPath": "/x"}]},
            'spec.containers[0].volumeMounts[0].name: Not found: "v"',
        ),
        (
            {"resources": {"requests": {"example.com/gpu": "1"}}},
            "spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources",
        ),
        (
            {"resources": {"limits": {"hugepages-2Mi": "4Mi"}}},
            "spec.containers[0].resources: Forbidden: HugePages require cpu or memory",
        ),
        (
            {"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}},
            'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
        ),
        (
            {"livenessProbe": {"tcpSocket": {"port": 80}, "successThreshold": 2}},
            "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1",
        ),
        ({"readinessProbe": {}}, "spec.containers[0].readinessProbe: Required value: must specify a handler type"),
        (
            {"readinessProbe": {"exec": {"command": ["x"]}, "tcpSocket": {"port": 80}}},
            "spec.containers[0].readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type",
        ),
        (
            {"imagePullPolicy": "Often"},
            'spec.containers[0].imagePullPolicy: Unsupported value: "Often": supported values: "Always", '
            '"IfNotPresent", "Never"',
        ),
        ({"env": [{"name": ""}]}, "spec.containers[0].env[0].name: Required value"),
        (
            {"env": [{"name": "A", "value": "x", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]},
            'spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
        ),
        (
            {"restartPolicy": "Always"},
            "spec.containers[0].restartPolicy: Forbidden: may not be set for non-init containers",
        ),
    ],
)
def test_errors_of_containers(container: JSON, expected: str) -> None:
    assert messages(a_pod(container)) == [expected]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"containers": []}, "spec.containers: Required value"),
        (
            {"containers": [{"name": "a", "image": "x"}, {"name": "a", "image": "x"}]},
            'spec.containers[1].name: Duplicate value: "a"',
        ),
        (
            {"restartPolicy": "Sometimes"},
            'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
        ),
        ({"volumes": [{"name": "v"}, {"name": "v"}]}, 'spec.volumes[1].name: Duplicate value: "v"'),
        (
            {"volumes": [{"name": "v", "emptyDir": {}, "hostPath": {"path": "/x"}}]},
            "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type",
        ),
        ({"volumes": [{"name": "v", "secret": {}}]}, "spec.volumes[0].secret.secretName: Required value"),
        (
            {"initContainers": [{"name": "i", "image": "x", "readinessProbe": {"exec": {"command": ["x"]}}}]},
            "spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without "
            "restartPolicy=Always",
        ),
        (
            {"tolerations": [{"key": "a", "operator": "Exists", "effect": "NoSchedule", "tolerationSeconds": 3}]},
            "spec.tolerations[0].effect: Invalid value: \"NoSchedule\": effect must be 'NoExecute' when "
            "`tolerationSeconds` is set",
        ),
        (
            {"activeDeadlineSeconds": 0},
            "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
        ),
        (
            {"topologySpreadConstraints": [{"maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}]},
            "spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty",
        ),
        (
            {
                "affinity": {
                    "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"labelSelector": {}}]}
                }
            },
            "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: "
            "Required value: can not be empty",
        ),
    ],
)
def test_errors_of_pods(spec: JSON, expected: str) -> None:
    assert messages(a_pod(**spec)) == [expected]


def test_sidecars_may_have_probes() -> None:
    sidecar = {"name": "s", "image": "x", "restartPolicy": "Always", "readinessProbe": {"exec": {"command": ["x"]}}}
    assert messages(a_pod(initContainers=[sidecar])) == []


def updated(change: Any) -> list[str]:
    old = a_pod(tolerations=[{"key": "a", "operator": "Exists"}], activeDeadlineSeconds=60)
    new = objects.copy(old)
    change(new["spec"])
    return [str(error) for error in pod.validate_update(new, old)]


@pytest.mark.parametrize(
    "change",
    [
        lambda spec: spec["containers"][0].update(image="a:2"),
        lambda spec: spec["tolerations"].append({"key": "b", "operator": "Exists"}),
        lambda spec: spec.update(activeDeadlineSeconds=30),
        lambda spec: None,
    ],
    ids=["image", "another toleration", "shorter deadline", "nothing"],
)
def test_what_may_change_in_a_pod(change: Any) -> None:
    assert updated(change) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda spec: spec.update(nodeName="n"), "spec: Forbidden: pod updates may not change fields other than"),
        (lambda spec: spec["containers"][0].update(command=["x"]), "spec: Forbidden: pod updates may not change"),
        (
            lambda spec: spec["containers"].append({"name": "b", "image": "x"}),
            "spec.containers: Forbidden: pod updates may",
        ),
        (
            lambda spec: spec.update(tolerations=[]),
            "spec.tolerations: Forbidden: existing toleration can not be modified",
        ),
        (
            lambda spec: spec.update(activeDeadlineSeconds=90),
            "spec.activeDeadlineSeconds: Invalid value: 90: must be less",
        ),
    ],
)
def test_what_may_not_change_in_a_pod(change: Any, expected: str) -> None:
    (error,) = updated(change)
    assert error.startswith(expected)


@pytest.mark.parametrize(
    ("quantities", "expected"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}, "Burstable"),
        ({"limits": {"cpu": "1"}}, "Burstable"),
        ({"requests": {"cpu": "0"}}, "BestEffort"),
    ],
)
def test_quality_of_service(quantities: JSON, expected: str) -> None:
    assert resources.qos_class(a_pod({"resources": quantities})["spec"]) == expected


def test_a_new_pod_is_pending_whatever_it_says() -> None:
    obj = {**a_pod(), "status": {"phase": "Running"}}
    pod.prepare_for_create(obj)
    assert obj["status"] == {"phase": "Pending", "qosClass": "BestEffort"}


def test_a_gated_pod_says_so_from_the_start() -> None:
    obj = a_pod(schedulingGates=[{"name": "x.y/z"}])
    pod.prepare_for_create(obj)
    (condition,) = obj["status"]["conditions"]
    assert (condition["type"], condition["status"], condition["reason"]) == ("PodScheduled", "False", "SchedulingGated")


def test_a_container_that_ended_for_good_stays_ended() -> None:
    old = a_pod(restartPolicy="Never")
    old["status"] = {"containerStatuses": [{"name": "a", "state": {"terminated": {"exitCode": 0}}}]}
    new = objects.copy(old)
    new["status"]["containerStatuses"][0]["state"] = {"running": {}}
    (error,) = pod.validate_status_update(new, old)
    assert str(error) == "status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state"


def test_label_keys_of_affinity_become_requirements_of_its_selectors() -> None:
    term = {
        "topologyKey": "zone",
        "labelSelector": {"matchLabels": {"app": "web"}},
        "matchLabelKeys": ["hash", "absent"],
        "mismatchLabelKeys": ["team"],
    }
    weighted = [{"weight": 1, "podAffinityTerm": term}]
    made = a_pod(affinity={"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": weighted}})
    made["metadata"]["labels"] = {"hash": "1", "team": "blue"}
    pod.prepare_for_create(made)
    assert term["labelSelector"] == {
        "matchLabels": {"app": "web"},
        "matchExpressions": [
            {"key": "hash", "operator": "In", "values": ["1"]},
            {"key": "team", "operator": "NotIn", "values": ["blue"]},
        ],
    }
