"""All kinds that the API server serves, written out, and how to look one up."""

from collections.abc import Mapping
from types import MappingProxyType

from seatrial.api.apps_v1 import controller_revision, daemon_set, deployment, replica_set, stateful_set
from seatrial.api.autoscaling_v2 import horizontal_pod_autoscaler
from seatrial.api.batch_v1 import cron_job, job
from seatrial.api.coordination_v1 import lease
from seatrial.api.core_v1 import (
    config_map,
    endpoints,
    event,
    limit_range,
    namespace,
    node,
    persistent_volume,
    persistent_volume_claim,
    pod,
    pod_template,
    replication_controller,
    resource_quota,
    secret,
    service,
    service_account,
)
from seatrial.api.discovery_v1 import endpoint_slice
from seatrial.api.node_v1 import runtime_class
from seatrial.api.policy_v1 import pod_disruption_budget
from seatrial.api.resource import Resource
from seatrial.api.scheduling_v1 import priority_class
from seatrial.api.storage_v1 import csi_node, storage_class, volume_attachment

CONFIG_MAPS = config_map.RESOURCE
CONTROLLER_REVISIONS = controller_revision.RESOURCE
CRON_JOBS = cron_job.RESOURCE
CSI_NODES = csi_node.RESOURCE
DAEMON_SETS = daemon_set.RESOURCE
DEPLOYMENTS = deployment.RESOURCE
ENDPOINTS = endpoints.RESOURCE
ENDPOINT_SLICES = endpoint_slice.RESOURCE
EVENTS = event.RESOURCE
JOBS = job.RESOURCE
HORIZONTAL_POD_AUTOSCALERS = horizontal_pod_autoscaler.RESOURCE
LEASES = lease.RESOURCE
LIMIT_RANGES = limit_range.RESOURCE
NAMESPACES = namespace.RESOURCE
NODES = node.RESOURCE
PERSISTENT_VOLUMES = persistent_volume.RESOURCE
PERSISTENT_VOLUME_CLAIMS = persistent_volume_claim.RESOURCE
PODS = pod.RESOURCE
POD_DISRUPTION_BUDGETS = pod_disruption_budget.RESOURCE
POD_TEMPLATES = pod_template.RESOURCE
PRIORITY_CLASSES = priority_class.RESOURCE
REPLICATION_CONTROLLERS = replication_controller.RESOURCE
REPLICA_SETS = replica_set.RESOURCE
RESOURCE_QUOTAS = resource_quota.RESOURCE
RUNTIME_CLASSES = runtime_class.RESOURCE
SECRETS = secret.RESOURCE
SERVICES = service.RESOURCE
SERVICE_ACCOUNTS = service_account.RESOURCE
STATEFUL_SETS = stateful_set.RESOURCE
STORAGE_CLASSES = storage_class.RESOURCE
VOLUME_ATTACHMENTS = volume_attachment.RESOURCE

ALL: tuple[Resource, ...] = (
    CONFIG_MAPS,
    ENDPOINTS,
    EVENTS,
    LIMIT_RANGES,
    NAMESPACES,
    NODES,
    PERSISTENT_VOLUMES,
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    POD_TEMPLATES,
    REPLICATION_CONTROLLERS,
    RESOURCE_QUOTAS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    CONTROLLER_REVISIONS,
    DAEMON_SETS,
    DEPLOYMENTS,
    REPLICA_SETS,
    STATEFUL_SETS,
    HORIZONTAL_POD_AUTOSCALERS,
    CRON_JOBS,
    JOBS,
    LEASES,
    ENDPOINT_SLICES,
    RUNTIME_CLASSES,
    POD_DISRUPTION_BUDGETS,
    PRIORITY_CLASSES,
    CSI_NODES,
    STORAGE_CLASSES,
    VOLUME_ATTACHMENTS,
)
"""In the order of discovery: core first, then by group; inside a group by plural."""

_BY_PATH: Mapping[tuple[str, str, str], Resource] = MappingProxyType(
    {(resource.group, resource.version, resource.plural): resource for resource in ALL}
)
_BY_KIND: Mapping[tuple[str, str, str], Resource] = MappingProxyType(
    {(resource.group, resource.version, resource.kind): resource for resource in ALL}
)


def _words(resource: Resource) -> tuple[str, ...]:
    return (resource.plural, resource.singular, *resource.short_names)


_BY_WORD: Mapping[str, Resource] = MappingProxyType(
    {word: resource for resource in reversed(ALL) for word in _words(resource)}
)


def find(group: str, version: str, plural: str) -> Resource | None:
    """The resource behind a URL."""
    return _BY_PATH.get((group, version, plural))


def for_kind(group: str, version: str, kind: str) -> Resource | None:
    """The resource of a kind."""
    return _BY_KIND.get((group, version, kind))


def for_object(obj: Mapping[str, object]) -> Resource | None:
    """The resource of an object, by its apiVersion and kind."""
    group, _, version = str(obj.get("apiVersion") or "").rpartition("/")
    return _BY_KIND.get((group, version, str(obj.get("kind") or "")))


def for_word(word: str) -> Resource | None:
    """The resource that a person means: plural, singular, short name or kind, perhaps with `.group` behind it."""
    name, _, group = word.lower().partition(".")
    resource = _BY_WORD.get(name)
    if resource is not None and group and group not in (resource.group, f"{resource.version}.{resource.group}"):
        return None
    return resource


def group_versions() -> tuple[tuple[str, str], ...]:
    """(group, version) pairs that are served, each once, in the order of ALL."""
    return tuple(dict.fromkeys((resource.group, resource.version) for resource in ALL))
