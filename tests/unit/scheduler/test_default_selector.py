"""Pods that say nothing of spreading are spread with those that their Services and their controller select."""

import pytest

from seatrial.api.registry import REPLICA_SETS, REPLICATION_CONTROLLERS, SERVICES, STATEFUL_SETS
from seatrial.base.types import JSON
from seatrial.machinery.gvk import ResourceRef
from seatrial.scheduler import default_selector
from unit.scheduler.builders import pod
from unit.scheduler.storage import Storage

WEB = {"app": "web", "tier": "front"}


def owned(kind: str, name: str = "web") -> JSON:
    made = pod("web-0", labels=WEB)
    made["metadata"]["ownerReferences"] = [{"kind": kind, "name": name, "uid": "u", "controller": True}]
    return made


def named(**spec: JSON) -> JSON:
    return {"metadata": {"name": "web", "namespace": "ns"}, "spec": spec}


SERVICE = named(selector={"tier": "front"})
LABELS = {"matchLabels": {"app": "web"}}


@pytest.mark.parametrize(
    ("kind", "resource", "selector"),
    [
        ("ReplicaSet", REPLICA_SETS, LABELS),
        ("StatefulSet", STATEFUL_SETS, LABELS),
        ("ReplicationController", REPLICATION_CONTROLLERS, {"app": "web"}),
    ],
)
def test_a_service_and_a_controller_are_taken_together(kind: str, resource: ResourceRef, selector: JSON) -> None:
    others = Storage({SERVICES: [SERVICE], resource: [named(selector=selector)]})
    assert str(default_selector.of(owned(kind), others)) == "app=web,tier=front"
    alone = Storage({resource: [named(selector=selector)]})
    assert str(default_selector.of(owned(kind), alone)) == "app=web"


def test_nothing_selects_a_pod_of_nobody() -> None:
    others = Storage({SERVICES: [named(selector={"app": "db"}), named()]})
    assert default_selector.of(pod("web-0", labels=WEB), others) is None
    assert default_selector.of(owned("DaemonSet"), others) is None
    assert default_selector.of(owned("ReplicaSet", name="gone"), others) is None
