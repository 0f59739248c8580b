"""What a node makes of a Pod that it did not start itself.

When the cluster was restarted, the Pod's processes are gone. As after a reboot of a real node: containers are started
again, their restart counts go on, the old ones count as terminated with an unknown end (exit code 255, as containerd
reports it). In a rehearsal the Pod is one of another cluster, whose containers run on: they are resumed.
"""

from seatrial.base.types import JSON
from seatrial.machinery import times
from seatrial.node import lifecycle
from seatrial.node.lifecycle import BackOff, ContainerState, Phase, Terminated
from seatrial.node.status import PodView


def adopt(view: PodView, now: float) -> None:
    """Take over from the Pod's status what the node would otherwise not know."""
    status = view.pod.get("status") or {}
    started = status.get("startTime")
    view.started_at = times.parse_time(started) if started else now
    for condition in status.get("conditions") or ():
        view.transitions[condition["type"]] = (condition["status"], condition.get("lastTransitionTime") or "")
    if not started:
        return
    if status.get("phase") in ("Succeeded", "Failed"):
        view.outcome, view.pod_ip = status["phase"], status.get("podIP") or ""
        view.reason, view.message = status.get("reason") or "", status.get("message") or ""
    known = {s["name"]: s for key in ("initContainerStatuses", "containerStatuses") for s in status.get(key) or ()}
    for container in view.containers:
        if container.name in known:
            _continue(container, known[container.name], now, over=bool(view.outcome))


def resume(container: ContainerState, status: JSON, now: float) -> None:
    """It goes on as its status says: running, or waiting for its next try."""
    state = status.get("state") or {}
    restarts = int(status.get("restartCount") or 0)
    if "running" in state:
        container.phase, container.container_id = Phase.RUNNING, _bare(status.get("containerID"))
        container.started_at = _time(state["running"].get("startedAt"), now)
        container.ready, container.started = bool(status.get("ready")), status.get("started") is not False
        container.attempts = restarts + 1
    elif "waiting" in state:
        container.phase, container.reason = Phase.WAITING, state["waiting"].get("reason") or ""
        container.message = state["waiting"].get("message") or ""
    last = (status.get("lastState") or {}).get("terminated")
    container.last = _terminated(last) if last else None
    if container.last and restarts:
        container.finished_at = container.last.finished_at
        container.back_off = BackOff(lifecycle.back_off_after(restarts), container.finished_at)
        container.retry_at = container.back_off.due(container.finished_at)


def _time(text: str | None, otherwise: float) -> float:
    return times.parse_time(text) if text else otherwise


def _continue(container: ContainerState, status: JSON, now: float, *, over: bool) -> None:
    state = status.get("state") or {}
    ended = state.get("terminated")
    last = (status.get("lastState") or {}).get("terminated")
    if last:
        container.last = _terminated(last)
    if ended and (container.kind == "app" or over):
        _exited(container, ended)
    elif "running" in state:
        began = times.parse_time(state["running"]["startedAt"])
        container.last = Terminated(255, "Unknown", "", began, now, _bare(status.get("containerID")))
    container.image_id = status.get("imageID") or ""
    if ended or container.last:
        container.attempts = int(status.get("restartCount") or 0) + 1


def _exited(container: ContainerState, ended: JSON) -> None:
    value = _terminated(ended)
    container.phase = Phase.EXITED
    container.exit_code, container.exit_reason, container.exit_message = value.exit_code, value.reason, value.message
    container.started_at, container.finished_at = value.started_at, value.finished_at
    container.container_id = value.container_id


def _terminated(value: JSON) -> Terminated:
    began, finished = value.get("startedAt"), value.get("finishedAt")
    return Terminated(
        int(value.get("exitCode") or 0),
        value.get("reason") or "",
        value.get("message") or "",
        times.parse_time(began) if began else 0.0,
        times.parse_time(finished) if finished else 0.0,
        _bare(value.get("containerID")),
        int(value.get("signal") or 0),
    )


def _bare(container_id: str | None) -> str:
    return (container_id or "").partition("://")[2]
