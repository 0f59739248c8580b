"""Everything that is worth asking about an update: the rehearsal, its remedies rehearsed, many trials in parallel."""

from collections.abc import Callable
from dataclasses import replace

from seatrial.rehearse import spread, trying
from seatrial.rehearse.rehearsal import Plan, rehearse
from seatrial.rehearse.result import Result


def _silent(what: str) -> None:
    """Tell nobody."""


def run(
    plan: Plan, *, trials: int = 1, remedies: bool = True, processes: int = 0, say: Callable[[str], None] = _silent
) -> Result:
    """The verdict of the typical run, with the spread of `trials` and, where it hangs, remedies that were rehearsed.

    `say` is told what is being done.
    """
    say("rehearsing")
    result = trying.with_remedies(plan, say) if remedies else rehearse(plan)
    if trials == 1:
        return result
    done = []
    for trial in spread.run_trials(plan, trials, processes):
        done.append(trial)
        say(f"{len(done)} of {trials} trials")
    hanging = next((trial for trial in done if not trial.completes), None)
    if result.completes and hanging is not None:
        say(f"a trial hangs; rehearsing seed {hanging.seed} once more")
        again = replace(plan, seed=hanging.seed)
        result = trying.with_remedies(again, say) if remedies else rehearse(again)
        return spread.over(result, done, hanging.seed)
    return spread.over(result, done)
