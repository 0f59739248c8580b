"""What a rehearsal starts from: the objects of a cluster at one moment, and what had to be assumed about it.

Three sources: a live cluster (live.py), dumps (dump.py), or manifests alone. What was read from a cluster is loaded as
it is, Pods running where they run. Manifests have no state yet: they are applied in the rehearsal's cluster, and the
change comes when that has settled.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from seatrial.api import old_versions
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.rehearse.snapshots import consistency
from seatrial.rehearse.snapshots import nodes as nodes_of

SYSTEM_NAMESPACES = frozenset({"default", "kube-node-lease", "kube-public", "kube-system"})
BEGINNING = 1_735_689_600.0
"""When rehearsals of manifests take place: 2025-01-01."""
OUR_RUNTIMES = frozenset({"process", "simulated"})


@dataclass(frozen=True)
class Snapshot:
    """`objects` with apiVersion and kind; `taken_at` in seconds since 1970. `assumptions` are lines for people.

    `manifests` are applied after the objects were loaded, before the change, and left to settle.
    """

    objects: Sequence[JSON] = ()
    taken_at: float = BEGINNING
    manifests: Sequence[JSON] = ()
    assumptions: tuple[str, ...] = field(default=())
    is_of_seatrial: bool = False
    """Whether it is one of our own clusters, which differ from Kubernetes where docs/compatibility.md says so."""
    knows_namespaces: bool = False
    """Whether a namespace that is not among the objects is not there."""


def of_manifests(manifests: Sequence[JSON], nodes: str = "", namespace: str = "default") -> Snapshot:
    """The manifests on nodes as `--nodes` describes them; Nodes among the manifests are taken instead.

    `namespace`: of those that name none.
    """
    own = [obj for obj in manifests if obj.get("kind") == "Node"]
    rest = placed([obj for obj in manifests if obj.get("kind") not in ("Node", "Namespace")], namespace)
    begun = complete([*own, *(obj for obj in manifests if obj.get("kind") == "Namespace")], BEGINNING, nodes)
    return with_namespaces(replace(begun, manifests=rest, knows_namespaces=False), rest)


def empty(nodes: str) -> Snapshot:
    """A cluster of these nodes with nothing on it."""
    begun = complete([], BEGINNING, nodes)
    return replace(begun, assumptions=("the cluster is empty before the change", *begun.assumptions))


def placed(manifests: Sequence[JSON], namespace: str) -> list[JSON]:
    """The manifests as `kubectl apply -n` takes them: in this namespace where they name none and need one."""
    return [_in(obj, namespace) if _lacks_namespace(obj) else obj for obj in manifests]


def _lacks_namespace(obj: JSON) -> bool:
    resource = old_versions.stored_as(obj)
    return resource is not None and resource.namespaced and not objects.namespace(obj)


def _in(obj: JSON, namespace: str) -> JSON:
    return {**obj, "metadata": {**(obj.get("metadata") or {}), "namespace": namespace}}


def complete(loaded: Sequence[JSON], taken_at: float, nodes: str = "") -> Snapshot:
    """A snapshot of these objects, with what is missing and has to be there: nodes, and namespaces.

    What was made up is among the assumptions.
    """
    filled, told_of_nodes = nodes_of.with_nodes(consistency.once(loaded), nodes, BEGINNING)
    kept, told = consistency.owned(filled)
    told += told_of_nodes
    knows_namespaces = any(obj.get("kind") == "Namespace" for obj in kept)
    begun = with_namespaces(Snapshot(kept, taken_at, (), tuple(told), _is_of_seatrial(kept)), kept)
    return replace(begun, knows_namespaces=knows_namespaces)


def with_namespaces(snapshot: Snapshot, used: Sequence[JSON]) -> Snapshot:
    """The snapshot, in which there are the namespaces of the `used` objects, except those that they bring themselves.

    A namespace that is known not to be there is not made up.
    """
    brought = {objects.name(obj) for obj in (*snapshot.objects, *used) if obj.get("kind") == "Namespace"}
    wanted = sorted({objects.namespace(obj) for obj in used} - brought - SYSTEM_NAMESPACES - {""})
    if snapshot.knows_namespaces or not wanted:
        return snapshot
    told = f"namespaces: only the names of {', '.join(wanted)} are known; no limits are assumed"
    made = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in wanted]
    return replace(snapshot, objects=[*snapshot.objects, *made], assumptions=(*snapshot.assumptions, told))


def _is_of_seatrial(loaded: Sequence[JSON]) -> bool:
    nodes = (obj for obj in loaded if obj.get("kind") == "Node")
    versions = (str(objects.get(node, "status", "nodeInfo", "containerRuntimeVersion", default="")) for node in nodes)
    return any(version.partition(":")[0] in OUR_RUNTIMES for version in versions)
