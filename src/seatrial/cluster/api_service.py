"""The Service `kubernetes` and its endpoints: how Pods find the API (pkg/controlplane/controller/kubernetesservice)."""

from seatrial.api.registry import ENDPOINT_SLICES, ENDPOINTS, SERVICES
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.client.base import Client
from seatrial.machinery.gvk import ResourceRef

NAME, NAMESPACE = "kubernetes", "default"
LABELS = {"component": "apiserver", "provider": "kubernetes"}
SLICE_LABELS = {"kubernetes.io/service-name": NAME}
PORT = {"name": "https", "port": 443, "protocol": "TCP"}


async def publish(client: Client, address: str, host: str, port: int) -> None:
    """Make the Service with this cluster address, and point it to where the API listens now."""
    metadata: JSON = {"name": NAME, "namespace": NAMESPACE}
    spec = {
        "type": "ClusterIP",
        "clusterIP": address,
        "ports": [{**PORT, "targetPort": port}],
        "sessionAffinity": "None",
    }
    service = await _find(client, SERVICES)
    if service is None:
        await client.create(SERVICES, {"metadata": {**metadata, "labels": LABELS}, "spec": spec})
    elif service["spec"]["ports"][0].get("targetPort") != port:
        patch: JSON = {"spec": {"ports": [{**PORT, "targetPort": port}]}}
        await client.patch(SERVICES, NAME, NAMESPACE, patch)
    where = {"name": "https", "port": port, "protocol": "TCP"}
    listening = "127.0.0.1" if host in ("0.0.0.0", "localhost", "::") else host
    await _put(client, ENDPOINTS, {"subsets": [{"addresses": [{"ip": listening}], "ports": [where]}]}, {})
    endpoint = {"addresses": [listening], "conditions": {"ready": True}}
    family = "IPv6" if ":" in listening else "IPv4"
    await _put(
        client, ENDPOINT_SLICES, {"addressType": family, "endpoints": [endpoint], "ports": [where]}, SLICE_LABELS
    )


async def _put(client: Client, resource: ResourceRef, content: JSON, labels: dict[str, str]) -> None:
    labels = {**labels, "endpointslice.kubernetes.io/skip-mirror": "true"} if resource is ENDPOINTS else labels
    current = await _find(client, resource)
    obj: JSON = {"metadata": {"name": NAME, "namespace": NAMESPACE, "labels": labels}, **content}
    if current is None:
        await client.create(resource, obj)
    else:
        obj["metadata"]["resourceVersion"] = current["metadata"]["resourceVersion"]
        await client.update(resource, obj)


async def _find(client: Client, resource: ResourceRef) -> JSON | None:
    try:
        return await client.get(resource, NAME, NAMESPACE)
    except StatusError as error:
        if error.reason == "NotFound":
            return None
        raise
