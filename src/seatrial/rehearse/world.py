"""A cluster in virtual time that begins where a snapshot ends."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from seatrial.api import old_versions
from seatrial.api.old_version import OldVersion
from seatrial.apiserver.registry import Registry
from seatrial.base.env import SimulatedEnv
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.client.client import ApiClient
from seatrial.cluster import control_plane
from seatrial.cluster.cluster import Cluster
from seatrial.cluster.config import DEFAULT_RELEASE
from seatrial.machinery import conditions, objects
from seatrial.node.registration import NodeOptions
from seatrial.rehearse import applying, assuming, consistency, loads, webhooks
from seatrial.rehearse.course import Course
from seatrial.rehearse.disk_images import Images
from seatrial.rehearse.loads import GivenLoad
from seatrial.rehearse.sampling import SampledModel
from seatrial.rehearse.snapshot import Snapshot
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
    store = TracedStore(env)
    model.network = store
    images = Images(env)
    given = [*snapshot.objects, *snapshot.manifests, *coming]
    await images.make(given)
    made, told = assuming.missing(given)
    hooks = Webhooks(frozenset(str(obj.get("kind")) for obj in given))
    hooks.put(snapshot.objects)
    schemas = control_plane.schemas_of(control_plane.spoken(release))
    left_out = await load(Registry(store, env, schemas), [*snapshot.objects, *made])
    nodes = [obj for obj in store.objects() if obj["kind"] == "Node"]
    work = GivenLoad(model.profiles.load)
    cluster = Cluster(
        env=env,
        nodes=0,
        runtime="simulated",
        serve=False,
        model=model,
        store=store,
        image_store=images.store,
        machines=machines(nodes),
        kubernetes_version=control_plane.spoken(release),
        behaviour_version=release,
        load=work,
        admission=[hooks],
        mend_stuck_sets=snapshot.is_of_seatrial,
    )
    async with cluster:
        told += [*webhooks.told(given), *loads.unknown(given, work.curves), *foreign(given)]
        yield World(cluster, store, model, images, hooks, work, [*told, *left_out])


async def load(registry: Registry, loaded: Sequence[JSON]) -> list[str]:
    """Store the objects of known kinds as they are, in the order of their resourceVersions.

    Returns what no server would have taken, and why it was left out.
    """
    left_out: list[str] = []
    for obj in sorted(loaded, key=consistency.version):
        group, _, version = str(obj.get("apiVersion")).rpartition("/")
        resource = old_versions.for_kind(group, version, str(obj.get("kind")))
        if resource is None:
            continue
        try:
            if isinstance(resource, OldVersion):
                await registry.load(resource.stored, resource.to_stored(obj))
            else:
                await registry.load(resource, obj)
        except StatusError as error:
            left_out.append(f"left out: {resource.kind} {objects.name(obj)}: {error.message}")
    return left_out


def foreign(given: Sequence[JSON]) -> list[str]:
    """What to tell of kinds that are not known here, each once."""
    kinds = (f"{obj.get('kind')}.{obj.get('apiVersion')}" for obj in given if not _is_known(obj))
    return [f"left out: {kind}: Seatrial does not know this kind" for kind in dict.fromkeys(kinds)]


def _is_known(obj: JSON) -> bool:
    return applying.is_known(obj) or webhooks.is_configuration(obj)


def machines(nodes: Sequence[JSON]) -> list[NodeOptions]:
    """The nodes that live: those that report no more stay silent in the rehearsal, too."""
    return [
        NodeOptions(objects.name(node), capacity=(node.get("status") or {}).get("allocatable") or {}, as_is=True)
        for node in nodes
        if conditions.is_true(node, "Ready")
    ]
