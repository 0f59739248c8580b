"""The workloads behind a Service: those whose Pods its selector takes. Pure, save for reading the lists."""

from collections.abc import Iterable

from seatrial.api.registry import DAEMON_SETS, DEPLOYMENTS, REPLICATION_CONTROLLERS, STATEFUL_SETS
from seatrial.base.env import Env
from seatrial.base.errors import StatusError, ToolError
from seatrial.base.types import JSON
from seatrial.client.base import Reader
from seatrial.client.persisting import persist
from seatrial.machinery import objects
from seatrial.machinery.gvk import ResourceRef
from seatrial.rollout.rolling_update import resume
from seatrial.rollout.workload import Workload
from seatrial.workloads import service_endpoints

KINDS = (DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS, REPLICATION_CONTROLLERS)
"""In this order they are rolled."""
FIRST_READ_SECONDS = 10.0


def behind(service: JSON, resource: ResourceRef, listed: Iterable[JSON]) -> list[tuple[Workload, JSON]]:
    """Those of one kind, by name. A controller that a rolling update has begun counts under the name it replaces."""
    found: dict[str, JSON] = {}
    for obj in sorted(listed, key=objects.name):
        if not service_endpoints.selects(service, objects.labels(obj["spec"].get("template") or {})):
            continue
        replaced = resume.source_name(obj) if resource is REPLICATION_CONTROLLERS else ""
        if replaced and not resume.is_rolled_back_to(obj):
            found.setdefault(replaced, obj)
        else:
            found[objects.name(obj)] = obj
    namespace = objects.namespace(service)
    return [(Workload(resource, name, namespace), found[name]) for name in sorted(found)]


async def find(reader: Reader, env: Env, service: JSON) -> list[tuple[Workload, JSON]]:
    """All of them. Raises ToolError when there are none; kinds that may not be read count as absent."""
    name, namespace = objects.name(service), objects.namespace(service)
    if not objects.get(service, "spec", "selector"):
        raise ToolError(f"service/{name} has no selector, so no workload stands behind it")
    found: list[tuple[Workload, JSON]] = []
    refusals: list[StatusError] = []
    for resource in KINDS:
        found += behind(service, resource, await _list(reader, env, resource, namespace, refusals))
    if refusals and not found:
        raise refusals[0]
    if not found:
        raise ToolError(f"no Deployment, StatefulSet, DaemonSet or ReplicationController stands behind service/{name}")
    return found


async def _list(
    reader: Reader, env: Env, resource: ResourceRef, namespace: str, refusals: list[StatusError]
) -> list[JSON]:
    try:
        items: list[JSON] = (await persist(env, lambda: reader.list(resource, namespace), FIRST_READ_SECONDS))["items"]
    except StatusError as error:
        if error.code not in (403, 404):
            raise
        refusals.append(error)
        return []
    return items
