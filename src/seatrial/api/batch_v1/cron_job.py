"""CronJob: makes a Job whenever its schedule says so.

Follows pkg/registry/batch/cronjob/strategy.go, SetDefaults_CronJob and ValidateCronJobSpec (1.32).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

from seatrial.api.batch_v1 import job
from seatrial.api.core_v1 import pod_template
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import cron_schedule, objects, table, validation
from seatrial.machinery.table import Column
from seatrial.machinery.validation import FieldError

_MAX_NAME = 52
"""Jobs' names have a dash and ten digits more, and must fit into a label of 63."""
_POLICIES = ("Allow", "Forbid", "Replace")
_EXPLICIT = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"


class CronJobSpec(TypedDict, total=False):
    schedule: str
    timeZone: str
    startingDeadlineSeconds: int
    concurrencyPolicy: str
    suspend: bool
    jobTemplate: JSON
    successfulJobsHistoryLimit: int
    failedJobsHistoryLimit: int


class CronJobStatus(TypedDict, total=False):
    active: list[JSON]
    lastScheduleTime: str
    lastSuccessfulTime: str


class CronJob(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: JSON
    spec: CronJobSpec
    status: CronJobStatus


_DEFAULTS: Mapping[str, Any] = {
    "concurrencyPolicy": "Allow",
    "suspend": False,
    "successfulJobsHistoryLimit": 3,
    "failedJobsHistoryLimit": 1,
}


def default(obj: JSON) -> None:
    spec = obj.get("spec")
    if spec is None:
        spec = obj["spec"] = {}
    for name, value in _DEFAULTS.items():
        if spec.get(name) is None or spec.get(name) == "":
            spec[name] = value
    template = ((spec.get("jobTemplate") or {}).get("spec") or {}).get("template")
    if template is not None:
        pod_template.default_template(template)


def validate(obj: JSON) -> list[FieldError]:
    return list(_validate(obj))


def _validate(obj: JSON) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    if not spec.get("schedule"):
        yield validation.required("spec.schedule")
    else:
        yield from _validate_schedule(spec["schedule"], spec.get("timeZone"))
    deadline = spec.get("startingDeadlineSeconds")
    yield from validation.non_negative("spec.startingDeadlineSeconds", deadline)
    if spec.get("timeZone") is not None:
        yield from _validate_zone(spec["timeZone"])
    if spec.get("concurrencyPolicy") not in _POLICIES:
        yield validation.unsupported("spec.concurrencyPolicy", spec.get("concurrencyPolicy") or "", _POLICIES)
    yield from job.validate_spec(
        (spec.get("jobTemplate") or {}).get("spec") or {}, "spec.jobTemplate.spec", selected=False
    )
    for name in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        yield from validation.non_negative(f"spec.{name}", spec.get(name))
    if len(objects.name(obj)) > _MAX_NAME:
        yield validation.invalid("metadata.name", objects.name(obj), "must be no more than 52 characters")


def _validate_schedule(schedule: str, zone: str | None) -> Iterator[FieldError]:
    if "TZ" in schedule:
        detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        if zone is not None:
            detail = "cannot use both timeZone field and TZ or CRON_TZ in schedule"
        yield validation.invalid("spec.schedule", schedule, detail)
        return
    try:
        cron_schedule.parse(schedule)
    except cron_schedule.ScheduleError as error:
        yield validation.invalid("spec.schedule", schedule, str(error))


def _validate_zone(zone: str) -> Iterator[FieldError]:
    if not zone:
        yield validation.invalid("spec.timeZone", zone, "timeZone must be nil or non-empty string")
    elif zone.lower() == "local":
        yield validation.invalid("spec.timeZone", zone, _EXPLICIT)
    else:
        try:
            cron_schedule.zone(zone)
        except cron_schedule.ScheduleError as error:
            yield validation.invalid("spec.timeZone", zone, str(error))


def prepare_for_create(obj: JSON) -> None:
    obj["status"] = {}


def row(obj: JSON, now: float) -> Sequence[Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    template = ((spec.get("jobTemplate") or {}).get("spec") or {}).get("template") or {}
    last = status.get("lastScheduleTime")
    return (
        obj["metadata"]["name"],
        spec.get("schedule") or "",
        spec.get("timeZone") or "<none>",
        "<unset>" if spec.get("suspend") is None else str(bool(spec["suspend"])),
        len(status.get("active") or ()),
        table.age(last, now) if last else "<none>",
        table.created_age(obj, now),
        *pod_template.container_cells(template),
        "<none>",
    )


COLUMNS = (
    table.NAME,
    Column("Schedule", description="The schedule in Cron format, see https://en.wikipedia.org/wiki/Cron."),
    Column(
        "Timezone",
        description="The time zone name for the given schedule, see "
        "https://en.wikipedia.org/wiki/List_of_tz_database_time_zones. If not specified, this will default to the time "
        "zone of the kube-controller-manager process.",
    ),
    Column("Suspend", "boolean", description="This flag tells the controller to suspend subsequent executions."),
    Column("Active", "integer", description="A list of pointers to currently running jobs."),
    Column("Last Schedule", description="Information when was the last time the job was successfully scheduled."),
    table.AGE,
    Column("Containers", priority=1, description="Names of each container in the template."),
    Column("Images", priority=1, description="Images referenced by each container in the template."),
    Column("Selector", priority=1, description="A label query over pods that should match the pod count."),
)

RESOURCE = Resource(
    group="batch",
    version="v1",
    kind="CronJob",
    plural="cronjobs",
    singular="cronjob",
    short_names=("cj",),
    categories=("all",),
    subresources=("status",),
    default=default,
    validate=validate,
    prepare_for_create=prepare_for_create,
    has_generation=True,
    columns=COLUMNS,
    row=row,
)
