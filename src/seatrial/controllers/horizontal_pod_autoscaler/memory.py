"""What autoscalers remember between two looks, as upstream: in the process, not in the object."""

from seatrial.base.types import JSON
from seatrial.machinery import objects, times
from seatrial.workloads import scaling_rules
from seatrial.workloads.scaling_rules import Moment


class Memory:
    """What was recommended, and by how much was scaled, per autoscaler (by uid)."""

    def __init__(self) -> None:
        self._recommended: dict[str, list[Moment]] = {}
        self._scaled: dict[str, list[Moment]] = {}

    def recall(self, autoscaler: JSON, current: int, now: float) -> tuple[tuple[Moment, ...], tuple[Moment, ...]]:
        """(recommendations, scalings) that still matter. The first look takes the present size as recommended."""
        uid, since = objects.uid(autoscaler), now - scaling_rules.memory_seconds(autoscaler["spec"])
        recommended = self._recommended.setdefault(uid, [Moment(now, current)])
        scaled = self._scaled.setdefault(uid, [])
        last = _last_scaling(autoscaler)
        if last is not None and last not in scaled:
            scaled.append(last)
        recommended[:] = [each for each in recommended if each.at >= since]
        scaled[:] = [each for each in scaled if each.at >= since or each == last]
        return tuple(recommended), tuple(scaled)

    def note(self, autoscaler: JSON, wanted: int, now: float) -> None:
        """So many replicas were recommended now."""
        self._recommended[objects.uid(autoscaler)].append(Moment(now, wanted))


def _last_scaling(autoscaler: JSON) -> Moment | None:
    """What the status tells of the last change of size."""
    status = autoscaler.get("status") or {}
    change = (status.get("desiredReplicas") or 0) - (status.get("currentReplicas") or 0)
    if not status.get("lastScaleTime") or not change:
        return None
    return Moment(times.parse_time(status["lastScaleTime"]), change)
