"""ReplicaSets and ReplicationControllers: how many Pods, which ones, and what the status tells."""

from typing import Any

import pytest

from seatrial.api.registry import DEPLOYMENTS, PODS, REPLICA_SETS, REPLICATION_CONTROLLERS
from seatrial.api.resource import Resource
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.controllers import replica_set, replicas, replication_controller
from seatrial.machinery import conditions, objects, status
from seatrial.reconcile.decision import NOTHING, Batch, Create, Delete, Event, Patch
from unit.controllers.simulated_world import NAMESPACE, START, Kubelet, World, finished

KEY = (NAMESPACE, "web")
NEVER_READY = Kubelet(ready=None)


def a_replica_set(replicas: int = 3, **spec: Any) -> JSON:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "app", "image": "app:1"}]}}
    return {
        "metadata": {"name": "web"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template, **spec},
    }


def a_pod(name: str, labels: dict[str, str] | None = None, **metadata: Any) -> JSON:
    spec = {"containers": [{"name": "app", "image": "app:1"}]}
    return {"metadata": {"name": name, "labels": labels or {"app": "web"}, **metadata}, "spec": spec}


def view_of(world: World) -> replicas.View:
    view = finished(replica_set.gather(KEY, world))
    assert view is not None
    return view


def test_missing_pods_are_created_slowly_at_first_and_at_most_500_at_once() -> None:
    world = World()
    world.create(REPLICA_SETS, a_replica_set(700))
    (batch,) = replica_set.decide(view_of(world), START).actions
    assert isinstance(batch, Batch)
    assert batch.slow_start
    assert len(batch.actions) == 500


def test_a_pod_is_made_of_the_template() -> None:
    world = World()
    owner = world.create(REPLICA_SETS, a_replica_set(1))
    (batch,) = replica_set.decide(view_of(world), START).actions
    assert isinstance(batch, Batch)
    (create,) = batch.actions
    assert isinstance(create, Create)
    assert create.object["metadata"] == {
        "generateName": "web-",
        "namespace": NAMESPACE,
        "labels": {"app": "web"},
        "ownerReferences": [
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "name": "web",
                "uid": objects.uid(owner),
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }


@pytest.mark.parametrize("resource", [REPLICA_SETS, REPLICATION_CONTROLLERS], ids=lambda resource: resource.kind)
def test_creations_are_told_as_events(resource: Resource) -> None:
    world = World()
    obj = a_replica_set(2)
    if resource is REPLICATION_CONTROLLERS:
        obj["spec"]["selector"] = {"app": "web"}
    world.create(resource, obj)
    world.settle()
    assert [reason for reason, _ in world.events] == ["SuccessfulCreate"] * 2
    assert world.events[0][1] == f"Created pod: {sorted(objects.name(pod) for pod in world.pods())[0]}"


def test_nothing_is_done_twice() -> None:
    world = World()
    world.create(REPLICA_SETS, a_replica_set())
    world.run(20)
    assert world.the(REPLICA_SETS, "web")["status"] == {
        "replicas": 3,
        "fullyLabeledReplicas": 3,
        "readyReplicas": 3,
        "availableReplicas": 3,
        "observedGeneration": 1,
    }
    assert replica_set.decide(view_of(world), world.now).actions == ()
    assert replica_set.decide(view_of(world), world.now).status is None


def test_surplus_pods_are_deleted_the_unready_first() -> None:
    world = World()
    world.create(REPLICA_SETS, a_replica_set())
    world.run(20)
    victim = world.pods()[1]
    world.set_ready(objects.key(victim), objects.uid(victim), ready=False)
    world.change(REPLICA_SETS, "web", lambda obj: obj["spec"].update(replicas=2))
    world.settle()
    assert world.events[-1] == ("SuccessfulDelete", f"Deleted pod: {objects.name(victim)}")
    assert len(world.pods()) == 2


def test_a_deleted_pod_is_replaced_before_it_is_gone() -> None:
    world = World()
    world.create(REPLICA_SETS, a_replica_set())
    world.run(20)
    world.delete(PODS, objects.key(world.pods()[0]))
    world.settle()
    assert len(world.pods()) == 3
    assert len(world.list(PODS)) == 4


def test_orphans_are_adopted_and_strangers_left_alone() -> None:
    world = World()
    world.create(PODS, a_pod("mine"))
    world.create(PODS, a_pod("other", {"app": "db"}))
    owner = world.create(REPLICA_SETS, a_replica_set(1))
    world.settle()
    assert objects.is_controlled_by(world.the(PODS, "mine"), owner)
    assert objects.controller_of(world.the(PODS, "other")) is None
    assert len(world.list(PODS)) == 2


def test_a_relabelled_pod_is_released_and_replaced() -> None:
    world = World()
    world.create(REPLICA_SETS, a_replica_set(1))
    world.run(20)
    name = objects.name(world.pods()[0])
    world.change(PODS, name, lambda pod: pod["metadata"].update(labels={"app": "gone"}))
    world.settle()
    assert objects.controller_of(world.the(PODS, name)) is None
    assert len(world.owned_by(PODS, objects.uid(world.the(REPLICA_SETS, "web")))) == 1


def test_a_namesake_of_the_owner_does_not_adopt() -> None:
    class Recreated(World):
        async def live(self, resource: Any, key: Any) -> JSON | None:
            return objects.with_metadata(self.the(REPLICA_SETS, "web"), uid="another")

    world = Recreated()
    world.create(PODS, a_pod("mine"))
    world.create(REPLICA_SETS, a_replica_set(1))
    assert finished(replica_set.gather(KEY, world)) is None


def test_an_owner_that_is_being_deleted_manages_nothing() -> None:
    world = World()
    world.create(PODS, a_pod("orphan"))
    world.create(REPLICA_SETS, a_replica_set(3))
    leaving = objects.with_metadata(world.the(REPLICA_SETS, "web"), deletionTimestamp="2026-01-01T00:00:00Z")
    world.stored["replicasets"][KEY] = leaving
    assert replica_set.decide(view_of(world), START).actions == ()


def quota_refuses(resource: Resource, obj: JSON) -> StatusError | None:
    return status.forbidden(resource, "", "exceeded quota") if resource is PODS else None


def test_a_failure_becomes_a_condition_until_it_is_mended() -> None:
    world = World(refuse=quota_refuses)
    world.create(REPLICA_SETS, a_replica_set(2))
    world.settle()
    failure = conditions.find(world.the(REPLICA_SETS, "web"), "ReplicaFailure")
    assert failure is not None
    assert (failure["status"], failure["reason"]) == ("True", "FailedCreate")
    assert failure["message"].startswith("pods ")
    assert world.events[0] == ("FailedCreate", f"Error creating: {failure['message']}")
    world.refuse = lambda resource, obj: None
    world.run(20)
    assert conditions.find(world.the(REPLICA_SETS, "web"), "ReplicaFailure") is None
    assert world.the(REPLICA_SETS, "web")["status"]["readyReplicas"] == 2


def test_a_failing_adoption_is_no_failure_to_create() -> None:
    world = World()
    world.create(PODS, a_pod("mine"))
    world.create(REPLICA_SETS, a_replica_set(2))
    decision = replica_set.decide(view_of(world), START)
    assert isinstance(decision.actions[0], Patch)
    assert decision.after_failure is not None
    assert decision.after_failure(status.conflict(PODS, "mine", "changed")) is NOTHING


def available_after(world: World) -> float:
    began = world.now
    while (world.the(REPLICA_SETS, "web")["status"].get("availableReplicas") or 0) < 2:
        assert world.advance()
    return world.now - began


def test_availability_is_seen_min_ready_seconds_after_all_pods_are_ready() -> None:
    world = World(lambda image: Kubelet(start=1, ready=2))
    world.create(REPLICA_SETS, a_replica_set(2, minReadySeconds=5))
    world.settle()
    assert available_after(world) == pytest.approx(8)


def test_a_look_on_a_whole_second_is_followed_by_one_just_after_it() -> None:
    world = World(lambda image: Kubelet(start=1, ready=2), now=1_700_000_000.0)
    world.create(REPLICA_SETS, a_replica_set(2, minReadySeconds=5))
    world.settle()
    assert available_after(world) == pytest.approx(8, abs=0.01)


def test_with_pods_still_unready_it_takes_a_second_longer() -> None:
    world = World(lambda image: NEVER_READY)
    world.create(REPLICA_SETS, a_replica_set(3, minReadySeconds=5))
    world.run(2)
    for pod in world.pods()[:2]:
        world.set_ready(objects.key(pod), objects.uid(pod))
    world.settle()
    assert available_after(world) == pytest.approx(6)


def test_raising_min_ready_seconds_takes_availability_back() -> None:
    world = World()
    world.create(REPLICA_SETS, a_replica_set())
    world.run(10)
    world.change(REPLICA_SETS, "web", lambda obj: obj["spec"].update(minReadySeconds=60))
    world.settle()
    assert "availableReplicas" not in world.the(REPLICA_SETS, "web")["status"]
    world.run(61)
    assert world.the(REPLICA_SETS, "web")["status"]["availableReplicas"] == 3


def test_doubled_up_pods_are_counted_over_all_siblings() -> None:
    world = World()
    parent = world.create(DEPLOYMENTS, {**_deployment(), "metadata": {"name": "parent"}})
    owner = objects.owner_reference(parent, DEPLOYMENTS)
    obj = a_replica_set(3)
    obj["metadata"]["ownerReferences"] = [owner]
    world.create(REPLICA_SETS, obj)
    world.queues["deployment"].clear()
    for key in list(world.queues["replicaset"]):
        world.look(replica_set.CONTROLLER, key)
    world.change(REPLICA_SETS, "web", lambda each: each["spec"].update(replicas=1))
    assert sum(view_of(world).related_per_node.values()) == 3


def _deployment() -> JSON:
    template = {"metadata": {"labels": {"app": "p"}}, "spec": {"containers": [{"name": "a", "image": "a:1"}]}}
    return {"spec": {"replicas": 0, "selector": {"matchLabels": {"app": "p"}}, "template": template}}


def test_deletions_name_the_pod_and_its_uid() -> None:
    world = World()
    world.create(REPLICA_SETS, a_replica_set(1))
    world.run(5)
    world.change(REPLICA_SETS, "web", lambda obj: obj["spec"].update(replicas=0))
    (batch,) = replica_set.decide(view_of(world), world.now).actions
    assert isinstance(batch, Batch)
    (delete,) = batch.actions
    assert isinstance(delete, Delete)
    (pod,) = world.pods()
    assert (delete.key, delete.uid) == (objects.key(pod), objects.uid(pod))
    assert delete.on_failure is not None
    told = delete.on_failure(status.forbidden(PODS, "x", "no"))
    assert isinstance(told, Event)
    assert told.reason == "FailedDelete"


def test_a_pod_wakes_only_its_owner() -> None:
    world = World()
    world.create(REPLICA_SETS, a_replica_set(1))
    world.settle()
    (pod,) = world.pods()
    assert replicas.owners_to_wake(replica_set.ADAPTER, None, pod, world) == [KEY]
    assert replicas.owners_to_wake(replication_controller.ADAPTER, None, pod, world) == []


def test_changes_that_alter_nothing_wake_nobody() -> None:
    world = World()
    world.create(REPLICA_SETS, a_replica_set(1))
    world.settle()
    (pod,) = world.pods()
    moved = objects.with_status(pod, {**pod["status"], "hostIP": "10.0.0.1"})
    assert replicas.owners_to_wake(replica_set.ADAPTER, pod, moved, world) == []
    ended = objects.with_status(pod, {**pod["status"], "phase": "Failed"})
    assert replicas.owners_to_wake(replica_set.ADAPTER, pod, ended, world) == [KEY]


def test_pods_are_looked_at_anew_only_when_they_changed() -> None:
    world = World()
    world.create(REPLICA_SETS, a_replica_set(2))
    world.run(20)
    before, again = view_of(world).claimed, view_of(world).claimed
    assert all(one is other for one, other in zip(before, again, strict=True))
    changed = world.pods()[0]
    world.set_ready(objects.key(changed), objects.uid(changed), ready=False)
    assert [each.ready for each in view_of(world).claimed] == [False, True]
    world.change(REPLICA_SETS, "web", lambda obj: obj["spec"]["template"]["metadata"]["labels"].update(more="x"))
    assert [each.labelled for each in view_of(world).claimed] == [False, False]
