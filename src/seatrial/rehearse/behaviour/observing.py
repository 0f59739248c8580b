"""What the Pods of a snapshot tell about how their images behave: times of conditions and containers. Pure.

Pods of a new version are assumed to behave as those of the old one did: profiles are kept per image without its tag.
What went wrong (crashes, images that can't be had) is kept for that very image only.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from seatrial.base.types import JSON
from seatrial.machinery import conditions, objects, times
from seatrial.rehearse.behaviour import distribution
from seatrial.rehearse.behaviour.profiles import DEFAULT, Profile, Profiles, untagged
from seatrial.rehearse.durations import told

BAD_IMAGE = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
NEVER_READY_SECONDS = 300.0
"""A container that has been running for so long and is not ready won't be."""


def seen(loaded: Iterable[JSON], now: float) -> Mapping[str, Profile]:
    """By image, without its tag or, of what went wrong, in full. `now`: when the snapshot was taken."""
    starts: dict[str, list[float]] = defaultdict(list)
    readies: dict[str, list[float]] = defaultdict(list)
    faults: dict[str, Profile] = {}
    for pod in loaded:
        if pod.get("kind") != "Pod" or objects.is_terminating(pod):
            continue
        for image, container in _containers(pod):
            start, ready = _times(pod, container)
            if start is not None:
                starts[untagged(image)].append(start)
            if ready is not None:
                readies[untagged(image)].append(ready)
            faults.update(_fault(image, container, now))
    return {**{image: _profile(starts[image], readies.get(image)) for image in sorted(starts)}, **faults}


def assumptions(profiles: Profiles, pods: Iterable[JSON]) -> list[str]:
    """What was seen of the images of these Pods and counts: nobody has said otherwise."""
    spec = [pod["spec"] for pod in pods]
    images = {
        str(each.get("image", "")) for one in spec for each in (*(one.get("initContainers") or ()), *one["containers"])
    }
    used = images | {untagged(image) for image in images}
    return [
        _told(image, each)
        for image, each in profiles.seen.items()
        if image in used and each.start.kind == "observed" and profiles.of(image).start is each.start
    ]


def _profile(starts: list[float], readies: list[float] | None) -> Profile:
    ready = distribution.observed(readies) if readies else DEFAULT.ready
    return replace(DEFAULT, start=distribution.observed(starts), ready=ready, seen_ready=bool(readies))


def _told(image: str, known: Profile) -> str:
    number = len(known.start.numbers)
    ready = f", ready {told(known.ready.typical)} later" if known.ready and known.seen_ready else ""
    return f"{image}: starts in {told(known.start.typical)}{ready}, as {number} of its containers did"


def _containers(pod: JSON) -> Iterator[tuple[str, JSON]]:
    """(image as the spec has it, status) of the Pod's own containers."""
    images = {each.get("name"): str(each.get("image", "")) for each in objects.dicts(pod, "spec", "containers")}
    for status in objects.dicts(pod, "status", "containerStatuses"):
        if status.get("name") in images:
            yield images[status["name"]], status


def _times(pod: JSON, container: JSON) -> tuple[float | None, float | None]:
    """(seconds from the binding to the start, from there to Ready), of first starts only."""
    running = objects.get(container, "state", "running", "startedAt")
    bound = _since(pod, "PodScheduled")
    if not running or container.get("restartCount") or bound is None:
        return None, None
    started = times.parse_time(running)
    ready = _since(pod, "Ready")
    start = max(started - bound, 0.0)
    return start, (max(ready - started, 0.0) if ready is not None and container.get("ready") else None)


def _since(pod: JSON, kind: str) -> float | None:
    condition = conditions.find(pod, kind)
    if condition is None or condition.get("status") != "True" or not condition.get("lastTransitionTime"):
        return None
    return times.parse_time(condition["lastTransitionTime"])


def _fault(image: str, container: JSON, now: float) -> Mapping[str, Profile]:
    waiting = str(objects.get(container, "state", "waiting", "reason", default=""))
    if waiting in BAD_IMAGE:
        return {image: replace(DEFAULT, bad_image=1.0, seen_ready=True)}
    last = objects.get(container, "lastState", "terminated", default={})
    if container.get("restartCount") and last.get("exitCode") and last.get("startedAt") and last.get("finishedAt"):
        lived = times.parse_time(last["finishedAt"]) - times.parse_time(last["startedAt"])
        return {image: replace(DEFAULT, ready=None, crash=distribution.fixed(max(lived, 0.0)), seen_ready=True)}
    running = objects.get(container, "state", "running", "startedAt")
    if running and container.get("ready") is False and now - times.parse_time(running) > NEVER_READY_SECONDS:
        return {image: replace(DEFAULT, ready=None, seen_ready=True)}
    return {}
