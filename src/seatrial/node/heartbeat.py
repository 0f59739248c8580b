"""Keeps nodes alive in the API: a Lease per node renewed every 10 s, the node's status every 5 min or when it differs.

Follows pkg/kubelet/nodelease and the kubelet's defaults (nodeLeaseDurationSeconds 40, nodeStatusReportFrequency 5m).
One task serves any number of nodes; their renewals are spread over the period.
"""

import asyncio
import heapq
import logging
from dataclasses import dataclass

from seatrial.api.registry import LEASES, NODES
from seatrial.base.env import Env
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.client.base import Client
from seatrial.machinery import times
from seatrial.node import registration

log = logging.getLogger(__name__)
NAMESPACE = "kube-node-lease"
LEASE_SECONDS = 40
RENEW_SECONDS = 10.0
STATUS_SECONDS = 300.0


@dataclass(slots=True)
class _Beat:
    uid: str
    first_wait: float
    """Between the first renewal and the second: what spreads the nodes over the period."""
    reported_at: float
    lease: JSON | None = None
    urgent: bool = False
    """The status is to be written now."""


class Heartbeats:
    """See the module."""

    def __init__(self, client: Client, env: Env, renew_seconds: float = RENEW_SECONDS) -> None:
        self._client, self._env, self._renew_seconds = client, env, renew_seconds
        self._beats: dict[str, _Beat] = {}
        self._due: list[tuple[float, str, bool]] = []
        """(when, node, out of turn)."""
        self._changed = asyncio.Event()

    def add(self, name: str, uid: str) -> None:
        """Begin with the node; its object was just written."""
        first_wait = self._renew_seconds * (1 - len(self._beats) % 64 / 64)
        self._beats[name] = _Beat(uid, first_wait, self._env.monotonic())
        self._schedule(self._env.monotonic(), name)

    def remove(self, name: str) -> None:
        """Fall silent about the node, as if it had crashed."""
        self._beats.pop(name, None)
        self._due = [entry for entry in self._due if entry[1] != name]
        heapq.heapify(self._due)

    def differs(self, node: JSON) -> None:
        """Somebody else wrote the node's status: report at once if they think it is not ready."""
        name = node["metadata"]["name"]
        beat = self._beats.get(name)
        if beat is not None and not beat.urgent and not _ready(node):
            beat.urgent = True
            self._schedule(self._env.monotonic(), name, out_of_turn=True)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._changed.clear()
            now = self._env.monotonic()
            while self._due and self._due[0][0] <= now:
                _, name, out_of_turn = heapq.heappop(self._due)
                beat = self._beats.get(name)
                if beat is not None:
                    await self._beat(name, beat, out_of_turn)
            wait = self._due[0][0] - self._env.monotonic() if self._due else None
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                pass

    def _schedule(self, at: float, name: str, *, out_of_turn: bool = False) -> None:
        heapq.heappush(self._due, (at, name, out_of_turn))
        self._changed.set()

    async def _beat(self, name: str, beat: _Beat, out_of_turn: bool) -> None:
        wait = beat.first_wait if beat.lease is None else self._renew_seconds
        try:
            await self._renew(name, beat)
            if beat.urgent or self._env.monotonic() - beat.reported_at >= STATUS_SECONDS:
                beat.urgent = False
                await self._report(name)
                beat.reported_at = self._env.monotonic()
        except (StatusError, ConnectionError) as error:
            beat.lease = None
            log.warning("node %s: heartbeat failed: %s", name, error)
        if not out_of_turn and self._beats.get(name) is beat:
            self._schedule(self._env.monotonic() + wait, name)

    async def _renew(self, name: str, beat: _Beat) -> None:
        if beat.lease is None:
            beat.lease = await self._get_or_create(name, beat)
            return
        spec = {**beat.lease["spec"], "renewTime": times.format_micro_time(self._env.now())}
        beat.lease = await self._client.update(LEASES, {**beat.lease, "spec": spec})

    async def _get_or_create(self, name: str, beat: _Beat) -> JSON:
        spec = {
            "holderIdentity": name,
            "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": times.format_micro_time(self._env.now()),
        }
        try:
            known = await self._client.get(LEASES, name, NAMESPACE)
        except StatusError as error:
            if error.reason != "NotFound":
                raise
        else:
            return await self._client.update(LEASES, {**known, "spec": spec})
        owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": beat.uid}
        lease = {
            "apiVersion": LEASES.api_version,
            "kind": "Lease",
            "metadata": {"name": name, "namespace": NAMESPACE, "ownerReferences": [owner]},
            "spec": spec,
        }
        return await self._client.create(LEASES, lease)

    async def _report(self, name: str) -> None:
        node = await self._client.get(NODES, name)
        known = {c["type"]: c for c in (node.get("status") or {}).get("conditions") or ()}
        body = {"status": {"conditions": registration.conditions(self._env.now(), known)}}
        await self._client.patch(NODES, name, "", body, subresource="status")


def _ready(node: JSON) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
