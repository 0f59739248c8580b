"""How a rehearsal ended, as whoever watched it tells it to the verdict."""

from dataclasses import dataclass

from seatrial.rehearse.result import Decided, Step


@dataclass(frozen=True)
class Refusal:
    """Why a change is refused for good. `rule`: that of the cause; `objects`: whom it is about, besides workloads."""

    text: str
    rule: str = "change-refused"
    objects: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ending:
    """`now` in seconds since 1970; `decided_by` as Result has it.

    `refusals`: the steps of a change that were refused to the end, since when, and why; `unfinished`: the change that
    was not done; `refusal`: why it was refused for good, None if it was not; `happened`: the faults, and that whoever
    performed the change gave up.
    """

    decided_by: Decided
    now: float
    unfinished: str = ""
    refusals: tuple[Step, ...] = ()
    refusal: Refusal | None = None
    happened: tuple[Step, ...] = ()
