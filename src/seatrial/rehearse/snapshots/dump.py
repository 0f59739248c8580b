"""Snapshots from files: what `kubectl get -A -o yaml|json` prints, and folders of `kubectl cluster-info dump`.

Several files add up; of an object that stands in more than one, the one with the highest resourceVersion counts.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.machinery import objects, times
from seatrial.rehearse.snapshots.snapshot import BEGINNING, Snapshot, complete
from seatrial.rollout import manifests

SUFFIXES = frozenset({".yaml", ".yml", ".json"})


def read(paths: Sequence[Path], nodes: str = "") -> Snapshot:
    """The snapshot in these files and folders. Raises ToolError that names file and position of what can't be read."""
    loaded = [obj for path in paths for file in _files(path) for obj in manifests.read(file)]
    if not loaded:
        raise ToolError(f"{', '.join(map(str, paths))}: no objects in there")
    return complete(loaded, taken_at(loaded), nodes)


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        found = sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES and file.is_file())
        if not found:
            raise ToolError(f"{path}: no .yaml, .yml or .json file in this folder")
        yield from found
    else:
        yield path


def taken_at(loaded: Iterable[JSON]) -> float:
    """When the cluster was like this: the latest time in any of its objects (heartbeats, events, conditions)."""
    latest = max((text for obj in loaded for text in _times(obj)), default="")
    try:
        return times.parse_time(latest)
    except ValueError:
        return BEGINNING


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
