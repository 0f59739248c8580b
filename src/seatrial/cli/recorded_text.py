"""How rehearsals of recordings compare with what a real control plane did, as a table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from seatrial.cli import output

if TYPE_CHECKING:
    from seatrial.rehearse.recordings.compared import Comparison


def lines(compared: "Sequence[Comparison]") -> list[str]:
    """One line for each recording, then each difference with both sides."""
    rows = [("RECORDING", "PACE", "OUTCOME", "DURATION", "MIN READY", "MAX PODS", "DIFFERS IN")]
    for each in compared:
        mine = each.figures
        duration = "-" if mine.duration is None else f"{mine.duration:g}s"
        differs = ", ".join(one.what for one in each.differences) or "-"
        counts = (str(mine.min_ready_pods), str(mine.max_pods))
        rows.append((each.name, each.pace, mine.outcome, duration, *counts, differs))
    told = output.columns(rows)
    for each in compared:
        for one in each.differences:
            told.append(f"{each.name}: {one.what} was {one.recorded}, and is {one.rehearsed} in the rehearsal")
    same = sum(not each.differences for each in compared)
    colour = output.GREEN if same == len(compared) else output.RED
    return [*told, click.style(f"{same} of {len(compared)} as recorded", fg=colour)]
