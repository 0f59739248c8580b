"""StatefulSets in whole clusters, where no recording tells."""

import asyncio

import pytest

from seatrial.aio import virtual_loop
from seatrial.api.registry import CONTROLLER_REVISIONS, PODS, STATEFUL_SETS
from seatrial.machinery import objects
from simulation.workload_worlds import a_set, a_template, images, pods, ready, revisions, set_image, told
from simulation.worlds import world


def test_pods_have_names_places_and_hosts() -> None:
    async def story() -> None:
        async with world(2, start=1) as cluster:
            await cluster.client.create(
                STATEFUL_SETS, a_set(STATEFUL_SETS, replicas=2, serviceName="peers", ordinals={"start": 5})
            )
            await asyncio.sleep(10)
            found = await pods(cluster)
            assert [objects.name(pod) for pod in found] == ["web-5", "web-6"]
            made = await cluster.client.get(STATEFUL_SETS, "web", "default")
            labels = objects.labels(found[1])
            assert labels["statefulset.kubernetes.io/pod-name"] == "web-6"
            assert labels["apps.kubernetes.io/pod-index"] == "6"
            assert labels["controller-revision-hash"] == made["status"]["updateRevision"]
            assert (found[1]["spec"]["hostname"], found[1]["spec"]["subdomain"]) == ("web-6", "peers")
            assert found[1]["metadata"]["generateName"] == "web-"
            events = await told(cluster, "StatefulSet", "web")
            assert events[0] == ("SuccessfulCreate", "create Pod web-5 in StatefulSet web successful")

    virtual_loop.run(story())


def test_a_partition_holds_the_update_back() -> None:
    async def story() -> None:
        async with world(2, start=1, exit=1) as cluster:
            rolling = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
            await cluster.client.create(STATEFUL_SETS, a_set(STATEFUL_SETS, replicas=4, updateStrategy=rolling))
            await asyncio.sleep(20)
            await set_image(cluster.client, STATEFUL_SETS, "app:2")
            await asyncio.sleep(30)
            assert await images(cluster) == {"web-0": "app:1", "web-1": "app:1", "web-2": "app:2", "web-3": "app:2"}
            await cluster.client.delete(PODS, "web-0", "default")
            await asyncio.sleep(10)
            assert (await images(cluster))["web-0"] == "app:1"
            opened = {"spec": {"updateStrategy": {"rollingUpdate": {"partition": 0}}}}
            await cluster.client.patch(STATEFUL_SETS, "web", "default", opened)
            await asyncio.sleep(30)
            assert set((await images(cluster)).values()) == {"app:2"}
            status = (await cluster.client.get(STATEFUL_SETS, "web", "default"))["status"]
            assert status["currentRevision"] == status["updateRevision"]

    virtual_loop.run(story())


@pytest.mark.parametrize("policy", ["OrderedReady", "Parallel"])
def test_several_may_be_unavailable_where_that_is_said(policy: str) -> None:
    async def story() -> None:
        async with world(2, start=1, ready=3, exit=1) as cluster:
            rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}}
            made = a_set(STATEFUL_SETS, replicas=5, updateStrategy=rolling, podManagementPolicy=policy)
            await cluster.client.create(STATEFUL_SETS, made)
            await asyncio.sleep(60)
            await set_image(cluster.client, STATEFUL_SETS, "app:2")
            lowest = 5
            for _ in range(600):
                await asyncio.sleep(0.1)
                lowest = min(lowest, await ready(cluster))
            assert lowest == 3
            assert set((await images(cluster)).values()) == {"app:2"}

    virtual_loop.run(story())


def test_an_earlier_template_takes_its_revision_back_and_old_ones_go() -> None:
    async def story() -> None:
        async with world(1) as cluster:
            await cluster.client.create(STATEFUL_SETS, a_set(STATEFUL_SETS, revisionHistoryLimit=2))
            await asyncio.sleep(10)
            first = (await cluster.client.get(STATEFUL_SETS, "web", "default"))["status"]["updateRevision"]
            for number in (2, 3, 1):
                await set_image(cluster.client, STATEFUL_SETS, f"app:{number}")
                await asyncio.sleep(10)
            status = (await cluster.client.get(STATEFUL_SETS, "web", "default"))["status"]
            assert status["updateRevision"] == first
            assert await revisions(cluster) == [2, 3, 4]
            for number in (5, 6):
                await set_image(cluster.client, STATEFUL_SETS, f"app:{number}")
                await asyncio.sleep(10)
            assert await revisions(cluster) == [4, 5, 6]
            listed = (await cluster.client.list(CONTROLLER_REVISIONS, "default"))["items"]
            assert {objects.controller_of(each)["name"] for each in listed if objects.controller_of(each)} == {"web"}

    virtual_loop.run(story())


def test_a_slow_pod_is_replaced_only_when_it_is_stuck() -> None:
    """Not ready is not stuck: an outdated Pod that never gets ready is given half a minute."""

    async def story() -> None:
        async with world(1, start=1, ready=None) as cluster:
            await cluster.client.create(STATEFUL_SETS, a_set(STATEFUL_SETS, replicas=2))
            await asyncio.sleep(10)
            await set_image(cluster.client, STATEFUL_SETS, "app:2")
            await asyncio.sleep(15)
            assert await images(cluster) == {"web-0": "app:1"}
            await asyncio.sleep(15)
            assert await images(cluster) == {"web-0": "app:2"}

    virtual_loop.run(story())


def test_min_ready_seconds_pass_before_the_next_pod() -> None:
    async def story() -> None:
        async with world(1) as cluster:
            await cluster.client.create(STATEFUL_SETS, a_set(STATEFUL_SETS, replicas=3, minReadySeconds=10))
            await asyncio.sleep(15)
            status = (await cluster.client.get(STATEFUL_SETS, "web", "default"))["status"]
            assert (status["readyReplicas"], status["availableReplicas"]) == (2, 1)
            await asyncio.sleep(20)
            status = (await cluster.client.get(STATEFUL_SETS, "web", "default"))["status"]
            assert (status["readyReplicas"], status["availableReplicas"]) == (3, 3)

    virtual_loop.run(story())


def test_a_claim_that_cannot_be_made_is_told_of() -> None:
    async def story() -> None:
        async with world(1) as cluster:
            claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
            await cluster.client.create(STATEFUL_SETS, a_set(STATEFUL_SETS, volumeClaimTemplates=[claim]))
            await asyncio.sleep(5)
            assert await pods(cluster) == []
            messages = [text for reason, text in await told(cluster, "StatefulSet", "web") if reason == "FailedCreate"]
            why = 'PersistentVolumeClaim "data-web-0" is invalid: spec.resources[storage]: Required value'
            assert messages == [f"create Claim data-web-0 for Pod web-0 in StatefulSet web failed error: {why}"]

    virtual_loop.run(story())


def test_deleting_the_set_takes_its_pods_and_revisions_along() -> None:
    async def story() -> None:
        async with world(1, exit=1) as cluster:
            await cluster.client.create(STATEFUL_SETS, a_set(STATEFUL_SETS, replicas=2, template=a_template("web")))
            await asyncio.sleep(10)
            await cluster.client.delete(STATEFUL_SETS, "web", "default")
            await asyncio.sleep(60)
            assert await pods(cluster) == []
            assert await revisions(cluster) == []

    virtual_loop.run(story())
