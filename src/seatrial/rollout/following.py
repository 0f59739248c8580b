"""Following a rollout until it is done, fails, can't come up, or is stuck.

The workload, its Pods and the namespace's warnings are watched; nothing is asked for again and again. What fails in
passing (lost connections, 429, 5xx) is tried again. Where events or ReplicaSets may not be read, it does without.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from seatrial.api.registry import EVENTS, PODS
from seatrial.base.env import Env
from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.client.base import Client
from seatrial.client.persisting import persist
from seatrial.rollout import container_logs, evicting, newest, obstacles, progress, stuck
from seatrial.rollout.obstacles import Obstacle
from seatrial.rollout.progress import Progress
from seatrial.rollout.sight import Scope, Sight
from seatrial.rollout.stuck import Stuck
from seatrial.rollout.workload import Workload

LOOK_SECONDS = 1.0
FIRST_READ_SECONDS = 10.0
CANNOT_COME_UP = 2
"""The exit code when new Pods can't come up."""
STUCK = 3
"""The exit code when a StatefulSet is stuck on a Pod that only its deletion frees."""


class CannotComeUp(ToolError):
    """The new Pods can't come up. `log`: the last line of the container that crashes, or ""."""

    def __init__(self, obstacle: Obstacle, log: str) -> None:
        said = f'; its last log line: "{log}"' if log else ""
        super().__init__(f"the new Pods can't come up: {obstacle}{said}", CANNOT_COME_UP)
        self.obstacle, self.log = obstacle, log


class StuckOn(ToolError):
    """A StatefulSet waits for a Pod of a revision that nobody wants any more."""

    def __init__(self, workload: Workload, found: Stuck) -> None:
        super().__init__(
            f'statefulset "{workload.name}" is {found}; it goes on when that Pod is deleted, as --unstick does', STUCK
        )
        self.stuck = found


@dataclass
class Patience:
    """Remembers since when each obstacle has been there; those that outlast their patience are believed."""

    env: Env
    _since: dict[tuple[str, str], float] = field(default_factory=dict)

    def believed(self, found: Sequence[Obstacle]) -> Obstacle | None:
        """The surest that has lasted long enough. `found`: all that are there now."""
        now = self.env.monotonic()
        self._since = {(each.reason, each.pod): self._since.get((each.reason, each.pod), now) for each in found}
        return next((each for each in found if now - self._since[each.reason, each.pod] >= each.patience), None)


@dataclass
class Follower:
    """One rollout. `say` gets every new progress, `freed` every Pod that is evicted to free a stuck StatefulSet.

    `early`: end when an obstacle outlasts its patience; `unstick`: free a StatefulSet that is stuck.
    """

    client: Client
    env: Env
    workload: Workload
    say: Callable[[Progress], None]
    revision: int = 0
    watch: bool = True
    timeout: float = 0.0
    early: bool = True
    unstick: bool = False
    freed: Callable[[Stuck], None] = lambda _: None
    _last: Progress | None = None

    async def run(self) -> Progress:
        """The last progress. Raises ToolError: kubectl's (exit code 1), CannotComeUp, StuckOn."""
        obj = await persist(self.env, lambda: self.workload.get(self.client), FIRST_READ_SECONDS)
        current = self._take(obj)
        if current.done or not self.watch:
            return current
        until = self.env.monotonic() + self.timeout if self.timeout else None
        work = self.workload
        scopes = (
            Scope(work.resource, field_selector=f"metadata.name={work.name}"),
            *newest.scopes(newest.selector_of(obj)),
        )
        async with Sight(self.client, self.env, work.namespace, scopes) as sight:
            return await self._follow(sight, until)

    async def _follow(self, sight: Sight, until: float | None) -> Progress:
        patience = Patience(self.env)
        while True:
            obj = sight.get(self.workload.resource, self.workload.name)
            current = self._take(obj)
            if current.done or obj is None:
                return current
            await self._unstick(sight, obj)
            if self.early and (obstacle := patience.believed(_obstacles(sight, obj, self.workload, self.env.now()))):
                log = await container_logs.last_lines(self.client, obstacle, self.workload.namespace, 1)
                raise CannotComeUp(obstacle, "".join(log))
            left = LOOK_SECONDS if until is None else min(LOOK_SECONDS, until - self.env.monotonic())
            if left <= 0:
                raise ToolError("timed out waiting for the condition")
            await sight.change(left)

    def _take(self, obj: JSON | None) -> Progress:
        if obj is None:
            raise ToolError("object has been deleted")
        current = progress.of(obj, self.workload.resource.kind, self.revision)
        if current.error:
            raise ToolError(current.error)
        if current != self._last:
            self._last = current
            self.say(current)
        return current

    async def _unstick(self, sight: Sight, obj: JSON) -> None:
        if self.workload.resource.kind != "StatefulSet" or not (self.unstick or self.early):
            return
        found = stuck.find(obj, sight.all(PODS), sight.all(EVENTS), self.env.now())
        if found is None:
            return
        if not self.unstick:
            raise StuckOn(self.workload, found)
        if await evicting.evict(self.client, found.pod, sight):
            self.freed(found)


def _obstacles(sight: Sight, obj: JSON, workload: Workload, now: float) -> list[Obstacle]:
    """What stands in the way of the workload's newest Pods now."""
    owners, pods = newest.of(obj, workload.resource.kind, sight)
    return obstacles.find(pods, owners, sight.all(EVENTS), now)
