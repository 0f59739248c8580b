"""One rehearsal, from the snapshot to the verdict, in virtual time.

`rehearse(Plan(...))` is the whole of it: assemble the cluster, load, settle, change, watch, judge. Equal plans give
equal results. It ends when the update is complete and its old Pods are gone, when nothing but retries has happened for
long enough, or at the horizon.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.aio import virtual_loop
from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.cluster.config import DEFAULT_RELEASE
from seatrial.rehearse import faults, observing, verdict
from seatrial.rehearse.behaviour import DEFAULT, DEFAULT_TOLD, Profiles, SampledModel
from seatrial.rehearse.change import Apply, Change, Stage
from seatrial.rehearse.course import Course
from seatrial.rehearse.faults import Fault
from seatrial.rehearse.result import Result
from seatrial.rehearse.snapshot import Snapshot
from seatrial.rehearse.verdict import Decided
from seatrial.rehearse.world import World, open_world

HORIZON_SECONDS = 3600.0
LOOK_SECONDS = 1.0
LINGER_SECONDS = 30.0
"""How long a complete update is watched: Pods may crash after they were ready."""
SETTLED_SECONDS = 2.0
"""The same of what was there before the change."""
STANDSTILL_SECONDS = 60.0
"""How long nothing new may happen, beyond the longest wait that the objects themselves ask for."""
CHANGE_AT = 0.1
"""The change comes so many seconds past a whole one, since Kubernetes' own times have whole seconds."""

NOTHING_KNOWN = Profiles()


@dataclass(frozen=True)
class Plan:
    """What is rehearsed. Changes are performed one after the other; `namespace` is for those that name none.

    `profiles`: how Pods behave, over what the snapshot's own Pods tell; `horizon`: seconds of virtual time after the
    change; `seed`: 0 is the typical run, others draw from the profiles' distributions.
    """

    snapshot: Snapshot
    changes: Sequence[Change]
    namespace: str = "default"
    profiles: Profiles = NOTHING_KNOWN
    faults: Sequence[Fault] = ()
    horizon: float = HORIZON_SECONDS
    release: str = DEFAULT_RELEASE
    seed: int = 0


def rehearse(plan: Plan) -> Result:
    """The verdict. Raises ToolError and StatusError for what can't be rehearsed."""
    return virtual_loop.run(_rehearse(plan))


async def _rehearse(plan: Plan) -> Result:
    seen, told = observing.profiles(plan.snapshot.objects, plan.snapshot.taken_at)
    model = SampledModel(plan.profiles.over(seen), plan.seed)
    async with open_world(plan.snapshot, model, seed=plan.seed, release=plan.release) as world:
        assumptions = [*plan.snapshot.assumptions, *told, *world.assumptions]
        assumptions += await _settle(world, plan)
        await asyncio.sleep((CHANGE_AT - world.now) % 1)
        course = world.begin()
        failing = asyncio.ensure_future(faults.perform(world, plan.faults))
        decided = await _watch(world, course, plan.changes, plan, LINGER_SECONDS)
        failing.cancel()
        if not course.targets:
            raise ToolError("the change concerns no Deployment, StatefulSet, DaemonSet or ReplicationController")
        assumptions += _unknown(course, model.profiles)
        return verdict.judge(course, decided, world.now, assumptions)


def _unknown(course: Course, profiles: Profiles) -> list[str]:
    """Of which images nothing is known."""
    images = {str(each.get("image", "")) for life in course.lives.values() for each in life.pod["spec"]["containers"]}
    unknown = sorted(image for image in images if profiles.of(image) is DEFAULT)
    return [f"nothing is known of {', '.join(unknown)}: Pods {DEFAULT_TOLD} (--behaviour)"] if unknown else []


async def _settle(world: World, plan: Plan) -> list[str]:
    """Let the beginning come to rest before it counts; what of it does not is told."""
    if not plan.snapshot.manifests:
        await asyncio.sleep(LOOK_SECONDS)
        return []
    course = world.begin()
    decided = await _watch(world, course, [Apply(plan.snapshot.manifests)], plan, SETTLED_SECONDS)
    if decided == "completed":
        return []
    told = verdict.judge(course, decided, world.now)
    return [f"the old state does not come up by itself, and the change comes upon that: {told.reason}"]


async def _watch(world: World, course: Course, changes: Sequence[Change], plan: Plan, linger: float) -> Decided:
    """Perform the changes, one after the other, and wait for the end."""
    performance = asyncio.ensure_future(_perform(world, changes, plan.namespace, course))
    return await _Watching(world, course, performance, plan.horizon, linger).end()


async def _perform(world: World, changes: Sequence[Change], namespace: str, course: Course) -> None:
    stage = Stage(world.client, world.cluster.env, namespace, course.watch)
    for change in changes:
        await change.perform(stage)


@dataclass
class _Watching:
    """Looks every virtual second at what happened since, until it can be decided."""

    world: World
    course: Course
    performance: "asyncio.Future[None]"
    horizon: float
    linger: float
    _taken: int = 0

    async def end(self) -> Decided:
        until = self.world.now + self.horizon
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._catch_up()
            if self.performance.done():
                self.performance.result()
                if self._is_over():
                    return "completed"
            if self.world.now - self.course.news_at >= self._patience():
                return self._stop("standstill")
            if self.world.now >= until:
                return self._stop("horizon")

    def _stop(self, decided: Decided) -> Decided:
        self.performance.cancel()
        return decided

    def _catch_up(self) -> None:
        changes = self.world.store.changes
        for change in changes[self._taken :]:
            self.course.take(change)
        self._taken = len(changes)

    def _is_over(self) -> bool:
        complete = self.course.complete_at
        if complete is None or self.course.terminating:
            return False
        return self.world.now - max(complete, self.course.news_at) >= self.linger

    def _patience(self) -> float:
        return STANDSTILL_SECONDS + max(
            (waits(each) for each in map(self.course.object_of, self.course.targets)), default=0
        )


def waits(obj: JSON | None) -> float:
    """The longest that a workload may do nothing and still go on: its own times, and its Pods' grace."""
    if obj is None:
        return 0.0
    spec = obj["spec"]
    grace = (spec.get("template", {}).get("spec") or {}).get("terminationGracePeriodSeconds")
    times = (spec.get("progressDeadlineSeconds"), spec.get("minReadySeconds"), grace)
    return max((float(each) for each in times if each is not None and each < 2**31 - 1), default=0.0)
