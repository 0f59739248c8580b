"""Which admission plugins there are and in which order they are asked.

The order is upstream's (pkg/kubeapiserver/options/plugins.go). Of its default plugins there are those whose subjects
Seatrial has; see each file.
"""

from collections.abc import Sequence

from seatrial.apiserver.admission import (
    default_tolerations,
    limit_ranger,
    namespace_lifecycle,
    pod_security,
    priority,
    resource_quota,
    runtime_class,
    service_account,
    volumes,
)
from seatrial.apiserver.admission.base import Attributes, Plugin


def _mutating(accounts: Plugin) -> tuple[Plugin, ...]:
    return (
        namespace_lifecycle.admit,
        limit_ranger.admit,
        accounts,
        priority.admit,
        default_tolerations.admit,
        volumes.default_storage_class,
        volumes.in_use_protection,
        volumes.resize,
        runtime_class.admit,
    )


PLUGINS = _mutating(service_account.admit)
WITH_EXISTING_ACCOUNTS = _mutating(service_account.admit_existing)
"""For clusters in which a controller makes the service accounts."""


def validating() -> tuple[Plugin, ...]:
    """Those that look at the finished object and change nothing of it; new ones, since quotas are counted in them."""
    return (
        limit_ranger.validate,
        pod_security.validate,
        priority.validate,
        runtime_class.validate,
        resource_quota.QuotaEnforcer(),
    )


async def admit(plugins: Sequence[Plugin], attributes: Attributes) -> None:
    """Ask each in turn; the first refusal ends it."""
    for plugin in plugins:
        await plugin(attributes)
