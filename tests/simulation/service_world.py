"""Services with workloads behind them, in virtual time, and rolls of them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from seatrial.api.registry import DEPLOYMENTS, PODS, SERVICES
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.client.base import Client
from seatrial.cluster.cluster import Cluster
from seatrial.machinery import objects
from seatrial.rollout.following import Follower
from seatrial.rollout.service import change, preparing, record
from seatrial.rollout.service.ending import Ending
from seatrial.rollout.service.events import Event
from seatrial.rollout.service.plan import Options
from seatrial.rollout.service.run import ServiceRoll
from seatrial.rollout.service.traffic import Traffic
from seatrial.rollout.workload import Workload
from simulation.worlds import world

OLD, NEW, BAD = "nginx:1.10.1", "nginx:1.11.9", "broken:1"
SERVICE: JSON = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
}


def a_workload(resource: Resource, name: str = "web", container: str = "c", **spec: Any) -> JSON:
    """One whose Pods the Service selects."""
    labels = {"app": "web", "part": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": container, "image": OLD}]}}
    selector: JSON = {"part": name} if resource.kind == "ReplicationController" else {"matchLabels": {"part": name}}
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"selector": selector, "template": template, **spec},
    }


class Service:
    """The Service `web`; `said` collects the events of all rolls."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.said: list[Event] = []

    async def roll(
        self,
        image: str = NEW,
        *,
        client: Client | None = None,
        traffic: Traffic | None = None,
        images: Sequence[str] = (),
        **options: Any,
    ) -> Ending:
        through = client or self.cluster.client
        wanted = [change.parse_image(text) for text in images or (image,)]
        prepared = await preparing.by_images(through, self.cluster.env, "web", "default", wanted)
        roll = ServiceRoll(
            through,
            self.cluster.env,
            prepared.service,
            prepared.targets,
            Options(**options),
            self.said.append,
            traffic,
        )
        return await roll.run()

    async def pods(self) -> list[JSON]:
        found = (await self.cluster.client.list(PODS, "default"))["items"]
        return sorted((pod for pod in found if not objects.is_terminating(pod)), key=objects.name)

    async def images(self) -> set[str]:
        return {pod["spec"]["containers"][0]["image"] for pod in await self.pods()}

    async def set_image(self, image: str) -> None:
        """As somebody else would, on the Deployment."""
        patch = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}}
        await self.cluster.client.patch(DEPLOYMENTS, "web", "default", patch)

    async def get(self, resource: Resource = DEPLOYMENTS, name: str = "web") -> JSON:
        return await self.cluster.client.get(resource, name, "default")

    def steps(self) -> list[str]:
        return [event.text for event in self.said if event.kind in ("step", "evicted")]


@asynccontextmanager
async def service(*made: JSON, nodes: int = 3, seed: int = 0, **behaviour: float) -> AsyncIterator[Service]:
    """A cluster with the Service and these workloads, all of their Pods ready."""
    async with world(nodes, seed, **{"start": 1, "ready": 1, "exit": 1, **behaviour}) as cluster:
        await cluster.client.create(SERVICES, SERVICE)
        for obj in made:
            await create(cluster, obj)
        yield Service(cluster)


async def create(cluster: Cluster, obj: JSON) -> None:
    from seatrial.api.registry import for_object
    from simulation.test_rolling_update import ready

    resource = for_object(obj)
    assert resource is not None
    await cluster.client.create(resource, obj)
    if resource.kind == "ReplicationController":
        await ready(cluster, int(obj["spec"]["replicas"]))
    else:
        named = Workload(resource, objects.name(obj), "default")
        await Follower(cluster.client, cluster.env, named, lambda _: None, timeout=600).run()


def is_clean(obj: JSON) -> bool:
    """Whether nothing of a roll is left on it."""
    return record.ANNOTATION not in objects.annotations(obj)
