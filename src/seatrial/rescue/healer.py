"""Rescue as a control loop (`seatrial up --heal-volumes`): it looks at every Pod that hangs, and frees what is stale.

It decides by the same diagnosis and acts by the same steps as the command. What it may not touch it tells in an event
on the Pod: who has the volume, why, and what to do. A node that it tainted and that is ready again loses the taint.
"""

import logging

from seatrial.aio.tasks import Supervisor
from seatrial.api.registry import NODES, PODS
from seatrial.base.errors import StatusError, VolumeError
from seatrial.base.types import JSON, Key
from seatrial.client.base import MERGE_PATCH
from seatrial.machinery import conditions, objects
from seatrial.reconcile.informer import Informers
from seatrial.reconcile.workqueue import WorkQueue
from seatrial.rescue import plan
from seatrial.rescue.diagnose import hangs
from seatrial.rescue.findings import Finding, Verdict
from seatrial.rescue.steps import Rescuer
from seatrial.workloads import taints

log = logging.getLogger(__name__)
PATIENCE_SECONDS = 10.0
"""A Pod that has hung so long is looked at, and again and again until it hangs no more."""


class Healer:
    """See the module."""

    def __init__(self, informers: Informers, rescuer: Rescuer) -> None:
        self._informers, self._rescuer = informers, rescuer
        self._supervisor = Supervisor("heal-volumes")
        self._queue: WorkQueue[Key] = WorkQueue(rescuer.env)
        self._told: dict[str, str] = {}
        """Pod uid → what was last told of it."""

    def start(self) -> None:
        self._supervisor.spawn(self._run(), "run")

    async def stop(self) -> None:
        self._queue.close()
        await self._supervisor.stop()

    async def _run(self) -> None:
        await self._informers.synced()
        self._informers.informer(PODS).add_handler(self._on_pod)
        self._informers.informer(NODES).add_handler(self._on_node)
        while True:
            key = await self._queue.get()
            try:
                await (self._free(key[1]) if not key[0] else self._heal(key))
            except (StatusError, VolumeError, ConnectionError) as error:
                log.warning("%s: %s; trying again", "/".join(key), error)
                self._queue.add_after(key, PATIENCE_SECONDS)
            finally:
                self._queue.done(key)

    def _on_pod(self, old: JSON | None, new: JSON | None) -> None:
        if new is None:
            self._told.pop(objects.uid(old or {}), None)
        elif hangs(new) and (old is None or not hangs(old)):
            self._queue.add_after(objects.key(new), PATIENCE_SECONDS)

    def _on_node(self, old: JSON | None, new: JSON | None) -> None:
        if new is not None and conditions.is_true(new, "Ready") and any(map(_is_ours, taints.of_node(new))):
            self._queue.add(("", objects.name(new)))

    async def _heal(self, pod: Key) -> None:
        looked = await self._rescuer.look(pod)
        if looked is None or not hangs(looked[0].pod):
            return
        evidence, finding = looked
        if plan.steps(finding):
            await self._rescuer.fix(finding)
        elif finding.holder is not None:
            await self._tell(evidence.pod, finding)
        self._queue.add_after(pod, PATIENCE_SECONDS)

    async def _tell(self, pod: JSON, finding: Finding) -> None:
        """Once for each thing that there is to be told."""
        advice = finding.remedy or (f"what would tell: {finding.would_tell}" if finding.would_tell else "")
        verdict = "" if finding.verdict is Verdict.NOT_HELD else f"{finding.verdict.text}: "
        text = f"{verdict}{finding.because}{f'; {advice}' if advice else ''}"
        what = f"{finding.cause}/{finding.verdict.name}"
        if self._told.get(finding.uid) != what:
            self._told[finding.uid] = what
            await self._rescuer.tell(pod, "Warning", "VolumeHeld", text)

    async def _free(self, name: str) -> None:
        """The node is well again: what Rescue said of it no longer holds."""
        client = self._rescuer.client
        node = await client.get(NODES, name)
        if not conditions.is_true(node, "Ready"):
            return
        kept = [taint for taint in taints.of_node(node) if not _is_ours(taint)]
        version = node["metadata"]["resourceVersion"]
        body = {"metadata": {"resourceVersion": version}, "spec": {"taints": kept or None}}
        await client.patch(NODES, name, "", body, patch_type=MERGE_PATCH)


def _is_ours(taint: JSON) -> bool:
    return taint["key"] == taints.OUT_OF_SERVICE and taint.get("value") == plan.TAINT_VALUE
