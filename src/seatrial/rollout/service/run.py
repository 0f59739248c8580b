"""One run of a Service's roll: look, decide, do, until it has ended. All state is in the cluster (`record.py`).

Only what concerns this very process is remembered here: since when something has been in the way, what the traffic
says, the lowest number of endpoints.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from seatrial.base.env import Env
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.client import persisting
from seatrial.client.base import Client
from seatrial.machinery import go_duration, objects, selectors
from seatrial.rollout import container_logs, evicting
from seatrial.rollout.evicting import BudgetForbids
from seatrial.rollout.following import Patience
from seatrial.rollout.service import change, gathering, leftovers, plan, record
from seatrial.rollout.service.change import Target
from seatrial.rollout.service.ending import Ending, Trouble
from seatrial.rollout.service.events import Event
from seatrial.rollout.service.plan import End, Evict, Member, Options, Update, View, Wait, Write
from seatrial.rollout.service.record import Record
from seatrial.rollout.service.replication import Replication
from seatrial.rollout.service.traffic import Traffic
from seatrial.rollout.sight import Sight

LOOK_SECONDS = 1.0
STALLED_SECONDS = 600.0
BUDGET_SECONDS = 30.0
BASELINE_SECONDS = 10.0
LOG_LINES = 10

Say = Callable[[Event], None]


@dataclass
class ServiceRoll:
    """The roll of one Service to these targets. `traffic`: what requests to it say meanwhile, if any are sent."""

    client: Client
    env: Env
    service: JSON
    targets: Sequence[Target]
    options: Options
    say: Say
    traffic: Traffic | None = None
    lowest_endpoints: int | None = None
    _trouble: Trouble | None = None
    _ending: Ending | None = None
    _begun: frozenset[str] = frozenset()
    _undoing: bool = False
    _told: str = ""
    _counts: tuple[int, ...] = ()
    _moved_at: float = 0.0
    _blocked_since: float | None = None

    async def run(self) -> Ending:
        """How it ended. Raises StatusError and ConnectionError for what can't be ridden out: run it again then."""
        selector = str(selectors.from_map(objects.get(self.service, "spec", "selector")))
        scopes = gathering.scopes(self.service, selector, self.targets)
        self._begin_anew()
        self._roll = self.env.new_uid()
        replication = Replication(self.client, self.env, self._say_line)
        try:
            async with Sight(self.client, self.env, objects.namespace(self.service), scopes) as sight:
                return await self._follow(sight, replication)
        finally:
            await replication.stop()

    async def _follow(self, sight: Sight, replication: Replication) -> Ending:
        refused = await self._check_traffic(sight)
        while refused is None:
            view = await self._look(sight, replication)
            step = plan.decide(view)
            if isinstance(step, End):
                await leftovers.clean(self.client, self.env, self._objects(sight))
                return step.ending
            await self._do(step, sight, replication)
        return refused

    async def _check_traffic(self, sight: Sight) -> Ending | None:
        """Nothing is changed while requests fail already."""
        if self.traffic is None or any(record.of(obj) for obj in self._objects(sight)):
            return None
        until = self.env.monotonic() + BASELINE_SECONDS
        while not self.traffic.enough and self.env.monotonic() < until:
            await sight.change(LOOK_SECONDS)
        problem = self.traffic.problem() if self.traffic.enough else "too few requests come back"
        return Ending("nothing to do", "Traffic", f"before anything was changed: {problem}") if problem else None

    def _objects(self, sight: Sight) -> list[JSON]:
        found = [gathering.find(target, sight) for target in self.targets]
        return [obj for obj in found if obj is not None]

    async def _look(self, sight: Sight, replication: Replication) -> View:
        now, served = self.env.now(), gathering.endpoints(sight)
        members = [gathering.member(target, sight, self.options, served, now) for target in self.targets]
        if served is not None:
            before = len(served) if self.lowest_endpoints is None else self.lowest_endpoints
            self.lowest_endpoints = min(len(served), before)
        self._notice([(member, found) for member in members if member.obj and (found := record.of(member.obj))])
        name = objects.name(self.service)
        view = View(name, members, self.options, now, self._roll, None, self._begun, self._ending)
        await self._judge(view, sight, replication)
        self._tell(members, served)
        return replace(view, trouble=self._trouble)

    def _notice(self, records: Sequence[tuple[Member, Record]]) -> None:
        """What is under way, and whether the roll has turned: what was in the way before is no trouble then."""
        ours = [member for member, found in records if found.target == change.identity(member.target)]
        self._begun |= {member.workload.shown for member in ours}
        undoing = any(found.stage == "undoing" for _, found in records)
        if undoing != self._undoing:
            self._undoing, self._trouble = undoing, None
            self._begin_anew()

    def _begin_anew(self) -> None:
        """With all patience."""
        self._patience = Patience(self.env)
        self._moved_at, self._blocked_since = self.env.monotonic(), None

    async def _judge(self, view: View, sight: Sight, replication: Replication) -> None:
        """Trouble, once believed, stays until the roll turns back."""
        one = plan.under_way(view.members)
        if self._trouble is not None or one is None or self._ending is not None:
            return
        found = gathering.in_the_way(one, sight, view.now)
        believed = self._patience.believed(found)
        if believed is not None:
            log = await container_logs.last_lines(self.client, believed, one.workload.namespace, LOG_LINES)
            self._believe(
                Trouble(believed.reason, str(believed), one.workload.shown, believed.pod, believed.container), log
            )
        elif trouble := replication.trouble() or self._impatience(view, one):
            self._believe(trouble, [])

    def _impatience(self, view: View, one: Member) -> Trouble | None:
        shown, monotonic = one.workload.shown, self.env.monotonic()
        note = record.of(one.obj) if one.obj else None
        undoing = note is not None and note.stage == "undoing"
        if self.traffic is not None and not undoing and (problem := self.traffic.problem()):
            return Trouble("Traffic", problem)
        began = note.since if note and undoing else note.begun if note else view.now
        if self.options.timeout and view.now - began >= self.options.timeout:
            after = go_duration.rounded(self.options.timeout)
            return Trouble("Timeout", f"not done after {after}: {one.progress.message}", shown)
        counts = (one.progress.updated, one.progress.available, one.made, len(one.unserved), int(one.held is not None))
        if counts != self._counts:
            self._counts, self._moved_at = counts, monotonic
        if monotonic - self._moved_at >= max(STALLED_SECONDS, 2 * self.options.wait):
            return Trouble("Deadline", f"no progress for 10 minutes: {one.progress.message}", shown)
        if self._blocked_since is not None and monotonic - self._blocked_since >= BUDGET_SECONDS:
            return Trouble("Budget", self._told, shown)
        return None

    def _believe(self, trouble: Trouble, log: Sequence[str]) -> None:
        self._trouble = trouble
        fields = {**asdict(trouble), "log": list(log)}
        where = f"{trouble.workload}: " if trouble.workload else ""
        lines = "".join(f"\n  | {line}" for line in log)
        self.say(Event("trouble", f"{where}{trouble.message}{lines}", fields))

    async def _do(self, step: plan.Step, sight: Sight, replication: Replication) -> None:
        if isinstance(step, Write):
            await replication.stop()
            await self._write(step, sight)
        elif isinstance(step, Evict):
            await self._evict(step, sight)
        else:
            if isinstance(step, Update):
                await replication.ensure(step)
            if isinstance(step, Wait):
                self._say_step(step.because)
            await sight.change(LOOK_SECONDS)

    async def _write(self, step: Write, sight: Sight) -> None:
        resource, note = step.workload.resource, record.of(step.obj)
        self._ending = self._ending or step.ending  # before the answer, which may be lost
        try:
            written = await self.client.update(resource, step.obj, field_manager="seatrial")
        except (ConnectionError, StatusError) as error:
            await self._not_written(step, error, sight)
            return
        sight.wrote(resource, {"kind": resource.kind, "apiVersion": resource.api_version, **written})
        self._begin_anew()
        stage = note.stage if note else ""
        fields = {"workload": step.workload.shown, "stage": stage, "because": step.because}
        self.say(Event("step", f"{step.workload.shown}: {step.because}", fields))

    async def _not_written(self, step: Write, error: Exception, sight: Sight) -> None:
        """What was refused for good is trouble like any other; all else is looked at anew and decided again."""
        if isinstance(error, StatusError) and error.code not in (404, 409) and not persisting.is_passing(error):
            if self._trouble is not None or not any(record.of(obj) for obj in self._objects(sight)):
                raise error
            self._believe(Trouble("Refused", error.message, step.workload.shown), [])
            return
        await sight.change(persisting.pause_after(error))

    async def _evict(self, step: Evict, sight: Sight) -> None:
        name = objects.name(step.pod)
        try:
            evicted = await evicting.evict(self.client, step.pod, sight)
        except BudgetForbids as error:
            self._blocked_since = self._blocked_since or self.env.monotonic()
            self._say_step(str(error))
            await sight.change(LOOK_SECONDS)
            return
        self._blocked_since = None
        if evicted:
            fields = {"workload": step.workload.shown, "pod": name, "because": step.because}
            self.say(Event("evicted", f"{step.workload.shown}: pod {name} evicted: {step.because}", fields))

    def _tell(self, members: Sequence[Member], served: frozenset[str] | None) -> None:
        rows = []
        for member in members:
            found = record.of(member.obj) if member.obj else None
            rows.append(
                {
                    "workload": member.workload.shown,
                    "stage": found.stage if found else "",
                    "desired": member.desired,
                    "updated": member.progress.updated,
                    "available": member.progress.available,
                }
            )
        fields = {"workloads": rows, "endpoints": None if served is None else len(served)}
        text = "; ".join(
            f"{row['workload']} {row['updated']}/{row['desired']} updated, {row['available']} available" for row in rows
        )
        told = f"{text}; {len(served)} endpoints" if served is not None else text
        self.say(Event("progress", told, fields))

    def _say_step(self, text: str) -> None:
        if text and text != self._told:
            self._told = text
            self.say(Event("waiting", text, {"message": text}))

    def _say_line(self, line: str) -> None:
        self.say(Event("waiting", line, {"message": line}))
