"""Watches a rehearsal until its end can be told: complete, refused, at a standstill, or out of time."""

import asyncio
from dataclasses import dataclass

from seatrial.base.types import JSON
from seatrial.rehearse.changes.performing import Performance
from seatrial.rehearse.course import Course
from seatrial.rehearse.ending import Ending
from seatrial.rehearse.result import Decided
from seatrial.rehearse.world import World

LOOK_SECONDS = 1.0
STANDSTILL_SECONDS = 400.0
"""How long nothing new may happen, beyond the longest wait that objects and Pods themselves ask for. Pods of a node
that has gone silent are given up after 340 s, mounts are tried again every two minutes. What comes later by itself
(ReplicaSets try up to 1000 s later to create Pods that were refused) comes too late: nobody waits past the deadline."""
TOLD_SECONDS = 10.0
"""How long after the deadline a Deployment says at the latest that it has passed."""
NO_DEADLINE = 2**31 - 1
"""The progressDeadlineSeconds that means none."""


@dataclass
class Watching:
    """Looks at what was written, every virtual second. All times are seconds, of the rehearsal's clock.

    `horizon`: how long it is watched at most; `linger`: how long it must stay complete; `faults_last`, `load_lasts`:
    until when, counted from the beginning, faults may be felt, and autoscalers may follow a load that changes.
    """

    world: World
    course: Course
    performance: Performance
    horizon: float
    linger: float
    faults_last: float = 0.0
    load_lasts: float = 0.0

    async def end(self, namespace: str) -> Ending:
        """Perform the changes, and tell how it ended. `namespace`: of changes that name none."""
        until = self.world.now + self.horizon
        performed = asyncio.ensure_future(self.performance.run(self.world, namespace, self.course))
        try:
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                self.world.catch_up(self.course)
                if performed.done():
                    performed.result()
                decided = self._decided(until, performed=performed.done())
                if decided is not None:
                    return self._ending(decided)
        finally:
            performed.cancel()

    def _decided(self, until: float, *, performed: bool) -> Decided | None:
        if performed and self.performance.refusal:
            return "refused"
        if performed and not self.performance.gave_up and self._is_over():
            return "completed"
        expected = self.course.began + max(self.faults_last, self.load_lasts)
        if self.world.now - max(self.course.news_at, expected) >= self._patience():
            return "standstill"
        return "horizon" if self.world.now >= until else None

    def _ending(self, decided_by: Decided) -> Ending:
        done = self.performance
        happened = (done.gave_up,) if done.gave_up else ()
        refusals = tuple(done.refusals.values())
        return Ending(decided_by, self.world.now, done.current, refusals, done.refusal, happened)

    def _is_over(self) -> bool:
        if not self.course.targets:
            return True
        complete = self.course.complete_at
        if complete is None or self.course.terminating:
            return False
        settled = max(complete, self.course.news_at, self.course.began + max(self.faults_last, self.load_lasts))
        return self.world.now - settled >= self.linger

    def _patience(self) -> float:
        specs = [obj["spec"] for obj in map(self.course.object_of, self.course.targets) if obj is not None]
        longest = max((_waits(each) for each in specs), default=0.0)
        deadline = max((_deadline(each) + TOLD_SECONDS for each in specs), default=0.0)
        return max(STANDSTILL_SECONDS + max(longest, self.world.model.longest_seconds), deadline)


def _waits(spec: JSON) -> float:
    """The longest that a workload may do nothing and still go on: until its Pods are available, or have ended."""
    grace = (spec.get("template", {}).get("spec") or {}).get("terminationGracePeriodSeconds")
    return max(float(each or 0) for each in (spec.get("minReadySeconds"), grace))


def _deadline(spec: JSON) -> float:
    """How long a workload may make no progress by its own account; 0 if it does not care."""
    seconds = spec.get("progressDeadlineSeconds")
    return 0.0 if seconds is None or seconds >= NO_DEADLINE else float(seconds)
