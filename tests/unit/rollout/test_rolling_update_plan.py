"""How far each step goes."""

import pytest

from seatrial.base.types import JSON
from seatrial.rollout.rolling_update import plan
from seatrial.rollout.rolling_update.plan import Bounds, Sizes


@pytest.mark.parametrize(
    ("desired", "surge", "unavailable", "minimum", "maximum"),
    [
        (4, 1, 0, 4, 5),
        (4, 0, 0, 3, 4),
        (10, "25%", "25%", 8, 13),
        (3, "10%", "10%", 3, 4),
        (1, 1, 3, 0, 2),
        (0, 1, 0, 0, 1),
    ],
    ids=["kubectl's own", "one must be allowed", "up and down", "small shares", "never below zero", "nothing wanted"],
)
def test_bounds(desired: int, surge: int | str, unavailable: int | str, minimum: int, maximum: int) -> None:
    found = plan.bounds(desired, surge, unavailable)
    assert (found.minimum, found.maximum) == (minimum, maximum)


@pytest.mark.parametrize(
    ("old", "new", "desired", "size"),
    [(4, 0, 4, 1), (3, 1, 4, 2), (4, 1, 4, None), (0, 1, 4, 4), (0, 4, 4, None), (10, 0, 2, None), (1, 6, 4, None)],
    ids=["first", "next", "surge used up", "old one gone", "done", "old one too large", "new one too large"],
)
def test_scale_up(old: int, new: int, desired: int, size: int | None) -> None:
    assert plan.scale_up(Sizes(old, new), plan.bounds(desired)) == size


@pytest.mark.parametrize(
    ("old", "new", "available", "desired", "size"),
    [
        (4, 1, 1, 4, 3),
        (4, 1, 0, 4, None),
        (1, 4, 4, 4, 0),
        (3, 4, 4, 4, 0),
        (10, 0, 0, 2, 2),
        (0, 4, 4, 4, None),
        (1, 4, 3, 4, None),
    ],
    ids=["one", "new one not ready", "last", "all new are ready", "surplus first", "gone already", "one missing"],
)
def test_scale_down(old: int, new: int, available: int, desired: int, size: int | None) -> None:
    assert plan.scale_down(Sizes(old, new), plan.bounds(desired), available) == size


@pytest.mark.parametrize("surge", [0, 1, 2, "50%"])
@pytest.mark.parametrize("unavailable", [0, 1, "25%"])
@pytest.mark.parametrize(("old", "desired"), [(4, 4), (1, 1), (10, 2), (2, 10), (7, 3)])
def test_with_pods_that_come_up_every_update_ends_within_its_bounds(
    old: int, desired: int, surge: int | str, unavailable: int | str
) -> None:
    limits, sizes = plan.bounds(desired, surge, unavailable), Sizes(old, 0)
    enough = min(limits.minimum, old)
    for _ in range(50):
        if plan.finished(sizes, limits):
            return
        up = plan.scale_up(sizes, limits)
        sizes = Sizes(sizes.old, sizes.new if up is None else up)
        assert up is None or sizes.old == 0 or sizes.old + sizes.new <= limits.maximum
        down = plan.scale_down(sizes, limits, sizes.new)
        sizes = Sizes(sizes.old if down is None else down, sizes.new)
        assert sizes.old + sizes.new >= enough
    pytest.fail(f"it stays at {sizes}")


def pod(ready: str, **metadata: str) -> JSON:
    return {"metadata": metadata, "status": {"conditions": [{"type": "Ready", "status": ready}]}}


@pytest.mark.parametrize(
    ("obj", "available"),
    [
        (pod("True"), True),
        (pod("False"), False),
        (pod("True", deletionTimestamp="2026-01-01T00:00:00Z"), False),
        ({"metadata": {}}, False),
    ],
    ids=["ready", "not ready", "being deleted", "no status"],
)
def test_is_available(obj: JSON, available: bool) -> None:
    assert plan.is_available(obj) is available


@pytest.mark.parametrize(
    ("generation", "observed", "replicas", "reached"),
    [(2, 2, 3, True), (2, 1, 3, False), (2, 2, 4, False), (2, 3, 3, True)],
    ids=["reached", "not seen", "one too many", "seen later"],
)
def test_has_desired_replicas(generation: int, observed: int, replicas: int, reached: bool) -> None:
    status = {"observedGeneration": observed, "replicas": replicas}
    rc = {"metadata": {"generation": generation}, "spec": {"replicas": 3}, "status": status}
    assert plan.has_desired_replicas(rc) is reached


def test_the_announcement() -> None:
    old = {"metadata": {"name": "a"}, "spec": {"replicas": 4}}
    new = {"metadata": {"name": "b"}, "spec": {"replicas": 0}}
    assert plan.announcement(old, new, Bounds(4, 1, 4)) == (
        "Scaling up b from 0 to 4, scaling down a from 4 to 0 (keep 4 pods available, don't exceed 5 pods)"
    )
