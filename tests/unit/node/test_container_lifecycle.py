"""What happens next to containers: starts, restarts with back-off, order of init containers, ends."""

import math

import pytest

from seatrial.base.types import JSON
from seatrial.node import lifecycle
from seatrial.node.lifecycle import BackOff, ContainerState, Hold, HoldImage, Start, Stop

SETTLE = 1.0


def pod(*, init: tuple[JSON, ...] = (), containers: tuple[str, ...] = ("c",)) -> JSON:
    spec: JSON = {"containers": [{"name": name, "image": "nginx:1"} for name in containers]}
    if init:
        spec["initContainers"] = [{"image": "busybox", **c} for c in init]
    return {"spec": spec}


def run(container: ContainerState, at: float) -> None:
    lifecycle.begin(container, f"id-{container.attempts}", at)
    lifecycle.run(container, "image", at, started=True, ready=True)


def step(containers: list[ContainerState], now: float, policy: str = "Always") -> lifecycle.Step:
    return lifecycle.next_step(containers, policy, now, SETTLE)


def starts(result: lifecycle.Step) -> list[str]:
    return [action.container.name for action in result.actions if isinstance(action, Start)]


def test_containers_of_a_pod_start_together() -> None:
    containers = lifecycle.containers_of(pod(containers=("a", "b")))
    assert starts(step(containers, 0.0)) == ["a", "b"]


def test_init_containers_start_one_after_the_other_and_then_the_others() -> None:
    containers = lifecycle.containers_of(pod(init=({"name": "i1"}, {"name": "i2"})))
    order = []
    for now in (0.0, 1.0, 2.0):
        (name,) = starts(step(containers, now))
        order.append(name)
        container = next(c for c in containers if c.name == name)
        run(container, now)
        if container.kind == "init":
            assert starts(step(containers, now)) == []
            lifecycle.end(container, 0, 0, "", now)
    assert order == ["i1", "i2", "c"]


def test_a_sidecar_runs_before_the_others_start_and_is_stopped_after_them() -> None:
    containers = lifecycle.containers_of(pod(init=({"name": "side", "restartPolicy": "Always"},)))
    side, app = containers
    assert starts(step(containers, 0.0, "Never")) == ["side"]
    lifecycle.begin(side, "id", 0.0)
    lifecycle.run(side, "image", 0.0, started=False, ready=False)
    assert starts(step(containers, 0.0, "Never")) == []
    side.started = True
    assert starts(step(containers, 0.0, "Never")) == ["c"]
    run(app, 0.0)
    assert lifecycle.next_to_stop(containers) == [app]
    lifecycle.end(app, 0, 0, "", 1.0)
    result = step(containers, 1.0, "Never")
    assert result.outcome == "Succeeded"
    assert result.actions == (Stop(side),)


def test_the_first_crash_is_followed_by_a_restart_after_the_next_look_and_later_ones_by_growing_back_off() -> None:
    containers = lifecycle.containers_of(pod())
    (container,) = containers
    run(container, 0.0)
    now, waits = 0.0, []
    for _ in range(8):
        crashed_at = now + 2.0
        lifecycle.end(container, 1, 0, "", crashed_at)
        result = step(containers, crashed_at)
        assert result.actions == ()
        assert result.wake_at == crashed_at + SETTLE
        result = step(containers, crashed_at + SETTLE)
        if isinstance(result.actions[0], Hold):
            due = crashed_at + result.actions[0].delay
            lifecycle.hold(container, "back-off", due)
            assert step(containers, due - 0.01).wake_at == due
            assert starts(step(containers, due)) == ["c"]
            now = due
        else:
            now = crashed_at + SETTLE
        waits.append(now - crashed_at)
        run(container, now)
    assert waits == [1.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0]
    assert container.restarts == 8


def test_back_off_is_forgotten_after_ten_minutes_of_good_behaviour() -> None:
    back_off = BackOff()
    back_off.advance(0.0, 0.0)
    back_off.advance(100.0, 100.0)
    assert back_off.due(110.0) == 130.0
    assert back_off.due(100.0 + 601.0) == 701.0


@pytest.mark.parametrize(
    ("policy", "code", "outcome"),
    [
        pytest.param("Always", 0, "", id="always"),
        pytest.param("OnFailure", 0, "Succeeded", id="on-failure-and-well"),
        pytest.param("OnFailure", 3, "", id="on-failure-and-failed"),
        pytest.param("Never", 0, "Succeeded", id="never-and-well"),
        pytest.param("Never", 3, "Failed", id="never-and-failed"),
    ],
)
def test_the_restart_policy_decides_whether_an_exit_is_the_end(policy: str, code: int, outcome: str) -> None:
    containers = lifecycle.containers_of(pod())
    run(containers[0], 0.0)
    lifecycle.end(containers[0], code, 0, "", 5.0)
    result = step(containers, 5.0 + SETTLE, policy)
    assert result.outcome == outcome
    assert starts(result) == ([] if outcome else ["c"])


def test_a_failed_init_container_ends_a_pod_that_is_never_restarted() -> None:
    containers = lifecycle.containers_of(pod(init=({"name": "i"},)))
    run(containers[0], 0.0)
    lifecycle.end(containers[0], 1, 0, "", 1.0)
    assert step(containers, 3.0, "Never").outcome == "Failed"


def test_an_image_that_cant_be_pulled_shows_the_back_off_two_seconds_later_and_is_tried_again_after_ten() -> None:
    containers = lifecycle.containers_of(pod())
    lifecycle.fail(containers[0], "ErrImagePull", "not found", 100.0)
    assert step(containers, 100.0).wake_at == 102.0
    assert step(containers, 102.0).actions == (HoldImage(containers[0]),)
    lifecycle.hold_image(containers[0])
    assert containers[0].reason == "ImagePullBackOff"
    assert containers[0].message == 'Back-off pulling image "nginx:1": ErrImagePull: not found'
    assert step(containers, 103.0).wake_at == 110.0
    assert starts(step(containers, 110.0)) == ["c"]


def test_an_image_that_never_will_be_there_is_not_tried_again() -> None:
    containers = lifecycle.containers_of(pod())
    lifecycle.fail(containers[0], "ErrImagePull", "not found", 0.0, retry=False)
    lifecycle.hold_image(containers[0])
    assert step(containers, 1e9) == lifecycle.Step((), math.inf)


def test_a_container_that_did_not_start_counts_no_restart() -> None:
    containers = lifecycle.containers_of(pod())
    lifecycle.begin(containers[0], "id", 0.0)
    lifecycle.fail(containers[0], "ErrImagePull", "not found", 0.0)
    assert (containers[0].attempts, containers[0].restarts) == (0, 0)


def test_a_command_that_cant_be_executed_is_tried_again_at_once_and_then_with_back_off() -> None:
    containers = lifecycle.containers_of(pod())
    container = containers[0]
    lifecycle.begin(container, "one", 0.0)
    lifecycle.fail(container, "RunContainerError", "no such file", 0.0)
    assert container.last is not None
    assert (container.last.exit_code, container.last.reason) == (128, "StartError")
    assert starts(step(containers, 1.0)) == ["c"]
    lifecycle.begin(container, "two", 1.0)
    lifecycle.fail(container, "RunContainerError", "no such file", 1.0)
    assert step(containers, 2.0).actions == (Hold(container, 10.0),)
    assert container.restarts == 1


def test_of_a_terminating_pod_sidecars_are_stopped_last_in_reverse_order() -> None:
    sidecars = ({"name": "s1", "restartPolicy": "Always"}, {"name": "s2", "restartPolicy": "Always"})
    containers = lifecycle.containers_of(pod(init=sidecars, containers=("a", "b")))
    for container in containers:
        run(container, 0.0)
    order = []
    while stopped := lifecycle.next_to_stop(containers):
        order.append([c.name for c in stopped])
        for container in stopped:
            lifecycle.end(container, 0, 0, "", 1.0)
    assert order == [["a", "b"], ["s2"], ["s1"]]
