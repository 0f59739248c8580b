"""What is there before anybody asks: the namespaces that every cluster has.

Follows pkg/controlplane/controller/systemnamespaces. Objects that controllers make (service accounts, the `kubernetes`
Service's endpoints) are theirs.
"""

from seatrial.api.registry import NAMESPACES
from seatrial.apiserver.registry import Registry

SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


async def bootstrap(registry: Registry) -> None:
    """Create what is missing; what is there (a data directory used before) stays as it is, and keeps what it has."""
    await registry.restore()
    for name in SYSTEM_NAMESPACES:
        if await registry.find(NAMESPACES, "", name) is None:
            await registry.create(NAMESPACES, "", {"metadata": {"name": name}})
