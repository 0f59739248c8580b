"""Jobs and CronJobs in whole clusters."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from seatrial.aio import virtual_loop
from seatrial.api.registry import CRON_JOBS, JOBS, PODS
from seatrial.base.env import SimulatedEnv
from seatrial.base.types import JSON
from seatrial.cluster.cluster import Cluster
from seatrial.machinery import conditions, objects
from seatrial.node.runtimes.simulated import Behaviour, Model
from simulation.workload_worlds import a_job, pods, told

DONE, FAILS, STAYS = "done:1", "fails:1", "stays:1"
INDEX, FAILURES = "batch.kubernetes.io/job-completion-index", "batch.kubernetes.io/job-index-failure-count"


@asynccontextmanager
async def world(seed: int = 0) -> AsyncIterator[Cluster]:
    """Containers start in a second; of `done:1` they succeed 5 s later, of `fails:1` they fail after 3 s."""
    env = SimulatedEnv(asyncio.get_running_loop().time, seed)
    model = Model(
        Behaviour(start=1, complete=5),
        {FAILS: Behaviour(start=1, crash=3), STAYS: Behaviour(start=1, exit=2)},
    )
    async with Cluster(env=env, nodes=2, runtime="simulated", serve=False, model=model) as cluster:
        yield cluster


async def the(cluster: Cluster, name: str = "work") -> JSON:
    return await cluster.client.get(JOBS, name, "default")


def condition_types(job: JSON) -> list[str]:
    return [each["type"] for each in conditions.conditions_of(job) if each["status"] == "True"]


def test_a_job_runs_its_pods_and_completes() -> None:
    async def story() -> None:
        async with world() as cluster:
            await cluster.client.create(JOBS, a_job(completions=5, parallelism=2))
            await asyncio.sleep(3)
            status = (await the(cluster))["status"]
            assert (status["active"], status["ready"], status["terminating"]) == (2, 2, 0)
            assert status["uncountedTerminatedPods"] == {}
            await asyncio.sleep(30)
            job = await the(cluster)
            assert condition_types(job) == ["SuccessCriteriaMet", "Complete"]
            assert conditions.find(job, "Complete")["reason"] == "CompletionsReached"  # type: ignore[index]
            assert job["status"]["succeeded"] == 5
            assert "active" not in job["status"]
            assert job["status"]["completionTime"] == "2025-01-01T00:00:21Z"
            assert not any(objects.finalizers(pod) for pod in await pods(cluster))
            reasons = [reason for reason, _ in await told(cluster, "Job", "work")]
            assert reasons == ["SuccessfulCreate"] * 5 + ["Completed"]

    virtual_loop.run(story())


def test_pods_carry_the_jobs_labels() -> None:
    async def story() -> None:
        async with world() as cluster:
            made = await cluster.client.create(JOBS, a_job())
            await asyncio.sleep(1)
            (pod,) = await pods(cluster)
            expected = {"batch.kubernetes.io/job-name": "work", "batch.kubernetes.io/controller-uid": objects.uid(made)}
            assert expected.items() <= objects.labels(pod).items()
            assert objects.finalizers(pod) == ["batch.kubernetes.io/job-tracking"]
            assert objects.labels(made) == objects.labels(pod)

    virtual_loop.run(story())


def test_each_index_is_done_once() -> None:
    async def story() -> None:
        async with world() as cluster:
            await cluster.client.create(JOBS, a_job(completions=4, parallelism=3, completionMode="Indexed"))
            await asyncio.sleep(8)
            assert (await the(cluster))["status"]["completedIndexes"] == "0-2"
            await asyncio.sleep(20)
            job = await the(cluster)
            assert (job["status"]["completedIndexes"], job["status"]["succeeded"]) == ("0-3", 4)
            found = await pods(cluster)
            assert [pod["spec"]["hostname"] for pod in found] == [f"work-{index}" for index in range(4)]
            assert [objects.annotations(pod)["batch.kubernetes.io/job-completion-index"] for pod in found] == list(
                "0123"
            )
            assert found[0]["spec"]["containers"][0]["env"][0]["name"] == "JOB_COMPLETION_INDEX"

    virtual_loop.run(story())


def test_failures_are_tried_again_ever_later_until_the_limit() -> None:
    async def story() -> None:
        async with world() as cluster:
            await cluster.client.create(JOBS, a_job(image=FAILS, backoffLimit=2))
            began = cluster.env.now()
            created: list[float] = []
            for _ in range(100):
                await asyncio.sleep(1)
                created += [cluster.env.now()] * (len(await pods(cluster)) - len(created))
            assert [round(moment - began) for moment in created] == [1, 15, 39]
            job = await the(cluster)
            assert condition_types(job) == ["FailureTarget", "Failed"]
            assert job["status"]["failed"] == 3
            last = (await told(cluster, "Job", "work"))[-1]
            assert last == ("BackoffLimitExceeded", "Job has reached the specified backoff limit")

    virtual_loop.run(story())


def test_restarts_in_place_count_where_the_policy_is_on_failure() -> None:
    async def story() -> None:
        async with world() as cluster:
            await cluster.client.create(JOBS, a_job(image=FAILS, restart="OnFailure", backoffLimit=1))
            await asyncio.sleep(120)
            assert condition_types(await the(cluster)) == ["FailureTarget", "Failed"]
            assert await pods(cluster) == []

    virtual_loop.run(story())


def test_the_deadline_ends_a_job_when_its_pods_are_gone() -> None:
    async def story() -> None:
        async with world() as cluster:
            await cluster.client.create(JOBS, a_job(image=STAYS, activeDeadlineSeconds=10))
            await asyncio.sleep(11)
            job = await the(cluster)
            assert (condition_types(job), job["status"]["terminating"]) == (["FailureTarget"], 1)
            await asyncio.sleep(3)
            job = await the(cluster)
            assert condition_types(job) == ["FailureTarget", "Failed"]
            assert conditions.find(job, "Failed")["reason"] == "DeadlineExceeded"  # type: ignore[index]

    virtual_loop.run(story())


def test_suspending_takes_the_pods_away_without_blame() -> None:
    async def story() -> None:
        async with world() as cluster:
            await cluster.client.create(JOBS, a_job(image=STAYS, backoffLimit=0))
            await asyncio.sleep(5)
            await cluster.client.patch(JOBS, "work", "default", {"spec": {"suspend": True}})
            await asyncio.sleep(10)
            job = await the(cluster)
            assert condition_types(job) == ["Suspended"]
            assert "failed" not in job["status"]
            assert await pods(cluster) == []
            await cluster.client.patch(JOBS, "work", "default", {"spec": {"suspend": False}})
            await asyncio.sleep(5)
            job = await the(cluster)
            assert conditions.find(job, "Suspended")["reason"] == "JobResumed"  # type: ignore[index]
            assert job["status"]["startTime"] == "2025-01-01T00:00:15Z"
            assert job["status"]["active"] == 1

    virtual_loop.run(story())


def test_a_job_goes_some_time_after_its_end_and_its_pods_with_it() -> None:
    async def story() -> None:
        async with world() as cluster:
            await cluster.client.create(JOBS, a_job(ttlSecondsAfterFinished=20))
            await asyncio.sleep(20)
            assert len(await pods(cluster)) == 1
            await asyncio.sleep(20)
            assert (await cluster.client.list(JOBS, "default"))["items"] == []
            assert await pods(cluster) == []

    virtual_loop.run(story())


@pytest.mark.parametrize("policy", ["Background", "Foreground", "Orphan"])
def test_pods_of_a_deleted_job_are_not_held(policy: str) -> None:
    async def story() -> None:
        async with world() as cluster:
            await cluster.client.create(JOBS, a_job(image=STAYS))
            await asyncio.sleep(5)
            await cluster.client.delete(JOBS, "work", "default", propagation_policy=policy)
            await asyncio.sleep(30)
            assert (await cluster.client.list(JOBS, "default"))["items"] == []
            left = await pods(cluster)
            assert [objects.finalizers(pod) for pod in left] == ([[]] if policy == "Orphan" else [])

    virtual_loop.run(story())


def test_a_job_made_anew_under_the_same_name_does_not_hold_the_old_pods() -> None:
    async def story() -> None:
        async with world() as cluster:
            await cluster.client.create(JOBS, a_job(image=STAYS))
            await asyncio.sleep(5)
            old = {objects.uid(pod) for pod in await pods(cluster)}
            await cluster.client.delete(JOBS, "work", "default", propagation_policy="Background")
            await cluster.client.create(JOBS, a_job(image=STAYS))
            await asyncio.sleep(30)
            assert len(await pods(cluster)) == 1
            assert old.isdisjoint(objects.uid(pod) for pod in await pods(cluster))

    virtual_loop.run(story())


def test_an_exit_code_can_end_a_job_at_once() -> None:
    async def story() -> None:
        async with world() as cluster:
            rule = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [1]}}
            await cluster.client.create(JOBS, a_job(image=FAILS, podFailurePolicy={"rules": [rule]}))
            await asyncio.sleep(30)
            job = await the(cluster)
            (pod,) = await pods(cluster)
            failed = conditions.find(job, "Failed")
            assert failed is not None
            assert failed["reason"] == "PodFailurePolicy"
            text = f"Container c for pod default/{objects.name(pod)} failed with exit code 1"
            assert failed["message"] == f"{text} matching FailJob rule at index 0"

    virtual_loop.run(story())


def test_ignored_failures_do_not_count() -> None:
    async def story() -> None:
        async with world() as cluster:
            rule = {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [1]}}
            made = a_job(image=FAILS, backoffLimit=0, podFailurePolicy={"rules": [rule]})
            await cluster.client.create(JOBS, made)
            await asyncio.sleep(60)
            job = await the(cluster)
            assert condition_types(job) == []
            assert "failed" not in job["status"]
            assert len(await pods(cluster)) > 1

    virtual_loop.run(story())


def test_limits_per_index_let_the_others_go_on() -> None:
    async def story() -> None:
        async with world() as cluster:
            made = a_job(image=FAILS, completions=2, parallelism=2, completionMode="Indexed", backoffLimitPerIndex=1)
            await cluster.client.create(JOBS, made)
            await asyncio.sleep(60)
            job = await the(cluster)
            assert job["status"]["failedIndexes"] == "0,1"
            assert conditions.find(job, "Failed")["reason"] == "FailedIndexes"  # type: ignore[index]
            assert job["status"]["failed"] == 4
            counts = [objects.annotations(pod)[FAILURES] for pod in await pods(cluster)]
            assert sorted(counts) == ["0", "0", "1", "1"]

    virtual_loop.run(story())


def test_some_indexes_can_be_enough() -> None:
    async def story() -> None:
        async with world() as cluster:
            made = a_job(completions=4, parallelism=1, completionMode="Indexed")
            made["spec"]["successPolicy"] = {"rules": [{"succeededIndexes": "0-1"}]}
            await cluster.client.create(JOBS, made)
            await asyncio.sleep(60)
            job = await the(cluster)
            complete = conditions.find(job, "Complete")
            assert complete is not None
            assert (complete["reason"], complete["message"]) == ("SuccessPolicy", "Matched rules at index 0")
            assert job["status"]["completedIndexes"] == "0,1"

    virtual_loop.run(story())


def a_cron_job(image: str = DONE, schedule: str = "*/1 * * * *", **spec: Any) -> JSON:
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "tick", "namespace": "default"},
        "spec": {"schedule": schedule, "jobTemplate": {"spec": a_job(image=image)["spec"]}, **spec},
    }


async def jobs(cluster: Cluster) -> list[str]:
    return [objects.name(job) for job in (await cluster.client.list(JOBS, "default"))["items"]]


def test_a_cron_job_makes_jobs_and_keeps_the_last_three() -> None:
    async def story() -> None:
        async with world() as cluster:
            await cluster.client.create(CRON_JOBS, a_cron_job())
            await asyncio.sleep(330)
            assert await jobs(cluster) == ["tick-28928163", "tick-28928164", "tick-28928165"]
            made = await cluster.client.get(CRON_JOBS, "tick", "default")
            assert made["status"] == {
                "lastScheduleTime": "2025-01-01T00:05:00Z",
                "lastSuccessfulTime": "2025-01-01T00:05:07Z",
            }
            events = await told(cluster, "CronJob", "tick")
            assert events[:2] == [
                ("SuccessfulCreate", "Created job tick-28928161"),
                ("SawCompletedJob", "Saw completed job: tick-28928161, condition: Complete"),
            ]
            assert ("SuccessfulDelete", "Deleted job tick-28928161") in events

    virtual_loop.run(story())


@pytest.mark.parametrize(
    ("policy", "left", "active"),
    [
        ("Allow", ["tick-28928161", "tick-28928162", "tick-28928163"], 3),
        ("Forbid", ["tick-28928161"], 1),
        ("Replace", ["tick-28928163"], 1),
    ],
)
def test_the_policy_decides_about_jobs_that_still_run(policy: str, left: list[str], active: int) -> None:
    async def story() -> None:
        async with world() as cluster:
            await cluster.client.create(CRON_JOBS, a_cron_job(STAYS, concurrencyPolicy=policy))
            await asyncio.sleep(200)
            assert await jobs(cluster) == left
            made = await cluster.client.get(CRON_JOBS, "tick", "default")
            assert len(made["status"]["active"]) == active
            if policy == "Forbid":
                text = "Not starting job because prior execution is running and concurrency policy is Forbid"
                assert ("JobAlreadyActive", text) in await told(cluster, "CronJob", "tick")

    virtual_loop.run(story())


def test_suspended_means_no_jobs_and_a_late_one_is_made_once_it_goes_on() -> None:
    async def story() -> None:
        async with world() as cluster:
            await cluster.client.create(CRON_JOBS, a_cron_job(suspend=True))
            await asyncio.sleep(200)
            assert await jobs(cluster) == []
            await cluster.client.patch(CRON_JOBS, "tick", "default", {"spec": {"suspend": False}})
            await asyncio.sleep(1)
            assert await jobs(cluster) == ["tick-28928163"]

    virtual_loop.run(story())


def test_what_is_too_late_is_not_started() -> None:
    async def story() -> None:
        async with world() as cluster:
            await cluster.client.create(CRON_JOBS, a_cron_job(suspend=True, startingDeadlineSeconds=10))
            await asyncio.sleep(200)
            await cluster.client.patch(CRON_JOBS, "tick", "default", {"spec": {"suspend": False}})
            await asyncio.sleep(1)
            assert await jobs(cluster) == []
            await asyncio.sleep(60)
            assert await jobs(cluster) == ["tick-28928164"]

    virtual_loop.run(story())


def test_an_active_job_that_somebody_deleted_is_missed() -> None:
    async def story() -> None:
        async with world() as cluster:
            await cluster.client.create(CRON_JOBS, a_cron_job(STAYS, "0 * * * *"))
            await asyncio.sleep(3610)
            (name,) = await jobs(cluster)
            await cluster.client.delete(JOBS, name, "default", propagation_policy="Background")
            await asyncio.sleep(30)
            made = await cluster.client.get(CRON_JOBS, "tick", "default")
            assert "active" not in made["status"]
            assert ("MissingJob", f"Active job went missing: {name}") in await told(cluster, "CronJob", "tick")
            assert (await cluster.client.list(PODS, "default"))["items"] == []

    virtual_loop.run(story())
