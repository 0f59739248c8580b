"""Keeps the phase of every PersistentVolume true, and reclaims those whose claim is gone.

Mirrors syncVolume and reclaimVolume of pkg/controller/volume/persistentvolume/pv_controller.go, 1.32.

- Retain leaves a released volume alone. Delete is for whoever made it. Recycle empties host folders with a Pod, and
  has no recycler for anything else.
- differs: the recycler Pod runs in the namespace `default` with the image busybox of the catalogue.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from seatrial.api.registry import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS
from seatrial.base.types import JSON, Key
from seatrial.client.base import MERGE_PATCH
from seatrial.machinery import objects, times
from seatrial.reconcile.controller import CacheReader, Controller, Watch
from seatrial.reconcile.decision import NOTHING, Action, Create, Decision, Delete, Event, Patch
from seatrial.workloads import claims

RECYCLER_NAMESPACE = "default"
RECYCLER_SECONDS = 300
_NO_RECYCLER = "No recycler plugin found for the volume!"
_SCRUB = 'test -e /scrub && find /scrub -mindepth 1 -delete && test -z "$(ls -A /scrub)" || exit 1'


@dataclass(frozen=True)
class View:
    """A volume, the claim that its claimRef names, and the Pod that recycles it."""

    volume: JSON
    claim: JSON | None = None
    recycler: JSON | None = None


async def gather(key: Key, cache: CacheReader) -> View | None:
    volume = cache.get(PERSISTENT_VOLUMES, key)
    if volume is None:
        return None
    reference = volume["spec"].get("claimRef") or {}
    claim = None
    if reference.get("uid"):
        named = (reference.get("namespace", ""), reference.get("name", ""))
        claim = cache.get(PERSISTENT_VOLUME_CLAIMS, named) or await cache.live(PERSISTENT_VOLUME_CLAIMS, named)
    return View(volume, claim, cache.get(PODS, (RECYCLER_NAMESPACE, _recycler_name(volume))))


def decide(view: View, now: float) -> Decision:
    volume, claim = view.volume, view.claim
    reference = volume["spec"].get("claimRef") or {}
    if not reference.get("uid"):
        return Decision((), _in_phase(volume, "Available", now))
    if claim is None or objects.uid(claim) != reference["uid"]:
        return _released(view, now)
    named = claim["spec"].get("volumeName")
    if named == objects.name(volume):
        return Decision((), _in_phase(volume, "Bound", now))
    return NOTHING if not named else _unbind(volume)


def _in_phase(volume: JSON, phase: str, now: float, reason: str = "", message: str = "") -> JSON | None:
    """The volume with this phase; None if it has it."""
    before = volume.get("status") or {}
    status: JSON = {"phase": phase}
    status |= {name: text for name, text in (("reason", reason), ("message", message)) if text}
    if {name: value for name, value in before.items() if name != "lastPhaseTransitionTime"} == status:
        return None
    changed = before.get("phase") != phase
    since = times.format_time(now) if changed else before.get("lastPhaseTransitionTime", times.format_time(now))
    return objects.with_status(volume, {**status, "lastPhaseTransitionTime": since})


def _unbind(volume: JSON) -> Decision:
    """Its claim has another volume. What was made for it goes; what the controller bound is free again."""
    if claims.BOUND_BY_CONTROLLER not in objects.annotations(volume):
        return NOTHING
    return Decision((_freed(volume, "its claim has another volume"),))


def _freed(volume: JSON, because: str) -> Patch:
    body = {
        "metadata": {
            "resourceVersion": volume["metadata"]["resourceVersion"],
            "annotations": {claims.BOUND_BY_CONTROLLER: None},
        },
        "spec": {"claimRef": None},
    }
    return Patch(PERSISTENT_VOLUMES, objects.key(volume), body, because, patch_type=MERGE_PATCH)


def _released(view: View, now: float) -> Decision:
    volume = view.volume
    phase = (volume.get("status") or {}).get("phase")
    if phase not in ("Released", "Failed"):
        return Decision((), _in_phase(volume, "Released", now))
    policy = volume["spec"].get("persistentVolumeReclaimPolicy")
    if phase == "Failed" or policy == "Retain" or objects.is_terminating(volume):
        return NOTHING
    return _recycle(view, now) if policy == "Recycle" else _delete(volume, now)


def _delete(volume: JSON, now: float) -> Decision:
    """Whoever made it deletes it; what nobody made nobody can delete."""
    if claims.PROVISIONED_BY in objects.annotations(volume):
        return NOTHING
    text = (
        f'error getting deleter volume plugin for volume "{objects.name(volume)}": no deletable volume plugin matched'
    )
    return _failed(volume, "VolumeFailedDelete", text, now)


def _failed(volume: JSON, reason: str, message: str, now: float) -> Decision:
    status = _in_phase(volume, "Failed", now, reason, message)
    return Decision((Event(volume, "Warning", reason, message),), status)


def _recycle(view: View, now: float) -> Decision:
    volume, pod = view.volume, view.recycler
    if "hostPath" not in volume["spec"]:
        return _failed(volume, "VolumeFailedRecycle", _NO_RECYCLER, now)
    if pod is None:
        return Decision((Create(PODS, _recycler(volume), because="the volume is to be emptied"),))
    phase = objects.get(pod, "status", "phase")
    done = Delete(PODS, objects.key(pod), objects.uid(pod), because="it has ended")
    if phase == "Succeeded":
        told: Action = Event(volume, "Normal", "VolumeRecycled", "Volume recycled")
        return Decision((done, told, _freed(volume, "it is empty")))
    if phase == "Failed":
        text = f"Recycle failed: {objects.get(pod, 'status', 'message', default='the recycler has failed')}"
        failed = _failed(volume, "VolumeFailedRecycle", text, now)
        return Decision((done, *failed.actions), failed.status)
    return NOTHING


def _recycler_name(volume: JSON) -> str:
    return f"recycler-for-{objects.name(volume)}"


def _recycler(volume: JSON) -> JSON:
    """kube-controller-manager's Pod template for recycling."""
    container = {
        "name": "pv-recycler",
        "image": "busybox",
        "command": ["/bin/sh"],
        "args": ["-c", _SCRUB],
        "volumeMounts": [{"name": "vol", "mountPath": "/scrub"}],
    }
    spec = {
        "activeDeadlineSeconds": RECYCLER_SECONDS,
        "restartPolicy": "Never",
        "volumes": [{"name": "vol", "hostPath": {"path": volume["spec"]["hostPath"]["path"]}}],
        "containers": [container],
    }
    metadata = {"name": _recycler_name(volume), "namespace": RECYCLER_NAMESPACE}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


# --- what wakes it ---


def _own_key(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    return () if new is None else (objects.key(new),)


def _volumes_of_claim(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    for each in (old, new):
        name = ((each or {}).get("spec") or {}).get("volumeName")
        if name:
            yield "", name


def _recycled(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    name = objects.name(new or old or {})
    return (("", name.removeprefix("recycler-for-")),) if name.startswith("recycler-for-") else ()


CONTROLLER = Controller(
    name="persistent_volume",
    primary=PERSISTENT_VOLUMES,
    watches=(
        Watch(PERSISTENT_VOLUMES, _own_key),
        Watch(PERSISTENT_VOLUME_CLAIMS, _volumes_of_claim),
        Watch(PODS, _recycled),
    ),
    gather=gather,
    decide=decide,
    event_source="persistentvolume-controller",
    workers=1,
)
