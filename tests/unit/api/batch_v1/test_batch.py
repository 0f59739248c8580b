"""Jobs and CronJobs: defaults, generated selectors, what is refused, what may change, columns."""

from typing import Any

import pytest

from seatrial.api.registry import CRON_JOBS, JOBS
from seatrial.base.types import JSON
from seatrial.machinery import objects

NOW = 1_735_689_600.0


def a_job(restart: str = "Never", **spec: Any) -> JSON:
    template = {"spec": {"restartPolicy": restart, "containers": [{"name": "c", "image": "app:1"}]}}
    metadata = {"name": "work", "namespace": "default", "uid": "u-1"}
    made: JSON = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": template, **spec}}
    JOBS.default(made)
    JOBS.prepare_for_create(made)
    return made


def a_cron_job(name: str = "tick", **spec: Any) -> JSON:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "app:1"}]}}
    made: JSON = {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"schedule": "*/5 * * * *", "jobTemplate": {"spec": {"template": template}}, **spec},
    }
    CRON_JOBS.default(made)
    return made


def test_a_job_is_defaulted_and_selects_by_its_uid() -> None:
    job = a_job()
    spec = job["spec"]
    assert (spec["completions"], spec["parallelism"], spec["backoffLimit"]) == (1, 1, 6)
    assert (spec["completionMode"], spec["suspend"]) == ("NonIndexed", False)
    assert spec["podReplacementPolicy"] == "TerminatingOrFailed"
    assert spec["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": "u-1"}}
    labels = objects.labels(spec["template"])
    assert labels == objects.labels(job)
    assert labels["job-name"] == labels["batch.kubernetes.io/job-name"] == "work"
    assert not JOBS.validate(job)


def test_a_work_queue_has_no_completions() -> None:
    assert "completions" not in a_job(parallelism=3)["spec"]


def test_somebody_elses_selector_is_left_alone() -> None:
    selector = {"matchLabels": {"mine": "yes"}}
    job = a_job(manualSelector=True, selector=selector)
    assert job["spec"]["selector"] == selector
    (error,) = JOBS.validate(job)
    assert str(error).endswith("`selector` does not match template `labels`")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"restart": "Always"}, 'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'),
        ({"completions": -1}, "spec.completions: Invalid value: -1: must be greater than or equal to 0"),
        ({"completionMode": "Indexed", "parallelism": 2},
         "spec.completions: Required value: when completion mode is Indexed"),
        ({"completionMode": "X"},
         'spec.completionMode: Unsupported value: "X": supported values: "Indexed", "NonIndexed"'),
        ({"backoffLimitPerIndex": 1}, "spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode"),
        ({"podReplacementPolicy": "X"},
         'spec.podReplacementPolicy: Unsupported value: "X": supported values: "Failed", "TerminatingOrFailed"'),
        ({"restart": "OnFailure", "podFailurePolicy": {"rules": []}},
         'spec.template.spec.restartPolicy: Invalid value: "OnFailure": '
         'only "Never" is supported when podFailurePolicy is specified'),
    ],
    ids=["restart", "negative", "indexed", "mode", "per-index", "replacement", "policy"],
)  # fmt: skip
def test_a_job_is_refused(spec: JSON, message: str) -> None:
    assert [str(error) for error in JOBS.validate(a_job(**spec))] == [message]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"action": "X", "onExitCodes": {"operator": "In", "values": [1]}},
         '[0].action: Unsupported value: "X": supported values: "Count", "FailIndex", "FailJob", "Ignore"'),
        ({"action": "Count"}, "specifying one of OnExitCodes and OnPodConditions is required"),
        ({"action": "Count", "onExitCodes": {"operator": "In", "values": [0, 1]}},
         "[0].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator"),
        ({"action": "Count", "onExitCodes": {"operator": "In", "values": [2, 1]}}, "must be ordered"),
        ({"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [1]}},
         "requires the backoffLimitPerIndex to be set"),
    ],
    ids=["action", "neither", "zero", "order", "index"],
)  # fmt: skip
def test_a_failure_policy_is_refused(rule: JSON, message: str) -> None:
    (error,) = JOBS.validate(a_job(podFailurePolicy={"rules": [rule]}))
    assert message in str(error)


def test_pods_of_an_index_must_be_able_to_have_a_host_name() -> None:
    job = a_job(completionMode="Indexed", completions=11)
    job["metadata"]["name"] = "w" * 61
    messages = [str(error) for error in JOBS.validate(job) if error.field == "metadata.name"]
    assert messages == [f'metadata.name: Invalid value: "{"w" * 61}": '
                        f"will not able to create pod with invalid DNS label: {'w' * 61}-10"]  # fmt: skip


def test_what_may_change_of_a_job() -> None:
    old = a_job(completionMode="Indexed", completions=3, parallelism=3)

    def changed(**spec: Any) -> list[str]:
        return [str(error) for error in JOBS.validate_update({**old, "spec": {**old["spec"], **spec}}, old)]

    assert changed(parallelism=5, suspend=True, backoffLimit=1) == []
    assert changed(completions=5, parallelism=5) == []
    assert changed(completions=5) == [
        "spec.completions: Invalid value: 5: can only be modified in tandem with spec.parallelism"
    ]
    assert changed(completionMode="NonIndexed") == [
        'spec.completionMode: Invalid value: "NonIndexed": field is immutable'
    ]
    template = objects.copy(old["spec"]["template"])
    template["spec"]["nodeSelector"] = {"disk": "ssd"}
    assert changed(template=template)[0].endswith("field is immutable")
    waiting = {**old, "spec": {**old["spec"], "suspend": True}}
    assert not JOBS.validate_update({**waiting, "spec": {**waiting["spec"], "template": template}}, waiting)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"schedule": ""}, "spec.schedule: Required value"),
        ({"schedule": "x"}, 'spec.schedule: Invalid value: "x": expected exactly 5 fields, found 1: [x]'),
        ({"schedule": "TZ=UTC 0 0 * * *"}, 'spec.schedule: Invalid value: "TZ=UTC 0 0 * * *": '
         "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"),
        ({"timeZone": ""}, 'spec.timeZone: Invalid value: "": timeZone must be nil or non-empty string'),
        ({"timeZone": "Local"}, 'spec.timeZone: Invalid value: "Local": '
         "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"),
        ({"timeZone": "Mars/Base"}, 'spec.timeZone: Invalid value: "Mars/Base": unknown time zone Mars/Base'),
        ({"concurrencyPolicy": "X"},
         'spec.concurrencyPolicy: Unsupported value: "X": supported values: "Allow", "Forbid", "Replace"'),
        ({"successfulJobsHistoryLimit": -1},
         "spec.successfulJobsHistoryLimit: Invalid value: -1: must be greater than or equal to 0"),
        ({"name": "n" * 53}, f'metadata.name: Invalid value: "{"n" * 53}": must be no more than 52 characters'),
    ],
    ids=["none", "wrong", "tz", "empty-zone", "local", "unknown-zone", "policy", "history", "name"],
)  # fmt: skip
def test_a_cron_job_is_refused(spec: JSON, message: str) -> None:
    assert [str(error) for error in CRON_JOBS.validate(a_cron_job(**spec))] == [message]


def test_a_cron_job_is_defaulted_but_not_its_jobs() -> None:
    spec = a_cron_job()["spec"]
    assert (spec["concurrencyPolicy"], spec["suspend"]) == ("Allow", False)
    assert (spec["successfulJobsHistoryLimit"], spec["failedJobsHistoryLimit"]) == (3, 1)
    assert set(spec["jobTemplate"]["spec"]) == {"template"}
    assert not CRON_JOBS.validate(a_cron_job())


@pytest.mark.parametrize(
    ("status", "cells"),
    [
        ({}, ("Running", "0/2", "")),
        ({"startTime": "2024-12-31T23:59:00Z", "succeeded": 1}, ("Running", "1/2", "60s")),
        ({"startTime": "2024-12-31T23:00:00Z", "completionTime": "2024-12-31T23:00:09Z", "succeeded": 2,
          "conditions": [{"type": "Complete", "status": "True"}]}, ("Complete", "2/2", "9s")),
        ({"conditions": [{"type": "Suspended", "status": "True"}]}, ("Suspended", "0/2", "")),
        ({"conditions": [{"type": "FailureTarget", "status": "True"}]}, ("FailureTarget", "0/2", "")),
        ({"conditions": [{"type": "Failed", "status": "True"}]}, ("Failed", "0/2", "")),
    ],
    ids=["new", "running", "complete", "suspended", "failing", "failed"],
)  # fmt: skip
def test_the_columns_of_a_job(status: JSON, cells: tuple[str, ...]) -> None:
    row = JOBS.row({**a_job(completions=2), "status": status}, NOW)
    assert tuple(row[1:4]) == cells
    assert len(row) == len(JOBS.columns)


def test_the_columns_of_a_cron_job() -> None:
    made = {**a_cron_job(), "status": {"active": [{}], "lastScheduleTime": "2024-12-31T23:59:00Z"}}
    row = CRON_JOBS.row(made, NOW)
    assert tuple(row[:6]) == ("tick", "*/5 * * * *", "<none>", "False", 1, "60s")
    assert len(row) == len(CRON_JOBS.columns)
