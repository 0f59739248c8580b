"""All kinds in all versions that the API server serves: those of `api/registry.py`, and the old versions.

apps/v1beta2 has the fields and defaults of apps/v1, hence no files of its own.
"""

from collections.abc import Mapping
from types import MappingProxyType

from seatrial.api import old_version
from seatrial.api.apps_v1beta1 import deployment as apps_v1beta1_deployment
from seatrial.api.apps_v1beta1 import stateful_set as apps_v1beta1_stateful_set
from seatrial.api.autoscaling_v1 import horizontal_pod_autoscaler as autoscaling_v1_horizontal_pod_autoscaler
from seatrial.api.extensions_v1beta1 import daemon_set as extensions_v1beta1_daemon_set
from seatrial.api.extensions_v1beta1 import deployment as extensions_v1beta1_deployment
from seatrial.api.extensions_v1beta1 import replica_set as extensions_v1beta1_replica_set
from seatrial.api.old_version import OldVersion
from seatrial.api.registry import ALL, CONTROLLER_REVISIONS, DAEMON_SETS, DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS
from seatrial.api.resource import Resource

OLD: tuple[OldVersion, ...] = (
    autoscaling_v1_horizontal_pod_autoscaler.RESOURCE,
    old_version.of(CONTROLLER_REVISIONS, "apps", "v1beta2", propagation="Background"),
    old_version.of(DAEMON_SETS, "apps", "v1beta2"),
    old_version.of(DEPLOYMENTS, "apps", "v1beta2"),
    old_version.of(REPLICA_SETS, "apps", "v1beta2"),
    old_version.of(STATEFUL_SETS, "apps", "v1beta2"),
    old_version.of(CONTROLLER_REVISIONS, "apps", "v1beta1", propagation="Background"),
    apps_v1beta1_deployment.RESOURCE,
    apps_v1beta1_stateful_set.RESOURCE,
    extensions_v1beta1_daemon_set.RESOURCE,
    extensions_v1beta1_deployment.RESOURCE,
    extensions_v1beta1_replica_set.RESOURCE,
)
"""In the order of discovery; clients prefer what comes first, so these come after all others."""

SERVED: tuple[Resource, ...] = (*ALL, *OLD)

_BY_PATH: Mapping[tuple[str, str, str], Resource] = MappingProxyType(
    {(resource.group, resource.version, resource.plural): resource for resource in SERVED}
)


_BY_KIND: Mapping[tuple[str, str, str], Resource] = MappingProxyType(
    {(resource.group, resource.version, resource.kind): resource for resource in SERVED}
)


def find(group: str, version: str, plural: str) -> Resource | None:
    """The resource behind a URL."""
    return _BY_PATH.get((group, version, plural))


def for_kind(group: str, version: str, kind: str) -> Resource | None:
    """The resource of a kind."""
    return _BY_KIND.get((group, version, kind))


def stored_as(obj: Mapping[str, object]) -> Resource | None:
    """The resource under which an object is stored that has this apiVersion and kind (also for owner references)."""
    group, _, version = str(obj.get("apiVersion") or "").rpartition("/")
    found = for_kind(group, version, str(obj.get("kind") or ""))
    return found.stored if isinstance(found, OldVersion) else found
