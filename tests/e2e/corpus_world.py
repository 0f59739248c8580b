"""Scenarios of the rehearsals' corpus, carried out for real: processes as Pods, the clock on the wall.

The same objects, the same change, and the same reading of what was written (rehearse.course) as in a rehearsal; what
differs is the cluster. Applications are tests/e2e/corpus_app.py, one command for each image.
"""

import asyncio
import json
import shlex
import statistics
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import yaml

from seatrial.aio import loops
from seatrial.base.env import SystemEnv
from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.cli import rehearsal_plan
from seatrial.cli.commands.rehearse import command
from seatrial.cluster.cluster import Cluster
from seatrial.machinery import conditions, objects
from seatrial.rehearse import disk_images, rehearsal
from seatrial.rehearse.behaviour import distribution, observing, profiles
from seatrial.rehearse.behaviour.loads import GivenLoad
from seatrial.rehearse.behaviour.profiles import DEFAULT, EVERY_IMAGE, Profile
from seatrial.rehearse.behaviour.sampling import SampledModel
from seatrial.rehearse.changes.change import Apply
from seatrial.rehearse.changes.performing import Performance
from seatrial.rehearse.changes.set_image import SetImage
from seatrial.rehearse.course import Course
from seatrial.rehearse.disk_images import Images
from seatrial.rehearse.recordings import figures
from seatrial.rehearse.rehearsal import Plan
from seatrial.rehearse.result import Result, ScaleEvent
from seatrial.rehearse.snapshots import loading
from seatrial.rehearse.trace import TracedStore
from seatrial.rehearse.webhooks import Webhooks
from seatrial.rehearse.world import World
from seatrial.volumes.rbd.images import ImageStore

Differences = dict[str, tuple[object, object]]
APP = Path(__file__).with_name("corpus_app.py")
LOOK_SECONDS = 0.05
SHARE, MOMENT_SECONDS = 0.1, 0.05
"""By how much durations may differ; what takes no time at all takes some on a busy machine."""
SIDE_BY_SIDE = 12
"""Clusters: a host has addresses for sixteen, and other tests have some, too."""
IMAGE_BYTES = 64 * 2**20
LONGEST_SECONDS = 90.0
QUIET_SECONDS = 5.0
"""Nothing new for so long, beyond minReadySeconds: it hangs. Whatever else is run here moves more often."""
BEFORE_IT_IS_ASKED = 0.4
"""Applications are ready so many seconds early, so that the probe at which a rehearsal sees it finds it so."""

APPLICATION = replace(DEFAULT, ready=distribution.fixed(2.0))
"""How applications behave of which the scenario says nothing: long enough for a tenth to be more than chance."""


@dataclass(frozen=True)
class Outcome:
    """What is compared. `waves`: the sizes of ReplicaSets and StatefulSets after each wave of changes.

    `seconds`: the duration, None of what hangs.
    """

    verdict: str
    waves: tuple[Mapping[str, int], ...]
    min_available: int
    seconds: float | None


def plan_of(folder: Path) -> Plan:
    """What the scenario's command asks for."""
    words = shlex.split(yaml.safe_load((folder / "expected.yaml").read_text())["command"])
    here = [str(folder / word) if word.endswith(".yaml") else word for word in words[2:]]
    plan = rehearsal_plan.of(command.make_context("rehearse", here).params)
    seen = observing.seen(plan.snapshot.objects, plan.snapshot.taken_at)
    return replace(plan, profiles=replace(plan.profiles, seen=seen, default=APPLICATION))


def images_of(plan: Plan) -> set[str]:
    """All images that its Pods may run."""
    found = {image for pod in _templates(plan) for image in _images(pod)}
    return found | {image for change in plan.changes if isinstance(change, SetImage) for _, image in change.images}


def _templates(plan: Plan) -> Iterator[JSON]:
    """What its Pods are made from, before and after the change."""
    applied = (change.manifests for change in plan.changes if isinstance(change, Apply))
    for manifest in chain(plan.snapshot.objects, plan.snapshot.manifests, *applied):
        yield objects.get(manifest, "spec", "template", "spec", default={})


def _images(spec: JSON) -> Iterator[str]:
    for group in ("initContainers", "containers"):
        for container in spec.get(group) or ():
            yield str(container["image"])


def inits_of(plan: Plan) -> set[str]:
    """Images of containers that are there to end: no sidecars."""
    inits = (each for pod in _templates(plan) for each in pod.get("initContainers") or ())
    return {str(each["image"]) for each in inits if each.get("restartPolicy") != "Always"}


def commands(plan: Plan) -> dict[str, str]:
    """Image → command of the application that behaves so; an image that can't be had has none."""
    inits = inits_of(plan)
    found = {}
    for image in sorted(images_of(plan)):
        profile = plan.profiles.of(image)
        if not profile.bad_image:
            asked = json.dumps(_behaviour(profile, is_init=image in inits))
            found[image] = shlex.join([sys.executable, "-I", "-S", str(APP), asked])
    return found


def _behaviour(profile: Profile, *, is_init: bool) -> Mapping[str, float | None]:
    never = profile.ready is None or profile.never_ready >= 1
    return {
        "ready": None if never or profile.ready is None else max(profile.ready.typical - BEFORE_IT_IS_ASKED, 0.0),
        "crash": profile.crash.typical if profile.crash else None,
        "complete": profiles.INIT_SECONDS if is_init and not profile.crash else None,
        "exit": profile.exit.typical,
    }


async def carry_out(plan: Plan) -> tuple[Outcome, float]:
    """For real; and the median of the seconds from a Pod's binding to its containers' start."""
    env = SystemEnv()
    store = TracedStore(env)
    given = [obj for obj in plan.snapshot.objects if not _is_pod(obj)]
    assert not await loading.load(store, env, plan.release, given)
    cluster = Cluster(
        env=env,
        nodes=0,
        runtime="process",
        serve=False,
        store=store,
        machines=loading.machines(store),
        images=commands(plan),
    )
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            await _start(cluster)
            return await _observe(cluster, store, plan)
    finally:
        await cluster.stop()


async def _observe(cluster: Cluster, store: TracedStore, plan: Plan) -> tuple[Outcome, float]:
    assert cluster.images is not None
    await _make_images(cluster.images.store, plan)
    world = World(cluster, store, SampledModel(plan.profiles), Images(cluster.env), Webhooks(), GivenLoad(), [])
    before = world.begin()
    await _until_as_it_was(store, plan)
    await _until_over(world, before, Performance([Apply(plan.snapshot.manifests)], world.webhooks), plan.namespace)
    await asyncio.sleep((rehearsal.CHANGE_AT - cluster.env.now()) % 1)
    course = world.begin()
    performed = await _until_over(world, course, Performance(plan.changes, world.webhooks), plan.namespace)
    return _outcome(course, performed=performed), _start_seconds(before, course)


async def _start(cluster: Cluster) -> None:
    """As soon as there are addresses: other tests may hold them all."""
    while True:
        try:
            return await cluster.start()
        except ToolError as error:
            if "address blocks" not in str(error):
                raise
            await asyncio.sleep(LOOK_SECONDS)


async def _make_images(store: ImageStore, plan: Plan) -> None:
    """Those that volumes name; nodes mount them for real."""
    for name in sorted({found for obj in plan.snapshot.manifests for found in disk_images.named(obj)}):
        if name.pool not in await store.pools():
            await store.create_pool(name.pool)
        await store.create(name, IMAGE_BYTES)


async def _until_as_it_was(store: TracedStore, plan: Plan) -> None:
    """Processes can't be taken over from a dump: its workloads make their Pods again, as many, and as many ready."""
    wanted = _readiness(plan.snapshot.objects)
    while True:
        if _readiness(store.objects()) == wanted:
            return
        await asyncio.sleep(LOOK_SECONDS)


def _readiness(found: Iterable[JSON]) -> Counter[bool]:
    return Counter(conditions.is_true(obj, "Ready") for obj in found if _is_pod(obj))


def _is_pod(obj: JSON) -> bool:
    return obj.get("kind") == "Pod"


async def _until_over(world: World, course: Course, performance: Performance, namespace: str) -> bool:
    """Complete and nothing on its way out; or at a standstill. False: the change itself is not done, or refused."""
    performed = asyncio.ensure_future(performance.run(world, namespace, course))
    try:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            world.catch_up(course)
            if performed.done():
                performed.result()
                if performance.refusal:
                    return False
                if course.complete_at is not None and not course.terminating:
                    return True
            if world.now - course.news_at > QUIET_SECONDS + _min_ready(course):
                return performed.done()
    finally:
        performed.cancel()


def _min_ready(course: Course) -> float:
    found = filter(None, map(course.object_of, course.targets))
    return max((float(each["spec"].get("minReadySeconds") or 0) for each in found), default=0.0)


def _outcome(course: Course, *, performed: bool) -> Outcome:
    end = course.complete_at if performed else None
    seconds = None if end is None else round(end - course.began, 2)
    least = min((sample.available for sample in course.samples), default=0)
    return Outcome("hangs" if seconds is None else "completes", _waves(course.scales), least, seconds)


def _waves(scales: Sequence[ScaleEvent]) -> tuple[Mapping[str, int], ...]:
    """Whoever is new has a number instead of its hash: a restart's template has the time in it."""
    made = [each.object for each in scales if each.from_ < 0]
    names = {name: f"new-{number}" for number, name in enumerate(made, 1)}
    return figures.waves([replace(each, object=names.get(each.object, each.object)) for each in scales])


def _start_seconds(*courses: Course) -> float:
    """The median over the Pods, from the binding to the container's start: what this machine takes for a process."""
    seen = [
        running.time_seconds - bound.time_seconds
        for course in courses
        for life in course.lives.values()
        for bound, running in zip(life.phases, life.phases[1:], strict=False)
        if bound.state == "pulling" and running.state in ("starting", "ready")
    ]
    return statistics.median_low(seen) if seen else 0.0


def rehearsed(plan: Plan, start: float) -> Result:
    """With containers that start as fast as they did for real, and are seen as ready when a probe looks."""

    seen_so = {"start": distribution.fixed(start), "seen_ready": False}
    said = {EVERY_IMAGE: {}, **plan.profiles.said}
    profiles = replace(plan.profiles, said={image: {**each, **seen_so} for image, each in said.items()})
    snapshot = replace(plan.snapshot, is_of_seatrial=True)
    return rehearsal.rehearse(replace(plan, snapshot=snapshot, profiles=profiles))


def of_result(result: Result) -> Outcome:
    seconds = result.duration_seconds if result.completes else None
    return Outcome(result.verdict, _waves(result.scale_events), result.min_available, seconds)


def differences(real: Outcome, foreseen: Outcome) -> Differences:
    """Name → (for real, rehearsed) of what is not the same; durations may differ by a tenth."""
    fields = ("verdict", "waves", "min_available")
    found = {name: (getattr(real, name), getattr(foreseen, name)) for name in fields}
    differing = {name: pair for name, pair in found.items() if pair[0] != pair[1]}
    if real.seconds is not None and foreseen.seconds is not None:
        may_differ = max(SHARE * real.seconds, MOMENT_SECONDS)
        if abs(real.seconds - foreseen.seconds) > may_differ:
            differing["seconds"] = (real.seconds, foreseen.seconds)
    return differing


async def _carry_out_all(plans: Mapping[str, Plan]) -> dict[str, tuple[Outcome, float]]:
    room = asyncio.Semaphore(SIDE_BY_SIDE)

    async def one(name: str) -> tuple[Outcome, float]:
        async with room:
            return await carry_out(plans[name])

    async with asyncio.TaskGroup() as group:
        tasks = {name: group.create_task(one(name)) for name in plans}
    return {name: task.result() for name, task in tasks.items()}


def compare(folders: Iterable[Path]) -> dict[str, Differences]:
    """Of each scenario what went otherwise than it was rehearsed; they are carried out side by side.

    What differs in waves or duration alone is carried out once more by itself: a busy machine makes one wave of two,
    and all of it longer. Another end, or fewer available, counts at once.
    """
    plans = {folder.name: plan_of(folder) for folder in folders}
    found = _compared(plans)
    for name in [name for name, differing in found.items() if differing and set(differing) <= {"waves", "seconds"}]:
        found |= _compared({name: plans[name]})
    return found


def _compared(plans: Mapping[str, Plan]) -> dict[str, Differences]:
    carried_out = loops.run(_carry_out_all(plans))
    return {
        name: differences(real, of_result(rehearsed(plans[name], start))) for name, (real, start) in carried_out.items()
    }
