"""A live cluster is only read; what may not be read is told; what changes meanwhile is made consistent."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from seatrial.aio import virtual_loop
from seatrial.api.registry import DEPLOYMENTS, PODS, REPLICA_SETS
from seatrial.base.errors import StatusError, ToolError
from seatrial.client.base import Request, Response, Transport
from seatrial.client.client import ApiClient
from seatrial.machinery import status
from seatrial.machinery.watch import WatchEvent
from seatrial.rehearse.changes.set_image import SetImage
from seatrial.rehearse.rehearsal import Plan, rehearse
from seatrial.rehearse.snapshots import live
from seatrial.rehearse.snapshots.snapshot import Snapshot
from simulation.worlds import complete, deployment, world


@dataclass
class Recorder:
    """An API server's transport that writes down what it is asked, and refuses what it was told to refuse."""

    behind: Transport
    forbidden: frozenset[str] = frozenset()
    own: str = ""
    """The only namespace that may be read; "": all may be."""
    asked: list[Request] = field(default_factory=list)
    before: dict[str, Any] = field(default_factory=dict)
    """What happens before a path is answered: path → coroutine function."""

    async def request(self, request: Request) -> Response:
        self.asked.append(request)
        path = request.path.partition("?")[0]
        if (happens := self.before.pop(path.rpartition("/")[2], None)) is not None:
            await happens()
        elsewhere = self.own and f"/namespaces/{self.own}/" not in path
        if path.rpartition("/")[2] in self.forbidden or elsewhere:
            raise StatusError(status.failure(403, "Forbidden", f'{path} is forbidden: User "me" cannot list resource'))
        return await self.behind.request(request)

    def watch(self, request: Request) -> AsyncIterator[WatchEvent]:
        self.asked.append(request)
        return self.behind.watch(request)

    def stream(self, request: Request) -> AsyncIterator[bytes]:
        self.asked.append(request)
        return self.behind.stream(request)

    async def aclose(self) -> None: ...


def read(forbidden: frozenset[str] = frozenset(), meanwhile: str = "", own: str = "") -> tuple[Snapshot, Recorder]:
    """The snapshot of a cluster with a Deployment; `meanwhile` it is deleted, just before that kind is listed."""

    async def main() -> tuple[Snapshot, Recorder]:
        async with world(3, start=4, ready=0, exit=1) as cluster:
            await cluster.client.create(DEPLOYMENTS, deployment("web", 3))
            await complete(cluster, "web", 1)
            recorder = Recorder(cluster.client._transport, forbidden, own)

            async def change() -> None:
                await cluster.client.delete(DEPLOYMENTS, "web", "default")
                await asyncio.sleep(30)

            if meanwhile:
                recorder.before[meanwhile] = change
            revision = cluster.client.list
            before = (await revision(PODS))["metadata"]["resourceVersion"]
            snapshot = await live.read(ApiClient(recorder), cluster.env, namespace="default")
            if not meanwhile:
                assert (await revision(PODS))["metadata"]["resourceVersion"] == before
            return snapshot, recorder

    return virtual_loop.run(main())


def test_a_live_cluster_is_never_written_to() -> None:
    snapshot, recorder = read()
    assert rehearse(Plan(snapshot, [SetImage("deployment/web", [("c", "nginx:2")])])).completes
    assert recorder.asked
    assert {request.method for request in recorder.asked} == {"GET"}
    assert not [request for request in recorder.asked if "watch" in request.query]


def test_only_kinds_that_matter_are_asked_for() -> None:
    _, recorder = read()
    asked = {request.path.rpartition("/")[2] for request in recorder.asked}
    assert {"pods", "deployments", "nodes", "resourcequotas"} <= asked
    assert not asked & {"leases", "endpoints", "podtemplates"}


def test_what_may_not_be_read_is_assumed_and_told() -> None:
    snapshot, _ = read(frozenset({"secrets", "nodes"}))
    assert "secrets may not be read: those that Pods use are assumed to exist" in snapshot.assumptions
    assert any(each.startswith("nodes: only the names of node-1") for each in snapshot.assumptions)
    assert rehearse(Plan(snapshot, [SetImage("deployment/web", [("c", "nginx:2")])])).completes


def test_workloads_that_may_not_be_read_are_not_just_missing() -> None:
    snapshot, _ = read(frozenset({"deployments"}))
    with pytest.raises(ToolError, match="there is no deployment/web in namespace default; deployments may not be read"):
        rehearse(Plan(snapshot, [SetImage("deployment/web", [("c", "nginx:2")])]))


def test_who_may_read_one_namespace_rehearses_in_it() -> None:
    snapshot, recorder = read(own="default")
    assert {request.method for request in recorder.asked} == {"GET"}
    told = next(each for each in snapshot.assumptions if each.startswith("only namespace default may be read"))
    assert "pods" in told
    assert "validatingwebhookconfigurations may not be read: rehearsed as if there were none" in snapshot.assumptions
    assert any(each.startswith("nodes: only the names of node-1") for each in snapshot.assumptions)
    assert rehearse(Plan(snapshot, [SetImage("deployment/web", [("c", "nginx:2")])])).completes


def test_without_pods_there_is_nothing_to_rehearse() -> None:
    with pytest.raises(ToolError, match="Pods can't be read, and without them nothing can be rehearsed"):
        read(frozenset({"pods"}))


def test_credentials_that_are_not_taken_are_told() -> None:
    refused = StatusError({"kind": "Status", "code": 401, "reason": "Unauthorized", "message": "Unauthorized"})
    with pytest.raises(ToolError, match="does not take the credentials of this context"):
        live._without(DEPLOYMENTS, refused)


def test_what_is_deleted_while_it_is_read_is_left_out_and_told() -> None:
    snapshot, _ = read(meanwhile="replicasets")
    kinds = [obj["kind"] for obj in snapshot.objects]
    assert "Pod" not in kinds
    assert kinds.count("ReplicaSet") == 0 or any("left out" in each for each in snapshot.assumptions)


def test_pods_whose_owner_went_meanwhile_are_left_out() -> None:
    snapshot, _ = read(meanwhile="nothing-like-it")
    objs = [obj for obj in snapshot.objects if obj["kind"] != REPLICA_SETS.kind]
    from seatrial.rehearse.snapshots.snapshot import complete as completed

    again = completed([*objs, _another_set()], snapshot.taken_at)
    assert not [obj for obj in again.objects if obj["kind"] == "Pod"]
    assert sum("whose owner is not there any more" in each for each in again.assumptions) == 3


def _another_set() -> dict[str, Any]:
    metadata = {"name": "other", "namespace": "default", "uid": "1"}
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata}
