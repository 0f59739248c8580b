"""Events as client-go and the scheduler record them."""

import asyncio
from typing import Any

from seatrial.aio import virtual_loop
from seatrial.api.registry import EVENTS
from seatrial.client.client import ApiClient
from seatrial.reconcile.recorder import Recorder
from seatrial.reconcile.series_recorder import SeriesRecorder
from unit.reconcile import api

POD = {
    "kind": "Pod",
    "apiVersion": "v1",
    "metadata": {"name": "p", "namespace": "default", "uid": "u1", "resourceVersion": "7"},
}


async def written(client: ApiClient) -> list[dict[str, Any]]:
    return list((await client.list(EVENTS))["items"])


def test_an_event_has_the_shape_that_client_go_gives_it() -> None:
    async def main() -> None:
        client, env, _ = await api.start()
        recorder = Recorder(client, env, "kubelet", "node-1")
        recorder.event(POD, "Normal", "Started", "Started container c", field_path="spec.containers{c}")
        await recorder.flush()
        (event,) = await written(client)
        assert event["metadata"]["name"] == f"p.{1_735_689_600_000_000_000:016x}"
        assert event["involvedObject"] == {
            "kind": "Pod",
            "namespace": "default",
            "name": "p",
            "uid": "u1",
            "apiVersion": "v1",
            "resourceVersion": "7",
            "fieldPath": "spec.containers{c}",
        }
        assert event["source"] == {"component": "kubelet", "host": "node-1"}
        assert (event["reportingComponent"], event["reportingInstance"]) == ("kubelet", "node-1")
        assert event["firstTimestamp"] == event["lastTimestamp"] == "2025-01-01T00:00:00Z"
        assert (event["count"], event["type"], event["reason"]) == (1, "Normal", "Started")
        await recorder.stop()

    virtual_loop.run(main())


def test_the_same_event_again_is_counted() -> None:
    async def main() -> None:
        client, env, _ = await api.start()
        recorder = Recorder(client, env, "kubelet")
        for _ in range(3):
            recorder.event(POD, "Warning", "BackOff", "Back-off restarting failed container")
            await asyncio.sleep(10)
        await recorder.stop()
        (event,) = await written(client)
        assert (event["count"], event["firstTimestamp"]) == (3, "2025-01-01T00:00:00Z")
        assert event["lastTimestamp"] == "2025-01-01T00:00:20Z"

    virtual_loop.run(main())


def test_many_events_of_one_reason_become_one_and_a_flood_is_held_back() -> None:
    async def main() -> list[tuple[str, int]]:
        client, env, _ = await api.start()
        recorder = Recorder(client, env, "replicaset-controller")
        for number in range(40):
            recorder.event(POD, "Normal", "SuccessfulCreate", f"Created pod: p{number}")
        await recorder.stop()
        return [(event["message"], event["count"]) for event in await written(client)]

    told = virtual_loop.run(main())
    assert told[:9] == [(f"Created pod: p{number}", 1) for number in range(9)]
    assert told[9:] == [("(combined from similar events): Created pod: p24", 16)]


def test_events_of_several_components_at_one_moment_have_names_of_their_own() -> None:
    async def main() -> int:
        client, env, _ = await api.start()
        recorders = [Recorder(client, env, component) for component in ("one", "two", "three")]
        for recorder in recorders:
            recorder.event(POD, "Normal", "Same", "The same moment")
        for recorder in recorders:
            await recorder.stop()
        return len(await written(client))

    assert virtual_loop.run(main()) == 3


def test_the_scheduler_records_actions_and_series() -> None:
    async def main() -> None:
        client, env, _ = await api.start()
        recorder = SeriesRecorder(client, env, "default-scheduler", "default-scheduler-host")
        for _ in range(2):
            recorder.event(
                POD, "Warning", "FailedScheduling", "Scheduling", "0/1 nodes are available: 1 Insufficient cpu."
            )
            await asyncio.sleep(5)
        await recorder.stop()
        (event,) = await written(client)
        assert (event["action"], event["eventTime"]) == ("Scheduling", "2025-01-01T00:00:00.000000Z")
        assert event["series"] == {"count": 2, "lastObservedTime": "2025-01-01T00:00:05.000000Z"}
        assert event["reportingInstance"] == "default-scheduler-host"
        assert not event.get("firstTimestamp")

    virtual_loop.run(main())
