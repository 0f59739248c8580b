"""Autoscalers under a load, in a cluster in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable

from seatrial.aio import virtual_loop
from seatrial.api.registry import DEPLOYMENTS, EVENTS, HORIZONTAL_POD_AUTOSCALERS
from seatrial.base.env import SimulatedEnv
from seatrial.base.types import JSON
from seatrial.cluster.cluster import Cluster
from seatrial.machinery import conditions, objects
from seatrial.node.runtimes.simulated import Behaviour, Model
from seatrial.workloads.load import Load, no_load
from simulation.worlds import deployment


def autoscaler(most: int = 10, annotations: dict[str, str] | None = None, **spec: object) -> JSON:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "default", "annotations": annotations or {}},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "maxReplicas": most,
            **spec,
        },
    }


def tell(story: Callable[[Cluster], Awaitable[None]], load: Load = no_load) -> None:
    """A Deployment of one Pod that asks for a CPU and takes five seconds to be ready."""

    async def whole() -> None:
        env = SimulatedEnv(asyncio.get_running_loop().time)
        model = Model(Behaviour(start=2, ready=3))
        async with Cluster(env=env, nodes=3, runtime="simulated", serve=False, model=model, load=load) as cluster:
            made = deployment("web", 1)
            made["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1"}}
            await cluster.client.create(DEPLOYMENTS, made)
            await asyncio.sleep(60)
            await story(cluster)

    virtual_loop.run(whole())


async def size(cluster: Cluster) -> int:
    replicas: int = (await cluster.client.get(DEPLOYMENTS, "web", "default"))["spec"]["replicas"]
    return replicas


async def state(cluster: Cluster, kind: str) -> tuple[str, str]:
    found = conditions.find(await cluster.client.get(HORIZONTAL_POD_AUTOSCALERS, "web", "default"), kind) or {}
    return found["status"], found["reason"]


async def told(cluster: Cluster) -> list[tuple[str, str]]:
    events = (await cluster.client.list(EVENTS, "default"))["items"]
    about = [each for each in events if each["involvedObject"]["kind"] == "HorizontalPodAutoscaler"]
    return [(each["reason"], each["message"]) for each in sorted(about, key=objects.resource_version)]


def test_the_deployment_grows_with_the_load_and_shrinks_five_minutes_after_it() -> None:
    async def story(cluster: Cluster) -> None:
        curve = {"seatrial.dev/load": "0s=800m 14s=800m 14.5s=4 3m=4 181s=800m"}
        await cluster.client.create(HORIZONTAL_POD_AUTOSCALERS, autoscaler(annotations=curve))
        await asyncio.sleep(14)
        assert await size(cluster) == 1
        await asyncio.sleep(100)
        assert await size(cluster) == 5
        assert await state(cluster, "ScalingActive") == ("True", "ValidMetricFound")
        found = await cluster.client.get(HORIZONTAL_POD_AUTOSCALERS, "web", "default")
        assert found["status"]["currentMetrics"] == [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "current": {"averageUtilization": 80, "averageValue": "800m"}},
            }
        ]
        await asyncio.sleep(200)
        assert await size(cluster) == 5
        assert await state(cluster, "AbleToScale") == ("True", "ScaleDownStabilized")
        await asyncio.sleep(240)
        assert await size(cluster) == 1
        messages = await told(cluster)
        assert messages[0][1].startswith("New size: 4; reason: cpu resource utilization (percentage of request) above")
        assert messages[-1] == ("SuccessfulRescale", "New size: 1; reason: All metrics below target")

    tell(story)


def test_the_load_of_the_cluster_is_followed_up_to_the_most() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(HORIZONTAL_POD_AUTOSCALERS, autoscaler(most=3))
        await asyncio.sleep(120)
        assert await size(cluster) == 3
        assert await state(cluster, "ScalingLimited") == ("True", "TooManyReplicas")

    tell(story, lambda namespace, name, metric, moment: 9.0 if (name, metric) == ("web", "cpu") else None)


def test_without_metrics_nothing_is_scaled_and_it_says_so() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(HORIZONTAL_POD_AUTOSCALERS, autoscaler())
        await asyncio.sleep(20)
        assert await state(cluster, "ScalingActive") == ("False", "FailedGetResourceMetric")
        why = (
            "failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from "
            "resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)"
        )
        full = f"invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: {why}"
        assert await told(cluster) == [("FailedGetResourceMetric", why), ("FailedComputeMetricsReplicas", full)]

    tell(story)


def test_pods_that_two_autoscalers_choose_are_scaled_by_neither() -> None:
    async def story(cluster: Cluster) -> None:
        other = autoscaler()
        await cluster.client.create(HORIZONTAL_POD_AUTOSCALERS, autoscaler())
        await cluster.client.create(
            HORIZONTAL_POD_AUTOSCALERS, {**other, "metadata": {"name": "more", "namespace": "default"}}
        )
        await asyncio.sleep(40)
        assert await size(cluster) == 1
        assert await state(cluster, "ScalingActive") == ("False", "AmbiguousSelector")
        why = "pods by selector app=web are controlled by multiple HPAs: [{more default} {web default}]"
        assert set(await told(cluster)) == {("AmbiguousSelector", why), ("FailedComputeMetricsReplicas", why)}

    tell(story, lambda namespace, name, metric, moment: 9.0)


def test_limits_count_without_metrics_and_a_target_that_is_not_there_is_told() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(HORIZONTAL_POD_AUTOSCALERS, autoscaler(minReplicas=2))
        await asyncio.sleep(20)
        assert await size(cluster) == 2
        found = await cluster.client.get(HORIZONTAL_POD_AUTOSCALERS, "web", "default")
        assert not found["status"].get("currentMetrics"), "they were not looked at"
        await cluster.client.delete(DEPLOYMENTS, "web", "default")
        await asyncio.sleep(20)
        assert await state(cluster, "AbleToScale") == ("False", "FailedGetScale")
        assert (await told(cluster))[-1] == ("FailedGetScale", 'deployments.apps "web" not found')

    tell(story)
