"""Which of Kubernetes' feature gates a snapshot's cluster has on, where that decides how an update goes. Pure.

An API server drops the fields of a gate that is off: where an object has such a field, the gate is on.
"""

from collections.abc import Iterable, Iterator, Sequence

from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.rehearse.snapshots.snapshot import Snapshot

GATE = "MaxUnavailableStatefulSet"


def counts_max_unavailable(snapshot: Snapshot) -> bool:
    """Whether maxUnavailable of StatefulSets is followed: on our own clusters, and where one has it."""
    return snapshot.is_of_seatrial or bool(_having_it(snapshot.objects))


def told(snapshot: Snapshot, coming: Sequence[JSON]) -> Iterator[str]:
    """What to tell of it. `coming`: objects of the change."""
    having = _having_it([*snapshot.manifests, *coming])
    if having and not counts_max_unavailable(snapshot):
        names = ", ".join(f"statefulset/{name}" for name in having)
        yield (
            f"maxUnavailable of {names} is ignored, one Pod is replaced at a time: Kubernetes' feature gate {GATE} is "
            "assumed to be off, as it is by default"
        )


def _having_it(given: Iterable[JSON]) -> list[str]:
    sets = (obj for obj in given if obj.get("kind") == "StatefulSet")
    path = ("spec", "updateStrategy", "rollingUpdate", "maxUnavailable")
    return sorted({objects.name(obj) for obj in sets if objects.get(obj, *path) is not None})
