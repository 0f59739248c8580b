"""A StatefulSet with an RBD volume rolls under load, and its node crashes in between: nothing acknowledged is lost."""

import asyncio
import urllib.request
from pathlib import Path

import pytest

from seatrial.aio.sync import Pulse
from seatrial.api.registry import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, STATEFUL_SETS
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.cluster.cluster import Cluster
from seatrial.machinery import conditions, objects
from seatrial.rollout import manifests
from seatrial.volumes.rbd.images import ImageName
from seatrial.workloads import ports

pytestmark = pytest.mark.e2e
EXAMPLES = Path(__file__).parents[2] / "examples" / "rbd"
IMAGE = ImageName("mioss", "index-api-image")
PATIENCE = 120.0


def stateful_set() -> JSON:
    deployment = manifests.read(EXAMPLES / "index-api-v1.yaml")[0]
    template = deployment["spec"]["template"]
    template["spec"]["terminationGracePeriodSeconds"] = 2
    spec = {"replicas": 1, "serviceName": "db", "selector": deployment["spec"]["selector"], "template": template}
    metadata = {"name": "db", "namespace": "default"}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": spec}


class Writer:
    """Writes all the time, and remembers what was acknowledged."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.acknowledged, self.tried = cluster, list[str](), 0
        self.pulse = Pulse()

    async def pod(self) -> JSON | None:
        try:
            return await self.cluster.client.get(PODS, "db-0", "default")
        except StatusError:
            return None

    async def run(self) -> None:
        while True:
            self.tried += 1
            record = f"record {self.tried}"
            if await self.ask("POST", record) is not None:
                self.acknowledged.append(record)
                self.pulse.beat()
            await asyncio.sleep(0.005)

    async def ask(self, method: str, body: str = "") -> str | None:
        """The answer; None when it is no acknowledgement."""
        pod = await self.pod()
        address = objects.get(pod or {}, "status", "podIP")
        if not address:
            return None
        url = f"http://{address}:{ports.reachable_port(8080, self.cluster.lowest_bindable_port)}/"

        def send() -> str | None:
            request = urllib.request.Request(url, data=body.encode() or None, method=method)
            try:
                with urllib.request.urlopen(request, timeout=2) as answer:
                    return str(answer.read().decode()) if answer.status in (200, 201) else None
            except OSError:
                return None

        return await asyncio.to_thread(send)

    async def ready(self, image: str, restarts: int = 0) -> JSON:
        async with asyncio.timeout(PATIENCE):
            while True:
                pod = await self.pod()
                if pod is not None and conditions.is_true(pod, "Ready") and not objects.is_terminating(pod):
                    status = pod["status"]["containerStatuses"][0]
                    if pod["spec"]["containers"][0]["image"] == image and status["restartCount"] >= restarts:
                        return pod
                await asyncio.sleep(0.1)

    async def more(self, count: int = 20) -> None:
        """Until so many more are acknowledged."""
        enough = len(self.acknowledged) + count
        async with asyncio.timeout(PATIENCE):
            await self.pulse.until(lambda: len(self.acknowledged) >= enough)


def test_no_acknowledged_write_is_lost() -> None:
    async def story() -> None:
        async with Cluster(nodes=2, heal_volumes=True) as cluster:
            assert cluster.images is not None
            store, client = cluster.images.store, cluster.client
            await store.create_pool("mioss")
            await store.create(IMAGE, 64 << 20)
            volume, claim = manifests.read(EXAMPLES / "index-api-pv.yaml")
            await client.create(PERSISTENT_VOLUMES, volume)
            await client.create(PERSISTENT_VOLUME_CLAIMS, objects.with_metadata(claim, namespace="default"))
            await client.create(STATEFUL_SETS, stateful_set())
            writer = Writer(cluster)
            await writer.ready("database:1")
            writing = asyncio.ensure_future(writer.run())
            for version in (2, 3):
                await writer.more()
                container = {"name": "index-api", "image": f"database:{version}"}
                body = {"spec": {"template": {"spec": {"containers": [container]}}}}
                await client.patch(STATEFUL_SETS, "db", "default", body)
                pod = await writer.ready(f"database:{version}")
                await writer.more()
                node = cluster.nodes[pod["spec"]["nodeName"]]
                await node.crash()
                await node.heal()
                await writer.ready(f"database:{version}", restarts=1)
                (lock,) = await store.locks(IMAGE)
                assert lock.id == f"kubelet_lock_magic_{node.name}"
            await writer.more()
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            found = (await writer.ask("GET") or "").splitlines()
            assert [record for record in writer.acknowledged if record not in found] == []
            assert len(writer.acknowledged) >= 100

    asyncio.run(story())
