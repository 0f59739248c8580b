"""Evictions and what disruption budgets have to say (spec: controllers.md §7)."""

from typing import Any

import pytest

from seatrial.api.registry import POD_DISRUPTION_BUDGETS, PODS
from seatrial.apiserver.options import WriteOptions
from seatrial.apiserver.subresources import eviction
from seatrial.base.types import JSON
from seatrial.machinery import conditions, objects
from seatrial.store.keys import key
from unit.apiserver.registry_world import NOW, World, pod, refused, tell

SINCE = {"lastTransitionTime": NOW}
VIOLATED = "Cannot evict pod as it would violate the pod's disruption budget."


async def a_pod(world: World, name: str = "p", *, ready: bool = True, phase: str = "Running") -> JSON:
    made = await world.make(PODS, {**pod(name, nodeName="n1"), "metadata": {"name": name, "labels": {"app": "web"}}})
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    return await world.put(PODS, {**made, "status": {"phase": phase, "conditions": [condition]}}, "status")


async def a_budget(world: World, name: str = "pdb", *, selector: JSON | None = None, **status: Any) -> JSON:
    spec = {"minAvailable": 1, "selector": selector or {"matchLabels": {"app": "web"}}}
    body = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": spec}
    made = await world.make(POD_DISRUPTION_BUDGETS, body)
    counts = {"observedGeneration": 1, "disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1}
    return await world.put(
        POD_DISRUPTION_BUDGETS, {**made, "status": {**counts, "expectedPods": 1, **status}}, "status"
    )


async def evict(world: World, name: str = "p", **options: Any) -> JSON:
    body = {"metadata": {"name": name}}
    return await eviction.create(world.registry, PODS, "default", name, body, WriteOptions(**options))


def test_an_eviction_is_taken_from_the_budget_and_noted_in_it() -> None:
    async def story(world: World) -> None:
        await a_pod(world)
        await a_budget(world, disruptionsAllowed=1, currentHealthy=2)
        assert (await evict(world))["status"] == "Success"
        budget = await world.now(POD_DISRUPTION_BUDGETS, "pdb")
        assert budget is not None
        assert budget["status"]["disruptionsAllowed"] == 0
        assert list(budget["status"]["disruptedPods"]) == ["p"]
        assert conditions.find(budget, "DisruptionAllowed") is not None
        evicted = await world.now(PODS, "p")
        assert evicted is not None
        assert objects.is_terminating(evicted)
        told = conditions.find(evicted, "DisruptionTarget") or {}
        assert (told["reason"], told["message"]) == ("EvictionByEvictionAPI", "Eviction API: evicting")

    tell(story)


@pytest.mark.parametrize(
    ("status", "retry_after", "cause"),
    [
        pytest.param(
            {"currentHealthy": 2, "desiredHealthy": 2},
            None,
            "The disruption budget pdb needs 2 healthy pods and has 2 currently",
            id="nothing to spare",
        ),
        pytest.param(
            {"observedGeneration": 0, "disruptionsAllowed": 1},
            10,
            "The disruption budget pdb is still being processed by the server.",
            id="a status that is out of date",
        ),
    ],
)
def test_a_budget_refuses_with_429_and_says_why(status: JSON, retry_after: int | None, cause: str) -> None:
    async def story(world: World) -> None:
        made = await a_pod(world)
        await a_budget(world, **status)
        error = await refused(evict(world))
        assert (error.code, error.reason, error.message) == (429, "TooManyRequests", VIOLATED)
        assert error.retry_after_seconds == retry_after
        assert [(each["reason"], each["message"]) for each in error.causes] == [("DisruptionBudget", cause)]
        assert await world.now(PODS, "p") == made

    tell(story)


def test_a_budget_that_could_not_be_computed_says_so() -> None:
    async def story(world: World) -> None:
        await a_pod(world)
        failed = {
            "type": "DisruptionAllowed",
            "status": "False",
            "reason": "SyncFailed",
            "message": "no scale",
            **SINCE,
        }
        await a_budget(world, conditions=[failed])
        error = await refused(evict(world))
        assert error.code == 429
        assert [each["message"] for each in error.causes] == [
            "The disruption budget pdb does not allow evicting pods currently because it failed sync: no scale"
        ]

    tell(story)


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        pytest.param({"disruptionsAllowed": -1}, "pdb disruptions allowed is negative", id="below nothing"),
        pytest.param(
            {"disruptionsAllowed": 1, "disruptedPods": {f"p{number}": NOW for number in range(2001)}},
            "DisruptedPods map too big - too many evictions not confirmed by PDB controller",
            id="too many that are still to go",
        ),
    ],
)
def test_a_budget_that_makes_no_sense_forbids(counts: JSON, why: str) -> None:
    async def story(world: World) -> None:
        await a_pod(world)
        made = await a_budget(world)
        await world.store.update(
            key(POD_DISRUPTION_BUDGETS, "default", "pdb"), with_counts(made, counts), version(made)
        )
        error = await refused(evict(world))
        assert (error.code, error.reason) == (403, "Forbidden")
        assert error.message == f'poddisruptionbudget.policy "pdb" is forbidden: {why}'

    tell(story)


def with_counts(budget: JSON, counts: JSON) -> JSON:
    return {**budget, "metadata": dict(budget["metadata"]), "status": {**budget["status"], **counts}}


def version(obj: JSON) -> int:
    return int(obj["metadata"]["resourceVersion"])


def test_unready_pods_go_at_any_time_where_the_budget_says_so() -> None:
    async def story(world: World) -> None:
        await a_pod(world, ready=False)
        made = await a_budget(world, currentHealthy=0)
        spec = {**made["spec"], "unhealthyPodEvictionPolicy": "AlwaysAllow"}
        await world.put(POD_DISRUPTION_BUDGETS, {**made, "spec": spec})
        await evict(world)
        evicted = await world.now(PODS, "p")
        assert evicted is None or objects.is_terminating(evicted)

    tell(story)


def test_the_eviction_names_the_pod_of_its_address() -> None:
    async def story(world: World) -> None:
        await a_pod(world)
        body = {"metadata": {"name": "other"}}
        error = await refused(eviction.create(world.registry, PODS, "default", "p", body))
        assert (error.code, error.message) == (400, "name in URL does not match name in Eviction object")
        assert (await refused(evict(world, "gone"))).message == 'pods "gone" not found'

    tell(story)


def test_two_budgets_for_a_pod_are_an_error() -> None:
    async def story(world: World) -> None:
        await a_pod(world)
        await a_budget(world, "one", disruptionsAllowed=1)
        await a_budget(world, "two", disruptionsAllowed=1, selector={})
        error = await refused(evict(world))
        assert error.code == 500
        assert error.message == (
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        )

    tell(story)


@pytest.mark.parametrize(
    ("ready", "phase", "status", "goes"),
    [
        pytest.param(False, "Pending", {}, True, id="pending"),
        pytest.param(True, "Failed", {}, True, id="ended"),
        pytest.param(False, "Running", {}, True, id="not ready, and enough others are"),
        pytest.param(False, "Running", {"currentHealthy": 0}, False, id="not ready, as others are not"),
        pytest.param(True, "Running", {}, False, id="ready"),
    ],
)
def test_pods_that_the_budget_does_not_count_may_go(ready: bool, phase: str, status: JSON, goes: bool) -> None:
    async def story(world: World) -> None:
        await a_pod(world, ready=ready, phase=phase)
        await a_budget(world, **status)
        if not goes:
            await refused(evict(world))
            return
        await evict(world)
        left = await world.now(PODS, "p")
        assert left is None or objects.is_terminating(left)

    tell(story)


def test_a_dry_run_changes_nothing() -> None:
    async def story(world: World) -> None:
        made = await a_pod(world)
        budget = await a_budget(world, disruptionsAllowed=1, currentHealthy=2)
        await evict(world, dry_run=True)
        assert await world.now(PODS, "p") == made
        assert await world.now(POD_DISRUPTION_BUDGETS, "pdb") == budget

    tell(story)
