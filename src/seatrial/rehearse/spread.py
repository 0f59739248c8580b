"""Many runs of one plan, in processes of their own, and the spread of what came of them.

They have other seeds: other start-up times and failures, as the profiles have them, and another order of what happens
at the same time.
"""

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

from seatrial.rehearse import durations, headline
from seatrial.rehearse.rehearsal import Plan, rehearse
from seatrial.rehearse.result import Result, Spread


@dataclass(frozen=True)
class Trial:
    """What is kept of one trial."""

    seed: int
    completes: bool
    seconds: float
    min_available: int


def run_trials(plan: Plan, trials: int, processes: int = 0) -> Iterator[Trial]:
    """Trials 1 to N, in order, in as many processes as there are cores unless told otherwise."""
    workers = min(processes or len(os.sched_getaffinity(0)), trials)
    seeds = range(1, trials + 1)
    if workers == 1:
        yield from (_trial(plan, seed) for seed in seeds)
        return
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, context, initializer=_hold, initargs=(plan,)) as pool:
        yield from pool.map(_held_trial, seeds, chunksize=max(1, trials // (workers * 8)))


_held: list[Plan] = []
"""The plan of this worker process: sent once, not with every trial."""


def _hold(plan: Plan) -> None:
    _held[:] = [plan]


def _held_trial(seed: int) -> Trial:
    return _trial(_held[0], seed)


def _trial(plan: Plan, seed: int) -> Trial:
    result = rehearse(replace(plan, seed=seed))
    return Trial(seed, result.completes, result.duration_seconds, result.min_available)


def over(result: Result, trials: Sequence[Trial], seed: int = 0) -> Result:
    """The result of the typical run, with the spread of the trials in it.

    If that completes and any of them hangs, that is the verdict: then `result` is the first of those, that of `seed`.
    """
    spread = _spread_of(trials, result.duration_seconds)
    if not result.completes:
        if not seed:
            return replace(result, spread=spread)
        reason = f"in {len(trials) - spread.completed} of {len(trials)} trials, such as seed {seed}: {result.reason}"
        head = f"HANGS {reason}"
        if spread.completed:
            head += f"; else it completes in {durations.told(spread.p50_seconds)}"
        return replace(result, reason=reason, spread=spread, headline=head)
    least = min(result.min_available, spread.min_available)
    result = replace(result, spread=spread, min_available=least, duration_seconds=spread.p50_seconds)
    return replace(result, headline=headline.of(result))


def _spread_of(trials: Sequence[Trial], shown_seconds: float = 0.0) -> Spread:
    """Percentiles by nearest rank; 0 where no trial completed. `shown_seconds`: of the run whose Pods are shown."""
    took = sorted(each.seconds for each in trials if each.completes)
    least = min((each.min_available for each in trials), default=0)

    def rank(percent: int) -> float:
        return took[max(0, -(-percent * len(took) // 100) - 1)] if took else 0.0

    worst = took[-1] if took else 0.0
    return Spread(len(trials), len(took), rank(50), rank(95), worst, least, shown_seconds)
