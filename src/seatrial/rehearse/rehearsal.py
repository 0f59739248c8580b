"""One rehearsal, from the snapshot to the verdict, in virtual time.

`rehearse(Plan(...))` is the whole of it: assemble the cluster, load, settle, change, watch, judge. Equal plans give
equal results. It ends when the update is complete and its old Pods are gone, when nothing but retries has happened for
long enough, or at the horizon.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from seatrial.aio import virtual_loop
from seatrial.base.errors import StatusError, ToolError
from seatrial.base.types import JSON
from seatrial.cluster.config import DEFAULT_RELEASE
from seatrial.rehearse import behaviour, faults, loads, observing, verdict
from seatrial.rehearse.behaviour import DEFAULT, DEFAULT_TOLD, INIT_TOLD, Profiles, SampledModel
from seatrial.rehearse.change import Apply, Change, Stage
from seatrial.rehearse.course import Course
from seatrial.rehearse.faults import Fault
from seatrial.rehearse.loads import GivenLoad
from seatrial.rehearse.result import Result
from seatrial.rehearse.snapshot import Snapshot
from seatrial.rehearse.verdict import Decided, Ending
from seatrial.rehearse.webhooks import Webhooks
from seatrial.rehearse.world import World, open_world

HORIZON_SECONDS = 3600.0
LOOK_SECONDS = 1.0
RESUMED_SECONDS = 2.0
"""How long a snapshot's loops get to find everything as it should be."""
LINGER_SECONDS = 30.0
"""How long a complete update is watched: Pods may crash after they were ready."""
SETTLED_SECONDS = 2.0
"""The same of what was there before the change; where there is a load, autoscalers get their time on top."""
STANDSTILL_SECONDS = 400.0
"""How long nothing new may happen, beyond the longest wait that objects and Pods themselves ask for. Pods of a node
that has gone silent are given up after 340 s, mounts are tried again every two minutes."""
AUTOSCALERS_SECONDS = 30.0
"""How long autoscalers get to follow the last change of the load: they look every 15 s."""
CHANGE_AT = 0.1
"""The change comes so many seconds past a whole one, since Kubernetes' own times have whole seconds."""

REFUSALS = (400, 403, 409, 422, 500)
"""What an API server answers that will have none of a change; other failures are the rehearsal's."""
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
    load, told_of_load = loads.observed(plan.snapshot.objects)
    profiles = plan.profiles.over(replace(seen, load=load))
    model = SampledModel(profiles, plan.seed)
    coming = [obj for change in plan.changes if isinstance(change, Apply) for obj in change.manifests]
    async with open_world(plan.snapshot, model, coming=coming, seed=plan.seed, release=plan.release) as world:
        assumptions = [*plan.snapshot.assumptions, *told, *told_of_load, *world.assumptions]
        assumptions += await _settle(world, plan, model)
        await asyncio.sleep((CHANGE_AT - world.now) % 1)
        faults.check(plan.faults, list(world.cluster.nodes))
        course = world.begin()
        world.load.began = world.now
        failing = asyncio.ensure_future(faults.perform(world, plan.faults))
        changes = Performance(plan.changes, world.webhooks)
        ending = await _Watching(world, course, changes, plan, LINGER_SECONDS, _load_lasts(world.load)).end()
        failing.cancel()
        if not course.targets:
            raise ToolError("the change concerns no Deployment, StatefulSet, DaemonSet or ReplicationController")
        assumptions += [*_unknown(course, model.profiles), *_waiting(model)]
        return verdict.judge(course, ending, model, assumptions, made_up=bool(plan.snapshot.manifests))


def _load_lasts(load: GivenLoad) -> float:
    last = loads.lasts(load.curves)
    return last + AUTOSCALERS_SECONDS if last else 0.0


async def _settle(world: World, plan: Plan, model: SampledModel) -> list[str]:
    """Let the beginning come to rest before it counts; what of it does not is told."""
    if not plan.snapshot.manifests:
        await asyncio.sleep(RESUMED_SECONDS)
        return []
    course = world.begin()
    # Webhooks of the manifests come last: they may be served by Pods that are made here.
    applied = Performance([Apply(plan.snapshot.manifests)], Webhooks())
    scaled = AUTOSCALERS_SECONDS if world.load.curves else 0.0
    ending = await _Watching(world, course, applied, plan, SETTLED_SECONDS + scaled).end()
    world.webhooks.put(plan.snapshot.manifests)
    if ending.refusal:
        raise ToolError(f"the old state: {ending.refusal}")
    if ending.decided_by == "completed":
        return []
    told = verdict.judge(course, ending, model)
    return [f"the old state does not come up by itself, and the change comes upon that: {told.reason}"]


def _unknown(course: Course, profiles: Profiles) -> list[str]:
    """Of which images nothing is known, and how they are taken to behave."""
    ending: set[str] = set()
    staying: set[str] = set()
    for life in course.lives.values():
        spec = life.pod["spec"]
        for container in (*(spec.get("initContainers") or ()), *spec["containers"]):
            image = str(container.get("image", ""))
            if profiles.of(image) is DEFAULT:
                (ending if behaviour.is_init(life.pod, container) else staying).add(image)
    told = ((staying, DEFAULT_TOLD), (ending, INIT_TOLD))
    return [f"nothing is known of {', '.join(sorted(images))}: {how} (--behaviour)" for images, how in told if images]


def _waiting(model: SampledModel) -> list[str]:
    """Which init containers were taken to wait, since their commands look like it."""
    return [
        f"init container {name} ({image}): its command waits until service/{service} has an endpoint "
        "(waits_for in --behaviour says otherwise)"
        for (image, name), service in sorted(model.waiting.items())
    ]


@dataclass
class Performance:
    """The changes, one after the other, up to the first that the API server refuses.

    `refusals`: object → why, of the steps that are refused now and tried again; `refusal`: why the change was refused.
    """

    changes: Sequence[Change]
    webhooks: Webhooks
    current: str = ""
    refusal: str = ""
    refusals: dict[str, str] = field(default_factory=dict)

    async def run(self, world: World, namespace: str, course: Course) -> None:
        stage = Stage(
            world.client, world.cluster.env, namespace, course.watch, self.refusals.__setitem__, self.webhooks
        )
        for change in self.changes:
            self.current = change.told
            self.refusals.clear()
            try:
                await change.perform(stage)
            except StatusError as error:
                if error.code not in REFUSALS:
                    raise
                self.refusal = error.message
                return
        self.current = ""


@dataclass
class _Watching:
    """Looks every virtual second at what happened since, until it can be decided."""

    world: World
    course: Course
    performance: Performance
    plan: Plan
    linger: float
    load_lasts: float = 0.0
    """For how long after the beginning autoscalers may still have to follow a changing load."""
    _taken: int = 0

    async def end(self) -> Ending:
        until = self.world.now + self.plan.horizon
        performed = asyncio.ensure_future(self.performance.run(self.world, self.plan.namespace, self.course))
        try:
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                self._catch_up()
                if performed.done():
                    performed.result()
                    if self.performance.refusal:
                        return self._ending("refused")
                    if self._is_over():
                        return self._ending("completed")
                if self.world.now - max(self.course.news_at, self._expected_until()) >= self._patience():
                    return self._ending("standstill")
                if self.world.now >= until:
                    return self._ending("horizon")
        finally:
            performed.cancel()

    def _ending(self, decided_by: Decided) -> Ending:
        done = self.performance
        return Ending(decided_by, self.world.now, done.current, dict(done.refusals), done.refusal)

    def _catch_up(self) -> None:
        changes = self.world.store.changes
        for change in changes[self._taken :]:
            self.course.take(change)
        self._taken = len(changes)

    def _is_over(self) -> bool:
        if not self.course.targets:
            return True
        complete = self.course.complete_at
        if complete is None or self.course.terminating:
            return False
        settled = max(complete, self.course.news_at, self.course.began + self.load_lasts)
        return self.world.now - settled >= self.linger

    def _expected_until(self) -> float:
        """As long as faults are still to come or to end, or the load to change, something may happen."""
        faults = max((fault.at + (fault.seconds or 0.0) for fault in self.plan.faults), default=0.0)
        return self.course.began + max(faults, self.load_lasts)

    def _patience(self) -> float:
        longest = max((waits(each) for each in map(self.course.object_of, self.course.targets)), default=0.0)
        return STANDSTILL_SECONDS + max(longest, self.world.model.longest_seconds)


def waits(obj: JSON | None) -> float:
    """The longest that a workload may do nothing and still go on: its own times, and its Pods' grace."""
    if obj is None:
        return 0.0
    spec = obj["spec"]
    grace = (spec.get("template", {}).get("spec") or {}).get("terminationGracePeriodSeconds")
    times = (spec.get("progressDeadlineSeconds"), spec.get("minReadySeconds"), grace)
    return max((float(each) for each in times if each is not None and each < 2**31 - 1), default=0.0)
