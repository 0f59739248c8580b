"""Snapshots from files: what `kubectl get -A -o yaml|json` prints, and folders of `kubectl cluster-info dump`.

Several files add up; of an object that stands in more than one, the one with the highest resourceVersion counts.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.machinery import conditions, objects, times
from seatrial.rehearse.snapshots.snapshot import BEGINNING, Snapshot, complete
from seatrial.rollout import manifests

SUFFIXES = frozenset({".yaml", ".yml", ".json"})


def read(paths: Sequence[Path], nodes: str = "") -> Snapshot:
    """The snapshot in these files and folders. What is no object is left out, and told.

    Raises ToolError that names file and position of what can't be read.
    """
    parts = [manifests.read_loosely(file) for path in paths for file in _files(path)]
    loaded = [obj for found, _ in parts for obj in found]
    told = [f"left out: {each}" for _, left_out in parts for each in left_out]
    if not loaded:
        raise ToolError("; ".join([f"{', '.join(map(str, paths))}: no objects in there", *told]))
    snapshot = complete(loaded, taken_at(loaded), nodes)
    return replace(snapshot, assumptions=(*told, *snapshot.assumptions))


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        found = sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES and file.is_file())
        if not found:
            raise ToolError(f"{path}: no .yaml, .yml or .json file in this folder")
        yield from found
    else:
        yield path


def taken_at(loaded: Sequence[JSON]) -> float:
    """When the cluster was like this: the latest time in any of its objects (heartbeats, events, conditions).

    It is late enough for as many Pods as statuses say to have been ready for minReadySeconds.
    """
    latest = max((text for obj in loaded for text in _times(obj)), default="")
    try:
        return max((times.parse_time(latest), *_available_at(loaded)))
    except ValueError:
        return BEGINNING


def _available_at(loaded: Iterable[JSON]) -> Iterator[float]:
    """By when the Pods of each owner were available that its status calls so."""
    ready: dict[str, list[float]] = defaultdict(list)
    for pod in (obj for obj in loaded if obj.get("kind") == "Pod" and conditions.is_true(obj, "Ready")):
        owner, since = objects.controller_of(pod), (conditions.find(pod, "Ready") or {}).get("lastTransitionTime")
        if owner and isinstance(since, str):
            ready[str(owner.get("uid"))].append(times.parse_time(since))
    for obj in loaded:
        least = objects.get(obj, "spec", "minReadySeconds")
        counts = [objects.get(obj, "status", field) for field in ("availableReplicas", "numberAvailable")]
        available = next((count for count in counts if isinstance(count, int)), 0)
        if isinstance(least, int) and least > 0 and available > 0 and (pods := sorted(ready[objects.uid(obj)])):
            # More than that many seconds have passed since, and times are in whole ones.
            yield pods[:available][-1] + least + 1.0


def _times(obj: JSON) -> Iterator[str]:
    metadata, status = obj.get("metadata") or {}, obj.get("status") or {}
    candidates = [metadata.get("creationTimestamp"), obj.get("lastTimestamp")]
    if isinstance(status, dict):
        for condition in status.get("conditions") or ():
            if isinstance(condition, dict):
                candidates += [condition.get("lastHeartbeatTime"), condition.get("lastTransitionTime")]
        for container in status.get("containerStatuses") or ():
            candidates.append(objects.get(container, "state", "running", "startedAt"))
    for text in candidates:
        if isinstance(text, str) and len(text) >= 20:
            yield text[:19] + "Z"
