"""Dumps to rehearse from: what `kubectl get -A -o json` would print of a cluster in virtual time."""

import asyncio
from typing import Any

from seatrial.aio import virtual_loop
from seatrial.api import registry
from seatrial.base.types import JSON
from seatrial.cluster.cluster import Cluster
from seatrial.rehearse.snapshots.snapshot import Snapshot, complete
from simulation.worlds import world


def dump(*manifests: JSON, seconds: float = 60.0, nodes: int = 3, seed: int = 1, **behaviour: float) -> Snapshot:
    """The objects of a cluster in which these manifests have lived for so long."""

    async def main() -> Snapshot:
        async with world(nodes, seed, **behaviour) as cluster:
            for manifest in manifests:
                resource = registry.for_object(manifest)
                assert resource is not None
                await cluster.client.create(resource, manifest)
            await asyncio.sleep(seconds)
            return complete(await everything(cluster), cluster.env.now())

    return virtual_loop.run(main())


async def everything(cluster: Cluster) -> list[Any]:
    found = []
    for resource in registry.ALL:
        listed = await cluster.client.list(resource)
        found += [{**item, "apiVersion": resource.api_version, "kind": resource.kind} for item in listed["items"]]
    return found
