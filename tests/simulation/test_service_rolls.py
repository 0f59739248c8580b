"""Rolls of a Service in virtual time: whole ones, bad ones, and ones that die at each of their requests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from seatrial.aio import virtual_loop
from seatrial.api.registry import (
    DAEMON_SETS,
    DEPLOYMENTS,
    POD_DISRUPTION_BUDGETS,
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    RESOURCE_QUOTAS,
    SERVICES,
    STATEFUL_SETS,
)
from seatrial.api.resource import Resource
from seatrial.base.errors import StatusError, ToolError
from seatrial.base.types import JSON
from seatrial.client.base import Client
from seatrial.client.client import ApiClient
from seatrial.controllers.stateful_set.ordering import STUCK_ROLLOUT
from seatrial.machinery import conditions
from seatrial.rollout.service import record
from seatrial.rollout.service.ending import EXIT_CODES, Ending
from seatrial.rollout.service.traffic import Traffic
from simulation.bad_connections import Flaky, Forbidding, Killed, Mortal, Refusing
from simulation.service_world import BAD, NEW, OLD, Service, a_workload, is_clean, service

KINDS: list[tuple[Resource, dict[str, Any]]] = [
    (DEPLOYMENTS, {"replicas": 4}),
    (STATEFUL_SETS, {"replicas": 3, "serviceName": "web"}),
    (DAEMON_SETS, {}),
    (REPLICATION_CONTROLLERS, {"replicas": 3}),
]
IDS = [resource.kind for resource, _ in KINDS]


async def assert_left_as_it_was(web: Service, before: JSON, resource: Resource, image: str) -> None:
    """All Pods run the image, and nothing else is left of the roll."""
    async with asyncio.timeout(600):
        while await web.images() != {image} or not all(  # noqa: ASYNC110
            conditions.is_true(pod, "Ready") for pod in await web.pods()
        ):
            await asyncio.sleep(1)
    after = await web.get(resource)
    assert is_clean(after)
    assert len(await web.pods()) == before["spec"].get("replicas", 3)
    if resource is not REPLICATION_CONTROLLERS:
        assert {**after["spec"], "template": None} == {**before["spec"], "template": None}
    for rs in (await web.cluster.client.list(REPLICA_SETS, "default"))["items"]:
        assert is_clean(rs)


@asynccontextmanager
async def available(web: Service, minimum: int) -> AsyncIterator[None]:
    """At every moment inside, so many Pods are ready at least."""
    seen: list[int] = []

    async def look() -> None:
        while True:
            seen.append(sum(conditions.is_true(pod, "Ready") for pod in await web.pods()))
            await asyncio.sleep(0.5)

    task = asyncio.ensure_future(look())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert min(seen) >= minimum


@pytest.mark.parametrize(("resource", "spec"), KINDS, ids=IDS)
@pytest.mark.parametrize("options", [{}, {"canary": 1, "wait": 30}], ids=["at once", "first step"])
def test_every_kind_rolls_and_nothing_is_left_of_it(
    resource: Resource, spec: dict[str, Any], options: dict[str, Any]
) -> None:
    async def story() -> None:
        async with service(a_workload(resource, **spec)) as web, available(web, 2):
            before, begin = await web.get(resource), web.cluster.env.now()
            assert await web.roll(**options) == Ending("rolled")
            await assert_left_as_it_was(web, before, resource, NEW)
            assert (web.cluster.env.now() - begin >= 30) == bool(options)
            assert await web.roll(**options) == Ending("nothing to do")

    virtual_loop.run(story())


@pytest.mark.parametrize(("resource", "spec"), KINDS, ids=IDS)
@pytest.mark.parametrize("options", [{}, {"canary": 1, "wait": 30}], ids=["at once", "first step"])
def test_every_kind_goes_back_when_the_image_can_t_be_had(
    resource: Resource, spec: dict[str, Any], options: dict[str, Any]
) -> None:
    async def story() -> None:
        async with service(a_workload(resource, **spec)) as web, available(web, 2):
            before = await web.get(resource)
            ending = await web.roll(BAD, **options)
            assert (ending.outcome, ending.reason, ending.exit_code) == ("undone", "Image", EXIT_CODES["Image"])
            await assert_left_as_it_was(web, before, resource, OLD)

    virtual_loop.run(story())


@pytest.mark.parametrize(("resource", "spec"), KINDS, ids=IDS)
def test_during_the_first_step_there_are_so_many_new_pods_and_no_more(resource: Resource, spec: dict[str, Any]) -> None:
    async def story() -> None:
        async with service(a_workload(resource, **spec)) as web:
            rolling = asyncio.ensure_future(web.roll(canary=1, wait=60))
            new: list[int] = []
            for _ in range(50):
                await asyncio.sleep(1)
                new.append(sum(pod["spec"]["containers"][0]["image"] == NEW for pod in await web.pods()))
            assert max(new) == 1
            assert new[-40:] == [1] * 40
            assert await rolling == Ending("rolled")

    virtual_loop.run(story())


@pytest.mark.parametrize("options", [{}, {"canary": 1, "wait": 30}], ids=["at once", "first step"])
def test_a_stateful_set_that_does_not_free_itself_is_freed_on_the_way_back(options: dict[str, Any]) -> None:
    """As upstream's: the bad Pod would block the old version for ever."""

    async def story() -> None:
        made = a_workload(STATEFUL_SETS, replicas=3, serviceName="web")
        made["metadata"]["annotations"] = {STUCK_ROLLOUT: "upstream"}
        async with service(made) as web, available(web, 2):
            before = await web.get(STATEFUL_SETS)
            ending = await web.roll(BAD, **options)
            assert (ending.outcome, ending.reason) == ("undone", "Image")
            assert any("web-2 evicted: it holds the others up" in text for text in web.steps())
            await assert_left_as_it_was(web, before, STATEFUL_SETS, OLD)

    virtual_loop.run(story())


def two_workloads() -> list[JSON]:
    return [
        a_workload(DEPLOYMENTS, "web", replicas=3),
        a_workload(STATEFUL_SETS, "db", "d", replicas=2, serviceName="web"),
    ]


def test_when_one_fails_all_go_back() -> None:
    async def story() -> None:
        async with service(*two_workloads()) as web:
            ending = await web.roll(images=[f"c={NEW}", f"d={BAD}"])
            assert (ending.outcome, ending.reason) == ("undone", "Image")
            told = [text for text in web.steps() if "nothing is left" not in text]
            assert [(text.split(": ")[0], text.split(": ")[1]) for text in told] == [
                ("deployment.apps/web", "begins"),
                ("deployment.apps/web", "done"),
                ("statefulset.apps/db", "begins"),
                ("statefulset.apps/db", "undo"),
                ("deployment.apps/web", "undo"),
            ]
            assert await web.images() == {OLD}
            assert is_clean(await web.get())
            assert is_clean(await web.get(STATEFUL_SETS, "db"))

    virtual_loop.run(story())


@pytest.mark.parametrize(("resource", "spec"), KINDS[:3], ids=IDS[:3])
def test_paused_it_stays_and_the_next_roll_takes_over(resource: Resource, spec: dict[str, Any]) -> None:
    async def story() -> None:
        async with service(a_workload(resource, **spec)) as web, available(web, 2):
            before = await web.get(resource)
            ending = await web.roll(BAD, on_failure="pause")
            assert (ending.outcome, ending.exit_code) == ("paused", EXIT_CODES["Image"])
            await asyncio.sleep(60)
            assert sum(pod["spec"]["containers"][0]["image"] == BAD for pod in await web.pods()) <= 1 + (
                resource is DEPLOYMENTS
            )
            note = record.of(await web.get(resource))
            assert note is not None
            assert (note.stage, note.reason) == ("paused", "Image")
            assert await web.roll(NEW) == Ending("rolled")
            await assert_left_as_it_was(web, before, resource, NEW)

    virtual_loop.run(story())


def test_kept_it_stays_as_it_is_and_nothing_but_the_template_is_changed() -> None:
    async def story() -> None:
        async with service(a_workload(DEPLOYMENTS, replicas=4)) as web:
            before = await web.get()
            ending = await web.roll(BAD, on_failure="keep", max_unavailable=2)
            assert (ending.outcome, ending.reason) == ("kept", "Image")
            after = await web.get()
            assert is_clean(after)
            assert {**after["spec"], "template": None} == {**before["spec"], "template": None}
            assert BAD in await web.images()

    virtual_loop.run(story())


def test_a_roll_that_takes_over_still_goes_back_to_what_was_there_before_both() -> None:
    async def story() -> None:
        async with service(a_workload(DEPLOYMENTS, replicas=3), ready=30) as web:
            first = asyncio.ensure_future(web.roll(NEW))
            await asyncio.sleep(20)
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            ending = await web.roll(BAD)
            assert (ending.outcome, ending.reason) == ("undone", "Image")
            assert (await web.get())["spec"]["template"]["spec"]["containers"][0]["image"] == OLD

    virtual_loop.run(story())


def test_max_unavailable_holds_for_this_roll_only() -> None:
    async def story() -> None:
        async with service(a_workload(DAEMON_SETS), nodes=4) as web:
            before = await web.get(DAEMON_SETS)
            rolling = asyncio.ensure_future(web.roll(max_unavailable=3))
            lowest = 4
            while not rolling.done():
                await asyncio.sleep(0.5)
                lowest = min(lowest, sum(conditions.is_true(pod, "Ready") for pod in await web.pods()))
            assert (await rolling, lowest) == (Ending("rolled"), 1)
            assert (await web.get(DAEMON_SETS))["spec"]["updateStrategy"] == before["spec"]["updateStrategy"]

    virtual_loop.run(story())


def test_what_somebody_else_changes_meanwhile_is_left_alone() -> None:
    async def story() -> None:
        async with service(a_workload(DEPLOYMENTS, replicas=3), ready=20) as web:
            rolling = asyncio.ensure_future(web.roll(NEW))
            await asyncio.sleep(10)
            await web.set_image("nginx:theirs")
            ending = await rolling
            assert (ending.outcome, ending.reason, ending.exit_code) == ("kept", "Changed", 22)
            after = await web.get()
            assert is_clean(after)
            assert after["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:theirs"

    virtual_loop.run(story())


@pytest.mark.parametrize(
    ("image", "options", "reason", "seconds"),
    [
        ("crashes:1", {}, "CrashLoop", 60),
        ("sleepy:1", {"timeout": 90}, "Timeout", 100),
        ("sleepy:1", {}, "Deadline", 620),
    ],
    ids=["crash loop", "timeout", "deadline"],
)
@pytest.mark.parametrize(("resource", "spec"), KINDS, ids=IDS)
def test_pods_that_do_not_come_up_end_it_with_the_reason(
    resource: Resource, spec: dict[str, Any], image: str, options: dict[str, Any], reason: str, seconds: float
) -> None:
    async def story() -> None:
        async with service(a_workload(resource, **spec)) as web, available(web, 2):
            before, begin = await web.get(resource), web.cluster.env.now()
            ending = await web.roll(image, **options)
            assert (ending.outcome, ending.reason, ending.exit_code) == ("undone", reason, EXIT_CODES[reason])
            assert web.cluster.env.now() - begin < seconds + 40
            await assert_left_as_it_was(web, before, resource, OLD)

    virtual_loop.run(story())


def test_a_quota_that_leaves_no_room_for_the_new_pod_is_told() -> None:
    async def story() -> None:
        async with service(a_workload(DEPLOYMENTS, replicas=2)) as web:
            quota = {
                "apiVersion": "v1",
                "kind": "ResourceQuota",
                "metadata": {"name": "few", "namespace": "default"},
                "spec": {"hard": {"pods": "2"}},
            }
            await web.cluster.client.create(RESOURCE_QUOTAS, quota)
            await asyncio.sleep(5)
            ending = await web.roll()
            assert (ending.outcome, ending.reason, ending.exit_code) == ("undone", "Quota", 13)
            assert "exceeded quota: few" in ending.message

    virtual_loop.run(story())


def test_a_budget_that_allows_no_first_step_is_told() -> None:
    """A DaemonSet's first step is made with evictions."""

    async def story() -> None:
        async with service(a_workload(DAEMON_SETS)) as web:
            budget = {
                "apiVersion": "policy/v1",
                "kind": "PodDisruptionBudget",
                "metadata": {"name": "all", "namespace": "default"},
                "spec": {"minAvailable": 3, "selector": {"matchLabels": {"app": "web"}}},
            }
            await web.cluster.client.create(POD_DISRUPTION_BUDGETS, budget)
            await asyncio.sleep(5)
            before = await web.get(DAEMON_SETS)
            ending = await web.roll(canary=1)
            assert (ending.outcome, ending.reason, ending.exit_code) == ("undone", "Budget", 18)
            assert "budget all" in ending.message
            await assert_left_as_it_was(web, before, DAEMON_SETS, OLD)

    virtual_loop.run(story())


def test_a_probe_that_never_passes_is_told_long_before_a_deadline() -> None:
    async def story() -> None:
        made = a_workload(DEPLOYMENTS, replicas=2)
        probe = {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 2, "failureThreshold": 2}
        made["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] = probe
        async with service(made) as web, available(web, 2):
            before, begin = await web.get(), web.cluster.env.now()
            ending = await web.roll("sleepy:1")
            assert (ending.outcome, ending.reason, ending.exit_code) == ("undone", "Probe", 17)
            assert "container c runs but is not ready: Readiness probe failed" in ending.message
            assert web.cluster.env.now() - begin < 90
            await assert_left_as_it_was(web, before, DEPLOYMENTS, OLD)

    virtual_loop.run(story())


def test_new_pods_that_are_ready_and_get_no_traffic_are_told() -> None:
    """Somebody gives the Service another selector meanwhile."""

    async def story() -> None:
        async with service(a_workload(DEPLOYMENTS, replicas=2)) as web:
            rolling = asyncio.ensure_future(web.roll())
            await asyncio.sleep(1)
            await web.cluster.client.patch(SERVICES, "web", "default", {"spec": {"selector": {"app": "other"}}})
            ending = await rolling
            assert (ending.outcome, ending.reason, ending.exit_code) == ("undone", "Endpoints", 19)
            assert "ready, but not among the Service's endpoints" in ending.message
            await web.cluster.client.patch(SERVICES, "web", "default", {"spec": {"selector": {"app": "web"}}})
            assert await web.roll() == Ending("rolled")

    virtual_loop.run(story())


def test_a_change_that_the_server_refuses_for_one_of_two_takes_the_other_back() -> None:
    async def story() -> None:
        made = [a_workload(DEPLOYMENTS, name, replicas=2) for name in ("api", "web")]
        async with service(*made) as web:
            before = [await web.get(name=name) for name in ("api", "web")]
            refusing = Refusing(web.cluster.client, "PUT", "deployments/web")
            ending = await web.roll(client=ApiClient(refusing))
            assert (ending.outcome, ending.reason, ending.exit_code) == ("undone", "Refused", 23)
            assert "denied the request" in ending.message
            assert refusing.refused
            assert await web.images() == {OLD}
            after = [await web.get(name=name) for name in ("api", "web")]
            assert [each["spec"] for each in after] == [each["spec"] for each in before]
            assert all(map(is_clean, after))

    virtual_loop.run(story())


def test_traffic_that_fails_takes_the_roll_back() -> None:
    async def story() -> None:
        async with service(a_workload(DEPLOYMENTS, replicas=4)) as web:
            traffic = Traffic(threshold=0.01)
            sending = asyncio.ensure_future(send(traffic, web, fails=lambda images: NEW in images))
            ending = await web.roll(traffic=traffic, canary=1, wait=30)
            sending.cancel()
            assert (ending.outcome, ending.reason, ending.exit_code) == ("undone", "Traffic", 20)
            assert await web.images() == {OLD}

    virtual_loop.run(story())


def test_while_requests_fail_already_nothing_is_changed() -> None:
    async def story() -> None:
        async with service(a_workload(DEPLOYMENTS, replicas=4)) as web:
            before = await web.get()
            traffic = Traffic(threshold=0.01)
            sending = asyncio.ensure_future(send(traffic, web, fails=lambda images: True))
            ending = await web.roll(traffic=traffic)
            sending.cancel()
            assert (ending.outcome, ending.exit_code) == ("nothing to do", 20)
            assert await web.get() == before

    virtual_loop.run(story())


async def send(traffic: Traffic, web: Service, fails: Callable[[set[str]], bool]) -> None:
    """40 requests a second, of which every tenth fails when `fails` says so."""
    requests = failed = 0
    while True:
        await asyncio.sleep(0.25)
        requests += 10
        failed += fails(await web.images())
        traffic.sample(web.cluster.env.now(), requests, failed)


def test_a_service_without_workloads_and_an_image_for_nobody_are_refused() -> None:
    async def story() -> None:
        async with service() as web:
            with pytest.raises(ToolError, match="stands behind service/web"):
                await web.roll()
        async with service(a_workload(DEPLOYMENTS, replicas=1)) as web:
            with pytest.raises(ToolError, match=r"no container x in deployment\.apps/web"):
                await web.roll("x=nginx:2")

    virtual_loop.run(story())


def test_two_runs_of_the_same_roll_do_no_harm() -> None:
    async def story() -> None:
        async with service(*two_workloads()) as web, available(web, 4):
            endings = await asyncio.gather(web.roll(), web.roll(canary=1, wait=5), web.roll())
            assert {ending.outcome for ending in endings} <= {"rolled", "nothing to do"}
            assert await web.images() == {NEW}
        async with service(*two_workloads()) as web, available(web, 4):
            endings = await asyncio.gather(web.roll(BAD), web.roll(BAD))
            assert {ending.outcome for ending in endings} <= {"undone", "kept"}
            await asyncio.sleep(30)
            assert await web.images() == {OLD}
            assert is_clean(await web.get())

    virtual_loop.run(story())


def test_of_two_rolls_to_different_images_the_later_wins() -> None:
    async def story() -> None:
        async with service(a_workload(DEPLOYMENTS, replicas=4), ready=10) as web, available(web, 3):
            first = asyncio.ensure_future(web.roll("nginx:1.12"))
            await asyncio.sleep(15)
            assert await web.roll(NEW) == Ending("rolled")
            ending = await first
            assert (ending.outcome, ending.reason) == ("kept", "Changed")
            assert "another roll has taken over" in ending.message
            assert await web.images() == {NEW}

    virtual_loop.run(story())


@pytest.mark.parametrize(("resource", "spec"), KINDS, ids=IDS)
def test_rights_on_events_and_endpoints_are_not_needed(resource: Resource, spec: dict[str, Any]) -> None:
    async def story() -> None:
        async with service(a_workload(resource, **spec)) as web:
            before = await web.get(resource)
            client = ApiClient(Forbidding(web.cluster.client, "events", "endpointslices"))
            assert (await web.roll(BAD, client=client, canary=1)).reason == "Image"
            assert await web.roll(NEW, client=client, canary=1) == Ending("rolled")
            await assert_left_as_it_was(web, before, resource, NEW)

    virtual_loop.run(story())


def test_without_rights_on_what_is_needed_nothing_is_changed() -> None:
    async def story() -> None:
        async with service(a_workload(DEPLOYMENTS, replicas=1)) as web:
            before = await web.get()
            for plural in ("pods", "replicasets", "deployments"):
                with pytest.raises(StatusError, match=f"no rights on .*/{plural}"):
                    await web.roll(client=ApiClient(Forbidding(web.cluster.client, plural)))
            assert await web.get() == before

    virtual_loop.run(story())


async def killed_after(web: Service, life: int, run: Callable[[Client], Awaitable[Ending]]) -> bool:
    """Whether the roll died; False: it had ended before."""
    try:
        await run(ApiClient(Mortal(web.cluster.client, life)))
    except Killed:
        return True
    return False


@pytest.mark.parametrize(("resource", "spec"), KINDS, ids=IDS)
def test_killed_at_any_request_and_run_again_it_finishes(resource: Resource, spec: dict[str, Any]) -> None:
    async def story(life: int) -> bool:
        async with service(a_workload(resource, **spec)) as web, available(web, 2):
            before = await web.get(resource)
            killed = await killed_after(web, life, lambda client: web.roll(client=client, canary=1, wait=5))
            await asyncio.sleep(life % 7)
            if killed:
                assert (await web.roll(canary=1, wait=5)).outcome in ("rolled", "nothing to do")
            await assert_left_as_it_was(web, before, resource, NEW)
            return killed

    life = 0
    while virtual_loop.run(story(life)):
        life += 1
    assert life > 15


@pytest.mark.parametrize(("resource", "spec"), KINDS, ids=IDS)
def test_killed_at_any_request_of_a_bad_roll_and_run_again_it_goes_back(
    resource: Resource, spec: dict[str, Any]
) -> None:
    async def story(life: int) -> bool:
        async with service(a_workload(resource, **spec)) as web, available(web, 2):
            before = await web.get(resource)
            killed = await killed_after(web, life, lambda client: web.roll(BAD, client=client))
            await asyncio.sleep(life % 7)
            if killed:
                assert (await web.roll(BAD)).outcome == "undone"
            await assert_left_as_it_was(web, before, resource, OLD)
            return killed

    life = 0
    while virtual_loop.run(story(life)):
        life += 1
    assert life > 15


def test_a_roll_of_two_workloads_that_dies_again_and_again_still_finishes() -> None:
    async def story() -> None:
        async with service(*two_workloads()) as web:
            runs = 1
            while await killed_after(web, 24, lambda client: web.roll(client=client)):
                runs += 1
                assert runs < 20
            assert runs > 1
            assert await web.images() == {NEW}
            assert is_clean(await web.get())
            assert is_clean(await web.get(STATEFUL_SETS, "db"))

    virtual_loop.run(story())


@pytest.mark.parametrize("every", [2, 3, 5])
@pytest.mark.parametrize(("resource", "spec"), KINDS, ids=IDS)
@pytest.mark.parametrize(("image", "left", "outcome"), [(NEW, NEW, "rolled"), (BAD, OLD, "undone")])
def test_a_bad_connection_changes_nothing(
    resource: Resource, spec: dict[str, Any], image: str, left: str, outcome: str, every: int
) -> None:
    async def story() -> None:
        async with service(a_workload(resource, **spec)) as web, available(web, 2):
            before = await web.get(resource)
            flaky = Flaky(web.cluster.client, every)
            ending = await web.roll(image, client=ApiClient(flaky))
            assert ending.outcome == outcome
            assert flaky.failed
            await assert_left_as_it_was(web, before, resource, left)

    virtual_loop.run(story())
