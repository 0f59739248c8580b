"""Simulated nodes: what a client sees of nodes and of Pods on them, in virtual time."""

import asyncio

import pytest

from seatrial.aio import virtual_loop
from seatrial.api.registry import CSI_NODES, LEASES, NODES, PODS
from seatrial.base.types import JSON
from seatrial.machinery import objects, times
from seatrial.node.runtimes.simulated import Behaviour
from simulation.node_world import NodeWorld, container, is_ready, phase, pod, simulated, waits_for


def now(there: NodeWorld) -> float:
    return there.env.monotonic()


def ready_at(of: JSON) -> str:
    return next(c["lastTransitionTime"] for c in of["status"]["conditions"] if c["type"] == "Ready")


def test_a_node_registers_ready_with_what_a_kubelet_says() -> None:
    async def main() -> None:
        async with simulated(nodes=2) as there:
            node = await there.client.get(NODES, "node-2")
            assert node["metadata"]["labels"]["kubernetes.io/hostname"] == "node-2"
            assert node["status"]["nodeInfo"]["containerRuntimeVersion"] == "simulated://1.0"
            assert {c["type"]: (c["status"], c["reason"]) for c in node["status"]["conditions"]} == {
                "MemoryPressure": ("False", "KubeletHasSufficientMemory"),
                "DiskPressure": ("False", "KubeletHasNoDiskPressure"),
                "PIDPressure": ("False", "KubeletHasSufficientPID"),
                "Ready": ("True", "KubeletReady"),
            }
            assert {a["type"] for a in node["status"]["addresses"]} == {"InternalIP", "Hostname"}
            assert set(node["status"]["allocatable"]) >= {"cpu", "memory", "pods", "ephemeral-storage"}

    virtual_loop.run(main())


def test_a_node_has_a_csi_node_of_its_own_on_which_no_driver_has_registered_yet() -> None:
    async def main() -> None:
        async with simulated(nodes=2) as there:
            await asyncio.sleep(1)
            node = await there.client.get(NODES, "node-2")
            made = await there.client.get(CSI_NODES, "node-2")
            assert not made["spec"]["drivers"]
            assert made["metadata"]["ownerReferences"] == [
                {"apiVersion": "v1", "kind": "Node", "name": "node-2", "uid": objects.uid(node)}
            ]
            moved = made["metadata"]["annotations"]["storage.alpha.kubernetes.io/migrated-plugins"]
            assert moved.startswith("kubernetes.io/aws-ebs,kubernetes.io/azure-disk,")
            await there.agent.crash("node-2")
            await there.agent.heal("node-2")
            await asyncio.sleep(1)
            assert objects.uid(await there.client.get(CSI_NODES, "node-2")) == objects.uid(made)

    virtual_loop.run(main())


def test_every_node_renews_its_lease_every_ten_seconds_and_its_status_every_five_minutes() -> None:
    async def main() -> None:
        async with simulated(nodes=3) as there:
            await asyncio.sleep(601)
            for name in there.agent.node_names:
                lease = await there.client.get(LEASES, name, "kube-node-lease")
                age = there.env.now() - times.parse_time(lease["spec"]["renewTime"])
                assert 0 <= age <= 10
                assert lease["spec"]["holderIdentity"] == name
                assert lease["metadata"]["ownerReferences"][0]["kind"] == "Node"
                node = await there.client.get(NODES, name)
                beat = times.parse_time(node["status"]["conditions"][0]["lastHeartbeatTime"])
                assert there.env.now() - beat <= 310

    virtual_loop.run(main())


def test_a_node_that_is_said_to_be_unwell_says_otherwise_at_once() -> None:
    async def main() -> None:
        async with simulated() as there:
            await asyncio.sleep(15)
            unknown = {"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "message": "gone"}
            await there.client.patch(NODES, "node-1", "", {"status": {"conditions": [unknown]}}, subresource="status")
            await asyncio.sleep(1)
            node = await there.client.get(NODES, "node-1")
            ready = next(c for c in node["status"]["conditions"] if c["type"] == "Ready")
            assert (ready["status"], ready["reason"]) == ("True", "KubeletReady")

    virtual_loop.run(main())


def test_a_pod_that_starts_at_once_costs_one_write() -> None:
    async def main() -> None:
        async with simulated() as there:
            await asyncio.sleep(1)
            created = await there.create(pod("p"))
            await there.until("p", is_ready)
            assert len(there.history["p"]) == 2
            assert there.registry.revision == objects.resource_version(created) + 1

    virtual_loop.run(main())


def test_start_and_readiness_take_the_time_that_the_model_says() -> None:
    async def main() -> None:
        async with simulated(start=30.0, ready=5.0) as there:
            await there.create(pod("p"))
            await there.until("p", waits_for)
            assert now(there) == 0.0
            await there.until("p", lambda p: phase(p) == "Running", 60)
            assert now(there) == 30.0
            await there.until("p", is_ready, 60)
            assert now(there) == 35.0
            assert [(phase(p), is_ready(p)) for p in there.history["p"][1:]] == [
                ("Pending", False),
                ("Running", False),
                ("Running", True),
            ]
            last = there.history["p"][-1]
            assert times.parse_time(ready_at(last)) - times.parse_time(last["status"]["startTime"]) == 35

    virtual_loop.run(main())


def test_a_bad_image_shows_after_the_start_and_its_back_off_two_seconds_later() -> None:
    async def main() -> None:
        async with simulated(images={"bad:1": Behaviour(start=1.0, bad_image=True)}) as there:
            await there.create(pod("p", image="bad:1"))
            await there.until("p", lambda p: waits_for(p) == "ErrImagePull")
            assert now(there) == 1.0
            await there.until("p", lambda p: waits_for(p) == "ImagePullBackOff")
            assert now(there) == 3.0
            await asyncio.sleep(600)
            assert phase(there.history["p"][-1]) == "Pending"
            assert waits_for(there.history["p"][-1]) == "ImagePullBackOff"
            events = await there.events("p")
            assert ("Warning", "Failed", "Error: ErrImagePull") in events
            assert ("Warning", "Failed", "Error: ImagePullBackOff") in events

    virtual_loop.run(main())


def test_a_crash_loop_backs_off_as_the_kubelet_does() -> None:
    async def main() -> None:
        async with simulated(images={"crash:1": Behaviour(crash=2.0)}) as there:
            await there.create(pod("p", image="crash:1"))
            restarts = []
            for count in range(1, 5):
                await there.until("p", lambda p: container(p).get("restartCount") == count, 600)  # noqa: B023
                restarts.append(now(there))
            # Runs of two seconds; then waits of 1, 10, 20 and 40.
            assert restarts == [3.0, 15.0, 37.0, 79.0]
            held = next(p for p in there.history["p"] if waits_for(p) == "CrashLoopBackOff")
            uid = held["metadata"]["uid"]
            message = f"back-off 10s restarting failed container=c pod=p_default({uid})"
            assert container(held)["state"]["waiting"]["message"] == message
            assert container(held)["lastState"]["terminated"]["exitCode"] == 1
            assert {phase(p) for p in there.history["p"][1:]} == {"Running"}
            text = f"Back-off restarting failed container c in pod p_default({uid})"
            assert ("Warning", "BackOff", text) in await there.events("p")

    virtual_loop.run(main())


def test_a_pod_that_names_a_node_without_room_fails_and_can_be_deleted() -> None:
    async def main() -> None:
        async with simulated() as there:
            greedy = pod("greedy", spec={"containers": [{"name": "c", "image": "app:1", **asks("1000")}]})
            await there.client.create(PODS, greedy)
            await asyncio.sleep(3)
            refused = await there.client.get(PODS, "greedy", "default")
            assert refused["status"] == {
                **refused["status"],
                "phase": "Failed",
                "reason": "OutOfcpu",
                "message": "Pod was rejected: Node didn't have enough resource: cpu, requested: 1000000, used: 0, "
                "capacity: 32000",
            }
            assert "containerStatuses" not in refused["status"]
            await there.client.delete(PODS, "greedy", "default")
            await there.client.create(PODS, {**greedy, "metadata": {"name": "hasty", "namespace": "default"}})
            await asyncio.sleep(0.5)
            await there.client.delete(PODS, "hasty", "default")
            await asyncio.sleep(60)
            assert (await there.client.list(PODS, "default"))["items"] == []

    virtual_loop.run(main())


def asks(cpu: str) -> JSON:
    return {"resources": {"requests": {"cpu": cpu}}}


def test_a_pod_that_is_deleted_stays_ready_until_its_exit_and_is_gone_then() -> None:
    async def main() -> None:
        async with simulated(exit=4.0) as there:
            await there.create(pod("p"))
            await there.until("p", is_ready)
            await asyncio.sleep(1)
            await there.delete("p")
            await there.until_gone("p")
            assert now(there) == 5.0
            assert is_ready(there.history["p"][-1])

    virtual_loop.run(main())


@pytest.mark.parametrize(
    ("spec", "grace", "seconds"),
    [
        pytest.param({"terminationGracePeriodSeconds": 3}, None, 3.0, id="at-most-the-pods-grace"),
        pytest.param({}, 2, 2.0, id="at-most-the-callers-grace"),
        pytest.param({}, None, 30.0, id="thirty-seconds-by-default"),
    ],
)
def test_a_pod_that_does_not_end_is_killed(spec: JSON, grace: int | None, seconds: float) -> None:
    async def main() -> None:
        async with simulated(exit=100.0) as there:
            await there.create(pod("p", spec=spec))
            await there.until("p", is_ready)
            await (there.delete("p") if grace is None else there.delete("p", grace=grace))
            await there.until_gone("p", 60)
            assert now(there) == seconds

    virtual_loop.run(main())


def test_a_second_deletion_can_shorten_the_first() -> None:
    async def main() -> None:
        async with simulated(exit=100.0) as there:
            await there.create(pod("p"))
            await there.until("p", is_ready)
            await there.delete("p")
            await asyncio.sleep(5)
            await there.delete("p", grace=1)
            await there.until_gone("p")
            assert now(there) == 6.0

    virtual_loop.run(main())


def test_a_pod_that_does_not_run_goes_after_its_own_time() -> None:
    async def main() -> None:
        images = {"bad:1": Behaviour(bad_image=True, exit=9.0, exit_not_running=0.2)}
        async with simulated(images=images) as there:
            await there.create(pod("p", image="bad:1"))
            await there.until("p", lambda p: waits_for(p) == "ImagePullBackOff")
            await there.delete("p")
            await there.until_gone("p")
            assert now(there) == pytest.approx(2.2)

    virtual_loop.run(main())


def test_containers_are_stopped_only_when_the_pod_is_withdrawn_from_its_services() -> None:
    async def main() -> None:
        open_gate = asyncio.Event()
        asked: list[str] = []

        async def withdrawn(of: JSON) -> None:
            asked.append(of["metadata"]["name"])
            await open_gate.wait()

        async with simulated(withdrawn=withdrawn, exit=1.0) as there:
            await there.create(pod("p"))
            await there.until("p", is_ready)
            await there.delete("p")
            await asyncio.sleep(7)
            assert asked == ["p"]
            assert there.pod("p") is not None
            open_gate.set()
            await there.until_gone("p")
            assert now(there) == 8.0

    virtual_loop.run(main())


def test_a_withdrawal_that_is_never_confirmed_holds_nothing_up_for_ever() -> None:
    async def main() -> None:
        async def never(of: JSON) -> None:
            await asyncio.Event().wait()

        async with simulated(withdrawn=never) as there:
            await there.create(pod("p"))
            await there.until("p", is_ready)
            await there.delete("p")
            await there.until_gone("p", 31)

    virtual_loop.run(main())


def test_a_forced_deletion_frees_the_address_and_the_name() -> None:
    async def main() -> None:
        async with simulated(exit=100.0) as there:
            first = await there.create(pod("p"))
            await there.until("p", is_ready)
            await there.delete("p", grace=0)
            await there.create(pod("p"))
            again = await there.until("p", lambda p: is_ready(p) and objects.uid(p) != objects.uid(first))
            assert again["status"]["podIP"]

    virtual_loop.run(main())


def test_a_pod_that_completes_keeps_its_end() -> None:
    async def main() -> None:
        async with simulated(images={"job:1": Behaviour(complete=3.0)}) as there:
            await there.create(pod("p", image="job:1", spec={"restartPolicy": "Never"}))
            done = await there.until("p", lambda p: phase(p) == "Succeeded")
            assert now(there) == 3.0
            assert container(done)["state"]["terminated"]["reason"] == "Completed"
            assert not is_ready(done)
            written = len(there.history["p"])
            await asyncio.sleep(1000)
            assert len(there.history["p"]) == written

    virtual_loop.run(main())


def test_init_containers_run_in_order_before_the_others() -> None:
    async def main() -> None:
        images = {"init:1": Behaviour(complete=2.0)}
        init = [{"name": "one", "image": "init:1"}, {"name": "two", "image": "init:1"}]
        async with simulated(images=images) as there:
            await there.create(pod("p", spec={"initContainers": init}))
            ready = await there.until("p", is_ready)
            assert now(there) == 4.0
            assert [s["state"]["terminated"]["reason"] for s in ready["status"]["initContainerStatuses"]] == [
                "Completed",
                "Completed",
            ]
            assert {phase(p) for p in there.history["p"][1:-1]} == {"Pending"}

    virtual_loop.run(main())


def test_a_pod_past_its_deadline_fails() -> None:
    async def main() -> None:
        async with simulated() as there:
            await there.create(pod("p", spec={"activeDeadlineSeconds": 20}))
            failed = await there.until("p", lambda p: phase(p) == "Failed")
            assert now(there) == 20.0
            assert failed["status"]["reason"] == "DeadlineExceeded"

    virtual_loop.run(main())


def test_a_changed_image_restarts_the_container() -> None:
    async def main() -> None:
        async with simulated(images={"bad:1": Behaviour(bad_image=True)}) as there:
            await there.create(pod("p", image="bad:1"))
            await there.until("p", lambda p: waits_for(p) == "ImagePullBackOff")
            good = {"spec": {"containers": [{"name": "c", "image": "nginx:1"}]}}
            await there.client.patch(PODS, "p", "default", good)
            await there.until("p", is_ready)
            await there.client.patch(
                PODS, "p", "default", {"spec": {"containers": [{"name": "c", "image": "nginx:2"}]}}
            )
            changed = await there.until("p", lambda p: container(p).get("restartCount") == 1 and is_ready(p))
            assert container(changed)["image"] == "nginx:2"

    virtual_loop.run(main())


def test_foreign_conditions_survive_the_nodes_writes() -> None:
    async def main() -> None:
        async with simulated(start=5.0) as there:
            await there.create(pod("p", spec={"readinessGates": [{"conditionType": "example.com/in"}]}))
            running = await there.until("p", lambda p: phase(p) == "Running")
            assert not is_ready(running)
            gate = {"status": {"conditions": [{"type": "example.com/in", "status": "True"}]}}
            await there.client.patch(PODS, "p", "default", gate, subresource="status")
            ready = await there.until("p", is_ready)
            assert "example.com/in" in {c["type"] for c in ready["status"]["conditions"]}

    virtual_loop.run(main())


def test_a_node_that_crashed_and_returns_starts_its_pods_again() -> None:
    async def main() -> None:
        async with simulated(nodes=2, exit=5.0) as there:
            await there.create(pod("p", node="node-2"))
            await there.until("p", is_ready)
            await there.agent.crash("node-2")
            lease = await there.client.get(LEASES, "node-2", "kube-node-lease")
            await asyncio.sleep(100)
            assert await there.client.get(LEASES, "node-2", "kube-node-lease") == lease
            assert is_ready(there.history["p"][-1])
            await there.agent.heal("node-2")
            again = await there.until("p", lambda p: container(p).get("restartCount") == 1)
            assert is_ready(again)
            assert container(again)["lastState"]["terminated"]["reason"] == "Unknown"

    virtual_loop.run(main())


def test_pods_that_wait_need_no_task_each() -> None:
    async def main() -> None:
        async with simulated(nodes=10, start=20.0, ready=5.0) as there:
            for number in range(300):
                await there.create(pod(f"p{number}", node=f"node-{number % 10 + 1}"))
            await asyncio.sleep(1)
            idle = len(asyncio.all_tasks())
            assert idle < 10
            await asyncio.sleep(30)
            assert all(is_ready(there.history[f"p{number}"][-1]) for number in range(300))

    virtual_loop.run(main())
