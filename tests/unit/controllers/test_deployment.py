"""Deployments: what one look does, and what comes of many."""

from typing import Any

import pytest

from seatrial.api.registry import DEPLOYMENTS, PODS, REPLICA_SETS
from seatrial.api.resource import Resource
from seatrial.base.errors import StatusError, Terminal
from seatrial.base.types import JSON
from seatrial.controllers.deployment import controller
from seatrial.controllers.deployment.view import View
from seatrial.machinery import conditions, last_applied, objects, status
from seatrial.reconcile.decision import Create, Decision, Patch, Update
from seatrial.workloads import revisions, template_hash
from unit.controllers.simulated_world import (
    NAMESPACE,
    Interrupted,
    Kubelet,
    World,
    a_deployment,
    finished,
    set_image,
    set_spec,
)

KEY = (NAMESPACE, "web")
SEED_STRATEGY = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}
RECREATE = {"type": "Recreate"}


def a_world(**spec: Any) -> World:
    world = World()
    world.create(DEPLOYMENTS, a_deployment(**spec))
    world.run(60)
    world.events.clear()
    world.sizes.clear()
    return world


def the(world: World) -> JSON:
    return world.the(DEPLOYMENTS, "web")


def view_of(world: World) -> View:
    view = finished(controller.gather(KEY, world))
    assert view is not None
    return view


def look(world: World) -> Decision:
    return controller.decide(view_of(world), world.now)


def replica_sets(world: World) -> dict[int, JSON]:
    return {revisions.revision_of(each) or 0: each for each in world.list(REPLICA_SETS)}


def scaling(world: World) -> list[str]:
    names = {objects.name(each): f"rs{revision}" for revision, each in replica_sets(world).items()}
    told = [message for reason, message in world.events if reason == "ScalingReplicaSet"]
    for name, short in names.items():
        told = [message.replace(name, short) for message in told]
    return [message.removeprefix("Scaled ").replace("replica set ", "") for message in told]


def progressing(world: World) -> tuple[str, str, str]:
    condition = conditions.find(the(world), "Progressing")
    assert condition is not None
    return condition["status"], condition["reason"], condition["message"]


def test_a_new_deployment_gets_its_replica_set() -> None:
    world = World()
    world.create(DEPLOYMENTS, a_deployment(replicas=3))
    world.settle()
    (made,) = world.list(REPLICA_SETS)
    value = template_hash.compute(the(world)["spec"]["template"])
    assert objects.name(made) == f"web-{value}"
    assert objects.labels(made) == {"app": "web", "pod-template-hash": value}
    assert made["spec"]["selector"] == {"matchLabels": {"app": "web", "pod-template-hash": value}}
    assert objects.annotations(made) == {
        "deployment.kubernetes.io/desired-replicas": "3",
        "deployment.kubernetes.io/max-replicas": "4",
        "deployment.kubernetes.io/revision": "1",
    }
    assert world.events[0] == ("ScalingReplicaSet", f"Scaled up replica set web-{value} from 0 to 3")
    assert objects.annotations(the(world))["deployment.kubernetes.io/revision"] == "1"


def test_status_and_conditions_of_a_finished_roll() -> None:
    world = a_world(replicas=3)
    (made,) = world.list(REPLICA_SETS)
    found = the(world)["status"]
    counts = {name: value for name, value in found.items() if name != "conditions"}
    names = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    assert counts == {"observedGeneration": 1} | dict.fromkeys(names, 3)
    message = f'ReplicaSet "{objects.name(made)}" has successfully progressed.'
    assert progressing(world) == ("True", "NewReplicaSetAvailable", message)
    available = conditions.find(the(world), "Available")
    assert available is not None
    assert available["message"] == "Deployment has minimum availability."


def test_after_a_roll_there_is_nothing_to_do() -> None:
    world = a_world(replicas=3)
    decision = look(world)
    assert decision.actions == ()
    assert decision.status is None
    assert decision.requeue_after is None


def test_the_roll_of_the_worked_example() -> None:
    """4 replicas, surge 1, unavailable 1, minReadySeconds 10."""
    world = a_world(replicas=4, strategy=SEED_STRATEGY, minReadySeconds=10)
    world.change(DEPLOYMENTS, "web", set_image("app:2"))
    world.run(60)
    assert scaling(world) == [
        "up rs2 from 0 to 1",
        "down rs1 from 4 to 3",
        "up rs2 from 1 to 2",
        "down rs1 from 3 to 1",
        "up rs2 from 2 to 4",
        "down rs1 from 1 to 0",
    ]


def test_one_replica_with_surge_and_unavailability_swaps_at_once() -> None:
    world = a_world(replicas=1, strategy=SEED_STRATEGY)
    world.change(DEPLOYMENTS, "web", set_image("app:2"))
    world.settle()
    assert scaling(world) == ["up rs2 from 0 to 1", "down rs1 from 1 to 0"]


def test_recreate_waits_for_the_last_old_pod() -> None:
    world = a_world(replicas=3, strategy=RECREATE)
    world.change(DEPLOYMENTS, "web", set_image("app:2"))
    world.settle()
    assert scaling(world) == ["down rs1 from 3 to 0"]
    assert len(world.list(REPLICA_SETS)) == 1
    world.run(60)
    assert scaling(world) == ["down rs1 from 3 to 0", "up rs2 from 0 to 3"]
    assert the(world)["status"]["availableReplicas"] == 3


def test_a_label_or_an_empty_field_is_no_new_template() -> None:
    world = a_world(replicas=1)

    def touch(obj: JSON) -> None:
        obj["metadata"]["labels"] = {"x": "y"}
        obj["spec"]["template"]["spec"] |= {"nodeSelector": {}, "hostNetwork": False, "volumes": []}

    world.change(DEPLOYMENTS, "web", touch)
    world.run(30)
    assert len(world.list(REPLICA_SETS)) == 1


def test_annotations_are_copied_to_the_new_replica_set() -> None:
    world = a_world(replicas=1)

    def annotate(obj: JSON) -> None:
        obj["metadata"]["annotations"] |= {revisions.CHANGE_CAUSE: "why", last_applied.ANNOTATION: "{}"}

    world.change(DEPLOYMENTS, "web", annotate)
    world.settle()
    annotations = objects.annotations(replica_sets(world)[1])
    assert annotations[revisions.CHANGE_CAUSE] == "why"
    assert last_applied.ANNOTATION not in annotations


def test_going_back_gives_the_old_replica_set_a_new_number() -> None:
    world = a_world(replicas=2)
    for image in ("app:2", "app:1", "app:2"):
        world.change(DEPLOYMENTS, "web", set_image(image))
        world.run(60)
    assert sorted(replica_sets(world)) == [3, 4]
    assert objects.annotations(replica_sets(world)[4])[revisions.REVISION_HISTORY] == "2"
    assert objects.annotations(the(world))[revisions.REVISION] == "4"


def test_history_is_kept_up_to_its_limit() -> None:
    world = a_world(replicas=1, revisionHistoryLimit=1)
    for image in ("app:2", "app:3", "app:4"):
        world.change(DEPLOYMENTS, "web", set_image(image))
        world.run(60)
    assert sorted(replica_sets(world)) == [3, 4]


def test_scaling_in_the_middle_of_a_roll_is_proportional() -> None:
    world = a_world(
        replicas=10, strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}}
    )
    world.kubelets = lambda image: Kubelet(bad_image=True)
    world.change(DEPLOYMENTS, "web", set_image("app:2"))
    world.run(10)
    world.events.clear()
    world.change(DEPLOYMENTS, "web", set_spec(replicas=15))
    world.settle()
    assert scaling(world) == ["up rs1 from 8 to 11", "up rs2 from 5 to 7"]


def test_a_paused_deployment_scales_but_does_not_roll() -> None:
    world = a_world(replicas=2)
    world.change(DEPLOYMENTS, "web", set_spec(paused=True))
    world.settle()
    assert progressing(world) == ("Unknown", "DeploymentPaused", "Deployment is paused")
    world.change(DEPLOYMENTS, "web", set_image("app:2"))
    world.change(DEPLOYMENTS, "web", set_spec(replicas=3))
    world.run(30)
    assert scaling(world) == ["up rs1 from 2 to 3"]
    world.change(DEPLOYMENTS, "web", set_spec(paused=False))
    world.run(30)
    assert the(world)["status"]["updatedReplicas"] == 3
    assert progressing(world)[1] == "NewReplicaSetAvailable"


def test_the_progress_deadline_fires_a_second_late_and_stops_nothing() -> None:
    world = a_world(replicas=2, progressDeadlineSeconds=10)
    world.kubelets = lambda image: Kubelet(bad_image=image == "app:2")
    began = round(world.now, 3)
    world.now = began
    world.change(DEPLOYMENTS, "web", set_image("app:2"))
    world.settle()
    while progressing(world)[1] != "ProgressDeadlineExceeded":
        assert world.advance()
    assert world.now - began == pytest.approx(10.9, abs=0.011)
    name = objects.name(replica_sets(world)[2])
    assert progressing(world) == (
        "False",
        "ProgressDeadlineExceeded",
        f'ReplicaSet "{name}" has timed out progressing.',
    )
    world.change(DEPLOYMENTS, "web", set_image("app:3"))
    world.run(60)
    assert progressing(world)[1] == "NewReplicaSetAvailable"


def test_a_complete_rollout_that_lacks_pods_is_not_looked_at_again_and_again() -> None:
    world = a_world(replicas=1, progressDeadlineSeconds=10)
    world.kubelets = lambda image: Kubelet(bad_image=True)
    world.change(DEPLOYMENTS, "web", set_spec(replicas=3))
    world.run(60)
    assert progressing(world)[1] == "NewReplicaSetAvailable"
    assert look(world) == Decision()


def test_without_a_deadline_there_is_no_progressing_condition() -> None:
    world = a_world(replicas=1, progressDeadlineSeconds=revisions.MAX_INT32)
    assert [each["type"] for each in the(world)["status"]["conditions"]] == ["Available"]


def rollback_to(revision: int) -> Any:
    def change(obj: JSON) -> None:
        obj["metadata"].setdefault("annotations", {})[revisions.ROLLBACK_TO] = str(revision)

    return change


@pytest.mark.parametrize("revision", [0, 1], ids=["the one before", "by number"])
def test_a_rollback_request_is_carried_out(revision: int) -> None:
    world = a_world(replicas=2)
    world.change(DEPLOYMENTS, "web", set_image("app:2"))
    world.run(60)
    world.change(DEPLOYMENTS, "web", rollback_to(revision))
    world.run(60)
    assert ("DeploymentRollback", 'Rolled back deployment "web" to revision 1') in world.events
    assert the(world)["spec"]["template"]["spec"]["containers"][0]["image"] == "app:1"
    assert revisions.ROLLBACK_TO not in objects.annotations(the(world))
    assert sorted(replica_sets(world)) == [2, 3]


@pytest.mark.parametrize(
    ("revision", "reason", "message"),
    [
        (0, "DeploymentRollbackRevisionNotFound", "Unable to find last revision."),
        (7, "DeploymentRollbackRevisionNotFound", "Unable to find the revision to rollback to."),
        (
            1,
            "DeploymentRollbackTemplateUnchanged",
            'The rollback revision contains the same template as current deployment "web"',
        ),
    ],
)
def test_a_rollback_that_can_not_be_done_is_told_and_forgotten(revision: int, reason: str, message: str) -> None:
    world = a_world(replicas=1)
    world.change(DEPLOYMENTS, "web", rollback_to(revision))
    world.settle()
    assert world.events == [(reason, message)]
    assert revisions.ROLLBACK_TO not in objects.annotations(the(world))


def test_a_replica_set_of_somebody_else_under_our_name_moves_the_hash_on() -> None:
    world = World()
    deployment = a_deployment(replicas=1)
    probe = World()
    probe.create(DEPLOYMENTS, deployment)
    probe.settle()
    (wanted,) = probe.list(REPLICA_SETS)
    stranger = {
        "metadata": {"name": objects.name(wanted)},
        "spec": {**a_deployment("other")["spec"], "replicas": 0},
    }
    world.create(REPLICA_SETS, stranger)
    world.create(DEPLOYMENTS, deployment)
    world.run(30)
    assert the(world)["status"]["collisionCount"] == 1
    assert the(world)["status"]["availableReplicas"] == 1
    assert len(world.list(REPLICA_SETS)) == 2


def test_a_replica_set_that_can_not_be_created_is_told() -> None:
    def refuse(resource: Resource, obj: JSON) -> StatusError | None:
        if resource is not REPLICA_SETS:
            return None
        return status.forbidden(resource, objects.name(obj), "exceeded quota")

    world = World(refuse=refuse)
    world.create(DEPLOYMENTS, a_deployment())
    world.look(controller.CONTROLLER, KEY)
    state, reason, message = progressing(world)
    assert (state, reason) == ("False", "ReplicaSetCreateError")
    assert message.startswith('Failed to create new replica set "web-')
    assert world.events == [("ReplicaSetCreateError", message)]


def test_a_failing_replica_set_is_told_on_the_deployment() -> None:
    def refuse(resource: Resource, obj: JSON) -> StatusError | None:
        return status.forbidden(resource, "", "exceeded quota") if resource is PODS else None

    world = World(refuse=refuse)
    world.create(DEPLOYMENTS, a_deployment())
    world.settle()
    failure = conditions.find(the(world), "ReplicaFailure")
    assert failure is not None
    assert failure["reason"] == "FailedCreate"
    world.refuse = lambda resource, obj: None
    world.run(30)
    assert conditions.find(the(world), "ReplicaFailure") is None


def test_orphaned_replica_sets_are_adopted_again() -> None:
    world = a_world(replicas=2)
    (own,) = world.list(REPLICA_SETS)
    del world.stored["deployments"][KEY]
    world.change(REPLICA_SETS, objects.name(own), lambda obj: obj["metadata"].pop("ownerReferences"))
    world.create(DEPLOYMENTS, a_deployment(replicas=2))
    first = look(world)
    assert isinstance(first.actions[0], Patch)
    world.run(30)
    assert len(world.list(REPLICA_SETS)) == 1
    assert len(world.list(PODS)) == 2
    assert the(world)["status"]["updatedReplicas"] == 2


def test_an_empty_selector_is_told() -> None:
    world = World()
    deployment = objects.copy(a_deployment())
    world.create(DEPLOYMENTS, deployment)
    selecting = objects.copy(the(world))
    selecting["spec"]["selector"] = {}
    world.stored["deployments"][KEY] = selecting
    decision = look(world)
    assert [each.reason for each in decision.actions] == ["SelectingAll"]  # type: ignore[union-attr]
    assert decision.status is not None
    assert decision.status["status"]["observedGeneration"] == 1


def test_an_unknown_strategy_is_no_use_retrying() -> None:
    world = World()
    world.create(DEPLOYMENTS, a_deployment())
    odd = objects.copy(the(world))
    odd["spec"]["strategy"] = {"type": "Odd"}
    world.stored["deployments"][KEY] = odd
    with pytest.raises(Terminal, match="unexpected deployment strategy type: Odd"):
        look(world)


def test_the_first_look_writes_the_revision_and_leaves_the_counts_to_the_next() -> None:
    world = World()
    world.create(DEPLOYMENTS, a_deployment())
    decision = look(world)
    create, update = decision.actions
    assert isinstance(create, Create)
    assert isinstance(update, Update)
    assert update.subresource == "status"
    assert decision.status is None


@pytest.mark.parametrize("strategy", [SEED_STRATEGY, RECREATE], ids=["RollingUpdate", "Recreate"])
def test_a_controller_that_dies_after_any_write_is_taken_over_from(strategy: JSON) -> None:
    for writes in range(60):
        world = a_world(replicas=3, strategy=strategy)
        world.change(DEPLOYMENTS, "web", set_image("app:2"))
        world.interrupt_after = writes
        died = False
        try:
            world.run(60)
        except Interrupted:
            died = True
        world.run(60)
        assert the(world)["status"]["updatedReplicas"] == 3
        assert the(world)["status"]["availableReplicas"] == 3
        assert len(world.list(REPLICA_SETS)) == 2
        assert len(world.list(PODS)) == 3
        if not died:
            return
    raise AssertionError("a roll of 3 takes fewer writes")
