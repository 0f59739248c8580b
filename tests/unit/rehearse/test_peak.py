"""What an update needs at its peak is read off the lives of its Pods."""

from seatrial.base.types import JSON
from seatrial.rehearse import peak
from seatrial.rehearse.lives import PodLife
from seatrial.rehearse.result import Need, Phase, State

ASKING = {"cpu": "500m", "memory": "256Mi", "example.com/gpu": "1"}


def a_life(*phases: tuple[float, State], is_new: bool = True, asking: JSON | None = ASKING) -> PodLife:
    pod = {"spec": {"containers": [{"name": "c", "resources": {"requests": asking}}]}}
    return PodLife(pod, [Phase(at, state) for at, state in phases], is_new=is_new)


def test_pods_have_their_room_until_they_are_gone() -> None:
    old = a_life((0, "ready"), (5, "terminating"), (9, "gone"), is_new=False)
    before, most = peak.of([old, a_life((1, "pending"), (5, "ready")), a_life((9, "pending"))])
    assert before == Need(1, {"cpu": "500m", "example.com/gpu": "1", "memory": "256Mi"})
    assert most == Need(2, {"cpu": "1", "example.com/gpu": "2", "memory": "512Mi"})


def test_pods_that_have_finished_need_nothing_and_may_fail_for_ever() -> None:
    failing = [a_life((at, "pending"), (at + 1, "finished")) for at in range(20)]
    assert peak.of(failing)[1].pods == 1


def test_each_resource_has_a_peak_of_its_own() -> None:
    old = a_life((0, "ready"), (1, "gone"), is_new=False, asking={"cpu": "2", "memory": "64Mi"})
    _, most = peak.of([old, a_life((2, "pending"), asking={"cpu": "1", "memory": "1536Mi"})])
    assert most == Need(1, {"cpu": "2", "memory": "1536Mi"})


def test_who_asks_for_nothing_is_counted() -> None:
    assert peak.of([a_life((0, "pending"), asking=None)])[1].told == "1 Pod"
    assert Need(5, {"cpu": "2500m", "memory": "1Gi"}).told == "5 Pods, 2500m cpu, 1Gi memory"
