"""Who has to go for a Pod of higher priority, and what is said when nobody can."""

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api.registry import POD_DISRUPTION_BUDGETS
from seatrial.base.types import JSON, Key
from seatrial.machinery.gvk import ResourceRef
from seatrial.scheduler import decide, preemption, profile
from seatrial.scheduler.decide import Unschedulable
from seatrial.scheduler.preemption import Preemption
from seatrial.scheduler.snapshot import PodInfo, Snapshot
from unit.scheduler.builders import TAINT, node, pod, told


class Budgets:
    """Only budgets are there."""

    def __init__(self, *budgets: JSON) -> None:
        self.budgets = budgets

    def get(self, resource: ResourceRef, key: Key) -> JSON | None:
        return None

    def list(self, resource: ResourceRef, namespace: str = "") -> Sequence[JSON]:
        return self.budgets if resource == POD_DISRUPTION_BUDGETS else ()


def budget(labels: dict[str, str], allowed: int) -> JSON:
    return {
        "metadata": {"name": "b", "namespace": "ns"},
        "spec": {"selector": {"matchLabels": labels}},
        "status": {"disruptionsAllowed": allowed},
    }


def world(*pods: tuple[str, str, int, str], budgets: Sequence[JSON] = (), nodes: int = 2) -> Snapshot:
    """Nodes a, b … of 4 CPUs; Pods as (name, cpu, priority, node)."""
    made = Snapshot(Budgets(*budgets))
    for name in "abcdef"[:nodes]:
        made.put_node(node(name))
    for name, cpu, priority, where in pods:
        made.put_pod(PodInfo(pod(name, cpu=cpu, labels={"name": name}, priority=priority)), where)
    return made


def find(made: Snapshot, each: dict[str, Any]) -> Preemption | str:
    info = PodInfo(each)
    failure = decide.decide(made, info, random.Random(1))
    assert isinstance(failure, Unschedulable)
    return preemption.find(made, info, failure, profile.CURRENT, random.Random(1), 1000.0)


def victims(made: Snapshot, each: dict[str, Any]) -> tuple[str, set[str]]:
    found = find(made, each)
    assert isinstance(found, Preemption), found
    return found.node, {victim.key[1] for victim in found.victims}


BIG = pod("big", cpu="3", priority=100)


@pytest.mark.parametrize(
    ("made", "node_name", "gone"),
    [
        pytest.param(world(("low", "3", 1, "a"), ("mid", "3", 50, "b")), "a", {"low"}, id="the lowest priority"),
        pytest.param(
            world(("x", "2", 1, "a"), ("y", "2", 1, "a"), ("z", "3", 1, "b")), "b", {"z"}, id="the fewest Pods"
        ),
        pytest.param(
            world(("keep", "1", 5, "a"), ("go", "3", 1, "a"), ("high", "4", 200, "b")),
            "a",
            {"go"},
            id="those that may stay stay",
        ),
        pytest.param(
            world(("guarded", "3", 1, "a"), ("mid", "3", 50, "b"), budgets=[budget({"name": "guarded"}, 0)]),
            "b",
            {"mid"},
            id="budgets before priorities",
        ),
        pytest.param(
            world(("guarded", "3", 1, "a"), ("mid", "3", 50, "b"), budgets=[budget({"name": "guarded"}, 1)]),
            "a",
            {"guarded"},
            id="a budget that allows one",
        ),
    ],
)
def test_these_have_to_go(made: Snapshot, node_name: str, gone: set[str]) -> None:
    assert victims(made, BIG) == (node_name, gone)


def test_nothing_has_changed_afterwards() -> None:
    made = world(("x", "2", 1, "a"), ("y", "2", 1, "a"), ("z", "3", 1, "b"))
    before = [(each.name, sorted(each.pods), dict(each.requested)) for each in made.nodes]
    find(made, BIG)
    assert [(each.name, sorted(each.pods), dict(each.requested)) for each in made.nodes] == before


@pytest.mark.parametrize(
    ("made", "each", "told_of_it"),
    [
        pytest.param(
            world(("same", "3", 100, "a"), ("high", "3", 200, "b")),
            BIG,
            "preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.",
            id="nobody is lower",
        ),
        pytest.param(
            world(("high", "3", 200, "a"), ("low", "1", 1, "a"), nodes=1),
            BIG,
            "preemption: 0/1 nodes are available: 1 Insufficient cpu.",
            id="not even without them",
        ),
        pytest.param(
            world(("low", "3", 1, "a"), nodes=1),
            pod("p", cpu="3", priority=100, preemptionPolicy="Never"),
            "preemption: not eligible due to preemptionPolicy=Never.",
            id="never",
        ),
    ],
)
def test_what_is_said_when_nobody_can_be_made_to_go(made: Snapshot, each: dict[str, Any], told_of_it: str) -> None:
    assert told(made, each).endswith(told_of_it)


def test_a_node_that_it_could_not_use_anyway_is_not_cleared() -> None:
    made = world(("low", "3", 1, "a"), nodes=1)
    made.put_node(node("a", taints=[TAINT]))
    assert find(made, BIG) == "0/1 nodes are available: 1 Preemption is not helpful for scheduling."


def test_while_its_victims_go_a_pod_makes_nobody_else_go() -> None:
    made = world(("low", "3", 1, "a"), nodes=1)
    condition = {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}
    going = pod("low", cpu="3", priority=1)
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    going["status"] = {"conditions": [condition]}
    made.put_pod(PodInfo(going), "a")
    made.nominated["uid-big"] = PodInfo(BIG), "a"
    assert find(made, BIG) == "not eligible due to a terminating pod on the nominated node."


def test_a_cleared_node_is_kept_from_lower_pods_and_given_to_the_one_it_is_for() -> None:
    made = world(nodes=1)
    made.nominated["uid-big"] = PodInfo(BIG), "a"
    small = pod("small", cpu="2")
    assert isinstance(decide.decide(made, PodInfo(small), random.Random(1)), Unschedulable)
    assert isinstance(decide.decide(made, PodInfo(pod("tiny", cpu="1")), random.Random(1)), decide.Binding)
    assert isinstance(decide.decide(made, PodInfo(BIG), random.Random(1)), decide.Binding)


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 120), st.sampled_from("abc")), max_size=9))
def test_victims_are_lower_enough_and_none_too_many(pods: list[tuple[int, int, str]]) -> None:
    made = world(*((f"p{i}", str(cpu), priority, where) for i, (cpu, priority, where) in enumerate(pods)), nodes=3)
    failure = decide.decide(made, PodInfo(BIG), random.Random(1))
    if not isinstance(failure, Unschedulable):
        return
    found = preemption.find(made, PodInfo(BIG), failure, profile.CURRENT, random.Random(1), 0.0)
    if isinstance(found, str):
        return
    assert found.victims
    assert all(victim.priority < 100 for victim in found.victims)
    for victim in found.victims:
        made.drop_pod(victim.uid)
    target = made.get(found.node)
    assert target is not None
    assert decide.first_rejection(decide.checks_for(made, PodInfo(BIG), profile.CURRENT), target) is None
    for victim in found.victims:
        made.put_pod(victim, found.node)
        refused = decide.first_rejection(decide.checks_for(made, PodInfo(BIG), profile.CURRENT), target)
        assert refused is not None, "one more could have stayed"
        made.drop_pod(victim.uid)
