"""The Pod status that the kubelet would write, and the patch that leads to it. Pure.

Follows pkg/kubelet/kubelet_pods.go (getPhase, convertStatusToAPIStatus, convertToAPIContainerStatuses) and
pkg/kubelet/status/generate.go (conditions).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from seatrial.base.types import JSON
from seatrial.machinery import times
from seatrial.node.lifecycle import ContainerState, Phase, Terminated, restarts


@dataclass(slots=True)
class PodView:
    """What a status is made of."""

    pod: JSON
    containers: Sequence[ContainerState]
    runtime: str
    host_ip: str
    pod_ip: str
    started_at: float
    outcome: str = ""
    reason: str = ""
    message: str = ""
    transitions: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Condition type → (status, time of its last change)."""


def build(view: PodView, now: float) -> JSON:
    """The whole status; remembers in `view.transitions` when conditions changed."""
    spec = view.pod["spec"]
    phase = view.outcome or _phase(view.containers, spec.get("restartPolicy") or "Always")
    status: JSON = {
        "conditions": _conditions(view, phase, now),
        "containerStatuses": container_statuses(view, "app"),
        "hostIP": view.host_ip,
        "hostIPs": [{"ip": view.host_ip}],
        "phase": phase,
        "startTime": times.format_time(view.started_at),
    }
    if spec.get("initContainers"):
        status["initContainerStatuses"] = container_statuses(view, "init")
    if view.pod_ip:
        status["podIP"] = view.pod_ip
        status["podIPs"] = [{"ip": view.pod_ip}]
    if view.reason:
        status["reason"] = view.reason
    if view.message:
        status["message"] = view.message
    return status


def patch(old: JSON, new: JSON) -> JSON:
    """The strategic merge patch that brings the node's part of a status to `new`; {} when there is nothing to do."""
    change: JSON = {}
    for key, value in new.items():
        if key == "conditions":
            conditions = _changed_conditions(old.get("conditions") or (), value)
            if conditions:
                change[key] = conditions
        elif old.get(key) != value:
            change[key] = value
    for key in ("reason", "message"):
        if old.get(key) and key not in new:
            change[key] = None
    return change


def _changed_conditions(old: Sequence[JSON], new: Sequence[JSON]) -> list[JSON]:
    """Conditions that differ, with null for the keys that they no longer have."""
    known = {condition["type"]: condition for condition in old}
    changed = []
    for condition in new:
        before = known.get(condition["type"])
        if before is None:
            changed.append(condition)
        elif before != condition:
            gone = {key: None for key in before if key not in condition and key != "lastProbeTime"}
            if gone or any(before.get(key) != value for key, value in condition.items()):
                changed.append({**gone, **condition})
    return changed


def _phase(containers: Sequence[ContainerState], restart_policy: str) -> str:
    for container in containers:
        if container.kind == "init" and not (container.phase is Phase.EXITED and container.exit_code == 0):
            failed = container.phase is Phase.EXITED and not restarts(container, restart_policy)
            return "Failed" if failed else "Pending"
        if container.kind == "sidecar" and not container.attempts:
            return "Pending"
    apps = [c for c in containers if c.kind == "app"]
    running = sum(c.phase is Phase.RUNNING for c in apps)
    stopped = sum(c.phase is Phase.EXITED or (not c.alive and c.last is not None) or _restarting(c) for c in apps)
    if running + stopped < len(apps):
        return "Pending"
    return "Running"


def _restarting(container: ContainerState) -> bool:
    return container.phase is Phase.STARTING and container.last is not None


def container_statuses(view: PodView, kind: str) -> list[JSON]:
    """containerStatuses in order of name, initContainerStatuses in order of the spec."""
    chosen = [c for c in view.containers if (c.kind == "app") == (kind == "app")]
    if kind == "app" and len(chosen) > 1:
        chosen.sort(key=lambda c: c.name)
    waiting = "PodInitializing" if view.pod["spec"].get("initContainers") else "ContainerCreating"
    return [_container_status(c, view.runtime, waiting) for c in chosen]


def _container_status(container: ContainerState, runtime: str, waiting: str) -> JSON:
    status: JSON = {
        "image": container.spec["image"],
        "imageID": container.image_id,
        "lastState": _last_state(container.last, runtime),
        "name": container.spec["name"],
        "ready": container.ready or (container.kind == "init" and _done(container)),
        "restartCount": container.restarts,
        "started": container.started,
        "state": _state(container, runtime, waiting),
    }
    if container.container_id and container.phase is not Phase.STARTING:
        status["containerID"] = f"{runtime}://{container.container_id}"
    mounts = container.spec.get("volumeMounts")
    if mounts:
        status["volumeMounts"] = [_mount_status(mount) for mount in mounts]
    return status


def _mount_status(mount: JSON) -> JSON:
    status = {"mountPath": mount["mountPath"], "name": mount["name"]}
    if mount.get("readOnly"):
        status |= {"readOnly": True, "recursiveReadOnly": "Disabled"}
    return status


def _done(container: ContainerState) -> bool:
    return container.phase is Phase.EXITED and container.exit_code == 0


def _state(container: ContainerState, runtime: str, waiting: str) -> JSON:
    if container.phase is Phase.RUNNING:
        return {"running": {"startedAt": times.format_time(container.started_at)}}
    if container.phase is Phase.EXITED:
        return {
            "terminated": _terminated(
                Terminated(
                    container.exit_code,
                    container.exit_reason,
                    container.exit_message,
                    container.started_at,
                    container.finished_at,
                    container.container_id,
                    container.signal,
                ),
                runtime,
            )
        }
    reason = container.reason or waiting
    return {"waiting": {"reason": reason, "message": container.message} if container.message else {"reason": reason}}


def _last_state(last: Terminated | None, runtime: str) -> JSON:
    return {"terminated": _terminated(last, runtime)} if last else {}


def _terminated(ended: Terminated, runtime: str) -> JSON:
    value: JSON = {
        "exitCode": ended.exit_code,
        "finishedAt": times.format_time(ended.finished_at),
        "reason": ended.reason,
        "startedAt": times.format_time(ended.started_at) if ended.started_at else None,
    }
    if ended.container_id:
        value["containerID"] = f"{runtime}://{ended.container_id}"
    if ended.message:
        value["message"] = ended.message
    return value


def _conditions(view: PodView, phase: str, now: float) -> list[JSON]:
    finished = phase in ("Succeeded", "Failed")
    initialized = _initialized(view.containers, phase)
    ready = _containers_ready(view.containers, phase)
    sandbox = "True" if view.pod_ip and not finished else "False"
    return [
        _condition(view, "PodReadyToStartContainers", (sandbox, "", ""), now),
        _condition(view, "Initialized", initialized, now),
        _condition(view, "Ready", _pod_ready(view.pod, ready), now),
        _condition(view, "ContainersReady", ready, now),
        _condition(view, "PodScheduled", ("True", "", ""), now),
    ]


Verdict = tuple[str, str, str]
_TRUE: Verdict = ("True", "", "")


def _initialized(containers: Sequence[ContainerState], phase: str) -> Verdict:
    if phase == "Succeeded":
        return "True", "PodCompleted", ""
    incomplete = [
        c.name
        for c in containers
        if (c.kind == "init" and not _done(c)) or (c.kind == "sidecar" and not (c.started or c.restarts))
    ]
    if not incomplete or any(c.kind == "app" and c.container_id for c in containers):
        return _TRUE
    return "False", "ContainersNotInitialized", f"containers with incomplete status: [{' '.join(incomplete)}]"


def _containers_ready(containers: Sequence[ContainerState], phase: str) -> Verdict:
    if phase == "Succeeded":
        return "False", "PodCompleted", ""
    if phase == "Failed":
        return "False", "PodFailed", ""
    unready = [c.name for c in containers if c.kind != "init" and not c.ready]
    if not unready:
        return _TRUE
    return "False", "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"


def _pod_ready(pod: JSON, containers_ready: Verdict) -> Verdict:
    gates = pod["spec"].get("readinessGates")
    if containers_ready[0] != "True" or not gates:
        return containers_ready
    known = {c["type"]: c["status"] for c in (pod.get("status") or {}).get("conditions") or ()}
    messages = []
    for gate in gates:
        kind = gate["conditionType"]
        if kind not in known:
            messages.append(f'corresponding condition of pod readiness gate "{kind}" does not exist.')
        elif known[kind] != "True":
            messages.append(f'the status of pod readiness gate "{kind}" is not "True", but {known[kind]}')
    return ("False", "ReadinessGatesNotReady", ", ".join(messages)) if messages else _TRUE


def _condition(view: PodView, kind: str, verdict: Verdict, now: float) -> JSON:
    status, reason, message = verdict
    before = view.transitions.get(kind)
    if before is None or before[0] != status:
        before = view.transitions[kind] = (status, times.format_time(now))
    condition: JSON = {"lastTransitionTime": before[1], "status": status, "type": kind}
    if reason:
        condition["reason"] = reason
    if message:
        condition["message"] = message
    return condition
