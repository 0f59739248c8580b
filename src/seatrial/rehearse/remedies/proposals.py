"""What would mend an update that hangs: the most promising first. Pure; trying.py rehearses them."""

from collections.abc import Sequence

from seatrial.base.types import JSON
from seatrial.rehearse.remedies import containers, placement, pods, strategies, surroundings, webhooks
from seatrial.rehearse.result import Finding, Remedy
from seatrial.rehearse.rules.base import Case

MOST = 4


def proposals(
    cases: Sequence[Case],
    causes: Sequence[Finding],
    *,
    made_up: bool = False,
    seconds: float = 0.0,
    configurations: Sequence[JSON] = (),
) -> list[Remedy]:
    """Each once. `made_up`: Pods have names that only the rehearsal gave them; `seconds`: after how long it hung;
    `configurations`: those of admission webhooks.
    """
    found: dict[str, Remedy] = {}
    for case in cases:
        for one in (
            *strategies.of(case, causes),
            *containers.of(case, causes),
            *pods.of(case, causes, made_up=made_up, seconds=seconds),
            *placement.of(case, causes),
            *surroundings.of(case, causes),
            *webhooks.of(causes, configurations),
        ):
            found.setdefault(f"{one.object} {one.title}", one)
    return list(found.values())[:MOST]
