"""Puts the objects of a snapshot into a store, status included, as if they had always been there."""

from collections.abc import Sequence

from seatrial.api import old_versions
from seatrial.api.old_version import OldVersion
from seatrial.apiserver.registry import Registry
from seatrial.base.env import Env
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.cluster import control_plane
from seatrial.machinery import conditions, objects
from seatrial.node.registration import NodeOptions
from seatrial.rehearse import webhooks
from seatrial.rehearse.snapshots import consistency, making
from seatrial.rehearse.trace import TracedStore
from seatrial.store.base import Store


async def load(store: Store, env: Env, release: str, loaded: Sequence[JSON]) -> list[str]:
    """Store the objects of known kinds as they are, in the order of their resourceVersions.

    `release`: the Kubernetes release whose schemas they are held to. Returns what no API server would have taken, with
    the reason.
    """
    registry = Registry(store, env, control_plane.schemas_of(control_plane.spoken(release)))
    stored: list[JSON] = []
    left_out: list[str] = []
    absent: set[str] = set()
    for obj in sorted(loaded, key=consistency.version):
        try:
            await _load(registry, obj)
        except StatusError as error:
            left_out.append(f"left out: {obj['kind']} {objects.name(obj)}: {error.message}")
            absent.add(objects.uid(obj))
        else:
            stored.append(obj)
    for obj in consistency.freed(stored, absent):
        await _load(registry, obj)
    return left_out


async def _load(registry: Registry, obj: JSON) -> None:
    group, _, version = str(obj.get("apiVersion")).rpartition("/")
    resource = old_versions.for_kind(group, version, str(obj.get("kind")))
    if isinstance(resource, OldVersion):
        await registry.load(resource.stored, resource.to_stored(obj))
    elif resource is not None:
        await registry.load(resource, obj)


def is_unknown(obj: JSON) -> bool:
    """Whether it is of a kind that there is none of here."""
    return old_versions.stored_as(obj) is None and not webhooks.is_configuration(obj)


def unknown_kinds(given: Sequence[JSON], release: str) -> list[str]:
    """What to tell of objects of kinds that are not known here, and of kinds that nobody knows."""
    schemas = control_plane.schemas_of(control_plane.spoken(release))
    left: dict[str, dict[str, None]] = {}
    for obj in filter(is_unknown, given):
        group, _, version = str(obj["apiVersion"]).rpartition("/")
        if making.is_custom(obj):
            why = "with all that their controllers make of them"
        elif schemas.knows(group, version, str(obj["kind"])):
            why = "they decide nothing here"
        else:
            why = f"Kubernetes {schemas.release} does not know them by itself"
        left.setdefault(why, {})[f"{obj['kind']}.{obj['apiVersion']}"] = None
    return [f"left out, {why}: {', '.join(kinds)}" for why, kinds in left.items()]


def machines(store: TracedStore) -> list[NodeOptions]:
    """The nodes that are alive: those that no longer report stay silent in the rehearsal, too."""
    return [
        NodeOptions(objects.name(obj), capacity=(obj.get("status") or {}).get("allocatable") or {}, as_is=True)
        for obj in store.objects()
        if obj["kind"] == "Node" and conditions.is_true(obj, "Ready")
    ]
