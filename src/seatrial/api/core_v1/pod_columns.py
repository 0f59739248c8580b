"""What `kubectl get pods` shows of a Pod: READY, STATUS, RESTARTS and the wide columns.

Follows printPod of pkg/printers/internalversion/printers.go (1.32).
"""

from collections.abc import Mapping
from typing import Any

from seatrial.api.core_v1 import containers
from seatrial.base.types import JSON
from seatrial.machinery import conditions, table
from seatrial.machinery.table import Column

COLUMNS = (
    table.NAME,
    Column("Ready", description="The aggregate readiness state of this pod for accepting traffic."),
    Column("Status", description="The aggregate status of the containers in this pod."),
    Column(
        "Restarts",
        description="The number of times the containers in this pod have been restarted and when the last container in "
        "this pod has restarted.",
    ),
    table.AGE,
    Column(
        "IP",
        priority=1,
        description="podIP address allocated to the pod. Routable at least within the cluster. Empty if not yet "
        "allocated.",
    ),
    Column(
        "Node",
        priority=1,
        description="NodeName indicates in which node this pod is scheduled.",
    ),
    Column(
        "Nominated Node",
        priority=1,
        description="nominatedNodeName is set only when this pod preempts other pods on the node, but it cannot be "
        "scheduled right away as preemption victims receive their graceful termination periods.",
    ),
    Column(
        "Readiness Gates",
        priority=1,
        description="If specified, all readiness gates will be evaluated for pod readiness.",
    ),
)


class _Tally:
    """Counts that grow while the containers are looked at."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.ready = 0
        self.restarts = 0
        self.last_restart_at = ""

    def count_restarts(self, status: Mapping[str, Any]) -> None:
        self.restarts += status.get("restartCount") or 0
        ended_at = ((status.get("lastState") or {}).get("terminated") or {}).get("finishedAt") or ""
        self.last_restart_at = max(self.last_restart_at, ended_at)


def row(obj: JSON, now: float) -> tuple[Any, ...]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    tally, text = summary(obj)
    restarts = str(tally.restarts)
    if tally.restarts and tally.last_restart_at:
        restarts = f"{restarts} ({table.age(tally.last_restart_at, now)} ago)"
    return (
        obj["metadata"]["name"],
        f"{tally.ready}/{tally.total}",
        text,
        restarts,
        table.created_age(obj, now),
        _address(status) or "<none>",
        spec.get("nodeName") or "<none>",
        status.get("nominatedNodeName") or "<none>",
        _readiness_gates(obj),
    )


def status_text(obj: JSON) -> str:
    """The STATUS cell: `Running`, `CrashLoopBackOff`, `Init:0/1`, `Terminating`, …"""
    return summary(obj)[1]


def summary(obj: JSON) -> tuple[_Tally, str]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    init_containers = {container.get("name"): container for container in spec.get("initContainers") or ()}
    sidecars = {name for name, container in init_containers.items() if containers.is_sidecar(container)}
    total = len(spec.get("containers") or ()) + len(sidecars)
    reason = status.get("reason") or status.get("phase") or ""
    if (conditions.find(obj, "PodScheduled") or {}).get("reason") == "SchedulingGated":
        reason = "SchedulingGated"
    tally, initializing = _initialization(status, sidecars, total, len(init_containers))
    if initializing:
        reason = initializing
    if not initializing or conditions.is_true(obj, "Initialized"):
        tally, reason = _main_containers(obj, tally, sidecars, reason)
    return tally, _deleted(obj, reason)


def _initialization(status: Mapping[str, Any], sidecars: set[str | None], total: int, count: int) -> tuple[_Tally, str]:
    """Up to the first init container that is not done; "" when all are."""
    tally = _Tally(total)
    for index, container in enumerate(status.get("initContainerStatuses") or ()):
        tally.count_restarts(container)
        state = container.get("state") or {}
        ended, waiting = state.get("terminated"), state.get("waiting")
        if ended is not None and not ended.get("exitCode"):
            continue
        if container.get("name") in sidecars and container.get("started"):
            tally.ready += bool(container.get("ready"))
            continue
        if ended is not None:
            return tally, f"Init:{_exit_text(ended)}"
        reason = (waiting or {}).get("reason")
        if reason and reason != "PodInitializing":
            return tally, f"Init:{reason}"
        return tally, f"Init:{index}/{count}"
    return tally, ""


def _exit_text(ended: Mapping[str, Any]) -> str:
    if ended.get("reason"):
        return str(ended["reason"])
    return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode') or 0}"


def _main_containers(obj: JSON, initial: _Tally, sidecars: set[str | None], reason: str) -> tuple[_Tally, str]:
    """The first container that has something to say wins, so the last is looked at first."""
    status = obj.get("status") or {}
    tally, running = _Tally(initial.total), False
    tally.ready = initial.ready
    for container in status.get("initContainerStatuses") or ():
        if container.get("name") in sidecars:
            tally.count_restarts(container)
    for container in reversed(status.get("containerStatuses") or ()):
        tally.count_restarts(container)
        state = container.get("state") or {}
        waiting, ended = state.get("waiting"), state.get("terminated")
        if waiting is not None and waiting.get("reason"):
            reason = waiting["reason"]
        elif ended is not None:
            reason = _exit_text(ended)
        elif container.get("ready") and state.get("running") is not None:
            running = True
            tally.ready += 1
    if reason == "Completed" and running:
        reason = "Running" if conditions.is_true(obj, "Ready") else "NotReady"
    return tally, reason


def _deleted(obj: JSON, reason: str) -> str:
    status = obj.get("status") or {}
    if not obj["metadata"].get("deletionTimestamp"):
        return reason
    if status.get("reason") == "NodeLost":
        return "Unknown"
    return reason if status.get("phase") in ("Succeeded", "Failed") else "Terminating"


def _address(status: Mapping[str, Any]) -> str:
    listed = status.get("podIPs") or ()
    return (listed[0].get("ip") if listed else status.get("podIP")) or ""


def _readiness_gates(obj: JSON) -> str:
    gates = (obj.get("spec") or {}).get("readinessGates") or ()
    if not gates:
        return "<none>"
    true = sum(conditions.is_true(obj, gate.get("conditionType") or "") for gate in gates)
    return f"{true}/{len(gates)}"
