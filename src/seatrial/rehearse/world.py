"""A cluster in virtual time that begins where a snapshot ends."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from seatrial.base.env import SimulatedEnv
from seatrial.base.types import JSON
from seatrial.client.client import ApiClient
from seatrial.cluster import control_plane
from seatrial.cluster.cluster import Cluster
from seatrial.cluster.config import DEFAULT_RELEASE
from seatrial.rehearse import pace, readiness_gates, webhooks
from seatrial.rehearse.behaviour import loads
from seatrial.rehearse.behaviour.loads import GivenLoad
from seatrial.rehearse.behaviour.sampling import SampledModel
from seatrial.rehearse.course import Course
from seatrial.rehearse.disk_images import Images
from seatrial.rehearse.snapshots import assuming, feature_gates, loading, storage
from seatrial.rehearse.snapshots.snapshot import Snapshot
from seatrial.rehearse.trace import TracedStore
from seatrial.rehearse.webhooks import Webhooks


@dataclass
class World:
    """A running cluster and what was written to it. `assumptions`: what loading had to leave out or make up."""

    cluster: Cluster
    store: TracedStore
    model: SampledModel
    images: Images
    webhooks: Webhooks
    load: GivenLoad
    assumptions: list[str]
    _taken: int = 0
    """How many of the writes since the beginning the course has taken in."""

    @property
    def client(self) -> ApiClient:
        return self.cluster.client

    def begin(self) -> Course:
        """From here on it counts: the course of what follows, still without workloads."""
        self.store.begin()
        self._taken = 0
        return Course(self.now, self.store.before.values())

    def catch_up(self, course: Course) -> None:
        """Let the course that began last take in what has been written since it was asked to last."""
        writes = self.store.writes
        for write in writes[self._taken :]:
            course.take(write)
        self._taken = len(writes)

    @property
    def now(self) -> float:
        """Seconds since 1970 by the rehearsal's clock."""
        return self.cluster.env.now()


@asynccontextmanager
async def open_world(
    snapshot: Snapshot,
    model: SampledModel,
    *,
    coming: Sequence[JSON] = (),
    seed: int = 0,
    release: str = DEFAULT_RELEASE,
) -> AsyncIterator[World]:
    """On the running virtual loop. The clock shows when the snapshot was taken; nothing has been changed yet.

    `coming`: objects of the change, for the disk images that they name.
    """
    env = SimulatedEnv(asyncio.get_running_loop().time, seed, snapshot.taken_at)
    store, images = TracedStore(env), Images(env)
    model.network = store
    given = [*snapshot.objects, *snapshot.manifests, *coming]
    told = await loading.load(store, env, release, snapshot.objects)
    taken = [*store.objects(), *filter(loading.is_unknown, snapshot.objects), *snapshot.manifests, *coming]
    await images.make(taken)
    made, told_of_made = _assumed(taken)
    told = [*told_of_made, *told, *await loading.load(store, env, release, made)]
    hooks = Webhooks(frozenset(str(obj.get("kind")) for obj in given))
    hooks.put(snapshot.objects)
    work = GivenLoad(model.profiles.load)
    cluster = Cluster(
        env=env,
        nodes=0,
        runtime="simulated",
        serve=False,
        model=model,
        store=store,
        image_store=images.store,
        machines=loading.machines(store),
        kubernetes_version=control_plane.spoken(release),
        behaviour_version=release,
        load=work,
        admission=[hooks],
        mend_stuck_sets=snapshot.is_of_seatrial,
        max_unavailable_stateful_set=feature_gates.counts_max_unavailable(snapshot),
        pace=pace.own() if snapshot.is_of_seatrial else pace.quiet(),
    )
    told += [
        *feature_gates.told(snapshot, coming),
        *webhooks.told(given),
        *loads.unknown(given, work.curves),
        *loads.unused(given, work.curves),
        *loading.unknown_kinds(given, release),
    ]
    told += readiness_gates.told(given)
    async with cluster, readiness_gates.opened(cluster.client, env, given):
        yield World(cluster, store, model, images, hooks, work, told)


def _assumed(given: Sequence[JSON]) -> tuple[list[JSON], list[str]]:
    """What is used and not known, and what to tell of it."""
    made, told = assuming.missing(given)
    classes, told_of_classes = storage.classes(given)
    return [*made, *classes], [*told, *told_of_classes, *storage.mounted(given)]
