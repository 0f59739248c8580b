"""The CSINode of a node: which CSI drivers have registered there. None has: Seatrial runs no drivers.

Follows pkg/volume/csi/nodeinfomanager/nodeinfomanager.go (1.32): a kubelet makes the object when it starts, owned by
its Node, and says which in-tree plugins have moved to CSI drivers.
"""

import logging

from seatrial.api.registry import CSI_NODES, NODES
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.client.base import Client

log = logging.getLogger(__name__)

_MOVED = "aws-ebs", "azure-disk", "azure-file", "cinder", "gce-pd", "portworx-volume", "vsphere-volume"
ANNOTATIONS = {"storage.alpha.kubernetes.io/migrated-plugins": ",".join(f"kubernetes.io/{each}" for each in _MOVED)}


def csi_node_object(name: str, uid: str) -> JSON:
    """As it is before a driver registers. `uid`: of the Node."""
    owner = {"apiVersion": NODES.version, "kind": NODES.kind, "name": name, "uid": uid}
    return {
        "apiVersion": CSI_NODES.api_version,
        "kind": CSI_NODES.kind,
        "metadata": {"name": name, "annotations": dict(ANNOTATIONS), "ownerReferences": [owner]},
        "spec": {"drivers": []},
    }


async def publish(client: Client, name: str, uid: str) -> None:
    """Make it unless it is there; that it can't be made stops nobody."""
    try:
        await client.create(CSI_NODES, csi_node_object(name, uid))
    except StatusError as error:
        if error.reason != "AlreadyExists":
            log.warning("node %s: no CSINode: %s", name, error)
    except ConnectionError as error:
        log.warning("node %s: no CSINode: %s", name, error)
