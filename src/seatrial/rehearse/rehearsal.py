"""One rehearsal, from the snapshot to the verdict, in virtual time.

`rehearse(Plan(...))` is the whole of it: assemble the cluster, load, settle, change, watch, judge. Equal plans give
equal results. It ends when the update is complete and its old Pods are gone, when nothing but retries has happened for
long enough, or at the horizon.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from seatrial.aio import virtual_loop
from seatrial.api.registry import NODES, PERSISTENT_VOLUMES, PODS
from seatrial.base.errors import ToolError
from seatrial.cluster.config import DEFAULT_RELEASE
from seatrial.rehearse import faults, verdict
from seatrial.rehearse.behaviour import loads, observing, pulling, sampling
from seatrial.rehearse.behaviour.loads import GivenLoad
from seatrial.rehearse.behaviour.profiles import Profiles
from seatrial.rehearse.behaviour.sampling import SampledModel
from seatrial.rehearse.changes.change import Apply, Change
from seatrial.rehearse.changes.performing import Performance
from seatrial.rehearse.changes.selecting import NotThere
from seatrial.rehearse.course import Course
from seatrial.rehearse.ending import Ending
from seatrial.rehearse.faults import Fault
from seatrial.rehearse.result import Result
from seatrial.rehearse.snapshots import loading, shape, storage
from seatrial.rehearse.snapshots.snapshot import Snapshot, placed, with_namespaces
from seatrial.rehearse.watching import Watching
from seatrial.rehearse.webhooks import Webhooks
from seatrial.rehearse.world import World, open_world

HORIZON_SECONDS = 3600.0
RESUMED_SECONDS = 2.0
"""How long the loops of a snapshot's cluster get to find everything as it should be."""
LINGER_SECONDS = 30.0
"""How long a complete update is watched: Pods may crash after they were ready."""
SETTLED_SECONDS = 2.0
"""How long manifests are watched once they are complete, before the change. Autoscalers get their time on top."""
AUTOSCALERS_SECONDS = 30.0
"""How long autoscalers get to follow the last change of the load: they look every 15 s."""
CHANGE_AT = 0.1
"""The change comes this many seconds past a whole second, since Kubernetes' own times are in whole seconds."""
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
    coming = placed([obj for each in plan.changes if isinstance(each, Apply) for obj in each.manifests], plan.namespace)
    shape.check([*plan.snapshot.manifests, *coming], plan.release)
    plan = replace(plan, snapshot=with_namespaces(plan.snapshot, coming))
    seen = observing.seen(plan.snapshot.objects, plan.snapshot.taken_at)
    load, told_of_load = loads.observed(plan.snapshot.objects)
    profiles = replace(plan.profiles, seen=seen, load={**load, **plan.profiles.load})
    model = SampledModel(profiles, plan.seed, kubelets=not plan.snapshot.is_of_seatrial)
    async with open_world(plan.snapshot, model, coming=coming, seed=plan.seed, release=plan.release) as world:
        assumptions = [*plan.snapshot.assumptions, *told_of_load, *world.assumptions]
        assumptions += await _settle(world, plan, model)
        await asyncio.sleep((CHANGE_AT - world.now) % 1)
        faults.check(world, plan.faults)
        course = world.begin()
        try:
            ending = await _change(world, course, plan)
        except NotThere as error:
            raise error.explained(assumptions) from None
        if not course.targets and not ending.refusal:
            left_out = "".join(f"; {each}" for each in loading.unknown_kinds(coming, plan.release))
            raise ToolError(
                f"the change concerns no Deployment, StatefulSet, DaemonSet or ReplicationController{left_out}"
            )
        assumptions += storage.made(course.at_first(PERSISTENT_VOLUMES), course.all(PERSISTENT_VOLUMES))
        lives = list(course.lives.values())
        pods = [life.pod for life in lives]
        assumptions += [*observing.assumptions(profiles, pods), *sampling.assumptions(model, pods)]
        made = [life.pod for life in lives if life.is_new]
        assumptions += pulling.assumptions(course.at_first(PODS), made, course.at_first(NODES))
        made_up, configurations = bool(plan.snapshot.manifests), world.webhooks.configurations
        return verdict.judge(course, ending, model, assumptions, made_up=made_up, configurations=configurations)


async def _change(world: World, course: Course, plan: Plan) -> Ending:
    """The changes, under the load and the faults that are given."""
    world.load.began = world.now
    failing = asyncio.ensure_future(faults.perform(world, plan.faults))
    ending = await _watching(world, course, plan).end(plan.namespace)
    if failing.done():
        failing.result()
    failing.cancel()
    happened = faults.steps(plan.faults, round(ending.now - course.began, 3))
    return replace(ending, happened=(*happened, *ending.happened))


def _watching(world: World, course: Course, plan: Plan) -> Watching:
    changes = Performance(plan.changes, world.webhooks)
    lasts = faults.felt_until(plan.faults)
    return Watching(world, course, changes, plan.horizon, LINGER_SECONDS, lasts, _load_lasts(world.load))


def _load_lasts(load: GivenLoad) -> float:
    last = loads.lasts(load.curves)
    return last + AUTOSCALERS_SECONDS if last else 0.0


async def _settle(world: World, plan: Plan, model: SampledModel) -> list[str]:
    """Let the beginning come to rest before anything counts. Returns what to tell if it does not."""
    if not plan.snapshot.manifests:
        await asyncio.sleep(RESUMED_SECONDS)
        return []
    course = world.begin()
    # Webhooks of the manifests come last: they may be served by Pods that are made here.
    applied = Performance([Apply(plan.snapshot.manifests)], Webhooks())
    scaled = AUTOSCALERS_SECONDS if world.load.curves else 0.0
    ending = await Watching(world, course, applied, plan.horizon, SETTLED_SECONDS + scaled).end(plan.namespace)
    world.webhooks.put(plan.snapshot.manifests)
    if ending.refusal:
        raise ToolError(f"the old state: {ending.refusal.text}")
    if ending.decided_by == "completed":
        return []
    told = verdict.judge(course, ending, model)
    return [f"the old state does not become complete, and the change is made on top of it: {told.reason}"]
