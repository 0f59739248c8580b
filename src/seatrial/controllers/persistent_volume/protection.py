"""Lets go of claims and volumes that are being deleted once nobody uses them.

Mirrors pkg/controller/volume/pvcprotection and pvprotection, 1.32: a finalizer, which admission adds, holds a claim as
long as a Pod that has not ended uses it, and a volume as long as it is bound.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from seatrial.api.registry import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS
from seatrial.base.types import JSON, Key
from seatrial.client.base import MERGE_PATCH
from seatrial.machinery import objects
from seatrial.machinery.gvk import ResourceRef
from seatrial.reconcile.controller import CacheReader, Controller, Watch
from seatrial.reconcile.decision import NOTHING, Decision, Patch
from seatrial.workloads import claims


@dataclass(frozen=True)
class View:
    """An object that is being deleted, and whether somebody uses it."""

    resource: ResourceRef
    obj: JSON
    finalizer: str
    in_use: bool


async def gather_claim(key: Key, cache: CacheReader) -> View | None:
    claim = cache.get(PERSISTENT_VOLUME_CLAIMS, key)
    if claim is None or not objects.is_terminating(claim):
        return None
    # The cache may not know of a Pod that is there: what can't be taken back is asked of the API.
    in_use = bool(claims.users(cache.list(PODS, key[0]), key[1]))
    in_use = in_use or bool(claims.users(await cache.live_list(PODS, key[0]), key[1]))
    return View(PERSISTENT_VOLUME_CLAIMS, claim, claims.CLAIM_PROTECTION, in_use)


async def gather_volume(key: Key, cache: CacheReader) -> View | None:
    volume = cache.get(PERSISTENT_VOLUMES, key)
    if volume is None or not objects.is_terminating(volume):
        return None
    return View(PERSISTENT_VOLUMES, volume, claims.VOLUME_PROTECTION, objects.get(volume, "status", "phase") == "Bound")


def decide(view: View, now: float) -> Decision:
    finalizers = objects.finalizers(view.obj)
    if view.in_use or view.finalizer not in finalizers:
        return NOTHING
    left = [name for name in finalizers if name != view.finalizer]
    metadata = {"finalizers": left, "resourceVersion": view.obj["metadata"]["resourceVersion"]}
    because = "nobody uses it any more"
    patch = Patch(view.resource, objects.key(view.obj), {"metadata": metadata}, because, patch_type=MERGE_PATCH)
    return Decision((patch,))


def _own_key(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    return () if new is None else (objects.key(new),)


def _claims_of_pod(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    """When a Pod goes or ends."""
    pod = new or old
    if pod is not None and (new is None or claims.has_ended(new)):
        for name in claims.names_of(pod):
            yield objects.namespace(pod), name


CLAIMS = Controller(
    name="pvc_protection",
    primary=PERSISTENT_VOLUME_CLAIMS,
    watches=(Watch(PERSISTENT_VOLUME_CLAIMS, _own_key), Watch(PODS, _claims_of_pod)),
    gather=gather_claim,
    decide=decide,
    event_source="pvc-protection-controller",
    workers=1,
)
VOLUMES = Controller(
    name="pv_protection",
    primary=PERSISTENT_VOLUMES,
    watches=(Watch(PERSISTENT_VOLUMES, _own_key),),
    gather=gather_volume,
    decide=decide,
    event_source="pv-protection-controller",
    workers=1,
)
