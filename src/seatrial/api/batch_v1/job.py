"""Job: Pods that run until enough of them have succeeded.

Follows pkg/registry/batch/job/strategy.go, SetDefaults_Job and ValidateJobSpec (1.32).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

from seatrial.api import label_selectors
from seatrial.api.apps_v1 import replica_set, stateful_set
from seatrial.api.batch_v1 import job_policies
from seatrial.api.core_v1 import pod_template
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import conditions, names, objects, table, times, validation
from seatrial.machinery.table import Column
from seatrial.machinery.validation import FieldError

CONTROLLER_UID = "batch.kubernetes.io/controller-uid"
JOB_NAME = "batch.kubernetes.io/job-name"
LEGACY_CONTROLLER_UID, LEGACY_JOB_NAME = "controller-uid", "job-name"

_MAX_INT32 = 2147483647
_MAX_PARALLELISM = 100000
_MODES = ("Indexed", "NonIndexed")
_NUMBERS = ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished")
_IMMUTABLE = (
    "selector",
    "completionMode",
    "podFailurePolicy",
    "backoffLimitPerIndex",
    "managedBy",
    "successPolicy",
)


class JobSpec(TypedDict, total=False):
    parallelism: int
    completions: int
    activeDeadlineSeconds: int
    podFailurePolicy: JSON
    successPolicy: JSON
    backoffLimit: int
    backoffLimitPerIndex: int
    maxFailedIndexes: int
    selector: JSON
    manualSelector: bool
    template: pod_template.PodTemplateSpec
    ttlSecondsAfterFinished: int
    completionMode: str
    suspend: bool
    podReplacementPolicy: str
    managedBy: str


class JobStatus(TypedDict, total=False):
    conditions: list[JSON]
    startTime: str
    completionTime: str
    active: int
    succeeded: int
    failed: int
    terminating: int
    ready: int
    completedIndexes: str
    failedIndexes: str
    uncountedTerminatedPods: JSON


class Job(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: JSON
    spec: JobSpec
    status: JobStatus


def default(obj: JSON) -> None:
    spec = obj.get("spec")
    if spec is None:
        spec = obj["spec"] = {}
    if spec.get("parallelism") is None:
        if spec.get("completions") is None:
            spec["completions"] = 1
        spec["parallelism"] = 1
    if spec.get("backoffLimit") is None:
        spec["backoffLimit"] = 6 if spec.get("backoffLimitPerIndex") is None else _MAX_INT32
    if not spec.get("completionMode"):
        spec["completionMode"] = "NonIndexed"
    if spec.get("suspend") is None:
        spec["suspend"] = False
    if not spec.get("podReplacementPolicy"):
        spec["podReplacementPolicy"] = "Failed" if spec.get("podFailurePolicy") else "TerminatingOrFailed"
    job_policies.default(spec)
    if spec.get("template") is not None:
        pod_template.default_template(spec["template"])
        _default_labels(obj)


def _default_labels(obj: JSON) -> None:
    labels = objects.labels(obj["spec"]["template"])
    if labels and not objects.labels(obj):
        obj.setdefault("metadata", {})["labels"] = dict(labels)


def validate(obj: JSON) -> list[FieldError]:
    return list(_validate(obj))


def _validate(obj: JSON) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    yield from _validate_generated_selector(obj)
    yield from validate_spec(spec, "spec")
    if spec.get("completionMode") == "Indexed" and spec.get("completions"):
        yield from _validate_hostname(objects.name(obj), spec["completions"])


def _validate_hostname(name: str, completions: int) -> Iterator[FieldError]:
    longest = f"{name}-{completions - 1}"
    if names.dns1123_label(longest):
        detail = f"will not able to create pod with invalid DNS label: {longest}"
        yield validation.invalid("metadata.name", name, detail)


def _validate_generated_selector(obj: JSON) -> Iterator[FieldError]:
    """A selector that the server makes is made of the Job's uid, which its template has to carry."""
    spec = obj.get("spec") or {}
    if spec.get("manualSelector") or spec.get("selector") is None:
        return
    labels = objects.labels(spec.get("template") or {})
    expected = {JOB_NAME: objects.name(obj), CONTROLLER_UID: objects.uid(obj)}
    for label, value in expected.items():
        path = f"spec.template.metadata.labels[{label}]"
        if label not in labels:
            yield validation.required(path, f"must be '{value}'")
        elif labels[label] != value:
            yield validation.invalid(path, labels[label], f"must be '{value}'")
    selector = replica_set.selector_of(spec)
    if selector is not None and not selector.matches(expected):
        yield label_selectors.invalid_selector("spec.selector", spec["selector"], "`selector` not auto-generated")


def validate_spec(spec: Mapping[str, Any], path: str, *, selected: bool = True) -> Iterator[FieldError]:
    """A JobSpec; `selected`: with a selector, which a CronJob's template has not."""
    for name in _NUMBERS:
        yield from validation.non_negative(f"{path}.{name}", spec.get(name))
    yield from _validate_mode(spec, path)
    yield from job_policies.validate(spec, path)
    template = spec.get("template") or {}
    if selected and spec.get("selector") is None:
        yield validation.required(f"{path}.selector")
    yield from label_selectors.validate_selector(spec.get("selector") or {}, f"{path}.selector")
    selector = replica_set.selector_of(spec) if selected and spec.get("selector") is not None else None
    yield from stateful_set.validate_matching_template(template, selector, f"{path}.template")
    yield from _validate_restart_policy(spec, f"{path}.template.spec.restartPolicy")


def _validate_mode(spec: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    mode = spec.get("completionMode")
    if mode is None:
        return
    if mode not in _MODES:
        yield validation.unsupported(f"{path}.completionMode", mode, _MODES)
    if mode != "Indexed":
        return
    if spec.get("completions") is None:
        yield validation.required(f"{path}.completions", "when completion mode is Indexed")
    parallelism = spec.get("parallelism") or 0
    if parallelism > _MAX_PARALLELISM:
        detail = f"must be less than or equal to {_MAX_PARALLELISM} when completion mode is Indexed"
        yield validation.invalid(f"{path}.parallelism", parallelism, detail)


def _validate_restart_policy(spec: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    policy = ((spec.get("template") or {}).get("spec") or {}).get("restartPolicy") or ""
    if policy == "Always":
        yield validation.required(path, 'valid values: "OnFailure", "Never"')
    elif policy not in ("OnFailure", "Never"):
        yield validation.unsupported(path, policy, ("OnFailure", "Never"))
    elif spec.get("podFailurePolicy") and policy != "Never":
        yield validation.invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified')


def validate_update(new: JSON, old: JSON) -> list[FieldError]:
    return list(_validate_update(new, old))


def _validate_update(new: JSON, old: JSON) -> Iterator[FieldError]:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    yield from _validate_completions_update(spec, before)
    for name in _IMMUTABLE:
        if spec.get(name) != before.get(name):
            yield validation.immutable(f"spec.{name}", spec.get(name))
    template = spec.get("template") or {}
    allowed = _with_scheduling_of(before.get("template") or {}, template) if _may_still_move(old) else template
    if allowed != (before.get("template") or {}):
        yield validation.immutable("spec.template", template)


def _validate_completions_update(spec: JSON, before: JSON) -> Iterator[FieldError]:
    completions = spec.get("completions")
    if completions == before.get("completions"):
        return
    if before.get("completionMode") != "Indexed":
        yield validation.immutable("spec.completions", completions)
    elif completions != spec.get("parallelism"):
        yield validation.invalid(
            "spec.completions", completions, "can only be modified in tandem with spec.parallelism"
        )


def _may_still_move(job: JSON) -> bool:
    """Where a suspended Job that never ran shall run may still be changed."""
    return bool((job.get("spec") or {}).get("suspend")) and not (job.get("status") or {}).get("startTime")


def _with_scheduling_of(old: JSON, new: JSON) -> JSON:
    """The new template with everything taken from the old one that may be changed while suspended."""
    spec, before = dict(new.get("spec") or {}), old.get("spec") or {}
    for name in ("nodeSelector", "tolerations", "schedulingGates", "affinity"):
        spec.pop(name, None)
        if name in before:
            spec[name] = before[name]
    return {**new, "metadata": old.get("metadata") or {}, "spec": spec}


def validate_status_update(new: JSON, _old: JSON) -> list[FieldError]:
    status = new.get("status") or {}
    errors: list[FieldError] = []
    for name in ("active", "succeeded", "failed", "ready", "terminating"):
        errors += validation.non_negative(f"status.{name}", status.get(name))
    finished = [kind for kind in ("Complete", "Failed") if conditions.is_true(status, kind)]
    if len(finished) > 1:
        detail = "cannot set Complete=True and Failed=true conditions"
        errors.append(validation.invalid("status.conditions", finished, detail))
    if finished and status.get("active"):
        detail = "active>0 is invalid for finished job"
        errors.append(validation.invalid("status.active", status["active"], detail))
    return errors


def prepare_for_create(obj: JSON) -> None:
    """Unless it is the user's own, the selector is made of the Job's uid."""
    obj["status"] = {}
    spec = obj.get("spec") or {}
    if not spec.get("manualSelector") and spec.get("template") is not None:
        _generate_selector(obj, spec)
    if spec.get("template") is not None:
        _default_labels(obj)


def _generate_selector(obj: JSON, spec: JSON) -> None:
    template = spec["template"]
    metadata = template.get("metadata") or {}
    generated = {
        CONTROLLER_UID: objects.uid(obj),
        JOB_NAME: objects.name(obj),
        LEGACY_CONTROLLER_UID: objects.uid(obj),
        LEGACY_JOB_NAME: objects.name(obj),
    }
    # What somebody wrote there themselves stays, and is refused if it is wrong.
    template["metadata"] = {**metadata, "labels": {**generated, **(metadata.get("labels") or {})}}
    selector = spec.get("selector") or {}
    labels = {CONTROLLER_UID: objects.uid(obj), **(selector.get("matchLabels") or {})}
    spec["selector"] = {**selector, "matchLabels": labels}


def finished_condition(obj: JSON) -> JSON | None:
    """The condition that says that the Job is over: Complete or Failed."""
    for kind in ("Complete", "Failed"):
        if conditions.is_true(obj, kind):
            return conditions.find(obj, kind)
    return None


def status_text(obj: JSON) -> str:
    """The STATUS cell."""
    finished = finished_condition(obj)
    if finished is not None:
        return str(finished["type"])
    if objects.is_terminating(obj):
        return "Terminating"
    for kind in ("Suspended", "FailureTarget", "SuccessCriteriaMet"):
        if conditions.is_true(obj, kind):
            return kind
    return "Running"


def completions_text(obj: JSON) -> str:
    """The COMPLETIONS cell: `1/3`, or `0/1 of 2` where any success will do."""
    spec, succeeded = obj.get("spec") or {}, (obj.get("status") or {}).get("succeeded") or 0
    if spec.get("completions") is not None:
        return f"{succeeded}/{spec['completions']}"
    parallelism = spec.get("parallelism") or 0
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def _duration_text(status: Mapping[str, Any], now: float) -> str:
    started, completed = status.get("startTime"), status.get("completionTime")
    if not started:
        return ""
    end = times.parse_time(completed) if completed else now
    return table.human_duration(end - times.parse_time(started))


def row(obj: JSON, now: float) -> Sequence[Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    return (
        obj["metadata"]["name"],
        status_text(obj),
        completions_text(obj),
        _duration_text(status, now),
        table.created_age(obj, now),
        *pod_template.container_cells(spec.get("template") or {}),
        replica_set.selector_text(spec),
    )


def selectable_fields(obj: JSON) -> dict[str, str]:
    return {"status.successful": str((obj.get("status") or {}).get("succeeded") or 0)}


COLUMNS = (
    table.NAME,
    Column("Status", description="Status of the job."),
    Column(
        "Completions",
        description="The number of pods which reached phase Succeeded. The value increases monotonically for a given "
        "spec. However, it may decrease in reaction to scale down of elastic indexed jobs.",
    ),
    Column("Duration", description="Time required to complete the job."),
    table.AGE,
    Column("Containers", priority=1, description="Names of each container in the template."),
    Column("Images", priority=1, description="Images referenced by each container in the template."),
    Column("Selector", priority=1, description="A label query over pods that should match the pod count."),
)

RESOURCE = Resource(
    group="batch",
    version="v1",
    kind="Job",
    plural="jobs",
    singular="job",
    categories=("all",),
    subresources=("status",),
    default=default,
    validate=validate,
    validate_update=validate_update,
    validate_status_update=validate_status_update,
    prepare_for_create=prepare_for_create,
    has_generation=True,
    default_propagation="Orphan",
    selectable_fields=selectable_fields,
    columns=COLUMNS,
    row=row,
)
