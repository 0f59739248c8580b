"""What is there before anybody asks: the namespaces and priority classes that every cluster has.

Follows pkg/controlplane/controller/systemnamespaces and pkg/registry/scheduling/rest/storage_scheduling.go. Objects
that controllers make (service accounts, the `kubernetes` Service's endpoints) are theirs.
"""

from seatrial.api.registry import NAMESPACES, PRIORITY_CLASSES
from seatrial.api.scheduling_v1.priority_class import SYSTEM_CLASSES
from seatrial.apiserver.registry import Registry

SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


async def bootstrap(registry: Registry) -> None:
    """Create what is missing; what is there (a data directory used before) stays as it is, and keeps what it has."""
    await registry.restore()
    for name in SYSTEM_NAMESPACES:
        if await registry.find(NAMESPACES, "", name) is None:
            await registry.create(NAMESPACES, "", {"metadata": {"name": name}})
    for name, fields in SYSTEM_CLASSES.items():
        if await registry.find(PRIORITY_CLASSES, "", name) is None:
            await registry.create(PRIORITY_CLASSES, "", {"metadata": {"name": name}, **fields})
