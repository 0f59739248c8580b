"""status, history, undo, pause, resume and restart on clusters in virtual time."""

import asyncio
import json

import pytest

from seatrial.aio import virtual_loop
from seatrial.api.registry import CONFIG_MAPS, DEPLOYMENTS, STATEFUL_SETS
from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.cluster.cluster import Cluster
from seatrial.machinery import last_applied, objects
from seatrial.rollout import revision_log, switching, undoing
from seatrial.rollout.following import CannotComeUp, Follower
from seatrial.rollout.progress import Progress
from seatrial.rollout.workload import Workload
from simulation.worlds import deployment, set_image, world

WEB = Workload(DEPLOYMENTS, "web", "default")


async def follow(cluster: Cluster, workload: Workload = WEB, timeout: float = 300) -> list[str]:
    said: list[Progress] = []
    await Follower(cluster.client, cluster.env, workload, said.append, timeout=timeout).run()
    return [each.message for each in said]


async def start(cluster: Cluster, **spec: object) -> None:
    await cluster.client.create(DEPLOYMENTS, deployment("web", 3, **spec))
    await follow(cluster)


async def log_of(cluster: Cluster, workload: Workload = WEB) -> list[revision_log.Revision]:
    return await revision_log.of(cluster.client, workload, await workload.get(cluster.client))


def with_config(version: str) -> JSON:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "conf", "namespace": "default"},
        "data": {"version": version},
    }


def test_status_follows_a_roll_to_its_end() -> None:
    async def story() -> None:
        async with world(2, start=1, ready=1, exit=1) as cluster:
            await start(cluster)
            await set_image(cluster.client, "web", "nginx:1.11.9")
            said = await follow(cluster)
            assert said[-1] == 'deployment "web" successfully rolled out'
            assert (
                'Waiting for deployment "web" rollout to finish: 1 out of 3 new replicas have been updated...' in said
            )
            assert 'Waiting for deployment "web" rollout to finish: 1 old replicas are pending termination...' in said

    virtual_loop.run(story())


def test_a_bad_image_ends_status_long_before_the_deadline() -> None:
    async def story() -> None:
        async with world(2, start=1, ready=1, exit=1) as cluster:
            await start(cluster)
            begin = cluster.env.now()
            await set_image(cluster.client, "web", "broken:1")
            with pytest.raises(CannotComeUp, match=r"image broken:1 can't be had: ImagePullBackOff") as caught:
                await follow(cluster)
            assert caught.value.exit_code == 2
            assert caught.value.obstacle.reason == "Image"
            assert cluster.env.now() - begin < 120

    virtual_loop.run(story())


def test_a_stateful_set_with_a_bad_image_is_told_too() -> None:
    async def story() -> None:
        async with world(2, start=1, ready=1, exit=1) as cluster:
            made = {**deployment("db", 2, "broken:1", serviceName="db"), "kind": "StatefulSet"}
            await cluster.client.create(STATEFUL_SETS, made)
            with pytest.raises(CannotComeUp, match="pod db-0: image broken:1"):
                await follow(cluster, Workload(STATEFUL_SETS, "db", "default"))

    virtual_loop.run(story())


def test_pods_that_no_node_takes_are_told_after_some_patience() -> None:
    async def story() -> None:
        async with world(1, start=1, ready=1) as cluster:
            made = deployment("web", 1)
            made["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "none"}
            begin = cluster.env.now()
            await cluster.client.create(DEPLOYMENTS, made)
            with pytest.raises(CannotComeUp, match="no node takes it: 0/1 nodes are available"):
                await follow(cluster)
            assert 19 <= cluster.env.now() - begin <= 40

    virtual_loop.run(story())


def test_status_gives_up_in_time() -> None:
    async def story() -> None:
        async with world(1, start=1, ready=500) as cluster:
            await cluster.client.create(DEPLOYMENTS, deployment("web", 1))
            begin = cluster.env.now()
            with pytest.raises(ToolError, match="timed out waiting for the condition"):
                await follow(cluster, timeout=20)
            assert 19 <= cluster.env.now() - begin <= 22

    virtual_loop.run(story())


def test_undo_brings_the_template_back_and_mends_what_was_applied() -> None:
    async def story() -> None:
        async with world(2, start=1, ready=1, exit=1) as cluster:
            await start(cluster)
            await set_image(cluster.client, "web", "nginx:1.11.9")
            applied = json.dumps(
                {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nginx:1.11.9"}]}}}}
            )
            patch = {"metadata": {"annotations": {last_applied.ANNOTATION: applied}}}
            await cluster.client.patch(DEPLOYMENTS, "web", "default", patch)
            await follow(cluster)
            tried = await undoing.undo(cluster.client, WEB, 0, dry_run=True)
            assert (await WEB.get(cluster.client))["spec"]["template"]["spec"]["containers"][0][
                "image"
            ] == "nginx:1.11.9"
            plan = await undoing.undo(cluster.client, WEB, 0, dry_run=False)
            assert plan.comes_back == tried.comes_back == ["c nginx:1.11.9 → nginx:1.10.1"]
            await follow(cluster)
            log = await log_of(cluster)
            assert [(each.number, each.formerly) for each in log] == [(2, ()), (3, (1,))]
            mended = json.loads(objects.annotations(await WEB.get(cluster.client))[last_applied.ANNOTATION])
            assert mended == {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nginx:1.10.1"}]}}}}
            with pytest.raises(ToolError, match="has the template of revision 3 already"):
                await undoing.undo(cluster.client, WEB, 3, dry_run=False)
            with pytest.raises(ToolError, match="unable to find the specified revision"):
                await undoing.undo(cluster.client, WEB, 9, dry_run=False)

    virtual_loop.run(story())


def test_undo_works_for_stateful_sets() -> None:
    async def story() -> None:
        async with world(2, start=1, ready=1, exit=1) as cluster:
            db = Workload(STATEFUL_SETS, "db", "default")
            made = {**deployment("db", 2, serviceName="db"), "kind": "StatefulSet"}
            await cluster.client.create(STATEFUL_SETS, made)
            await follow(cluster, db)
            patch = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nginx:1.11.9"}]}}}}
            await cluster.client.patch(STATEFUL_SETS, "db", "default", patch)
            await follow(cluster, db)
            assert (await undoing.undo(cluster.client, db, 1, dry_run=False)).revision == 1
            await follow(cluster, db)
            assert [each.number for each in await log_of(cluster, db)] == [2, 3]

    virtual_loop.run(story())


def test_a_paused_deployment_waits_for_resume() -> None:
    async def story() -> None:
        async with world(2, start=1, ready=1, exit=1) as cluster:
            await start(cluster)
            await switching.pause(cluster.client, WEB, paused=True)
            with pytest.raises(ToolError, match=r'deployments\.apps "web" is already paused'):
                await switching.pause(cluster.client, WEB, paused=True)
            with pytest.raises(ToolError, match="can't restart paused deployment"):
                await switching.restart(cluster.client, cluster.env, WEB)
            await set_image(cluster.client, "web", "nginx:1.11.9")
            await asyncio.sleep(30)
            assert len(await log_of(cluster)) == 1
            await switching.pause(cluster.client, WEB, paused=False)
            await follow(cluster)
            assert len(await log_of(cluster)) == 2

    virtual_loop.run(story())


def test_restart_only_when_the_configuration_changed() -> None:
    async def story() -> None:
        async with world(2, start=1, ready=1, exit=1) as cluster:
            await cluster.client.create(CONFIG_MAPS, with_config("1"))
            made = deployment("web", 3)
            made["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "conf"}}]
            await cluster.client.create(DEPLOYMENTS, made)
            await follow(cluster)
            assert await switching.restart_if_changed(cluster.client, cluster.env, WEB) == []
            await asyncio.sleep(5)
            await cluster.client.update(CONFIG_MAPS, with_config("2"))
            assert await switching.restart_if_changed(cluster.client, cluster.env, WEB) == ["configmap/conf"]
            await follow(cluster)
            log = await log_of(cluster)
            assert log[-1].cause == "changed: configmap/conf"
            assert await switching.restart_if_changed(cluster.client, cluster.env, WEB) == []
            assert len(await log_of(cluster)) == 2
            plan = await undoing.undo(cluster.client, WEB, 1, dry_run=True)
            assert any(line.startswith("configmap/conf: changed at") for line in plan.stays)

    virtual_loop.run(story())
