"""What tests of StatefulSets, DaemonSets, Jobs and CronJobs have in common."""

from collections.abc import Iterable
from typing import Any

from seatrial.api.registry import CONTROLLER_REVISIONS, EVENTS, PODS
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.client.base import Client
from seatrial.cluster.cluster import Cluster
from seatrial.machinery import conditions, objects


def a_template(name: str, image: str = "app:1", **spec: Any) -> JSON:
    return {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": image}], **spec}}


def a_set(resource: Resource, name: str = "web", *, template: JSON | None = None, **spec: Any) -> JSON:
    """A StatefulSet or DaemonSet."""
    made = template or a_template(name)
    selector = {"matchLabels": made["metadata"]["labels"]}
    metadata = {"name": name, "namespace": "default", "annotations": spec.pop("annotations", {})}
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": metadata,
        "spec": {"selector": selector, "template": made, **spec},
    }


def a_job(name: str = "work", image: str = "done:1", restart: str = "Never", **spec: Any) -> JSON:
    template = {"spec": {"restartPolicy": restart, "containers": [{"name": "c", "image": image}]}}
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": template, **spec}}


async def set_image(client: Client, resource: Resource, image: str, name: str = "web") -> None:
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}}}
    await client.patch(resource, name, "default", patch)


async def pods(cluster: Cluster) -> list[JSON]:
    """In the order of their names."""
    listed = (await cluster.client.list(PODS, "default"))["items"]
    return sorted(listed, key=objects.name)


async def images(cluster: Cluster) -> dict[str, str]:
    return {objects.name(pod): pod["spec"]["containers"][0]["image"] for pod in await pods(cluster)}


async def ready(cluster: Cluster) -> int:
    return sum(conditions.is_true(pod, "Ready") for pod in await pods(cluster))


async def told(cluster: Cluster, kind: str, name: str) -> list[tuple[str, str]]:
    """(reason, message) of the events of an object, in order."""
    listed: Iterable[JSON] = (await cluster.client.list(EVENTS, "default"))["items"]
    about = [
        each for each in listed if (each["involvedObject"]["kind"], each["involvedObject"]["name"]) == (kind, name)
    ]
    return [(each["reason"], each["message"]) for each in sorted(about, key=objects.resource_version)]


async def revisions(cluster: Cluster) -> list[int]:
    listed = (await cluster.client.list(CONTROLLER_REVISIONS, "default"))["items"]
    return sorted(each["revision"] for each in listed)
