"""Everything that is worth asking about an update: the rehearsal, its remedies rehearsed, many trials in parallel.

Trials are the same plan with other seeds: other start-up times and failures, as the profiles have them, and another
order of what happens at the same time. They run in processes of their own.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

from seatrial.client.base import MERGE_PATCH, STRATEGIC_MERGE_PATCH
from seatrial.rehearse import durations, verdict
from seatrial.rehearse.change import Apply, Change, DeletePod, Drain, Patch, Wait
from seatrial.rehearse.rehearsal import Plan, rehearse
from seatrial.rehearse.result import Remedy, Result, Spread, seconds_at
from seatrial.rehearse.target import KINDS


def _silent(what: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Trial:
    """What is kept of one trial."""

    seed: int
    completes: bool
    seconds: float
    min_available: int
    reason: str


def run(
    plan: Plan, *, trials: int = 1, remedies: bool = True, processes: int = 0, say: Callable[[str], None] = _silent
) -> Result:
    """The verdict of the typical run, with the spread of `trials` and, where it hangs, remedies that were rehearsed.

    `say` is told what is being done.
    """
    say("rehearsing")
    result = _with_remedies(plan, say) if remedies else rehearse(plan)
    if trials == 1:
        return result
    done = []
    for trial in run_trials(plan, trials, processes):
        done.append(trial)
        say(f"{len(done)} of {trials} trials")
    hanging = next((trial for trial in done if not trial.completes), None)
    if result.completes and hanging is not None:
        say(f"a trial hangs; rehearsing seed {hanging.seed} once more")
        again = replace(plan, seed=hanging.seed)
        result = _with_remedies(again, say) if remedies else rehearse(again)
        return with_spread(result, done, hanging.seed)
    return with_spread(result, done)


def _with_remedies(plan: Plan, say: Callable[[str], None]) -> Result:
    result = rehearse(plan)
    if not result.remedies:
        return result
    say("it hangs; rehearsing what may help")
    return replace(result, remedies=_best(tuple(_rehearsed(plan, one) for one in result.remedies)))


def _rehearsed(plan: Plan, remedy: Remedy) -> Remedy:
    done = _changes(remedy)
    if _prepares(remedy):
        changes = [*done, *plan.changes]
    else:
        # A drain that is refused never ends: what helps has to come before it.
        waits = next((i for i, each in enumerate(plan.changes) if isinstance(each, Drain)), len(plan.changes))
        changes = [*plan.changes[:waits], *done, *plan.changes[waits:]]
    outcome = rehearse(replace(plan, changes=changes))
    return replace(remedy, outcome=told(outcome), completes=outcome.completes)


def _prepares(remedy: Remedy) -> bool:
    """Whether it is to be done before the change: what is not about the workloads and their Pods themselves."""
    kind = remedy.object.partition("/")[0]
    return kind not in ("pod", *(each.singular for each in KINDS))


def _changes(remedy: Remedy) -> list[Change]:
    if remedy.action == "create":
        return [Apply(remedy.manifests)]
    later: list[Change] = [Wait(remedy.after)] if remedy.after else []
    if remedy.action == "patch":
        kind = STRATEGIC_MERGE_PATCH if remedy.patch_type == "strategic" else MERGE_PATCH
        return [*later, *(Patch(name, remedy.patch, remedy.namespace, kind) for name in remedy.objects)]
    pods = [f"{remedy.namespace}/{name.removeprefix('pod/')}" for name in remedy.objects]
    return [*later, *(DeletePod(pod, force=remedy.action == "force-delete") for pod in pods)]


def told(outcome: Result) -> str:
    """`completes in 1m5s, 0 of 1 available for 14s`."""
    if not outcome.completes:
        return f"hangs as well: {outcome.reason}"
    took = durations.told(outcome.duration_seconds)
    lasting = seconds_at(outcome.availability, outcome.min_available, outcome.duration_seconds)
    low = f"{outcome.min_available} of {outcome.desired} available"
    how_long = f" for {durations.told(lasting)}" if outcome.min_available < outcome.desired else ""
    return f"completes in {took}, {low}{how_long}"


def _best(remedies: Sequence[Remedy]) -> tuple[Remedy, ...]:
    """Those that help; if none does, all of them, so that one sees what was tried."""
    helping = tuple(one for one in remedies if one.completes)
    return helping or tuple(remedies)


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
    return Trial(seed, result.completes, result.duration_seconds, result.min_available, result.reason)


def with_spread(result: Result, trials: Sequence[Trial], seed: int = 0) -> Result:
    """The result of the typical run, with what the trials showed.

    If that completes and any of them hangs, that is the verdict: then `result` is the first of those, that of `seed`.
    """
    spread = spread_of(trials, result.duration_seconds)
    if not result.completes:
        if not seed:
            return replace(result, spread=spread)
        reason = f"in {len(trials) - spread.completed} of {len(trials)} trials, such as seed {seed}: {result.reason}"
        head = f"HANGS {reason}"
        if spread.completed:
            head += f"; else it completes in {durations.told(spread.p50_seconds)}"
        return replace(result, reason=reason, spread=spread, headline=head)
    least = min(result.min_available, spread.min_available)
    head = verdict.headline(
        True,
        spread.p50_seconds,
        (least, result.updated_available, result.desired),
        "",
        f"p95 {durations.told(spread.p95_seconds)}",
    )
    return replace(result, spread=spread, headline=head, min_available=least, duration_seconds=spread.p50_seconds)


def spread_of(trials: Sequence[Trial], shown_seconds: float = 0.0) -> Spread:
    """Percentiles by nearest rank; 0 where no trial completed. `shown_seconds`: of the run whose Pods are shown."""
    took = sorted(each.seconds for each in trials if each.completes)
    least = min((each.min_available for each in trials), default=0)

    def rank(share: float) -> float:
        return took[max(0, -(-int(share * 100) * len(took) // 100) - 1)] if took else 0.0

    worst = took[-1] if took else 0.0
    return Spread(len(trials), len(took), rank(0.5), rank(0.95), worst, least, shown_seconds)
