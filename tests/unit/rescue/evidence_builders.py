"""Evidence for tests: a Pod `db-0` on node-2 that waits, and node-1, which has something."""

from typing import Any

from seatrial.base.types import JSON
from seatrial.machinery import times
from seatrial.rescue.evidence import Evidence, ImageState, Lock, VolumeEvidence, Watcher

NOW = 1_000_000.0
ADDRESS = "10.0.0.1:0/17"
LOCK = Lock("client.7", "kubelet_lock_magic_node-1", ADDRESS)
WATCHER = Watcher(ADDRESS, "client.7")
LOCKED = "rbd: image img is locked by other nodes"


def stamp(ago: float = 0.0) -> str:
    return times.format_time(NOW - ago)


def pod(name: str = "db-0", node: str = "node-2", owner: str = "StatefulSet", **metadata: Any) -> JSON:
    owners = [{"kind": owner, "name": "db", "uid": "o", "controller": True}] if owner else []
    waiting = {"name": "c", "state": {"waiting": {"reason": "ContainerCreating"}}}
    return {
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": f"uid-{name}",
            "creationTimestamp": stamp(300),
            "ownerReferences": owners,
            **metadata,
        },
        "spec": {"nodeName": node, "containers": [{"name": "c", "image": "db:1"}]},
        "status": {"phase": "Pending", "containerStatuses": [waiting]},
    }


def running(name: str = "old", node: str = "node-1", **metadata: Any) -> JSON:
    made = pod(name, node, **metadata)
    made["status"] = {"phase": "Running", "containerStatuses": [{"name": "c", "ready": True, "state": {"running": {}}}]}
    return made


def event(reason: str, message: str, kind: str = "Warning") -> JSON:
    return {"type": kind, "reason": reason, "message": message, "lastTimestamp": stamp(5)}


def node(name: str, ready: str = "True", address: str = "", taints: list[JSON] | None = None) -> JSON:
    ip = address or f"10.0.0.{name[-1]}"
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "spec": {"taints": taints or []},
        "status": {
            "addresses": [{"type": "InternalIP", "address": ip}],
            "conditions": [{"type": "Ready", "status": ready}],
        },
    }


def lease(ago: float) -> JSON:
    return {"spec": {"renewTime": stamp(ago), "leaseDurationSeconds": 40}}


def volume(image: ImageState | None = None, **fields: Any) -> VolumeEvidence:
    claim = {
        "metadata": {"name": "data", "namespace": "default"},
        "spec": {"volumeName": "pv", "accessModes": ["ReadWriteOnce"]},
        "status": {"phase": "Bound"},
    }
    persistent = {"metadata": {"name": "pv"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    return VolumeEvidence(**{"pod_volume": "v", "claim_name": "data", "claim": claim, "volume": persistent,
                             "image": image, **fields})  # fmt: skip


def image(locks: tuple[Lock, ...] = (LOCK,), watchers: tuple[Watcher, ...] = (), **fields: Any) -> ImageState:
    return ImageState("rbd", "img", locks, watchers, **fields)


def evidence(
    *volumes: VolumeEvidence, of: JSON | None = None, silent: bool = True, events: tuple[JSON, ...] | None = None,
    **fields: Any,
) -> Evidence:  # fmt: skip
    """node-1 is silent unless said otherwise, node-2 is alive."""
    told = (event("FailedMount", f'MountVolume.SetUp failed for volume "pv" : {LOCKED}'),)
    nodes = {"node-1": node("node-1", "Unknown" if silent else "True"), "node-2": node("node-2")}
    leases = {"node-1": lease(300 if silent else 5), "node-2": lease(5)}
    return Evidence(
        of or pod(), told if events is None else events, volumes, **{"nodes": nodes, "leases": leases, **fields}
    )
