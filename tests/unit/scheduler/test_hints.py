"""What is worth another try of a Pod that fits nowhere: in 1.32 what may help it, in 1.20 nearly everything."""

from typing import Any

import pytest

from seatrial.api.registry import (
    CSI_NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    STORAGE_CLASSES,
    VOLUME_ATTACHMENTS,
)
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.scheduler import hints
from seatrial.scheduler.hints import Hint
from seatrial.scheduler.snapshot import PodInfo
from unit.scheduler.builders import DB, PORT, TAINT, WEB, ZONE, apart, even, node, pod, term, together
from unit.scheduler.storage import claim, using, volume


def is_worth(hint: Hint | None, waiting: JSON, rejected_by: str) -> bool:
    if hint is None or (hint.filters is not None and rejected_by not in hint.filters):
        return False
    return hint.worth(PodInfo(waiting), rejected_by)


BIG = pod("w", cpu="6")
TOLERANT = pod("w", tolerations=[{"key": "dedicated", "operator": "Exists"}])
PICKY = pod("w", nodeSelector={"disk": "ssd"})
HEARTBEAT = {**node("a"), "status": {**node("a")["status"], "conditions": [{"type": "Ready"}]}}


@pytest.mark.parametrize(
    ("old", "new", "waiting", "rejected_by", "worth"),
    [
        pytest.param(node("a"), HEARTBEAT, BIG, "NodeResourcesFit", False, id="a heartbeat"),
        pytest.param(node("a"), node("a", cpu="8"), BIG, "NodeResourcesFit", True, id="room enough"),
        pytest.param(node("a"), node("a", cpu="5"), BIG, "NodeResourcesFit", False, id="still too little room"),
        pytest.param(None, node("a", cpu="8"), BIG, "NodeResourcesFit", True, id="a node that is large enough"),
        pytest.param(None, node("a", cpu="2"), BIG, "NodeResourcesFit", False, id="a node that is too small"),
        pytest.param(node("a", unschedulable=True), node("a"), BIG, "NodeUnschedulable", True, id="uncordoned"),
        pytest.param(node("a"), node("a", unschedulable=True), BIG, "NodeUnschedulable", False, id="cordoned"),
        pytest.param(node("a", taints=[TAINT]), node("a"), BIG, "TaintToleration", True, id="a taint gone"),
        pytest.param(
            node("a", taints=[{**TAINT, "key": "other"}]),
            node("a", taints=[TAINT]),
            TOLERANT,
            "TaintToleration",
            True,
            id="a taint that it tolerates instead",
        ),
        pytest.param(node("a"), node("a", labels={"disk": "ssd"}), PICKY, "NodeAffinity", True, id="the label"),
        pytest.param(node("a"), node("a", labels={"x": "y"}), PICKY, "NodeAffinity", False, id="another label"),
        pytest.param(
            node("a"),
            node("a", labels={ZONE: "1"}),
            pod("w", topologySpreadConstraints=[even(ZONE)]),
            "PodTopologySpread",
            True,
            id="a new domain",
        ),
    ],
)
def test_nodes(old: JSON | None, new: JSON, waiting: JSON, rejected_by: str, worth: bool) -> None:
    assert is_worth(hints.BY_PLUGIN.node_changed(old, new), waiting, rejected_by) is worth


@pytest.mark.parametrize(
    ("gone", "waiting", "rejected_by", "worth"),
    [
        pytest.param(pod("g", cpu="1"), BIG, "NodeResourcesFit", True, id="room"),
        pytest.param(pod("g", containers=PORT), pod("w", containers=PORT), "NodePorts", True, id="its port"),
        pytest.param(pod("g"), pod("w", containers=PORT), "NodePorts", False, id="no port of interest"),
        pytest.param(
            pod("g", labels=WEB), pod("w", affinity=apart(term(WEB))), "InterPodAffinity", True, id="kept apart from it"
        ),
        pytest.param(
            pod("g", affinity=apart(term(WEB))), pod("w", labels=WEB), "InterPodAffinity", True, id="it kept others off"
        ),
        pytest.param(
            pod("g", labels=DB), pod("w", affinity=apart(term(WEB))), "InterPodAffinity", False, id="somebody else"
        ),
        pytest.param(
            pod("g", labels=WEB), pod("w", topologySpreadConstraints=[even()]), "PodTopologySpread", True, id="spread"
        ),
        pytest.param(pod("g"), PICKY, "NodeAffinity", False, id="a Pod doesn't change labels"),
        pytest.param(using("g", "data"), using("w", "data"), "VolumeRestrictions", True, id="its claim"),
        pytest.param(using("g", "other"), using("w", "data"), "VolumeRestrictions", False, id="another claim"),
        pytest.param(using("g", "other"), using("w", "data"), "NodeVolumeLimits", True, id="one volume less"),
        pytest.param(pod("g"), using("w", "data"), "NodeVolumeLimits", False, id="no volumes"),
        pytest.param(
            using("g", "data"), using("w", "data"), "VolumeBinding", False, id="its claim is as bound as before"
        ),
    ],
)
def test_pods_that_go(gone: JSON, waiting: JSON, rejected_by: str, worth: bool) -> None:
    assert is_worth(hints.BY_PLUGIN.pod_gone(gone), waiting, rejected_by) is worth
    assert is_worth(hints.ANYTHING.pod_gone(gone), waiting, rejected_by)


@pytest.mark.parametrize(
    ("old", "came", "waiting", "rejected_by", "worth", "worth_once"),
    [
        pytest.param(
            None, pod("c", labels=WEB), pod("w", affinity=together(term(WEB))), "InterPodAffinity", True, True,
            id="company",
        ),
        pytest.param(
            pod("c"), pod("c"), pod("w", affinity=together(term(WEB))), "InterPodAffinity", False, False,
            id="its status only",
        ),
        pytest.param(
            None, pod("c", labels=WEB), pod("w", topologySpreadConstraints=[even()]), "PodTopologySpread", True, False,
            id="the emptiest domain has one more",
        ),
        pytest.param(None, pod("c"), BIG, "NodeResourcesFit", False, False, id="takes room"),
    ],
)  # fmt: skip
def test_pods_that_come(
    old: JSON | None, came: JSON, waiting: Any, rejected_by: str, worth: bool, worth_once: bool
) -> None:
    assert is_worth(hints.BY_PLUGIN.pod_came(old, came), waiting, rejected_by) is worth
    assert is_worth(hints.ANYTHING.pod_came(old, came), waiting, rejected_by) is worth_once


LATER = {"metadata": {"name": "later"}, "volumeBindingMode": "WaitForFirstConsumer"}
DRIVERS = {"metadata": {"name": "a"}, "spec": {"drivers": [{"name": "x.io", "nodeID": "a"}]}}


@pytest.mark.parametrize(
    ("kind", "old", "new", "rejected_by", "worth"),
    [
        pytest.param(
            PERSISTENT_VOLUME_CLAIMS, None, claim("data"), "VolumeRestrictions", True, id="its claim is there"
        ),
        pytest.param(PERSISTENT_VOLUME_CLAIMS, claim("data"), claim("data", "v"), "VolumeBinding", True, id="bound"),
        pytest.param(PERSISTENT_VOLUME_CLAIMS, None, claim("other"), "VolumeBinding", False, id="another claim"),
        pytest.param(PERSISTENT_VOLUME_CLAIMS, claim("data"), None, "VolumeBinding", False, id="gone"),
        pytest.param(PERSISTENT_VOLUMES, volume("v"), volume("v"), "VolumeBinding", True, id="any volume"),
        pytest.param(PERSISTENT_VOLUMES, volume("v"), volume("v"), "VolumeZone", False, id="in the zone where it was"),
        pytest.param(PERSISTENT_VOLUMES, volume("v"), volume("v", labels={ZONE: "2"}), "VolumeZone", True, id="moved"),
        pytest.param(STORAGE_CLASSES, None, LATER, "VolumeZone", True, id="a class that waits"),
        pytest.param(STORAGE_CLASSES, LATER, LATER, "VolumeBinding", False, id="a class as it was"),
        pytest.param(CSI_NODES, None, DRIVERS, "NodeVolumeLimits", True, id="drivers of a node"),
        pytest.param(CSI_NODES, DRIVERS, DRIVERS, "NodeVolumeLimits", False, id="drivers as they were"),
        pytest.param(VOLUME_ATTACHMENTS, {}, None, "NodeVolumeLimits", True, id="detached"),
        pytest.param(VOLUME_ATTACHMENTS, None, {}, "NodeVolumeLimits", False, id="attached"),
    ],
)
def test_storage(kind: Resource, old: JSON | None, new: JSON | None, rejected_by: str, worth: bool) -> None:
    waiting = using("w", "data")
    assert is_worth(hints.BY_PLUGIN.storage_changed(kind, old, new), waiting, rejected_by) is worth


def test_a_domain_that_goes_may_have_been_the_emptiest() -> None:
    waiting = pod("w", topologySpreadConstraints=[even(ZONE)])
    assert is_worth(hints.BY_PLUGIN.node_gone(node("a", labels={ZONE: "1"})), waiting, "PodTopologySpread")
    assert not is_worth(hints.BY_PLUGIN.node_gone(node("a")), waiting, "PodTopologySpread")
