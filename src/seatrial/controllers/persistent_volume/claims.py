"""Binds every PersistentVolumeClaim to a PersistentVolume, once and for ever.

Mirrors syncUnboundClaim and syncBoundClaim of pkg/controller/volume/persistentvolume/pv_controller.go, 1.32.

- The volume is claimed first, on the version that was looked at: of two claims that want it one is refused, and looks
  again. Then the claim gets the volume's name, then its status.
- A class that waits for the first consumer binds when the scheduler has chosen a node.
- A claim without a volume that fits waits: for a provisioner where its class has one, else for a volume to be made.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from seatrial.api.core_v1 import persistent_volume_claim
from seatrial.api.registry import NODES, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, STORAGE_CLASSES
from seatrial.api.storage_v1 import storage_class
from seatrial.base.types import JSON, Key
from seatrial.client.base import MERGE_PATCH
from seatrial.machinery import objects
from seatrial.reconcile.controller import CacheReader, Controller, Watch
from seatrial.reconcile.decision import NOTHING, Action, Decision, Event, Patch
from seatrial.workloads import claims
from seatrial.workloads import volume_matching as matching

RESYNC_SECONDS = 15.0


@dataclass(frozen=True)
class View:
    """A claim; the volume that it names, if it names one; else all volumes that might suit it.

    `node`: the one that the scheduler has chosen. `waiting`: Pods that use the claim and have no node yet.
    """

    claim: JSON
    named: JSON | None = None
    volumes: tuple[JSON, ...] = ()
    storage_class: JSON | None = None
    node: JSON | None = None
    waiting: tuple[str, ...] = ()


async def gather(key: Key, cache: CacheReader) -> View | None:
    claim = cache.get(PERSISTENT_VOLUME_CLAIMS, key)
    if claim is None:
        return None
    name = claim["spec"].get("volumeName")
    if name:
        return View(claim, cache.get(PERSISTENT_VOLUMES, ("", name)))
    chosen = objects.annotations(claim).get(claims.SELECTED_NODE)
    users = [pod for pod in cache.list(PODS, key[0]) if claims.uses(pod, key[1]) and not pod["spec"].get("nodeName")]
    return View(
        claim,
        volumes=tuple(cache.list(PERSISTENT_VOLUMES)),
        storage_class=cache.get(STORAGE_CLASSES, ("", persistent_volume_claim.class_of(claim))),
        node=cache.get(NODES, ("", chosen)) if chosen else None,
        waiting=tuple(objects.name(pod) for pod in users),
    )


def decide(view: View, now: float) -> Decision:
    claim = view.claim
    if claims.BIND_COMPLETED in objects.annotations(claim):
        return _bound(view)
    if claim["spec"].get("volumeName"):
        return _named(view)
    delayed = _waits_for_consumer(view)
    volume = matching.best(view.volumes, claim, view.node)
    if volume is not None and (not delayed or matching.is_for(volume, claim)):
        return _bind(claim, volume, by_controller=True)
    return Decision((*_why_not_yet(view, delayed),), _pending(claim))


def _waits_for_consumer(view: View) -> bool:
    mode = (view.storage_class or {}).get("volumeBindingMode")
    return mode == storage_class.WAIT_FOR_FIRST_CONSUMER and claims.SELECTED_NODE not in objects.annotations(view.claim)


def _why_not_yet(view: View, delayed: bool) -> Iterable[Action]:
    claim, name = view.claim, persistent_volume_claim.class_of(view.claim)
    if delayed and view.waiting:
        waiting = ",".join(view.waiting)
        yield Event(claim, "Normal", "WaitForPodScheduled", f"waiting for pod {waiting} to be scheduled")
    elif delayed:
        text = "waiting for first consumer to be created before binding"
        yield Event(claim, "Normal", "WaitForFirstConsumer", text)
    elif not name:
        text = "no persistent volumes available for this claim and no storage class is set"
        yield Event(claim, "Normal", "FailedBinding", text)
    elif view.storage_class is None:
        yield Event(claim, "Warning", "ProvisioningFailed", f'storageclass.storage.k8s.io "{name}" not found')
    elif view.storage_class["provisioner"] == claims.NO_PROVISIONER:
        text = "no persistent volumes available for this claim and no storage class is set"
        yield Event(claim, "Normal", "FailedBinding", text)
    else:
        yield from _provision(claim, view.storage_class["provisioner"])


def _provision(claim: JSON, provisioner: str) -> Iterable[Action]:
    wanted = dict.fromkeys(claims.PROVISIONER_ANNOTATIONS, provisioner)
    if any(objects.annotations(claim).get(name) != provisioner for name in wanted):
        yield _patch_claim(claim, {"metadata": {"annotations": wanted}}, f"{provisioner} is to make a volume")
    text = (
        f"Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the "
        "system administrator. If volume creation is delayed, please verify that the provisioner is running and "
        "correctly registered."
    )
    yield Event(claim, "Normal", "ExternalProvisioning", text)


def _named(view: View) -> Decision:
    """The claim says which volume it wants."""
    claim, volume = view.claim, view.named
    if volume is None:
        return Decision((), _pending(claim))
    if not volume["spec"].get("claimRef"):
        problem = matching.why_not(volume, claim)
        if problem:
            text = f'Cannot bind to requested volume "{objects.name(volume)}": {problem}'
            return Decision((Event(claim, "Warning", "VolumeMismatch", text),), _pending(claim))
        return _bind(claim, volume, by_controller=False)
    if matching.is_for(volume, claim):
        return _bind(claim, volume, by_controller=False)
    text = f'volume "{objects.name(volume)}" already bound to a different claim.'
    return Decision((Event(claim, "Warning", "FailedBinding", text),), _pending(claim))


def _bind(claim: JSON, volume: JSON, *, by_controller: bool) -> Decision:
    """In this order: whatever comes in between, the next look goes on from there."""
    return Decision(
        (*_claim_volume(claim, volume), *_name_volume(claim, volume, by_controller), _status(claim, volume))
    )


def _claim_volume(claim: JSON, volume: JSON) -> Iterable[Action]:
    reference = volume["spec"].get("claimRef") or {}
    if reference.get("uid") == objects.uid(claim):
        return
    body: JSON = {
        "metadata": {"resourceVersion": volume["metadata"]["resourceVersion"]},
        "spec": {"claimRef": claims.reference(claim)},
    }
    if not reference:
        body["metadata"]["annotations"] = {claims.BOUND_BY_CONTROLLER: "yes"}
    because = f"claim {'/'.join(objects.key(claim))} gets it"
    yield Patch(PERSISTENT_VOLUMES, objects.key(volume), body, because, patch_type=MERGE_PATCH)


def _name_volume(claim: JSON, volume: JSON, by_controller: bool) -> Iterable[Action]:
    annotations = {claims.BIND_COMPLETED: "yes"}
    body: JSON = {"metadata": {"annotations": annotations}}
    if by_controller:
        annotations[claims.BOUND_BY_CONTROLLER] = "yes"
        body["spec"] = {"volumeName": objects.name(volume)}
    yield _patch_claim(claim, body, f"bound to {objects.name(volume)}")


def _status(claim: JSON, volume: JSON) -> Patch:
    """The volume's modes and capacity, not those that were asked for."""
    status = {
        "phase": "Bound",
        "accessModes": volume["spec"]["accessModes"],
        "capacity": volume["spec"]["capacity"],
    }
    body = {"metadata": {"uid": objects.uid(claim)}, "status": status}
    key = objects.key(claim)
    return Patch(PERSISTENT_VOLUME_CLAIMS, key, body, "bound", patch_type=MERGE_PATCH, subresource="status")


def _patch_claim(claim: JSON, body: JSON, because: str) -> Patch:
    whole = {**body, "metadata": {**body.get("metadata", {}), "uid": objects.uid(claim)}}
    return Patch(PERSISTENT_VOLUME_CLAIMS, objects.key(claim), whole, because, patch_type=MERGE_PATCH)


def _bound(view: View) -> Decision:
    """Nothing is to be done for a bound claim, but to see what became of its volume."""
    claim, volume = view.claim, view.named
    if volume is None:
        lost = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
        return _lost(claim, "ClaimLost", lost)
    reference = volume["spec"].get("claimRef") or {}
    if not reference:
        return _bind(claim, volume, by_controller=False)
    if reference.get("uid") != objects.uid(claim):
        return _lost(claim, "ClaimMisbound", "Two claims are bound to the same volume, this one is bound incorrectly")
    wanted = _status(claim, volume)
    assert isinstance(wanted.body, dict)
    status = claim.get("status") or {}
    same = all(status.get(name) == value for name, value in wanted.body["status"].items() if name != "capacity")
    return NOTHING if same and status.get("capacity") else Decision((wanted,))


def _lost(claim: JSON, reason: str, message: str) -> Decision:
    if (claim.get("status") or {}).get("phase") == "Lost":
        return NOTHING
    status = {**(claim.get("status") or {}), "phase": "Lost"}
    return Decision((Event(claim, "Warning", reason, message),), objects.with_status(claim, status))


def _pending(claim: JSON) -> JSON | None:
    status = claim.get("status") or {}
    return None if status.get("phase") == "Pending" else objects.with_status(claim, {**status, "phase": "Pending"})


# --- what wakes it ---


def _own_key(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    return () if new is None else (objects.key(new),)


def _claims_of_volume(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    """The claim that has it, and, when it may be free, all that wait for one."""
    for each in (old, new):
        reference = ((each or {}).get("spec") or {}).get("claimRef") or {}
        if reference.get("name"):
            yield reference.get("namespace", ""), reference["name"]
    if new is not None and not new["spec"].get("claimRef"):
        for claim in cache.list(PERSISTENT_VOLUME_CLAIMS):
            if claims.BIND_COMPLETED not in objects.annotations(claim):
                yield objects.key(claim)


def _claims_of_class(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    if new is None:
        return
    for claim in cache.list(PERSISTENT_VOLUME_CLAIMS):
        waits = claims.BIND_COMPLETED not in objects.annotations(claim)
        if waits and persistent_volume_claim.class_of(claim) == objects.name(new):
            yield objects.key(claim)


CONTROLLER = Controller(
    name="persistent_volume_claim",
    primary=PERSISTENT_VOLUME_CLAIMS,
    watches=(
        Watch(PERSISTENT_VOLUME_CLAIMS, _own_key),
        Watch(PERSISTENT_VOLUMES, _claims_of_volume),
        Watch(STORAGE_CLASSES, _claims_of_class),
    ),
    reads=(NODES, PODS),
    gather=gather,
    decide=decide,
    event_source="persistentvolume-controller",
    resync_seconds=RESYNC_SECONDS,
    workers=1,
)
