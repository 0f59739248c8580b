"""Nodes."""

import pytest

from seatrial.api.registry import NODES

INFO = {"kubeletVersion": "v1.32.0", "osImage": "Debian", "kernelVersion": "6.1", "containerRuntimeVersion": "p://1"}


@pytest.mark.parametrize(
    ("conditions", "unschedulable", "labels", "status", "roles"),
    [
        ([{"type": "Ready", "status": "True"}], False, {}, "Ready", "<none>"),
        ([{"type": "Ready", "status": "False"}], False, {}, "NotReady", "<none>"),
        ([{"type": "Ready", "status": "Unknown"}], True, {}, "NotReady,SchedulingDisabled", "<none>"),
        ([], False, {}, "Unknown", "<none>"),
        (
            [{"type": "Ready", "status": "True"}],
            True,
            {"node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/control-plane": "", "x": "y"},
            "Ready,SchedulingDisabled",
            "control-plane,worker",
        ),
        ([], False, {"kubernetes.io/role": "db", "node-role.kubernetes.io/": ""}, "Unknown", "db"),
    ],
)
def test_the_row_shows_status_and_roles(conditions, unschedulable, labels, status, roles):
    obj = {
        "metadata": {"name": "n1", "labels": labels, "creationTimestamp": "1970-01-01T00:00:00Z"},
        "spec": {"unschedulable": unschedulable},
        "status": {
            "conditions": conditions,
            "nodeInfo": INFO,
            "addresses": [{"type": "Hostname", "address": "n1"}, {"type": "InternalIP", "address": "10.0.0.1"}],
        },
    }
    cells = ["n1", status, roles, "60s", "v1.32.0", "10.0.0.1", "<none>", "Debian", "6.1", "p://1"]
    assert list(NODES.row(obj, 60)) == cells


def test_allocatable_defaults_to_the_capacity_in_canonical_amounts():
    obj = {"metadata": {"name": "n"}, "status": {"capacity": {"cpu": "2000m", "memory": "1024Mi"}}}
    NODES.default(obj)
    assert obj["status"]["allocatable"] == obj["status"]["capacity"] == {"cpu": "2", "memory": "1Gi"}


def test_taints_are_checked():
    taints = [{"key": "a", "effect": "NoSchedule"}, {"key": "a", "effect": "NoSchedule"}, {"key": "b", "effect": "Go"}]
    errors = NODES.validate({"spec": {"taints": [*taints, {"key": "c"}]}})
    assert [str(error) for error in errors] == [
        'spec.taints[1]: Duplicate value: core.Taint{Key:"a", Value:"", Effect:"NoSchedule", TimeAdded:<nil>}: '
        "taints must be unique by key and effect pair",
        'spec.taints[2].effect: Unsupported value: "Go": supported values: '
        '"NoSchedule", "PreferNoSchedule", "NoExecute"',
        "spec.taints[3].effect: Required value",
    ]


def test_addresses_of_pods_are_set_once():
    (error,) = NODES.validate_update({"spec": {"podCIDRs": ["10.1.0.0/24"]}}, {"spec": {"podCIDRs": ["10.0.0.0/24"]}})
    assert str(error) == 'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'
    assert NODES.validate_update({"spec": {"podCIDRs": ["10.1.0.0/24"]}}, {"spec": {}}) == []


def test_nodes_are_selected_by_whether_they_take_pods():
    assert NODES.selectable_fields({"spec": {"unschedulable": True}}) == {"spec.unschedulable": "true"}
    assert NODES.selectable_fields({"spec": {}}) == {"spec.unschedulable": "false"}
