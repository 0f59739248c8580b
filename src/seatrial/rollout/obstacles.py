"""Why new Pods don't come up: image, crash loop, probe, configuration, quota, no node, volume. Pure, from Pods, events.

Each obstacle has a patience: how long it may last before it is believed, because many mend themselves (a node is freed
by an old Pod, a ConfigMap is made a moment later). Reasons are those of kubelet, scheduler and controllers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from seatrial.base.types import JSON
from seatrial.machinery import conditions, objects, times

FAILING_RESTARTS = 2
"""A container that failed once may have been early; twice is a loop."""
FRESH_SECONDS = 60.0
PROBE_SECONDS = 60.0
"""The least that a Pod gets to pass its probes."""

_IMAGE = frozenset({"ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"})
_CONFIG = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
_VOLUME_EVENTS = frozenset({"FailedMount", "FailedAttachVolume", "FailedMapVolume"})
_REFUSED = "Pod was rejected: "
"""How the status message of a Pod begins that its node did not take."""


@dataclass(frozen=True)
class Obstacle:
    """What stands in the way. `reason` is one word for scripts, `container` is where logs can be had, or ""."""

    reason: str
    pod: str
    message: str
    patience: float
    container: str = ""

    def __str__(self) -> str:
        where = f"pod {self.pod}: " if self.pod else ""
        return f"{where}{self.message}"


def find(pods: Sequence[JSON], owners: Sequence[JSON], events: Sequence[JSON], now: float) -> list[Obstacle]:
    """All obstacles, the surest first. `pods`: the new ones; `owners`: who has to make Pods (ReplicaSet or set)."""
    found = [obstacle for pod in pods for obstacle in _of_pod(pod, events, now)]
    found += [obstacle for owner in owners for obstacle in _of_owner(owner, events, now)]
    return sorted(found, key=lambda obstacle: (obstacle.patience, obstacle.pod, obstacle.reason))


def _of_pod(pod: JSON, events: Sequence[JSON], now: float) -> Iterator[Obstacle]:
    if objects.is_terminating(pod) or conditions.is_true(pod, "Ready"):
        return
    status = pod.get("status") or {}
    told = status.get("message") or ""
    if status.get("phase") == "Failed" and told.startswith(_REFUSED):
        node = objects.get(pod, "spec", "nodeName", default="")
        message = f"node {node} does not take it: {told.removeprefix(_REFUSED)}"
        yield Obstacle("Rejected", objects.name(pod), message, patience=10)
        return
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        yield from _of_container(objects.name(pod), container, _image_of(pod, container))
    scheduled = conditions.find(pod, "PodScheduled")
    if scheduled and scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable":
        message = f"no node takes it: {scheduled.get('message', '')}"
        yield Obstacle("Unschedulable", objects.name(pod), message, patience=20)
    for event in _fresh(events, pod, now):
        if event.get("reason") in _VOLUME_EVENTS:
            message = f"a volume can't be mounted: {event.get('message', '')}"
            yield Obstacle("Volume", objects.name(pod), message, patience=20)
        if event.get("reason") == "Unhealthy":
            yield from _of_probe(pod, str(event.get("message", "")))


def _of_probe(pod: JSON, message: str) -> Iterator[Obstacle]:
    """A container that runs and never passes. How long that may take is what the probe itself allows, twice."""
    containers = (pod.get("spec") or {}).get("containers") or ()
    running = {
        str(each.get("name")): each
        for each in objects.get(pod, "status", "containerStatuses", default=[])
        if objects.get(each, "state", "running") is not None and not each.get("ready")
    }
    for container in containers:
        probe = container.get("startupProbe") or container.get("readinessProbe")
        if probe and container.get("name") in running:
            name = str(container["name"])
            text = f"container {name} runs but is not ready: {' '.join(message.split())}"
            yield Obstacle("Probe", objects.name(pod), text, _probe_patience(probe), name)
            return


def _probe_patience(probe: JSON) -> float:
    rounds = int(probe.get("failureThreshold") or 3) * float(probe.get("periodSeconds") or 10)
    return float(probe.get("initialDelaySeconds") or 0) + max(2 * rounds, PROBE_SECONDS)


def _image_of(pod: JSON, container: Mapping[str, JSON]) -> str:
    """As the template has it: a status has the runtime's name for it."""
    spec = pod.get("spec") or {}
    named = (*(spec.get("containers") or ()), *(spec.get("initContainers") or ()))
    return next((str(one.get("image", "")) for one in named if one.get("name") == container.get("name")), "")


def _of_container(pod: str, container: JSON, image: str) -> Iterator[Obstacle]:
    name, waiting = str(container.get("name", "")), objects.get(container, "state", "waiting", default={})
    reason, text = waiting.get("reason", ""), waiting.get("message") or ""
    if reason in _IMAGE:
        yield Obstacle("Image", pod, f"image {image} can't be had: {reason}{_after(text)}", patience=0)
    elif reason in _CONFIG:
        yield Obstacle("Configuration", pod, f"container {name} can't be made: {reason}{_after(text)}", patience=10)
    elif int(container.get("restartCount") or 0) >= FAILING_RESTARTS and not container.get("ready"):
        last = objects.get(container, "lastState", "terminated", default={})
        if reason != "CrashLoopBackOff" and not last.get("exitCode"):
            return
        how = f"exit code {last.get('exitCode')}" if last.get("reason") != "OOMKilled" else "OOMKilled"
        message = f"container {name} crashes again and again ({how}, {container['restartCount']} restarts)"
        yield Obstacle("CrashLoop", pod, message, patience=0, container=name)


def _after(text: str) -> str:
    return f" ({text})" if text else ""


def _of_owner(owner: JSON, events: Sequence[JSON], now: float) -> Iterator[Obstacle]:
    """Pods that can't even be made. Sets have no condition for it, only events."""
    failure = conditions.find(owner, "ReplicaFailure")
    if failure and failure.get("status") == "True":
        yield _not_made(str(failure.get("message", "")))
        return
    if owner.get("kind") == "ReplicaSet":
        return
    for event in _fresh(events, owner, now):
        if event.get("reason") == "FailedCreate":
            yield _not_made(str(event.get("message", "")))
            return


def _not_made(message: str) -> Obstacle:
    reason = "Quota" if "exceeded quota" in message else "FailedCreate"
    return Obstacle(reason, "", f"no Pod can be created: {message}", patience=10)


def _fresh(events: Sequence[JSON], obj: JSON, now: float) -> Iterator[JSON]:
    """The events about this very object of the last minute."""
    for event in events:
        about = event.get("involvedObject") or {}
        if about.get("uid") == objects.uid(obj) and now - _seen_at(event) <= FRESH_SECONDS:
            yield event


def _seen_at(event: JSON) -> float:
    series = objects.get(event, "series", "lastObservedTime")
    text = series or event.get("lastTimestamp") or event.get("eventTime") or objects.creation_timestamp(event)
    return times.parse_time(text) if text else 0.0
