"""Clusters in virtual time, and what tests do with them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from seatrial.api.registry import DEPLOYMENTS
from seatrial.base.env import SimulatedEnv
from seatrial.base.types import JSON
from seatrial.client.base import Client
from seatrial.cluster.cluster import Cluster
from seatrial.node.runtimes.simulated import Behaviour, Model
from seatrial.rollout.watching import RollWatch
from seatrial.volumes.rbd.embedded import EmbeddedStore

IMAGES = {
    "broken:1": Behaviour(bad_image=True),
    "crashes:1": Behaviour(start=1, ready=None, crash=1),
    "sleepy:1": Behaviour(start=1, ready=None),
}


@asynccontextmanager
async def world(
    nodes: int, seed: int = 0, image_folder: Path | None = None, **behaviour: float
) -> AsyncIterator[Cluster]:
    """A cluster of simulated nodes on the running virtual loop. `behaviour`: start, ready, exit, … in seconds.

    `image_folder`: RBD images are in the embedded store of this folder, instead of in memory.
    The image `broken:1` can't be pulled, `crashes:1` ends after a second, `sleepy:1` never gets ready.
    """
    env = SimulatedEnv(asyncio.get_running_loop().time, seed)
    model = Model(Behaviour(**behaviour), IMAGES)
    store = EmbeddedStore(image_folder, env) if image_folder is not None else None
    async with Cluster(
        env=env, nodes=nodes, runtime="simulated", serve=False, model=model, image_store=store
    ) as cluster:
        yield cluster
    if store is not None:
        await store.close()


def deployment(name: str, replicas: int, image: str = "nginx:1.10.1", **spec: object) -> JSON:
    """A small Deployment."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": image}]}},
            **spec,
        },
    }


async def complete(cluster: Cluster, name: str, generation: int, timeout: float = 3600.0) -> None:
    """Wait until the Deployment's roll is complete."""
    async with RollWatch(cluster.client, cluster.env, name, "default") as roll:
        await roll.complete(generation, timeout)


async def set_image(client: Client, name: str, image: str) -> int:
    """Change the image; returns the new generation."""
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}}
    changed = await client.patch(DEPLOYMENTS, name, "default", patch)
    return int(changed["metadata"]["generation"])
