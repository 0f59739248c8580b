"""`rolling-update` in virtual time: whole updates, rollbacks, and updates that die at each of their requests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from seatrial.aio import virtual_loop
from seatrial.api.registry import PODS, REPLICATION_CONTROLLERS
from seatrial.base.errors import SeatrialError, StatusError, ToolError
from seatrial.base.types import JSON
from seatrial.client.base import Client
from seatrial.client.client import ApiClient
from seatrial.cluster.cluster import Cluster
from seatrial.machinery import conditions, objects
from seatrial.rollout.rolling_update import plan, resume, validation
from seatrial.rollout.rolling_update.controllers import Timing
from seatrial.rollout.rolling_update.run import Outcome, Planned, Renamed, RollingUpdate, Updated
from simulation.bad_connections import Flaky, Killed, Mortal
from simulation.worlds import world

OLD, NEW = "rc-demo-nginx-v0.1", "rc-demo-nginx-v0.2"
TIMING = Timing(update_period=10, poll_interval=3, timeout=300)
SEED_LINES = [
    f"Created {NEW}",
    f"Scaling up {NEW} from 0 to 4, scaling down {OLD} from 4 to 0 (keep 4 pods available, don't exceed 5 pods)",
    f"Scaling {NEW} up to 1",
    f"Scaling {OLD} down to 3",
    f"Scaling {NEW} up to 2",
    f"Scaling {OLD} down to 2",
    f"Scaling {NEW} up to 3",
    f"Scaling {OLD} down to 1",
    f"Scaling {NEW} up to 4",
    f"Scaling {OLD} down to 0",
    f"Update succeeded. Deleting {OLD}",
]


def controller(name: str, version: str, image: str, replicas: int | None = 4) -> JSON:
    labels = {"app": "rc-demo-nginx", "ver": version}
    spec: JSON = {
        "selector": labels,
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": image}]}},
    }
    if replicas is not None:
        spec["replicas"] = replicas
    return {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }


def new_file() -> JSON:
    manifest = controller(NEW, "v0.2", "nginx:1.11.9")
    del manifest["metadata"]["namespace"]
    return manifest


class Calls:
    """Calls of the command against one cluster; `said` collects what they print."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.said: list[str] = []

    async def __call__(
        self,
        *names: str,
        file: JSON | None = None,
        client: Client | None = None,
        timing: Timing = TIMING,
        **options: Any,
    ) -> Outcome:
        filenames = ("new.yaml",) if file else ()
        request = validation.Request(names=names, filenames=filenames, **options)
        call = RollingUpdate(
            client or self.cluster.client,
            self.cluster.env,
            "default",
            request,
            timing,
            lambda: file or {},
            self.said.append,
        )
        return await call.run()


@asynccontextmanager
async def four_pods(seed: int = 0, **behaviour: float) -> AsyncIterator[Calls]:
    """A cluster with the old controller and its four Pods ready."""
    async with world(2, seed=seed, **{"start": 1, "ready": 1, "exit": 1, **behaviour}) as cluster:
        await cluster.client.create(REPLICATION_CONTROLLERS, controller(OLD, "v0.1", "nginx:1.10.1"))
        await ready(cluster, 4)
        yield Calls(cluster)


async def pods_of(cluster: Cluster) -> list[JSON]:
    pods = (await cluster.client.list(PODS, "default"))["items"]
    return [pod for pod in pods if not objects.is_terminating(pod)]


async def ready(cluster: Cluster, count: int) -> None:
    async with asyncio.timeout(600):
        while sum(conditions.is_true(pod, "Ready") for pod in await pods_of(cluster)) != count:  # noqa: ASYNC110
            await asyncio.sleep(1)


async def controllers(cluster: Cluster) -> list[JSON]:
    items: list[JSON] = (await cluster.client.list(REPLICATION_CONTROLLERS, "default"))["items"]
    return items


def images(pods: list[JSON]) -> set[str]:
    return {pod["spec"]["containers"][0]["image"] for pod in pods}


def images_of(found: list[JSON]) -> set[str]:
    return {rc["spec"]["template"]["spec"]["containers"][0]["image"] for rc in found}


@asynccontextmanager
async def promises_kept(cluster: Cluster, minimum: int, maximum: int) -> AsyncIterator[None]:
    """At every moment inside, that many Pods are available and that many are there."""
    seen: list[tuple[int, int]] = []

    async def look() -> None:
        while True:
            pods = await pods_of(cluster)
            seen.append((sum(conditions.is_true(pod, "Ready") for pod in pods), len(pods)))
            await asyncio.sleep(0.5)

    task = asyncio.ensure_future(look())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert min(available for available, _ in seen) >= minimum
    assert max(total for _, total in seen) <= maximum


def test_the_article_is_followed_line_by_line() -> None:
    async def story() -> None:
        async with four_pods() as call, promises_kept(call.cluster, 4, 5):
            begin = call.cluster.env.now()
            outcome = await call(OLD, file=new_file())
            assert call.said == SEED_LINES
            assert isinstance(outcome, Updated)
            assert (outcome.subject, outcome.message) == (OLD, f'rolling updated to "{NEW}"')
            assert 40 <= call.cluster.env.now() - begin < 60
            await asyncio.sleep(5)
            [left] = await controllers(call.cluster)
            assert objects.name(left) == NEW
            assert objects.annotations(left) == {}
            assert images(await pods_of(call.cluster)) == {"nginx:1.11.9"}

    virtual_loop.run(story())


@pytest.mark.parametrize("seed", range(4))
def test_interleavings_do_not_change_what_is_printed(seed: int) -> None:
    async def story() -> None:
        async with four_pods(seed) as call:
            await call(OLD, file=new_file())
            assert call.said == SEED_LINES

    virtual_loop.run(story())


def test_by_image_the_old_name_is_kept_and_the_pods_stay() -> None:
    async def story() -> None:
        async with four_pods() as call, promises_kept(call.cluster, 4, 5):
            outcome = await call(OLD, image="nginx:1.11.9")
            assert isinstance(outcome, Updated)
            assert (outcome.subject, outcome.message) == (OLD, "rolling updated")
            new = call.said[0].removeprefix("Created ")
            assert len(new) == len(OLD) + 33
            assert call.said[-2:] == [
                f"Update succeeded. Deleting old controller: {OLD}",
                f"Renaming {new} to {OLD}",
            ]
            before = {objects.name(pod) for pod in await pods_of(call.cluster)}
            await asyncio.sleep(30)
            [left] = await controllers(call.cluster)
            assert objects.name(left) == OLD
            assert not objects.annotations(left)
            pods = await pods_of(call.cluster)
            assert {objects.name(pod) for pod in pods} == before
            assert {(objects.controller_of(pod) or {})["uid"] for pod in pods} == {objects.uid(left)}
            again = await call(OLD, image="nginx:1.12")
            assert isinstance(again, Updated)
            assert images(await pods_of(call.cluster)) == {"nginx:1.12"}

    virtual_loop.run(story())


def test_by_image_with_a_second_name_the_new_name_stays() -> None:
    async def story() -> None:
        async with four_pods() as call:
            outcome = await call(OLD, "web-2", image="nginx:1.11.9")
            assert isinstance(outcome, Updated)
            assert outcome.message == 'rolling updated to "web-2"'
            await asyncio.sleep(5)
            assert [objects.name(rc) for rc in await controllers(call.cluster)] == ["web-2"]

    virtual_loop.run(story())


@pytest.mark.parametrize(
    ("old_size", "new_size", "downs"), [(10, 2, [2, 1, 0]), (2, 6, [1, 0]), (4, None, [3, 2, 1, 0])]
)
def test_sizes_may_differ(old_size: int, new_size: int | None, downs: list[int]) -> None:
    async def story() -> None:
        async with four_pods() as call:
            await call.cluster.client.patch(REPLICATION_CONTROLLERS, OLD, "default", {"spec": {"replicas": old_size}})
            await ready(call.cluster, old_size)
            await call(OLD, file=controller(NEW, "v0.2", "nginx:1.11.9", new_size))
            assert [line for line in call.said if " down to " in line] == [
                f"Scaling {OLD} down to {size}" for size in downs
            ]
            await ready(call.cluster, old_size if new_size is None else new_size)

    virtual_loop.run(story())


def test_pods_that_never_come_up_end_the_update_and_harm_nobody() -> None:
    async def story() -> None:
        async with four_pods() as call, promises_kept(call.cluster, 4, 5):
            begin = call.cluster.env.now()
            with pytest.raises(ToolError, match="timed out waiting for any update progress to be made"):
                await call(OLD, file=controller(NEW, "v0.2", "broken:1"))
            assert 300 <= call.cluster.env.now() - begin < 340
            assert call.said == SEED_LINES[:3]
            sizes = {objects.name(rc): plan.replicas(rc) for rc in await controllers(call.cluster)}
            assert sizes == {OLD: 4, NEW: 1}
            rolled_back = await call(OLD, NEW, rollback=True)
            assert isinstance(rolled_back, Updated)
            assert (rolled_back.subject, rolled_back.message) == (NEW, f'rolling updated to "{OLD}"')
            assert call.said[3:] == [
                f'Setting "{OLD}" replicas to 4',
                f"Continuing update with existing controller {OLD}.",
                f"Scaling up {OLD} from 4 to 4, scaling down {NEW} from 1 to 0 "
                "(keep 4 pods available, don't exceed 5 pods)",
                f"Scaling {NEW} down to 0",
                f"Update succeeded. Deleting {NEW}",
            ]

    virtual_loop.run(story())


def test_with_an_update_period_of_nothing_it_still_ends() -> None:
    async def story() -> None:
        timing = Timing(update_period=0, poll_interval=0, timeout=20)
        async with four_pods() as call:
            with pytest.raises(ToolError, match="timed out"):
                await call(OLD, file=controller(NEW, "v0.2", "broken:1"), timing=timing)

    virtual_loop.run(story())


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (("nobody",), {"file": new_file()}, 'replicationcontrollers "nobody" not found'),
        (("nobody", "x"), {"image": "a:2"}, 'replicationcontrollers "nobody" not found'),
        (
            ("nobody",),
            {"image": "a:2"},
            "couldn't find a replication controller with source id == default/nobody",
        ),
        (("nobody",), {"rollback": True}, 'replicationcontrollers "nobody" not found'),
        ((OLD,), {"rollback": True}, "Could not find  to rollback.\n"),
        ((OLD, "x"), {"rollback": True}, "Could not find x to rollback.\n"),
        (
            (OLD,),
            {"file": controller(OLD, "v0.2", "a")},
            f"new.yaml cannot have the same name as the existing ReplicationController {OLD}",
        ),
        (
            (OLD,),
            {"file": controller(NEW, "v0.1", "a")},
            f"new.yaml must specify a matching key with non-equal value in Selector for {OLD}",
        ),
        (
            (OLD,),
            {"file": controller(NEW, "v0.2", "a", 0)},
            f"Invalid controller spec for {NEW}; required: > 0 replicas, actual: 0\n",
        ),
        (
            (OLD,),
            {"image": "nginx:1.10.1"},
            "--image-pull-policy (Always|Never|IfNotPresent) must be provided when --image is the same as existing "
            "container image",
        ),
        ((OLD,), {"image": "a:2", "container": "x"}, "container x not found in pod"),
    ],
)
def test_what_is_refused_changes_nothing(names: tuple[str, ...], options: dict[str, Any], message: str) -> None:
    async def story() -> None:
        async with four_pods() as call:
            before = await controllers(call.cluster)
            with pytest.raises(SeatrialError) as caught:
                await call(*names, **options)
            assert str(caught.value) == message
            assert await controllers(call.cluster) == before
            assert call.said == []

    virtual_loop.run(story())


def test_a_controller_of_another_origin_is_not_taken_over() -> None:
    async def story() -> None:
        async with four_pods() as call:
            uid = objects.uid(await call.cluster.client.get(REPLICATION_CONTROLLERS, OLD, "default"))
            stranger = objects.with_metadata(controller(NEW, "v0.2", "a", 1), annotations={"b": "2", "a": "1"})
            await call.cluster.client.create(REPLICATION_CONTROLLERS, stranger)
            with pytest.raises(ToolError) as caught:
                await call(OLD, file=new_file())
            assert str(caught.value) == (
                f"Missing/unexpected annotations for controller {NEW}, expected {OLD}:{uid} : map[a:1 b:2]"
            )

    virtual_loop.run(story())


def test_another_image_than_that_in_progress_is_refused() -> None:
    async def story() -> None:
        async with four_pods() as call:
            with pytest.raises(ToolError, match="timed out"):
                await call(OLD, image="broken:1")
            with pytest.raises(validation.UsageError) as caught:
                await call(OLD, image="nginx:1.12")
            assert str(caught.value) == (
                "Found existing in-progress update to image (broken:1).\n"
                "Either continue in-progress update with --image=broken:1 or rollback with --rollback"
            )
            restored = await call(OLD, rollback=True)
            assert isinstance(restored, Updated)
            assert (restored.subject, restored.message) == (OLD, "rolling updated")
            await asyncio.sleep(10)
            assert images(await pods_of(call.cluster)) == {"nginx:1.10.1"}

    virtual_loop.run(story())


@pytest.mark.parametrize(
    ("names", "options"),
    [((OLD,), {"file": new_file()}), ((OLD,), {"image": "a:2"}), ((OLD, "x"), {"image": "a:2"})],
    ids=["file", "image", "image and name"],
)
def test_a_dry_run_sends_nothing(names: tuple[str, ...], options: dict[str, Any]) -> None:
    async def story() -> None:
        async with four_pods() as call:
            before = await controllers(call.cluster), await pods_of(call.cluster)
            outcome = await call(*names, dry_run=True, **options)
            assert isinstance(outcome, Planned)
            assert objects.name(outcome.old) == OLD
            assert objects.name(outcome.new) != OLD
            assert (await controllers(call.cluster), await pods_of(call.cluster)) == before

    virtual_loop.run(story())


def test_pods_that_slip_through_while_the_old_ones_are_labelled_are_removed() -> None:
    """Killed right after the selector was written: what the controller made from its former template has no owner."""

    async def story() -> None:
        async with four_pods() as call:
            client = call.cluster.client
            old = await client.get(REPLICATION_CONTROLLERS, OLD, "default")
            slipped = {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "name": f"{OLD}-slip",
                    "generateName": f"{OLD}-",
                    "namespace": "default",
                    "labels": old["spec"]["selector"],
                },
                "spec": old["spec"]["template"]["spec"],
            }
            own = objects.with_metadata(slipped, name="own", generateName=None)
            life = await writes_until(call, lambda rc: "deployment" in rc["spec"]["selector"])
            await killed_after(call, life, lambda client: call(OLD, image="nginx:1.11.9", client=client))
            await client.create(PODS, slipped)
            await client.create(PODS, own)
            assert isinstance(await call(OLD, image="nginx:1.11.9"), Updated)
            await asyncio.sleep(30)
            names = {objects.name(pod) for pod in await pods_of(call.cluster)}
            assert "own" in names
            assert f"{OLD}-slip" not in names

    virtual_loop.run(story())


async def writes_until(call: Calls, condition: Callable[[JSON], bool]) -> int:
    """How many requests an update by image makes until the old controller is so; counted in a world of its own."""
    for life in range(1, 60):
        async with four_pods() as other:
            await killed_after(other, life, lambda client, o=other: o(OLD, image="nginx:1.11.9", client=client))
            if condition(await other.cluster.client.get(REPLICATION_CONTROLLERS, OLD, "default")):
                return life
    raise AssertionError("it never is")


async def killed_after(call: Calls, life: int, run: Callable[[Client], Awaitable[Outcome]]) -> bool:
    """Whether the command died; False: it had done all before."""
    try:
        await run(ApiClient(Mortal(call.cluster.client, life)))
    except Killed:
        return True
    return False


Run = Callable[[Calls, Client | None], Awaitable[Outcome]]


def by_file(call: Calls, client: Client | None) -> Awaitable[Outcome]:
    return call(OLD, file=new_file(), client=client)


def by_image(call: Calls, client: Client | None) -> Awaitable[Outcome]:
    return call(OLD, image="nginx:1.11.9", client=client)


def by_image_and_name(call: Calls, client: Client | None) -> Awaitable[Outcome]:
    return call(OLD, NEW, image="nginx:1.11.9", client=client)


async def dies_and_goes_on(run: Run, life: int, name: str, seed: int = 0) -> bool:
    """One update, killed after `life` requests and run again; returns whether it was killed at all."""
    async with four_pods(seed) as call, promises_kept(call.cluster, 4, 5):
        killed = await killed_after(call, life, lambda client: run(call, client))
        await asyncio.sleep(life % 7)
        if killed:
            await run_again(call, run, name)
        await assert_updated(call, name)
        return killed


async def run_again(call: Calls, run: Run, name: str) -> None:
    """The former run may have done all there was to do: then there is rightly nothing to update any more."""
    left = await controllers(call.cluster)
    finished = [objects.name(rc) for rc in left] == [name] and images_of(left) == {"nginx:1.11.9"}
    finished = finished and resume.SOURCE_ID not in objects.annotations(left[0])
    if finished:
        with pytest.raises((StatusError, validation.UsageError), match=r"not found|--image is the same"):
            await run(call, None)
    else:
        assert isinstance(await run(call, None), Updated | Renamed)


async def assert_updated(call: Calls, name: str) -> None:
    await asyncio.sleep(60)
    [left] = await controllers(call.cluster)
    assert objects.name(left) == name
    assert plan.replicas(left) == 4
    assert not objects.finalizers(left)
    assert not {resume.SOURCE_ID, resume.DESIRED_REPLICAS} & objects.annotations(left).keys()
    pods = await pods_of(call.cluster)
    assert len(pods) == 4
    assert images(pods) == {"nginx:1.11.9"}
    assert {(objects.controller_of(pod) or {}).get("uid") for pod in pods} == {objects.uid(left)}


@pytest.mark.parametrize(
    ("run", "name"),
    [(by_file, NEW), (by_image, OLD), (by_image_and_name, NEW)],
    ids=["file", "image", "image and name"],
)
def test_killed_at_any_request_and_run_again_it_finishes(run: Run, name: str) -> None:
    life = 0
    while virtual_loop.run(dies_and_goes_on(run, life, name)):
        life += 1
    assert life > 40


@pytest.mark.parametrize("by_name", [False, True], ids=["found by annotation", "named"])
def test_a_rollback_killed_at_any_request_and_run_again_finishes(by_name: bool) -> None:
    async def story(life: int) -> bool:
        async with four_pods() as call, promises_kept(call.cluster, 4, 5):
            names = (OLD, NEW) if by_name else (OLD,)
            await killed_after(call, 60, lambda client: call(*names, image="nginx:1.11.9", client=client))
            sizes = {objects.name(rc): plan.replicas(rc) for rc in await controllers(call.cluster)}
            assert len(sizes) == 2
            assert sizes[OLD] < 4
            killed = await killed_after(call, life, lambda client: call(*names, rollback=True, client=client))
            if killed:
                await roll_back_again(call, names)
            await asyncio.sleep(60)
            [left] = await controllers(call.cluster)
            assert objects.name(left) == OLD
            assert plan.replicas(left) == 4
            assert not {resume.SOURCE_ID, resume.DESIRED_REPLICAS} & objects.annotations(left).keys()
            assert images(await pods_of(call.cluster)) == {"nginx:1.10.1"}
            return killed

    life = 0
    while virtual_loop.run(story(life)):
        life += 1
    assert life > 20


async def roll_back_again(call: Calls, names: tuple[str, ...]) -> None:
    left = await controllers(call.cluster)
    if len(left) == 1 and resume.SOURCE_ID not in objects.annotations(left[0]):
        with pytest.raises(validation.UsageError, match="to rollback"):
            await call(*names, rollback=True)
    else:
        assert isinstance(await call(*names, rollback=True), Updated)


def test_an_update_that_dies_again_and_again_still_finishes() -> None:
    """Every run dies after 25 requests."""

    async def story() -> None:
        async with four_pods() as call, promises_kept(call.cluster, 4, 5):
            runs = 1
            while await killed_after(call, 25, lambda client: by_image(call, client)):
                runs += 1
            assert runs > 3
            await assert_updated(call, OLD)

    virtual_loop.run(story())


@pytest.mark.parametrize("every", [2, 3, 5, 7])
@pytest.mark.parametrize(
    ("run", "name"),
    [(by_file, NEW), (by_image, OLD), (by_image_and_name, NEW)],
    ids=["file", "image", "image and name"],
)
def test_a_bad_connection_changes_nothing(run: Run, name: str, every: int) -> None:
    async def story() -> None:
        async with four_pods() as call, promises_kept(call.cluster, 4, 5):
            flaky = Flaky(call.cluster.client, every)
            assert isinstance(await run(call, ApiClient(flaky)), Updated)
            assert len(flaky.failed) >= 5, "kinds of failure"
            await assert_updated(call, name)

    virtual_loop.run(story())
