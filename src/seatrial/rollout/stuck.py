"""StatefulSets that are stuck: which ordinal holds the others up, and which Pod to delete next to free them. Pure.

A StatefulSet of ordered Pods waits for its lowest Pod that is not ready, whatever revision that is of: a Pod of a given
up revision that can't become ready blocks the mended one for ever (kubernetes/kubernetes#67250), until somebody deletes
it. It is freed in order: the lowest ordinal first, and the next one only when that is ready again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.base.types import JSON
from seatrial.machinery import objects, times
from seatrial.rollout import obstacles
from seatrial.workloads import controller_revisions, pods

PATIENCE_SECONDS = 40.0
"""How long an outdated Pod may be unready. A little longer than a controller needs that frees such Pods by itself."""
HOPELESS_SECONDS = 10.0
"""The same when one of its containers can't come up."""


@dataclass(frozen=True)
class Stuck:
    """The Pod that holds the others up. `since`: when it was last ready, or began (seconds since 1970)."""

    pod: JSON
    ordinal: int
    revision: str
    wanted: str
    since: float
    why: str

    @property
    def name(self) -> str:
        return objects.name(self.pod)

    def __str__(self) -> str:
        why = f": {self.why}" if self.why else " and is not ready"
        return (
            f"stuck at ordinal {self.ordinal}: pod {self.name} is of revision {self.revision}, not of the wanted "
            f"{self.wanted}{why}"
        )


def find(stateful_set: JSON, members: Sequence[JSON], events: Sequence[JSON], now: float) -> Stuck | None:
    """The lowest Pod that is outdated and not ready, after some patience; None while there is hope.

    None, too, when a Pod below it is not ready but of the wanted revision: deleting that would help nobody.
    """
    wanted = str(objects.get(stateful_set, "status", "updateRevision", default=""))
    if not wanted or not _observed(stateful_set):
        return None
    for pod in sorted((each for each in members if objects.is_controlled_by(each, stateful_set)), key=ordinal_of):
        if pods.is_ready(pod) and not objects.is_terminating(pod):
            continue
        revision = str(objects.labels(pod).get(controller_revisions.POD_LABEL, ""))
        if objects.is_terminating(pod) or revision == wanted or ordinal_of(pod) < _first_to_update(stateful_set):
            return None
        why = next((found.message for found in obstacles.find([pod], [], events, now)), "")
        stuck = Stuck(pod, ordinal_of(pod), revision, wanted, _unready_since(pod), why)
        return stuck if now - stuck.since >= (HOPELESS_SECONDS if why else PATIENCE_SECONDS) else None
    return None


def ordinal_of(pod: JSON) -> int:
    """The number at the end of a Pod's name; -1 when there is none."""
    number = objects.name(pod).rpartition("-")[2]
    return int(number) if number.isascii() and number.isdigit() else -1


def _first_to_update(stateful_set: JSON) -> int:
    """Pods below the partition keep their revision."""
    spec = stateful_set["spec"]
    partition = objects.get(spec, "updateStrategy", "rollingUpdate", "partition", default=0)
    return int(objects.get(spec, "ordinals", "start", default=0)) + int(partition)


def _observed(stateful_set: JSON) -> bool:
    return int(objects.get(stateful_set, "status", "observedGeneration", default=0)) >= objects.generation(stateful_set)


def _unready_since(pod: JSON) -> float:
    ready = pods.ready_condition(pod) or {}
    return times.parse_time(ready.get("lastTransitionTime") or objects.creation_timestamp(pod))
