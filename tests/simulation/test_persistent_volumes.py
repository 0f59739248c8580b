"""Claims and volumes in whole clusters, in virtual time."""

import asyncio
from typing import Any

import pytest

from seatrial.aio import virtual_loop
from seatrial.api.registry import (
    EVENTS,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    STATEFUL_SETS,
    STORAGE_CLASSES,
    VOLUME_ATTACHMENTS,
)
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.client.base import MERGE_PATCH
from seatrial.cluster.cluster import Cluster
from seatrial.machinery import objects
from simulation.worlds import deployment, world

RBD = {"rbd": {"monitors": ["127.0.0.1:6789"], "pool": "mioss", "image": "index-api-image"}}


def volume(name: str, size: str = "2Gi", source: JSON = RBD, **spec: Any) -> JSON:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], **source, **spec},
    }


def claim(name: str, size: str = "2Gi", **spec: Any) -> JSON:
    asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": {**asked, **spec}}


async def phase(cluster: Cluster, name: str, of: str = "claim") -> str:
    if of == "claim":
        obj = await cluster.client.get(PERSISTENT_VOLUME_CLAIMS, name, "default")
    else:
        obj = await cluster.client.get(PERSISTENT_VOLUMES, name)
    return str(obj["status"]["phase"])


async def events_of(cluster: Cluster, name: str) -> list[tuple[str, str]]:
    found = (await cluster.client.list(EVENTS))["items"]
    return [(each["reason"], each["message"]) for each in found if each["involvedObject"]["name"] == name]


def test_a_claim_gets_the_smallest_volume_that_suits_it_for_ever() -> None:
    async def story() -> None:
        async with world(1) as cluster:
            for name, size in (("large", "10Gi"), ("right", "2Gi"), ("small", "1Gi")):
                await cluster.client.create(PERSISTENT_VOLUMES, volume(name, size))
            await asyncio.sleep(1)
            assert await phase(cluster, "right", "volume") == "Available"
            await cluster.client.create(PERSISTENT_VOLUME_CLAIMS, claim("data"))
            await asyncio.sleep(1)
            bound = await cluster.client.get(PERSISTENT_VOLUME_CLAIMS, "data", "default")
            assert bound["spec"]["volumeName"] == "right"
            assert bound["status"] == {
                "phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "2Gi"},
            }  # fmt: skip
            assert objects.annotations(bound) == {
                "pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes",
            }  # fmt: skip
            taken = await cluster.client.get(PERSISTENT_VOLUMES, "right")
            assert taken["status"]["phase"] == "Bound"
            assert taken["spec"]["claimRef"]["uid"] == objects.uid(bound)
            await cluster.client.delete(PERSISTENT_VOLUMES, "right")
            await asyncio.sleep(1)
            assert await phase(cluster, "data") == "Bound", "the volume is protected as long as it is bound"

    virtual_loop.run(story())


def test_a_claim_without_a_volume_says_so_and_waits_for_one() -> None:
    async def story() -> None:
        async with world(1) as cluster:
            await cluster.client.create(PERSISTENT_VOLUME_CLAIMS, claim("data"))
            await asyncio.sleep(5)
            text = "no persistent volumes available for this claim and no storage class is set"
            assert ("FailedBinding", text) in await events_of(cluster, "data")
            await cluster.client.create(PERSISTENT_VOLUMES, volume("late"))
            await asyncio.sleep(1)
            assert await phase(cluster, "data") == "Bound"

    virtual_loop.run(story())


def test_two_claims_never_get_one_volume() -> None:
    async def story() -> None:
        async with world(1) as cluster:
            await cluster.client.create(PERSISTENT_VOLUMES, volume("one"))
            await asyncio.sleep(1)
            for name in ("a", "b"):
                await cluster.client.create(PERSISTENT_VOLUME_CLAIMS, claim(name))
            await asyncio.sleep(30)
            assert sorted([await phase(cluster, "a"), await phase(cluster, "b")]) == ["Bound", "Pending"]

    virtual_loop.run(story())


def test_a_volume_that_is_kept_for_a_claim_waits_for_it() -> None:
    async def story() -> None:
        async with world(1) as cluster:
            kept = volume("kept", claimRef={"namespace": "default", "name": "mine"})
            await cluster.client.create(PERSISTENT_VOLUMES, kept)
            await cluster.client.create(PERSISTENT_VOLUME_CLAIMS, claim("other"))
            await asyncio.sleep(5)
            assert await phase(cluster, "other") == "Pending"
            await cluster.client.create(PERSISTENT_VOLUME_CLAIMS, claim("mine"))
            await asyncio.sleep(1)
            assert await phase(cluster, "mine") == "Bound"

    virtual_loop.run(story())


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        (claim("data", "3Gi", volumeName="it"), "requested PV is too small"),
        (claim("data", volumeName="it", storageClassName="fast"), "storageClassName does not match"),
        (claim("data", volumeName="it", accessModes=["ReadWriteMany"]), "incompatible accessMode"),
    ],
    ids=["size", "class", "modes"],
)
def test_a_volume_that_is_named_and_does_not_suit_is_refused_with_the_reason(wanted: JSON, problem: str) -> None:
    async def story() -> None:
        async with world(1) as cluster:
            await cluster.client.create(PERSISTENT_VOLUMES, volume("it"))
            await cluster.client.create(PERSISTENT_VOLUME_CLAIMS, wanted)
            await asyncio.sleep(5)
            told = ("VolumeMismatch", f'Cannot bind to requested volume "it": {problem}')
            assert told in await events_of(cluster, "data")

    virtual_loop.run(story())


@pytest.mark.parametrize(
    ("policy", "source", "phase_after", "event"),
    [
        ("Retain", RBD, "Released", None),
        ("Recycle", RBD, "Failed", ("VolumeFailedRecycle", "No recycler plugin found for the volume!")),
        ("Recycle", {"hostPath": {"path": "/data"}}, "Available", ("VolumeRecycled", "Volume recycled")),
        (
            "Delete",
            RBD,
            "Failed",
            (
                "VolumeFailedDelete",
                'error getting deleter volume plugin for volume "it": no deletable volume plugin matched',
            ),
        ),
    ],
    ids=["retain", "recycle rbd", "recycle a host path", "delete what nobody made"],
)
def test_a_volume_is_reclaimed_as_its_policy_says(
    policy: str, source: JSON, phase_after: str, event: tuple[str, str] | None
) -> None:
    async def story() -> None:
        async with world(1, complete=2) as cluster:
            made = volume("it", source=source, persistentVolumeReclaimPolicy=policy)
            await cluster.client.create(PERSISTENT_VOLUMES, made)
            await cluster.client.create(PERSISTENT_VOLUME_CLAIMS, claim("data"))
            await asyncio.sleep(5)
            assert await phase(cluster, "data") == "Bound"
            await cluster.client.delete(PERSISTENT_VOLUME_CLAIMS, "data", "default")
            await asyncio.sleep(60)
            assert await phase(cluster, "it", "volume") == phase_after
            if event:
                assert event in await events_of(cluster, "it")

    virtual_loop.run(story())


def test_a_claim_in_use_outlives_its_deletion() -> None:
    async def story() -> None:
        async with world(1, exit=1) as cluster:
            await cluster.client.create(PERSISTENT_VOLUMES, volume("it"))
            await cluster.client.create(PERSISTENT_VOLUME_CLAIMS, claim("data"))
            pod = deployment("web", 1)["spec"]["template"]
            pod["spec"]["volumes"] = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
            made = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "user", "namespace": "default"}}
            await cluster.client.create(PODS, {**made, "spec": pod["spec"]})
            await asyncio.sleep(5)
            await cluster.client.delete(PERSISTENT_VOLUME_CLAIMS, "data", "default")
            await asyncio.sleep(5)
            assert objects.is_terminating(await cluster.client.get(PERSISTENT_VOLUME_CLAIMS, "data", "default"))
            await cluster.client.delete(PODS, "user", "default")
            await asyncio.sleep(40)
            with pytest.raises(StatusError, match="not found"):
                await cluster.client.get(PERSISTENT_VOLUME_CLAIMS, "data", "default")

    virtual_loop.run(story())


def test_a_claim_grows_only_where_its_class_allows_it() -> None:
    async def story() -> None:
        async with world(1) as cluster:
            await cluster.client.create(PERSISTENT_VOLUMES, volume("it"))
            await cluster.client.create(PERSISTENT_VOLUME_CLAIMS, claim("data"))
            await asyncio.sleep(2)
            larger = {"spec": {"resources": {"requests": {"storage": "5Gi"}}}}
            with pytest.raises(StatusError, match="only dynamically provisioned pvc can be resized"):
                await cluster.client.patch(PERSISTENT_VOLUME_CLAIMS, "data", "default", larger)
            smaller = {"spec": {"resources": {"requests": {"storage": "1Gi"}}}}
            with pytest.raises(StatusError, match=r"field can not be less than status\.capacity"):
                await cluster.client.patch(PERSISTENT_VOLUME_CLAIMS, "data", "default", smaller)
            other = {"spec": {"accessModes": ["ReadWriteMany"]}}
            with pytest.raises(StatusError, match="spec is immutable after creation except"):
                await cluster.client.patch(PERSISTENT_VOLUME_CLAIMS, "data", "default", other)

    virtual_loop.run(story())


def test_a_stateful_set_makes_a_claim_for_each_place() -> None:
    async def story() -> None:
        async with world(2, start=1, ready=1) as cluster:
            for number in range(2):
                await cluster.client.create(
                    PERSISTENT_VOLUMES, volume(f"pv{number}", source={"hostPath": {"path": f"/data/{number}"}})
                )
            made = {**deployment("db", 2, serviceName="db"), "kind": "StatefulSet"}
            template = claim("data")
            made["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": template["spec"]}]
            await cluster.client.create(STATEFUL_SETS, made)
            await asyncio.sleep(20)
            listed = (await cluster.client.list(PERSISTENT_VOLUME_CLAIMS, "default"))["items"]
            assert [(objects.name(each), each["status"]["phase"]) for each in listed] == [
                ("data-db-0", "Bound"),
                ("data-db-1", "Bound"),
            ]

    virtual_loop.run(story())


def test_the_default_class_is_filled_in_and_a_class_without_a_provisioner_waits() -> None:
    async def story() -> None:
        async with world(1) as cluster:
            made = {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": {"name": "slow", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
                "provisioner": "example.com/nobody",
            }
            await cluster.client.create(STORAGE_CLASSES, made)
            await cluster.client.create(PERSISTENT_VOLUME_CLAIMS, claim("data"))
            await asyncio.sleep(5)
            waiting = await cluster.client.get(PERSISTENT_VOLUME_CLAIMS, "data", "default")
            assert waiting["spec"]["storageClassName"] == "slow"
            [(reason, message), *_] = await events_of(cluster, "data")
            assert reason == "ExternalProvisioning"
            assert "external provisioner 'example.com/nobody'" in message

    virtual_loop.run(story())


def attached(name: str, node: str, claim_name: str = "data") -> JSON:
    """A Pod on a node that uses the claim."""
    container = {"name": "c", "image": "nginx:1.10.1"}
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": claim_name}}]
    spec = {"nodeName": node, "containers": [container], "volumes": volumes}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": spec}


CSI = {"csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-1"}}
ISCSI = {"iscsi": {"targetPortal": "10.0.0.1", "iqn": "iqn.2001-04.com.example:storage", "lun": 0}}


async def serve(cluster: Cluster, source: JSON, **spec: Any) -> None:
    await cluster.client.create(PERSISTENT_VOLUMES, volume("disk", source=source, **spec))
    modes = spec.get("accessModes", ["ReadWriteOnce"])
    await cluster.client.create(PERSISTENT_VOLUME_CLAIMS, claim("data", accessModes=modes))
    await asyncio.sleep(2)


async def phase_of(cluster: Cluster, pod: str) -> str:
    return str((await cluster.client.get(PODS, pod, "default"))["status"]["phase"])


async def attachments(cluster: Cluster) -> list[tuple[str, bool]]:
    found = (await cluster.client.list(VOLUME_ATTACHMENTS))["items"]
    return sorted((each["spec"]["nodeName"], each["status"]["attached"]) for each in found)


@pytest.mark.parametrize("source", [CSI, {"awsElasticBlockStore": {"volumeID": "vol-1"}}, ISCSI])
def test_a_volume_for_one_node_is_refused_to_a_second_until_it_is_free(source: JSON) -> None:
    async def story() -> None:
        async with world(2, exit=5) as cluster:
            await serve(cluster, source)
            await cluster.client.create(PODS, attached("first", "node-1"))
            await asyncio.sleep(2)
            assert await phase_of(cluster, "first") == "Running"
            assert await attachments(cluster) == [("node-1", True)]
            text = 'AttachVolume.Attach succeeded for volume "disk" '
            assert ("SuccessfulAttachVolume", text) in await events_of(cluster, "first")
            await cluster.client.create(PODS, attached("second", "node-2"))
            await cluster.client.create(PODS, attached("neighbour", "node-1"))
            await asyncio.sleep(150)
            assert await phase_of(cluster, "neighbour") == "Running"
            assert await phase_of(cluster, "second") == "Pending"
            told = await events_of(cluster, "second")
            text = 'Multi-Attach error for volume "disk" Volume is already used by pod(s) first'
            assert any(reason == "FailedAttachVolume" and message.startswith(text) for reason, message in told)
            text = (
                "Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[v], "
                "failed to process volumes=[]: context deadline exceeded"
            )
            assert ("FailedMount", text) in told
            for name in ("first", "neighbour"):
                await cluster.client.delete(PODS, name, "default")
            await asyncio.sleep(10)
            assert await phase_of(cluster, "second") == "Running"
            assert await attachments(cluster) == [("node-2", True)]

    virtual_loop.run(story())


@pytest.mark.parametrize(
    ("source", "phase"),
    [
        (ISCSI, "Running"),
        ({"azureFile": {"secretName": "s", "shareName": "share"}}, "Running"),
        ({"cephfs": {"monitors": ["10.0.0.1"]}}, "Pending"),
    ],
)
def test_simulated_nodes_mount_what_nodes_of_this_release_do(source: JSON, phase: str) -> None:
    async def story() -> None:
        async with world(1) as cluster:
            await serve(cluster, source)
            await cluster.client.create(PODS, attached("web", "node-1"))
            await asyncio.sleep(10)
            assert await phase_of(cluster, "web") == phase

    virtual_loop.run(story())


def test_a_volume_for_many_nodes_is_on_all_of_them() -> None:
    async def story() -> None:
        async with world(2) as cluster:
            await serve(cluster, CSI, accessModes=["ReadWriteMany"])
            for number in (1, 2):
                await cluster.client.create(PODS, attached(f"pod-{number}", f"node-{number}"))
            await asyncio.sleep(5)
            assert await attachments(cluster) == [("node-1", True), ("node-2", True)]

    virtual_loop.run(story())


def test_a_pod_whose_claim_is_not_bound_waits_and_says_why() -> None:
    async def story() -> None:
        async with world(1) as cluster:
            await cluster.client.create(PERSISTENT_VOLUME_CLAIMS, claim("data"))
            await cluster.client.create(PODS, attached("waits", "node-1"))
            await asyncio.sleep(130)
            text = (
                "Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], "
                "failed to process volumes=[v]: error processing PVC default/data: PVC is not bound"
            )
            assert ("FailedMount", text) in await events_of(cluster, "waits")
            await cluster.client.create(PERSISTENT_VOLUMES, volume("late", source=CSI))
            await asyncio.sleep(5)
            assert await phase_of(cluster, "waits") == "Running"

    virtual_loop.run(story())


def test_an_attachment_of_a_node_that_is_out_of_service_goes() -> None:
    async def story() -> None:
        async with world(2) as cluster:
            await serve(cluster, CSI)
            await cluster.client.create(PODS, attached("first", "node-1"))
            await asyncio.sleep(2)
            agent = cluster._agent
            assert agent is not None
            await agent.crash("node-1")
            await cluster.client.delete(PODS, "first", "default")
            await cluster.client.create(PODS, attached("second", "node-2"))
            await asyncio.sleep(120)
            assert await phase_of(cluster, "second") == "Pending"
            taint = {"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}
            node = await cluster.client.get(NODES, "node-1")
            taints = [*(node["spec"].get("taints") or []), taint]
            await cluster.client.patch(NODES, "node-1", "", {"spec": {"taints": taints}}, patch_type=MERGE_PATCH)
            await asyncio.sleep(10)
            assert await phase_of(cluster, "second") == "Running"

    virtual_loop.run(story())


def test_a_volume_of_a_silent_node_is_freed_six_minutes_after_its_pod_was_forced_away() -> None:
    async def story() -> None:
        async with world(2) as cluster:
            await serve(cluster, CSI)
            await cluster.client.create(PODS, attached("first", "node-1"))
            await asyncio.sleep(2)
            await cluster.nodes["node-1"].crash()
            await cluster.client.delete(PODS, "first", "default")
            await cluster.client.create(PODS, attached("second", "node-2"))
            await asyncio.sleep(900)
            assert await phase_of(cluster, "second") == "Pending", "a Pod that does not end keeps its volume"
            await cluster.client.delete(PODS, "first", "default", grace_period_seconds=0)
            await asyncio.sleep(350)
            assert await phase_of(cluster, "second") == "Pending", "the node may still write to it"
            text = 'Multi-Attach error for volume "disk" Volume is already exclusively attached to one node'
            told = await events_of(cluster, "second")
            assert any(reason == "FailedAttachVolume" and message.startswith(text) for reason, message in told)
            await asyncio.sleep(20)
            assert await phase_of(cluster, "second") == "Running"
            assert await attachments(cluster) == [("node-2", True)]

    virtual_loop.run(story())


def test_a_node_that_is_back_gives_its_volume_up_at_once() -> None:
    async def story() -> None:
        async with world(2) as cluster:
            await serve(cluster, CSI)
            await cluster.client.create(PODS, attached("first", "node-1"))
            await asyncio.sleep(2)
            await cluster.nodes["node-1"].crash()
            await asyncio.sleep(60)
            await cluster.client.delete(PODS, "first", "default", grace_period_seconds=0)
            await cluster.client.create(PODS, attached("second", "node-2"))
            await asyncio.sleep(60)
            assert await phase_of(cluster, "second") == "Pending"
            await cluster.nodes["node-1"].heal()
            await asyncio.sleep(60)
            assert await phase_of(cluster, "second") == "Running"

    virtual_loop.run(story())


def waiting(name: str, **spec: Any) -> JSON:
    """A Pod that the scheduler has to place."""
    made = attached(name, "")
    made["spec"] = {**made["spec"], **spec}
    del made["spec"]["nodeName"]
    return made


async def scheduling_failure(cluster: Cluster, pod: str) -> str:
    return next(message for reason, message in await events_of(cluster, pod) if reason == "FailedScheduling")


HELPLESS = " preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."


def test_a_pod_whose_claims_can_t_be_used_is_not_placed_and_is_when_they_can() -> None:
    async def story() -> None:
        async with world(2) as cluster:
            await cluster.client.create(PODS, waiting("web"))
            await asyncio.sleep(2)
            text = '0/2 nodes are available: persistentvolumeclaim "data" not found.'
            assert await scheduling_failure(cluster, "web") == text + HELPLESS
            await cluster.client.create(PERSISTENT_VOLUME_CLAIMS, claim("data"))
            await asyncio.sleep(30)
            text = "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims."
            assert ("FailedScheduling", text + HELPLESS) in await events_of(cluster, "web")
            await cluster.client.create(PERSISTENT_VOLUMES, volume("disk", source=CSI))
            await asyncio.sleep(30)
            assert await phase_of(cluster, "web") == "Running"

    virtual_loop.run(story())


def on_node(name: str) -> JSON:
    expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": [name]}
    return {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}


def test_a_pod_goes_where_its_volume_is() -> None:
    async def story() -> None:
        async with world(3) as cluster:
            local = {"local": {"path": "/disk"}}
            made = volume("disk", source=local, nodeAffinity=on_node("node-3"))
            await cluster.client.create(PERSISTENT_VOLUMES, made)
            await cluster.client.create(PERSISTENT_VOLUME_CLAIMS, claim("data"))
            await asyncio.sleep(2)
            await cluster.client.create(PODS, waiting("web"))
            await cluster.client.create(PODS, waiting("elsewhere", nodeSelector={"kubernetes.io/hostname": "node-1"}))
            await asyncio.sleep(5)
            assert (await cluster.client.get(PODS, "web", "default"))["spec"]["nodeName"] == "node-3"
            text = (
                "0/3 nodes are available: 1 node(s) had volume node affinity conflict, "
                "2 node(s) didn't match Pod's node affinity/selector."
            )
            assert (await scheduling_failure(cluster, "elsewhere")).startswith(text)

    virtual_loop.run(story())


async def local_disks(cluster: Cluster, number: int) -> None:
    """disk-1 on node-1 and so on, of a class that waits for the first consumer."""
    late = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "local"},
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    await cluster.client.create(STORAGE_CLASSES, late)
    for index in range(1, number + 1):
        made = volume(
            f"disk-{index}",
            source={"local": {"path": "/disk"}},
            storageClassName="local",
            nodeAffinity=on_node(f"node-{index}"),
        )
        await cluster.client.create(PERSISTENT_VOLUMES, made)


def test_claims_that_wait_at_the_same_time_get_a_volume_each() -> None:
    """A volume that the scheduler has chosen for one Pod is out of the question for the next, before it is bound."""

    async def story() -> None:
        async with world(3) as cluster:
            await local_disks(cluster, 3)
            for name in ("one", "two", "three"):
                await cluster.client.create(PERSISTENT_VOLUME_CLAIMS, claim(name, storageClassName="local"))
            await asyncio.sleep(5)
            pods = [
                waiting(name, volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": name}}])
                for name in ("one", "two", "three")
            ]
            await asyncio.gather(*(cluster.client.create(PODS, pod) for pod in pods))
            await asyncio.sleep(10)
            places = {}
            for name in ("one", "two", "three"):
                bound = await cluster.client.get(PERSISTENT_VOLUME_CLAIMS, name, "default")
                assert "volume.kubernetes.io/selected-node" not in objects.annotations(bound), "nothing is provisioned"
                pod = await cluster.client.get(PODS, name, "default")
                places[bound["spec"]["volumeName"].removeprefix("disk-")] = pod["spec"]["nodeName"]
            assert places == {"1": "node-1", "2": "node-2", "3": "node-3"}

    virtual_loop.run(story())


def test_a_claim_that_waits_for_its_first_consumer_is_bound_where_the_pod_goes() -> None:
    async def story() -> None:
        async with world(3) as cluster:
            await local_disks(cluster, 2)
            await cluster.client.create(PERSISTENT_VOLUME_CLAIMS, claim("data", storageClassName="local"))
            await asyncio.sleep(5)
            assert await phase(cluster, "data") == "Pending"
            text = "waiting for first consumer to be created before binding"
            assert ("WaitForFirstConsumer", text) in await events_of(cluster, "data")
            await cluster.client.create(PODS, waiting("web", nodeSelector={"kubernetes.io/hostname": "node-2"}))
            await asyncio.sleep(10)
            assert (await cluster.client.get(PODS, "web", "default"))["spec"]["nodeName"] == "node-2"
            bound = await cluster.client.get(PERSISTENT_VOLUME_CLAIMS, "data", "default")
            assert bound["spec"]["volumeName"] == "disk-2"

    virtual_loop.run(story())


def test_one_pod_at_a_time_uses_a_claim_that_says_so() -> None:
    async def story() -> None:
        async with world(2, exit=1) as cluster:
            await serve(cluster, CSI, accessModes=["ReadWriteOncePod"])
            await cluster.client.create(PODS, waiting("first"))
            await asyncio.sleep(5)
            await cluster.client.create(PODS, waiting("second"))
            await asyncio.sleep(5)
            told = await scheduling_failure(cluster, "second")
            assert (
                "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode" in told
            )
            await cluster.client.delete(PODS, "first", "default")
            await asyncio.sleep(40)
            assert await phase_of(cluster, "second") == "Running"

    virtual_loop.run(story())
