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
from seatrial.rehearse import assuming, consistency
from seatrial.rehearse.behaviour import SampledModel
from seatrial.rehearse.course import Course
from seatrial.rehearse.disk_images import Images
from seatrial.rehearse.snapshot import Snapshot
from seatrial.rehearse.trace import TracedStore


@dataclass
class World:
    """A running cluster and what was written to it. `assumptions`: what loading had to leave out or make up."""

    cluster: Cluster
    store: TracedStore
    model: SampledModel
    images: Images
    assumptions: list[str]

    @property
    def client(self) -> ApiClient:
        return self.cluster.client

    def begin(self) -> Course:
        """From here on it counts: the course of what follows, still without workloads."""
        self.store.begin()
        return Course(self.now, self.store.before.values())

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
    images = Images(env)
    await images.make([*snapshot.objects, *snapshot.manifests, *coming])
    made, told = assuming.missing([*snapshot.objects, *snapshot.manifests, *coming])
    schemas = control_plane.schemas_of(control_plane.spoken(release))
    left_out = await load(Registry(store, env, schemas), [*snapshot.objects, *made])
    nodes = [obj for obj in store.objects() if obj["kind"] == "Node"]
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
    )
    async with cluster:
        yield World(cluster, store, model, images, [*told, *left_out])


async def load(registry: Registry, loaded: Sequence[JSON]) -> list[str]:
    """Store the objects as they are, in the order of their resourceVersions; returns what was left out and why."""
    left_out: dict[str, int] = {}
    for obj in sorted(loaded, key=consistency.version):
        group, _, version = str(obj.get("apiVersion")).rpartition("/")
        resource = old_versions.for_kind(group, version, str(obj.get("kind")))
        if resource is None:
            kind = f"{obj.get('kind')}.{obj.get('apiVersion')}"
            left_out[f"{kind}: not a kind that decides here"] = left_out.get(kind, 0) + 1
            continue
        try:
            if isinstance(resource, OldVersion):
                await registry.load(resource.stored, resource.to_stored(obj))
            else:
                await registry.load(resource, obj)
        except StatusError as error:
            left_out[f"{resource.kind} {objects.name(obj)}: {error.message}"] = 1
    return [f"left out: {what}" for what in left_out]


def machines(nodes: Sequence[JSON]) -> list[NodeOptions]:
    """The nodes that live: those that report no more stay silent in the rehearsal, too."""
    return [
        NodeOptions(objects.name(node), capacity=(node.get("status") or {}).get("allocatable") or {}, as_is=True)
        for node in nodes
        if conditions.is_true(node, "Ready")
    ]
