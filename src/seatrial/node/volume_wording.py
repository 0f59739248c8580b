"""How a kubelet words what becomes of volumes: today's, and that of Kubernetes 1.4 and 1.5.

Follows pkg/kubelet/volumemanager/volume_manager.go, pkg/volume/util/nestedpendingoperations and
pkg/kubelet/kubelet.go of release 1.32, and of 1.5 for CLASSIC.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from seatrial.base.types import JSON
from seatrial.machinery import go_duration, objects
from seatrial.volumes.base import VolumeSpec


class Wording(Protocol):
    """Messages of events and log lines."""

    def started(self, key: str, spec: VolumeSpec, pod: JSON) -> str: ...
    def failed(self, key: str, spec: VolumeSpec, pod: JSON, error: str) -> str: ...
    def no_retries(self, key: str, spec: VolumeSpec, pod: JSON, until: float, seconds: float, error: str) -> str: ...
    def timed_out(
        self, pod: JSON, unmounted: Sequence[str], unattached: Sequence[str], problems: Sequence[tuple[str, str]]
    ) -> list[tuple[str, str]]:
        """(reason, message) pairs. `problems`: volumes that could not even be begun, and why."""
        ...


class Current:
    """Release 1.32."""

    def started(self, key: str, spec: VolumeSpec, pod: JSON) -> str:
        where = f'pod="{objects.namespace(pod)}/{objects.name(pod)}"'
        return f'"operationExecutor.MountVolume started for volume \\"{spec.name}\\" (UniqueName: \\"{key}\\")" {where}'

    def failed(self, key: str, spec: VolumeSpec, pod: JSON, error: str) -> str:
        return f'MountVolume.SetUp failed for volume "{spec.name}" : {error}'

    def no_retries(self, key: str, spec: VolumeSpec, pod: JSON, until: float, seconds: float, error: str) -> str:
        operation = f"{{volumeName:{key} podName:{objects.uid(pod)} nodeName:}}"
        return f'Operation for "{operation}" failed. {_no_retries(until, seconds)} Error: {error}'

    def timed_out(
        self, pod: JSON, unmounted: Sequence[str], unattached: Sequence[str], problems: Sequence[tuple[str, str]]
    ) -> list[tuple[str, str]]:
        failed = [name for name, _ in problems]
        why = ", ".join(text for _, text in problems if text) or "context deadline exceeded"
        lists = f"unmounted volumes={_go(unmounted)}, unattached volumes={_go(unattached)}"
        text = f"Unable to attach or mount volumes: {lists}, failed to process volumes={_go(failed)}: {why}"
        return [("FailedMount", text)]


class Classic:
    """Releases 1.4 and 1.5: a second event, FailedSync, follows."""

    def started(self, key: str, spec: VolumeSpec, pod: JSON) -> str:
        uid, key = objects.uid(pod), _key(key, spec, pod)
        to = f'pod "{uid}" (UID: "{uid}"). '
        return f'MountVolume operation started for volume "{key}" (spec.Name: "{spec.name}") to {to}'

    def failed(self, key: str, spec: VolumeSpec, pod: JSON, error: str) -> str:
        uid, key = objects.uid(pod), _key(key, spec, pod)
        where = f'volume "{key}" (spec.Name: "{spec.name}") pod "{uid}" (UID: "{uid}")'
        return f"MountVolume.SetUp failed for {where} with: {error}"

    def no_retries(self, key: str, spec: VolumeSpec, pod: JSON, until: float, seconds: float, error: str) -> str:
        key = _key(key, spec, pod)
        operation = f'"\\"{key}\\" (\\"{objects.uid(pod)}\\")"'
        return f"Operation for {operation} failed. {_no_retries(until, seconds)} Error: {error}"

    def timed_out(
        self, pod: JSON, unmounted: Sequence[str], unattached: Sequence[str], problems: Sequence[tuple[str, str]]
    ) -> list[tuple[str, str]]:
        name, namespace = objects.name(pod), objects.namespace(pod)
        why = (
            f'timeout expired waiting for volumes to attach/mount for pod "{name}"/"{namespace}". '
            f"list of unattached/unmounted volumes={_go(unmounted)}"
        )
        mounting = f'Unable to mount volumes for pod "{name}_{namespace}({objects.uid(pod)})": {why}'
        return [("FailedMount", mounting), ("FailedSync", f"Error syncing pod, skipping: {why}")]


def _key(key: str, spec: VolumeSpec, pod: JSON) -> str:
    """RBD volumes had a name for each Pod then."""
    return f"kubernetes.io/rbd/{objects.uid(pod)}-{spec.name}" if spec.kind == "rbd" else key


def _no_retries(until: float, seconds: float) -> str:
    moment = datetime.fromtimestamp(until, UTC).strftime("%Y-%m-%d %H:%M:%S.%f") + "000 +0000 UTC"
    duration = f"{seconds * 1000:.0f}ms" if seconds < 1 else go_duration.rounded(seconds)
    return f"No retries permitted until {moment} (durationBeforeRetry {duration})."


def _go(names: Sequence[str]) -> str:
    return f"[{' '.join(names)}]"
