"""CronJobs: a Job is made whenever the schedule says so.

Mirrors pkg/controller/cronjob/{cronjob_controllerv2,utils,injection}.go (1.32). One look does, in this order: drop
finished Jobs beyond the history limits; bring status.active up to date; see whether a time was missed, or has come;
make its Job. The new Job is put into the status at the next look, which it wakes: it is known by its name and
annotation.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from seatrial.api.batch_v1 import job as job_kind
from seatrial.api.registry import CRON_JOBS, JOBS
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON, Key
from seatrial.machinery import cron_schedule, objects, times
from seatrial.machinery.cron_schedule import Schedule, ScheduleError
from seatrial.machinery.validation import go_quote
from seatrial.reconcile.controller import CacheReader, Controller, Watch
from seatrial.reconcile.decision import Action, Create, Decision, Delete, Event

SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"
_MANY_MISSED = 100
_DELTA_SECONDS = 0.1
"""Looks come a little after the time, so that it has passed for certain."""


@dataclass(frozen=True, slots=True)
class View:
    """A CronJob and its Jobs. `missing`: uids in status.active whose Jobs are gone for certain."""

    cron_job: JSON
    jobs: Sequence[JSON]
    missing: frozenset[str] = frozenset()


async def gather(key: Key, cache: CacheReader) -> View | None:
    cron_job = cache.get(CRON_JOBS, key)
    if cron_job is None:
        return None
    jobs = cache.owned_by(JOBS, objects.uid(cron_job))
    known, missing = {objects.uid(job) for job in jobs}, []
    for reference in (cron_job.get("status") or {}).get("active") or ():
        if reference["uid"] not in known and await cache.live(JOBS, (key[0], reference["name"])) is None:
            missing.append(reference["uid"])
    return View(cron_job, jobs, frozenset(missing))


def decide(view: View, now: float) -> Decision:
    sync = _Sync(view, now)
    _clean_up(sync)
    _bring_up_to_date(sync)
    requeue_after = None
    if not objects.is_terminating(view.cron_job):
        requeue_after = _start(sync)
    before = view.cron_job.get("status") or {}
    changed = None if before == sync.status else objects.with_status(view.cron_job, sync.status)

    def after_failure(_: StatusError) -> Decision:
        return Decision(status=changed)

    return Decision(tuple(sync.actions), changed, requeue_after, after_failure if sync.actions else None)


@dataclass
class _Sync:
    """One look in the making; `status` is the CronJob's as it will be."""

    view: View
    now: float
    status: JSON = field(default_factory=dict)
    actions: list[Action] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cron_job, self.spec = self.view.cron_job, self.view.cron_job["spec"]
        self.status = dict(self.cron_job.get("status") or {})

    @property
    def active(self) -> list[JSON]:
        return list(self.status.get("active") or ())

    @property
    def last_scheduled(self) -> float | None:
        text = self.status.get("lastScheduleTime")
        return times.parse_time(text) if text else None

    def activate(self, job: JSON) -> None:
        reference = {
            "kind": "Job",
            "namespace": objects.namespace(job),
            "name": objects.name(job),
            "uid": objects.uid(job),
            "apiVersion": JOBS.api_version,
            "resourceVersion": job["metadata"].get("resourceVersion") or "",
        }
        self.status["active"] = [*self.active, reference]

    def deactivate(self, uid: str) -> None:
        kept = [each for each in self.active if each["uid"] != uid]
        if kept:
            self.status["active"] = kept
        else:
            self.status.pop("active", None)

    def tell(self, kind: str, reason: str, message: str) -> None:
        self.actions.append(Event(self.cron_job, "Warning" if kind == "Warning" else "Normal", reason, message))

    def delete(self, name: str, uid: str, because: str) -> None:
        self.actions.append(
            Delete(
                JOBS,
                (objects.namespace(self.cron_job), name),
                uid,
                because,
                propagation_policy="Background",
                on_success=lambda _: Event(self.cron_job, "Normal", "SuccessfulDelete", f"Deleted job {name}"),
                on_failure=lambda error: Event(self.cron_job, "Warning", "FailedDelete", f"Deleted job: {error}"),
            )
        )
        self.deactivate(uid)


def _clean_up(sync: _Sync) -> None:
    for kind, field_name in (("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit")):
        limit = sync.spec.get(field_name)
        if limit is None:
            continue
        finished = [job for job in sync.view.jobs if (job_kind.finished_condition(job) or {}).get("type") == kind]
        finished = [job for job in finished if not objects.is_terminating(job)]
        for job in sorted(finished, key=_started)[: max(0, len(finished) - limit)]:
            sync.delete(objects.name(job), objects.uid(job), f"{field_name}: {limit}")


def _started(job: JSON) -> tuple[str, str]:
    """Jobs that never began come last."""
    return (job.get("status") or {}).get("startTime") or "~", objects.name(job)


def _bring_up_to_date(sync: _Sync) -> None:
    for job in sync.view.jobs:
        known = {each["uid"] for each in sync.active}
        finished = job_kind.finished_condition(job)
        if objects.uid(job) not in known and _is_fresh(sync, job):
            sync.activate(job)
            sync.status["lastScheduleTime"] = times.format_time(_scheduled_at(job) or sync.now)
            known.add(objects.uid(job))
        if finished is None and objects.uid(job) not in known:
            text = f"Saw a job that the controller did not create or forgot: {objects.name(job)}"
            sync.tell("Warning", "UnexpectedJob", text)
        elif finished is not None and objects.uid(job) in known:
            sync.deactivate(objects.uid(job))
            text = f"Saw completed job: {objects.name(job)}, condition: {finished['type']}"
            sync.tell("Normal", "SawCompletedJob", text)
        if finished is not None and finished["type"] == "Complete":
            _note_success(sync, job)
    for reference in sync.active:
        if reference["uid"] in sync.view.missing:
            sync.tell("Normal", "MissingJob", f"Active job went missing: {reference['name']}")
            sync.deactivate(reference["uid"])


def _is_fresh(sync: _Sync, job: JSON) -> bool:
    """Made by the look before this one."""
    scheduled_at = _scheduled_at(job)
    if scheduled_at is None or objects.name(job) != _job_name(sync.cron_job, scheduled_at):
        return False
    return sync.last_scheduled is None or sync.last_scheduled < scheduled_at


def _scheduled_at(job: JSON) -> float | None:
    text = objects.annotations(job).get(SCHEDULED_AT)
    try:
        return times.parse_time(text) if text else None
    except ValueError:
        return None


def _note_success(sync: _Sync, job: JSON) -> None:
    completed, before = (job.get("status") or {}).get("completionTime"), sync.status.get("lastSuccessfulTime")
    if completed and (not before or times.parse_time(completed) > times.parse_time(before)):
        sync.status["lastSuccessfulTime"] = completed


def _start(sync: _Sync) -> float | None:
    """Make the Job whose time has come; how long to wait for the next."""
    schedule = _schedule(sync)
    if schedule is None:
        return None
    try:
        missed = _missed(sync, schedule, sync.spec.get("startingDeadlineSeconds"))
    except ScheduleError as error:
        sync.tell("Warning", "InvalidSchedule", f"invalid schedule: {sync.spec['schedule']} : {error}")
        return None
    at = missed.latest
    if at is None:
        return _until_next(sync, schedule)
    if missed.steps > _MANY_MISSED:
        text = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
        sync.tell("Warning", "TooManyMissedTimes", text)
    if _may_start(sync, at):
        _make(sync, at)
        return _until_next(sync, schedule, at)
    return _until_next(sync, schedule)


def _schedule(sync: _Sync) -> Schedule | None:
    """None while there is nothing to start."""
    zone, text = sync.spec.get("timeZone"), sync.spec.get("schedule") or ""
    if zone is not None:
        try:
            cron_schedule.zone(zone)
        except ScheduleError as error:
            sync.tell("Warning", "UnknownTimeZone", f"invalid timeZone: {go_quote(zone)}: {error}")
            return None
    if sync.spec.get("suspend"):
        return None
    try:
        return cron_schedule.parse(text, zone)
    except ScheduleError as error:
        sync.tell("Warning", "UnparseableSchedule", f"unparseable schedule: {go_quote(text)} : {error}")
        return None


class _Missed(NamedTuple):
    """`latest`: the last time that has come since `earliest` and was not seen to; `steps`: about how many were."""

    earliest: float
    latest: float | None = None
    steps: int = 0


def _missed(sync: _Sync, schedule: Schedule, deadline: int | None) -> _Missed:
    """mostRecentScheduleTime; `deadline`: what is longer ago does not count."""
    earliest = times.parse_time(objects.creation_timestamp(sync.cron_job))
    if sync.last_scheduled is not None:
        earliest = sync.last_scheduled
    if deadline is not None:
        earliest = max(earliest, sync.now - deadline)
    first = schedule.next(earliest)
    second = schedule.next(first) if first is not None else None
    if first is None or sync.now < first:
        return _Missed(earliest)
    if second is None or sync.now < second:
        return _Missed(earliest, first)
    between = round(second - first)
    if between < 1:
        raise ScheduleError("time difference between two schedules is less than 1 second")
    count = int((sync.now - first) // between) + 1
    # From one step back, as steps may be of different lengths.
    return _Missed(earliest, _latest(schedule, first + (count - 2) * between, sync.now), count)


def _latest(schedule: Schedule, after: float, now: float) -> float | None:
    latest, moment = None, schedule.next(after)
    while moment is not None and moment <= now:
        latest, moment = moment, schedule.next(moment)
    return latest


def _until_next(sync: _Sync, schedule: Schedule, made_at: float | None = None) -> float | None:
    """Seconds to the time after the last one that was seen to, or after now."""
    after = made_at
    if after is None:
        try:
            missed = _missed(sync, schedule, None)
            after = missed.latest if missed.latest is not None else (sync.now if missed.steps else missed.earliest)
        except ScheduleError:
            after = sync.now
    upcoming = schedule.next(after)
    return None if upcoming is None else max(upcoming - sync.now, 0.0) + _DELTA_SECONDS


def _may_start(sync: _Sync, at: float) -> bool:
    deadline, name = sync.spec.get("startingDeadlineSeconds"), _job_name(sync.cron_job, at)
    if deadline is not None and at + deadline < sync.now:
        moment = datetime.fromtimestamp(at, UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")
        sync.tell("Warning", "MissSchedule", f"Missed scheduled time to start a job: {moment}")
        return False
    if sync.last_scheduled == at or any(each["name"] == name for each in sync.active):
        return False
    if sync.spec.get("concurrencyPolicy") == "Forbid" and sync.active:
        text = "Not starting job because prior execution is running and concurrency policy is Forbid"
        sync.tell("Normal", "JobAlreadyActive", text)
        return False
    if sync.spec.get("concurrencyPolicy") == "Replace":
        for reference in sync.active:
            sync.delete(reference["name"], reference["uid"], "concurrencyPolicy: Replace")
    return True


def _job_name(cron_job: JSON, at: float) -> str:
    """The minute is part of the name, so that no two Jobs are made for one time."""
    return f"{objects.name(cron_job)}-{math.floor(at / 60)}"


def _make(sync: _Sync, at: float) -> None:
    template = sync.spec.get("jobTemplate") or {}
    moment = datetime.fromtimestamp(at, cron_schedule.zone(sync.spec.get("timeZone")))
    written = moment.isoformat(timespec="seconds").replace("+00:00", "Z")
    metadata: JSON = {
        "name": _job_name(sync.cron_job, at),
        "namespace": objects.namespace(sync.cron_job),
        "labels": dict(objects.labels(template)),
        "annotations": {**objects.annotations(template), SCHEDULED_AT: written},
        "ownerReferences": [objects.owner_reference(sync.cron_job, CRON_JOBS)],
    }
    job = {"apiVersion": JOBS.api_version, "kind": JOBS.kind, "metadata": metadata, "spec": template.get("spec") or {}}

    def created(made: JSON) -> Event:
        return Event(sync.cron_job, "Normal", "SuccessfulCreate", f"Created job {objects.name(made)}")

    def failed(error: StatusError) -> Event | None:
        if error.reason == "AlreadyExists":
            return None
        return Event(sync.cron_job, "Warning", "FailedCreate", f"Error creating job: {error}")

    sync.actions.append(Create(JOBS, job, f"scheduled for {written}", on_success=created, on_failure=failed))


def _itself(old: JSON | None, new: JSON | None, _cache: CacheReader) -> Iterable[Key]:
    return (objects.key(new or old or {}),)


def _owner_of_job(old: JSON | None, new: JSON | None, _cache: CacheReader) -> Iterable[Key]:
    job = new or old or {}
    reference = objects.controller_of(job)
    if reference is not None and reference["kind"] == CRON_JOBS.kind:
        yield objects.namespace(job), reference["name"]


CONTROLLER = Controller(
    name="cronjob",
    primary=CRON_JOBS,
    watches=(Watch(CRON_JOBS, _itself), Watch(JOBS, _owner_of_job)),
    gather=gather,
    decide=decide,
    event_source="cronjob-controller",
)
