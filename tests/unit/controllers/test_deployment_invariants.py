"""What holds for every Deployment, whatever its numbers, its Pods and its user do."""

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.api.registry import DEPLOYMENTS, PODS, REPLICA_SETS
from seatrial.base.types import JSON
from seatrial.workloads import rolling
from unit.controllers.simulated_world import Interrupted, Kubelet, World, a_deployment, set_image, set_spec

counts = st.integers(0, 4) | st.sampled_from(["0%", "10%", "25%", "50%", "100%"])
delays = st.sampled_from([0.0, 0.3, 1.0, 2.0, 5.0])


@st.composite
def strategies(draw: st.DrawFn) -> JSON:
    surge, unavailable = draw(counts), draw(counts)
    if surge in (0, "0%") and unavailable in (0, "0%"):
        surge = 1
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}


@st.composite
def kubelets(draw: st.DrawFn) -> Kubelet:
    return Kubelet(start=draw(delays), ready=draw(delays), exit=draw(delays))


def started(replicas: int, strategy: JSON, kubelet: Kubelet, min_ready_seconds: int = 0) -> World:
    world = World(lambda image: kubelet)
    spec = {"replicas": replicas, "strategy": strategy, "minReadySeconds": min_ready_seconds}
    world.create(DEPLOYMENTS, a_deployment(**spec))
    world.run(60)
    return world


def assert_complete(world: World, replicas: int) -> None:
    status = world.the(DEPLOYMENTS, "web")["status"]
    for name in ("replicas", "updatedReplicas", "availableReplicas"):
        assert status.get(name, 0) == replicas
    assert len(world.list(PODS)) == replicas


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 12), strategies(), kubelets(), kubelets(), st.sampled_from([0, 3]))
def test_a_roll_keeps_its_promises_and_ends(
    replicas: int, strategy: JSON, old: Kubelet, new: Kubelet, min_ready_seconds: int
) -> None:
    world = started(replicas, strategy, old, min_ready_seconds)
    world.kubelets = lambda image: new
    limits = rolling.limits(world.the(DEPLOYMENTS, "web")["spec"])

    def promises_hold(world: World) -> None:
        assert len(world.pods(ready=True)) >= limits.min_available
        assert len(world.pods()) <= limits.max_total
        sizes = sum(each["spec"]["replicas"] for each in world.list(REPLICA_SETS))
        assert sizes <= limits.max_total

    world.on_step = promises_hold
    world.change(DEPLOYMENTS, "web", set_image("app:2"))
    world.run(600)
    assert_complete(world, replicas)
    writes = world.writes
    world.run(600)
    assert world.writes == writes, "nothing changed, and still something was written"


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 8), strategies(), kubelets(), st.integers(0, 40))
def test_a_roll_survives_being_interrupted_anywhere(
    replicas: int, strategy: JSON, kubelet: Kubelet, writes: int
) -> None:
    world = started(replicas, strategy, kubelet)
    world.change(DEPLOYMENTS, "web", set_image("app:2"))
    world.interrupt_after = writes
    for _ in range(2):
        with contextlib.suppress(Interrupted):
            world.run(600)
    assert_complete(world, replicas)
    assert len(world.list(REPLICA_SETS)) == 2


edits = st.one_of(
    st.integers(1, 4).map(lambda number: set_image(f"app:{number}")),
    st.integers(0, 10).map(lambda number: set_spec(replicas=number)),
    st.booleans().map(lambda paused: set_spec(paused=paused)),
    strategies().map(lambda strategy: set_spec(strategy=strategy)),
    st.sampled_from([0, 2]).map(lambda seconds: set_spec(minReadySeconds=seconds)),
)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 8), strategies(), kubelets(), st.lists(st.tuples(st.floats(0, 6), edits), max_size=6))
def test_whatever_the_user_does_in_between_it_ends_as_the_last_wish_says(
    replicas: int, strategy: JSON, kubelet: Kubelet, wishes: list[tuple[float, object]]
) -> None:
    world = started(replicas, strategy, kubelet)
    for seconds, edit in wishes:
        world.run(seconds)
        world.change(DEPLOYMENTS, "web", edit)  # type: ignore[arg-type]
    world.change(DEPLOYMENTS, "web", set_spec(paused=False))
    world.run(900)
    deployment = world.the(DEPLOYMENTS, "web")
    assert_complete(world, deployment["spec"]["replicas"])
    image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    assert {pod["spec"]["containers"][0]["image"] for pod in world.list(PODS)} <= {image}


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 10), strategies())
def test_a_template_that_never_gets_ready_takes_no_more_than_was_allowed(replicas: int, strategy: JSON) -> None:
    world = started(replicas, strategy, Kubelet())
    world.kubelets = lambda image: Kubelet(ready=None)
    limits = rolling.limits(world.the(DEPLOYMENTS, "web")["spec"])
    world.change(DEPLOYMENTS, "web", set_image("app:2"))
    world.run(1200)
    assert len(world.pods(ready=True)) >= limits.min_available
    assert len(world.pods()) <= limits.max_total
