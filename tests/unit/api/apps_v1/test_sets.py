"""StatefulSets, DaemonSets and ControllerRevisions: defaults, what is refused, what may change, columns."""

from typing import Any

import pytest

from seatrial.api.apps_v1 import controller_revision, daemon_set, stateful_set
from seatrial.api.registry import CONTROLLER_REVISIONS, DAEMON_SETS, STATEFUL_SETS
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import objects

NOW = 1_735_689_600.0


def a(resource: Resource, **spec: Any) -> JSON:
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "c", "image": "app:1"}]}}
    made: JSON = {
        "apiVersion": "apps/v1",
        "kind": resource.kind,
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "x"}}, "template": template, **spec},
    }
    resource.default(made)
    return made


def errors(resource: Resource, **spec: Any) -> list[str]:
    return [str(error) for error in resource.validate(a(resource, **spec))]


def test_a_stateful_set_is_defaulted() -> None:
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    spec = a(STATEFUL_SETS, volumeClaimTemplates=[claim])["spec"]
    assert spec["podManagementPolicy"] == "OrderedReady"
    assert spec["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    assert (spec["replicas"], spec["revisionHistoryLimit"]) == (1, 10)
    (defaulted,) = spec["volumeClaimTemplates"]
    assert (defaulted["kind"], defaulted["spec"]["volumeMode"]) == ("PersistentVolumeClaim", "Filesystem")
    assert defaulted["status"] == {"phase": "Pending"}


def test_a_template_that_only_limits_a_device_is_taken_as_its_pods_will_request_it() -> None:
    container = {"name": "c", "image": "app:1", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [container]}}
    assert errors(STATEFUL_SETS, template=template) == []


def test_containers_of_a_stateful_set_mount_the_claims_that_its_templates_make() -> None:
    mounts = [{"name": "data", "mountPath": "/data"}]
    template = {
        "metadata": {"labels": {"app": "x"}},
        "spec": {"containers": [{"name": "c", "image": "app:1", "volumeMounts": mounts}]},
    }
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    assert errors(STATEFUL_SETS, template=template, volumeClaimTemplates=[claim]) == []


def test_a_daemon_set_is_defaulted() -> None:
    spec = a(DAEMON_SETS)["spec"]
    rolling = {"maxUnavailable": 1, "maxSurge": 0}
    assert spec["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": rolling}
    assert spec["revisionHistoryLimit"] == 10


@pytest.mark.parametrize("resource", [STATEFUL_SETS, DAEMON_SETS], ids=lambda each: each.plural)
def test_the_defaults_are_good_and_stay_the_same(resource: Resource) -> None:
    made = a(resource)
    assert not resource.validate(made)
    again = objects.copy(made)
    resource.default(again)
    assert again == made


ONLY_ROLLING = "only allowed for updateStrategy 'RollingUpdate'"
FEW = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0}}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"podManagementPolicy": "X"}, "must be 'OrderedReady' or 'Parallel'"),
        ({"replicas": -1}, "spec.replicas: Invalid value: -1: must be greater than or equal to 0"),
        ({"ordinals": {"start": -1}}, "spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0"),
        ({"updateStrategy": FEW}, "spec.updateStrategy.rollingUpdate.maxUnavailable: "
         'Invalid value: intstr.IntOrString{Type:0, IntVal:0, StrVal:""}: cannot be 0'),
        ({"updateStrategy": {"type": "OnDelete", "rollingUpdate": {"partition": 1}}}, ONLY_ROLLING),
        ({"selector": {}}, "empty selector is invalid for statefulset"),
        ({"selector": {"matchLabels": {"app": "y"}}}, "`selector` does not match template `labels`"),
        ({"persistentVolumeClaimRetentionPolicy": {"whenScaled": "X"}},
         "spec.persistentVolumeClaimRetentionPolicy.whenScaled: Unsupported value: \"X\": "
         'supported values: "Retain", "Delete"'),
    ],
    ids=["policy", "replicas", "start", "none-unavailable", "on-delete", "empty-selector", "labels", "retention"],
)  # fmt: skip
def test_a_stateful_set_is_refused(spec: JSON, message: str) -> None:
    (found,) = errors(STATEFUL_SETS, **spec)
    assert message in found


@pytest.mark.parametrize(
    ("rolling", "message"),
    [
        ({"maxUnavailable": 1, "maxSurge": 1}, 'IntVal:1, StrVal:""}: may not be set when maxUnavailable is non-zero'),
        ({"maxUnavailable": 0, "maxSurge": 0}, "maxUnavailable: Required value: cannot be 0 when maxSurge is 0"),
        ({"maxUnavailable": "120%"}, "must not be greater than 100%"),
        ({"maxUnavailable": -1}, "must be greater than or equal to 0"),
    ],
    ids=["both", "neither", "percent", "negative"],
)
def test_a_daemon_set_is_refused(rolling: JSON, message: str) -> None:
    (found,) = errors(DAEMON_SETS, updateStrategy={"type": "RollingUpdate", "rollingUpdate": rolling})
    assert message in found


@pytest.mark.parametrize("resource", [STATEFUL_SETS, DAEMON_SETS], ids=lambda each: each.plural)
def test_their_pods_always_restart(resource: Resource) -> None:
    made = a(resource)
    made["spec"]["template"]["spec"] |= {"restartPolicy": "Never", "activeDeadlineSeconds": 5}
    path = "spec.template.spec"
    assert [str(error) for error in resource.validate(made)] == [
        f'{path}.restartPolicy: Unsupported value: "Never": supported values: "Always"',
        f"{path}.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in {resource.kind} is not Supported",
    ]


def test_what_may_change_of_a_stateful_set() -> None:
    old = a(STATEFUL_SETS)
    allowed = {"replicas": 5, "minReadySeconds": 3, "ordinals": {"start": 2}}
    assert not STATEFUL_SETS.validate_update({**old, "spec": {**old["spec"], **allowed}}, old)
    (error,) = STATEFUL_SETS.validate_update({**old, "spec": {**old["spec"], "serviceName": "other"}}, old)
    assert str(error) == (
        "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
        "'updateStrategy', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
    )


def test_the_template_generation_is_the_servers() -> None:
    old = a(DAEMON_SETS)
    daemon_set.prepare_for_create(old)
    assert daemon_set.template_generation(old) == 1
    same = objects.copy(old)
    same["metadata"]["annotations"] = {"deprecated.daemonset.template.generation": "17"}
    daemon_set.prepare_for_update(same, old)
    assert daemon_set.template_generation(same) == 1
    changed = objects.copy(old)
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = "app:2"
    daemon_set.prepare_for_update(changed, old)
    assert daemon_set.template_generation(changed) == 2


def test_statuses_must_add_up() -> None:
    status = {"replicas": 1, "readyReplicas": 2, "availableReplicas": 1}
    found = [str(error) for error in stateful_set.validate_status_update({"status": status}, {})]
    assert found == ["status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas"]
    found = [str(error) for error in daemon_set.validate_status_update({"status": {"numberReady": -1}}, {})]
    assert found == ["status.numberReady: Invalid value: -1: must be greater than or equal to 0"]


def test_a_revisions_data_stays() -> None:
    made: JSON = {"metadata": {"name": "web-1"}, "data": {"spec": {}}, "revision": 1}
    assert not controller_revision.validate(made)
    assert not CONTROLLER_REVISIONS.validate_update({**made, "revision": 2}, made)
    (error,) = CONTROLLER_REVISIONS.validate_update({**made, "data": {"spec": {"x": 1}}}, made)
    assert str(error).endswith("field is immutable")
    assert [str(each) for each in controller_revision.validate({"revision": -1})] == [
        "data: Required value: data is mandatory",
        "revision: Invalid value: -1: must be greater than or equal to 0",
    ]


def test_the_columns() -> None:
    made = a(STATEFUL_SETS)
    made["metadata"]["creationTimestamp"] = "2024-12-31T23:59:00Z"
    assert STATEFUL_SETS.row(made, NOW) == ("web", "0/1", "60s", "c", "app:1")
    daemons = {**a(DAEMON_SETS), "status": {"desiredNumberScheduled": 3, "numberReady": 2}}
    assert DAEMON_SETS.row(daemons, NOW)[:7] == ("web", 3, 0, 2, 0, 0, "<none>")
    reference = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "uid": "u", "controller": True}
    revision = {"metadata": {"name": "web-1", "ownerReferences": [reference]}, "revision": 4}
    assert CONTROLLER_REVISIONS.row(revision, NOW)[:3] == ("web-1", "statefulset.apps/web", 4)
    for resource in (STATEFUL_SETS, DAEMON_SETS, CONTROLLER_REVISIONS):
        assert len(resource.columns) == len(resource.row(a(STATEFUL_SETS), NOW))
