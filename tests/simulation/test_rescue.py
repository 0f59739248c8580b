"""Rescue on whole clusters in virtual time: what it says of Pods that hang, and what becomes of them when it acts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from seatrial.aio import virtual_loop
from seatrial.api.registry import (
    DEPLOYMENTS,
    EVENTS,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    STATEFUL_SETS,
)
from seatrial.base.env import SimulatedEnv
from seatrial.base.types import JSON
from seatrial.client.client import ApiClient
from seatrial.cluster.cluster import Cluster
from seatrial.machinery import objects
from seatrial.node.runtimes.simulated import Behaviour, Model
from seatrial.rescue import plan
from seatrial.rescue.findings import Finding, Verdict
from seatrial.rescue.image_access import StoreImages
from seatrial.rescue.steps import Rescuer
from seatrial.volumes.rbd.images import ImageName
from simulation.bad_connections import Forbidding
from simulation.node_world import is_ready
from simulation.test_persistent_volumes import CSI, attached, claim, serve, volume
from simulation.worlds import deployment, world

IMAGE = ImageName("mioss", "index-api-image")
WATCH_IS_OVER = 45
SILENT = 60


@asynccontextmanager
async def article(nodes: int = 2) -> AsyncIterator[Cluster]:
    """Nodes, an image, a volume and its claim."""
    async with world(nodes, start=1, ready=1, exit=2) as cluster:
        assert cluster.images is not None
        await cluster.images.store.create_pool("mioss")
        await cluster.images.store.create(IMAGE, 2 << 30)
        await cluster.client.create(PERSISTENT_VOLUMES, volume("index-api-pv"))
        await cluster.client.create(PERSISTENT_VOLUME_CLAIMS, claim("data"))
        await asyncio.sleep(2)
        yield cluster


def rescuer(cluster: Cluster, *powered_off: str) -> Rescuer:
    assert cluster.images is not None
    return Rescuer(cluster.client, StoreImages(cluster.images.store), cluster.env, frozenset(powered_off))


async def look(cluster: Cluster, name: str, *powered_off: str) -> Finding:
    looked = await rescuer(cluster, *powered_off).look(("default", name))
    assert looked is not None
    return looked[1]


async def run(cluster: Cluster, name: str, node: str) -> None:
    await cluster.client.create(PODS, attached(name, node))
    await asyncio.sleep(10)


async def locks(cluster: Cluster) -> list[str]:
    assert cluster.images is not None
    return [lock.id for lock in await cluster.images.store.locks(IMAGE)]


async def ready(cluster: Cluster, name: str) -> bool:
    return is_ready(await cluster.client.get(PODS, name, "default"))


async def steps_told(cluster: Cluster, name: str) -> list[str]:
    """Reasons of Rescue's events on the Pod, in order."""
    events = (await cluster.client.list(EVENTS, "default"))["items"]
    mine = [e for e in events if e["source"]["component"] == "seatrial-rescue" and e["involvedObject"]["name"] == name]
    return [e["reason"] for e in sorted(mine, key=objects.resource_version)]


def test_the_lock_of_a_crashed_node_is_stale_once_its_watch_is_over_and_the_pod_starts() -> None:
    async def story() -> None:
        async with article() as cluster:
            await run(cluster, "old", "node-1")
            await cluster.nodes["node-1"].crash()
            await run(cluster, "new", "node-2")
            early = await look(cluster, "new")
            assert early.verdict is Verdict.IN_USE
            await asyncio.sleep(WATCH_IS_OVER)
            finding = await look(cluster, "new")
            assert finding.verdict is Verdict.STALE
            assert finding.cause == "Lock"
            assert [fact.subject.split()[0] for fact in finding.chain] == [
                "pod", "event", "claim", "volume", "image", "node", "pods",
            ]  # fmt: skip
            await rescuer(cluster).fix(finding)
            await asyncio.sleep(130)
            assert await ready(cluster, "new")
            assert await locks(cluster) == ["kubelet_lock_magic_node-2"]
            assert await steps_told(cluster, "new") == ["FencedHolder", "RemovedLock"]

    virtual_loop.run(story())


@pytest.mark.parametrize("fault", ["partition", "pause"])
def test_the_lock_of_a_node_that_is_cut_off_or_stands_still_is_in_use(fault: str) -> None:
    async def story() -> None:
        async with article() as cluster:
            await run(cluster, "old", "node-1")
            await getattr(cluster.nodes["node-1"], fault)()
            await run(cluster, "new", "node-2")
            await asyncio.sleep(600)
            finding = await look(cluster, "new")
            assert finding.verdict is Verdict.IN_USE
            assert await rescuer(cluster).fix(finding) == finding
            assert await locks(cluster) == ["kubelet_lock_magic_node-1"]

    virtual_loop.run(story())


def test_the_lock_of_a_living_pod_is_in_use_and_a_roll_that_overlaps_is_told_what_to_do() -> None:
    async def story() -> None:
        async with article() as cluster:
            await run(cluster, "old", "node-1")
            made = deployment("web", 1)
            spec = made["spec"]["template"]["spec"]
            spec |= {k: attached("x", "node-2")["spec"][k] for k in ("volumes",)} | {"nodeName": "node-2"}
            await cluster.client.create(DEPLOYMENTS, made)
            await asyncio.sleep(10)
            (name,) = [objects.name(p) for p in (await cluster.client.list(PODS))["items"] if objects.name(p) != "old"]
            finding = await look(cluster, name)
            assert finding.verdict is Verdict.IN_USE
            assert "old" in finding.because or "image open" in finding.because
            assert "Recreate" in finding.remedy

    virtual_loop.run(story())


def test_a_user_who_knows_that_a_node_is_off_is_believed() -> None:
    async def story() -> None:
        async with article() as cluster:
            await run(cluster, "old", "node-1")
            await cluster.nodes["node-1"].crash()
            await run(cluster, "new", "node-2")
            assert (await look(cluster, "new")).verdict is Verdict.IN_USE
            finding = await look(cluster, "new", "node-1")
            assert finding.verdict is Verdict.STALE
            await rescuer(cluster, "node-1").fix(finding)
            await asyncio.sleep(130)
            assert await ready(cluster, "new")

    virtual_loop.run(story())


def test_evidence_that_changes_after_the_answer_stops_the_rescue() -> None:
    async def story() -> None:
        async with article() as cluster:
            await run(cluster, "old", "node-1")
            await cluster.nodes["node-1"].crash()
            await run(cluster, "new", "node-2")
            await asyncio.sleep(WATCH_IS_OVER)
            finding = await look(cluster, "new")
            assert finding.verdict is Verdict.STALE
            await cluster.nodes["node-1"].heal()
            await asyncio.sleep(10)
            left = await rescuer(cluster).fix(finding)
            assert left is not None
            assert left.verdict is Verdict.IN_USE
            assert await steps_told(cluster, "new") == []

    virtual_loop.run(story())


def stateful_set(replicas: int = 1) -> JSON:
    labels = {"app": "db"}
    template = {
        "metadata": {"labels": labels},
        "spec": {
            "containers": [{"name": "c", "image": "nginx:1"}],
            "volumes": attached("x", "node-1")["spec"]["volumes"],
        },
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db", "namespace": "default"},
        "spec": {"replicas": replicas, "serviceName": "db", "selector": {"matchLabels": labels}, "template": template},
    }


def test_a_stateful_sets_pod_on_a_dead_node_moves() -> None:
    async def story() -> None:
        async with article() as cluster:
            client = cluster.client
            await client.create(STATEFUL_SETS, stateful_set())
            await asyncio.sleep(10)
            node = (await client.get(PODS, "db-0", "default"))["spec"]["nodeName"]
            await cluster.nodes[node].crash()
            await asyncio.sleep(400)
            finding = await look(cluster, "db-0")
            assert (finding.cause, finding.verdict) == ("DeadNode", Verdict.STALE)
            await rescuer(cluster).fix(finding)
            await asyncio.sleep(130)
            moved = await client.get(PODS, "db-0", "default")
            assert is_ready(moved)
            assert moved["spec"]["nodeName"] != node
            taints = (await client.get(NODES, node))["spec"]["taints"]
            assert "node.kubernetes.io/out-of-service" in [taint["key"] for taint in taints]

    virtual_loop.run(story())


@asynccontextmanager
async def healing(nodes: int = 2) -> AsyncIterator[Cluster]:
    """A cluster with --heal-volumes."""
    env = SimulatedEnv(asyncio.get_running_loop().time)
    model = Model(Behaviour(start=1, ready=1, exit=2))
    async with Cluster(env=env, nodes=nodes, runtime="simulated", serve=False, model=model, heal_volumes=True) as made:
        assert made.images is not None
        await made.images.store.create_pool("mioss")
        await made.images.store.create(IMAGE, 2 << 30)
        await made.client.create(PERSISTENT_VOLUMES, volume("index-api-pv"))
        await made.client.create(PERSISTENT_VOLUME_CLAIMS, claim("data"))
        await asyncio.sleep(2)
        yield made


def test_a_cluster_that_heals_volumes_frees_the_lock_of_a_crashed_node_by_itself() -> None:
    async def story() -> None:
        async with healing() as cluster:
            await run(cluster, "old", "node-1")
            await cluster.nodes["node-1"].crash()
            await run(cluster, "new", "node-2")
            await asyncio.sleep(WATCH_IS_OVER + 130)
            assert await ready(cluster, "new")
            assert (await steps_told(cluster, "new"))[-2:] == ["FencedHolder", "RemovedLock"]

    virtual_loop.run(story())


def test_a_deployment_whose_roll_overlaps_with_itself_hangs_and_is_told_why_and_what_to_do() -> None:
    async def story() -> None:
        async with healing() as cluster:
            made = deployment("index-api", 1, strategy={"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}})
            spec = made["spec"]["template"]["spec"]
            spec["volumes"] = attached("x", "node-1")["spec"]["volumes"]
            spec["nodeName"] = "node-1"
            await cluster.client.create(DEPLOYMENTS, made)
            await asyncio.sleep(10)
            body = {"spec": {"template": {"spec": {"nodeName": "node-2"}}}}
            await cluster.client.patch(DEPLOYMENTS, "index-api", "default", body)
            await asyncio.sleep(700)
            (stuck,) = [p for p in (await cluster.client.list(PODS))["items"] if not is_ready(p)]
            events = (await cluster.client.list(EVENTS, "default"))["items"]
            (told,) = [e["message"] for e in events if e["reason"] == "VolumeHeld"]
            assert "in use, do not touch" in told
            assert "Recreate, or a StatefulSet" in told
            assert objects.name(stuck)
            assert await locks(cluster) == ["kubelet_lock_magic_node-1"]

    virtual_loop.run(story())


def test_a_stateful_set_rolls_on_while_nodes_crash_and_every_lock_is_handed_over() -> None:
    async def story() -> None:
        async with healing(3) as cluster:
            client = cluster.client
            await client.create(STATEFUL_SETS, stateful_set())
            await asyncio.sleep(20)
            for version in range(2, 6):
                container = {"name": "c", "image": f"nginx:{version}"}
                body = {"spec": {"template": {"spec": {"containers": [container]}}}}
                await client.patch(STATEFUL_SETS, "db", "default", body)
                await asyncio.sleep(3)
                pods = [p for p in (await client.list(PODS, "default"))["items"] if p["spec"].get("nodeName")]
                if version % 2 and pods:
                    node = pods[0]["spec"]["nodeName"]
                    await cluster.nodes[node].crash()
                    await asyncio.sleep(600)
                    await cluster.nodes[node].heal()
                await asyncio.sleep(200)
                (pod,) = (await client.list(PODS, "default"))["items"]
                assert is_ready(pod)
                assert pod["spec"]["containers"][0]["image"] == f"nginx:{version}"
                assert await locks(cluster) == [f"kubelet_lock_magic_{pod['spec']['nodeName']}"]
            nodes = (await client.list(NODES))["items"]
            assert all(not node["spec"].get("taints") for node in nodes), "what Rescue said is taken back"

    virtual_loop.run(story())


def test_a_node_that_was_wrongly_called_off_loses_its_pods_processes_and_waits_when_it_is_back() -> None:
    async def story() -> None:
        async with article() as cluster:
            await run(cluster, "old", "node-1")
            await cluster.nodes["node-1"].partition()
            await run(cluster, "new", "node-2")
            await rescuer(cluster, "node-1").fix(await look(cluster, "new", "node-1"))
            await asyncio.sleep(130)
            assert await ready(cluster, "new")
            assert cluster.images is not None
            assert [node for node, _ in cluster.images.plugin.held] == ["node-2"]
            await cluster.nodes["node-1"].heal()
            await asyncio.sleep(60)
            assert not await ready(cluster, "old")
            assert (await look(cluster, "old")).verdict is Verdict.IN_USE
            assert await locks(cluster) == ["kubelet_lock_magic_node-2"]

    virtual_loop.run(story())


def test_a_csi_volume_of_a_silent_node_needs_somebody_who_knows() -> None:
    async def story() -> None:
        async with world(2, start=1, ready=1, exit=2) as cluster:
            await serve(cluster, CSI)
            await run(cluster, "old", "node-1")
            await cluster.nodes["node-1"].partition()
            await run(cluster, "new", "node-2")
            await asyncio.sleep(SILENT)
            finding = await look(cluster, "new")
            assert (finding.cause, finding.verdict) == ("MultiAttach", Verdict.CANNOT_TELL)
            assert "seatrial rescue --powered-off node-1" in finding.would_tell
            assert await rescuer(cluster).fix(finding) == finding
            finding = await look(cluster, "new", "node-1")
            assert finding.verdict is Verdict.STALE
            await rescuer(cluster, "node-1").fix(finding)
            await asyncio.sleep(60)
            assert await ready(cluster, "new")
            assert await steps_told(cluster, "new") == ["TaintedNode", "RemovedAttachment"]

    virtual_loop.run(story())


CEPH_CSI = {
    "csi": {
        "driver": "rbd.csi.ceph.com",
        "volumeHandle": "0001-0009-rook-ceph-0000000000000001-data",
        "volumeAttributes": {"clusterID": "rook-ceph", "pool": IMAGE.pool, "imageName": IMAGE.image},
    }
}


def test_of_a_volume_of_ceph_csi_the_image_is_asked_whether_a_silent_node_still_has_it() -> None:
    """ceph-csi takes no lock: an image's watchers are all that tells."""

    async def story() -> None:
        async with world(2, start=1, ready=1, exit=2) as cluster:
            assert cluster.images is not None
            store = cluster.images.store
            await store.create_pool(IMAGE.pool)
            await store.create(IMAGE, 2 << 30)
            await serve(cluster, CEPH_CSI)
            await run(cluster, "first", "node-1")
            node = await cluster.client.get(NODES, "node-1")
            address = next(each["address"] for each in node["status"]["addresses"] if each["type"] == "InternalIP")
            mapped = await store.connect(address)
            await store.watch(IMAGE, mapped)
            await cluster.nodes["node-1"].crash()
            await run(cluster, "second", "node-2")
            await asyncio.sleep(SILENT)
            await store.beat([mapped])
            found = await look(cluster, "second")
            assert (found.cause, found.verdict) == ("MultiAttach", Verdict.IN_USE)
            assert f"image {IMAGE}" in [fact.subject for fact in found.chain]
            await asyncio.sleep(WATCH_IS_OVER)
            found = await look(cluster, "second")
            assert found.verdict is Verdict.STALE, found.because
            assert "nobody has the image open" in found.because
            await rescuer(cluster).fix(found)
            await asyncio.sleep(130)
            assert await ready(cluster, "second")

    virtual_loop.run(story())


@pytest.mark.parametrize(
    ("unread", "cause", "verdict"),
    [
        (("nodes", "leases"), "Lock", Verdict.CANNOT_TELL),
        (("volumeattachments",), "Lock", Verdict.CANNOT_TELL),
        (("persistentvolumes/",), "Mount", Verdict.NOT_HELD),
        (("persistentvolumeclaims/",), "Mount", Verdict.NOT_HELD),
        (("events",), "Silent", Verdict.CANNOT_TELL),
        (("pods",), "Lock", Verdict.CANNOT_TELL),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_whoever_may_not_read_everything_is_told_what_can_be_seen_and_nothing_is_called_stale(
    unread: tuple[str, ...], cause: str, verdict: Verdict
) -> None:
    async def story() -> None:
        async with article() as cluster:
            await run(cluster, "first", "node-1")
            await cluster.nodes["node-1"].crash()
            await run(cluster, "second", "node-2")
            await asyncio.sleep(SILENT + WATCH_IS_OVER)
            assert (await look(cluster, "second")).verdict is Verdict.STALE
            assert cluster.images is not None
            reader = ApiClient(Forbidding(cluster.client, *unread))
            limited = Rescuer(reader, StoreImages(cluster.images.store), cluster.env)
            looked = await limited.look(("default", "second"))
            assert looked is not None
            found = looked[1]
            assert (found.cause, found.verdict) == (cause, verdict)
            resources = ", ".join(sorted(each.rstrip("/") for each in unread))
            assert found.chain[-1].says == f"{resources}: you have no right to"
            assert found.would_tell
            assert not plan.steps(found)
            await limited.fix(found)
            assert await locks(cluster) == ["kubelet_lock_magic_node-1"]

    virtual_loop.run(story())
