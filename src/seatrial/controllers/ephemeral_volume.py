"""Makes the claims of Pods' generic ephemeral volumes; the garbage collector takes them away with the Pod.

Mirrors pkg/controller/volume/ephemeral/controller.go (1.32).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from seatrial.api.registry import PERSISTENT_VOLUME_CLAIMS, PODS
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON, Key
from seatrial.machinery import objects
from seatrial.reconcile.controller import CacheReader, Controller, Watch
from seatrial.reconcile.decision import Action, Create, Decision, Event
from seatrial.workloads import claims


@dataclass(frozen=True)
class View:
    """A Pod that is not being deleted; its ephemeral volumes, each with the claim that has its name by now."""

    pod: JSON
    volumes: tuple[tuple[JSON, JSON | None], ...]


async def gather(key: Key, cache: CacheReader) -> View | None:
    pod = cache.get(PODS, key)
    if pod is None or objects.is_terminating(pod):
        return None
    names = ((volume, str(claims.name_of(pod, volume))) for volume in claims.ephemeral(pod["spec"]))
    return View(pod, tuple((volume, cache.get(PERSISTENT_VOLUME_CLAIMS, (key[0], name))) for volume, name in names))


def decide(view: View, now: float) -> Decision:
    return Decision(tuple(_actions(view)))


def _actions(view: View) -> Iterator[Action]:
    """Up to the first volume whose claim is somebody else's.

    differs: that is told once, and looked at again when the claim goes, where upstream tries and tells again and again.
    """
    for volume, claim in view.volumes:
        if claim is None:
            yield _creation(view.pod, volume)
        elif problem := claims.not_made_for(view.pod, claim):
            yield _failed(view.pod, volume, problem)
            return


def _creation(pod: JSON, volume: JSON) -> Create:
    template = volume["ephemeral"]["volumeClaimTemplate"]
    given = template.get("metadata") or {}
    metadata = {
        "name": claims.name_of(pod, volume),
        "namespace": objects.namespace(pod),
        "ownerReferences": [objects.owner_reference(pod, PODS)],
        **{field: given[field] for field in ("labels", "annotations") if given.get(field)},
    }
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": template["spec"],
    }

    def failed(error: StatusError) -> Event:
        return _failed(pod, volume, f"create PVC {metadata['name']}: {error}")

    return Create(PERSISTENT_VOLUME_CLAIMS, claim, f"for volume {volume['name']} of the Pod", on_failure=failed)


def _failed(pod: JSON, volume: JSON, why: str) -> Event:
    return Event(pod, "Warning", "FailedBinding", f"ephemeral volume {volume['name']}: {why}")


def _new_pod(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    """A Pod's volumes never change."""
    return (objects.key(new),) if old is None and new is not None and any(claims.ephemeral(new["spec"])) else ()


def _users_of_deleted(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    if old is None or new is not None:
        return
    for pod in cache.list(PODS, objects.namespace(old)):
        if any(claims.name_of(pod, volume) == objects.name(old) for volume in claims.ephemeral(pod["spec"])):
            yield objects.key(pod)


CONTROLLER = Controller(
    name="ephemeral_volume",
    primary=PODS,
    watches=(Watch(PODS, _new_pod), Watch(PERSISTENT_VOLUME_CLAIMS, _users_of_deleted)),
    gather=gather,
    decide=decide,
    event_source="ephemeral_volume",
)
