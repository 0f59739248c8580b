"""What the workloads' Pods ask for together, before the change and at the most. Pure.

Pods on their way out have their room until they are gone; those that have finished have none.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction

from seatrial.machinery import quantity
from seatrial.rehearse.lives import PodLife
from seatrial.rehearse.result import Need
from seatrial.workloads import pod_resources

_PODS = "pods"
_OVER = ("gone", "finished")
_IN_BYTES = ("memory", "ephemeral-storage", "hugepages-", "storage")


def of(lives: Iterable[PodLife]) -> tuple[Need, Need]:
    """(before, at the most). Each resource has its own peak; what leaves in the same instant leaves first."""
    present: dict[str, int] = {}
    changes: list[tuple[float, int, Mapping[str, int]]] = []
    for life in lives:
        asked = {_PODS: 1, **pod_resources.requested(life.pod)}
        if life.phases[0].state in _OVER:
            continue
        if life.is_new:
            changes.append((life.phases[0].time_seconds, 1, asked))
        else:
            pod_resources.add(present, asked)
        changes += [(phase.time_seconds, -1, asked) for phase in life.phases if phase.state in _OVER][:1]
    before, most = _need(present), dict(present)
    for _, sign, more in sorted(changes, key=lambda change: change[:2]):
        pod_resources.add(present, {name: sign * amount for name, amount in more.items()})
        most = {name: max(amount, most.get(name, 0)) for name, amount in present.items()}
    return before, _need(most)


def _need(amounts: Mapping[str, int]) -> Need:
    asked = {name: _text(name, amount) for name, amount in sorted(amounts.items()) if name != _PODS and amount}
    return Need(amounts.get(_PODS, 0), asked)


def _text(name: str, amount: int) -> str:
    if name == "cpu":
        return quantity.like(Fraction(amount, 1000), "1m")
    return quantity.like(Fraction(amount), "1Mi" if name.startswith(_IN_BYTES) else "1")
