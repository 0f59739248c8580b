"""Does what a plan says, one step at a time, each after a fresh look, and tells of it in events on the Pod."""

from collections.abc import Callable
from dataclasses import dataclass

from seatrial.api.registry import EVENTS, NODES, PODS, VOLUME_ATTACHMENTS
from seatrial.base.env import Env
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON, Key
from seatrial.client.base import MERGE_PATCH, Client
from seatrial.machinery import objects, times
from seatrial.machinery.gvk import ResourceRef
from seatrial.reconcile.recorder import create_with_free_name, reference
from seatrial.rescue import plan
from seatrial.rescue.diagnose import diagnose
from seatrial.rescue.evidence import Evidence
from seatrial.rescue.findings import Finding
from seatrial.rescue.gathering import Gatherer
from seatrial.rescue.image_access import Images
from seatrial.rescue.plan import Step
from seatrial.workloads import taints

COMPONENT = "seatrial-rescue"
REASONS: dict[type, str] = {
    plan.Fence: "FencedHolder",
    plan.TaintNode: "TaintedNode",
    plan.RemoveLock: "RemovedLock",
    plan.RemovePod: "RemovedPod",
    plan.RemoveAttachment: "RemovedAttachment",
    plan.RestartPod: "RestartedPod",
}
LONGEST_PLAN = 50


@dataclass(frozen=True)
class Rescuer:
    """Looks and acts."""

    client: Client
    images: Images
    env: Env
    powered_off: frozenset[str] = frozenset()

    async def look(self, pod: Key) -> tuple[Evidence, Finding] | None:
        """None: there is no such Pod."""
        evidence = await Gatherer(self.client, self.images, self.powered_off).evidence(pod)
        return (evidence, diagnose(evidence, self.env.now())) if evidence is not None else None

    async def fix(self, agreed: Finding, on_step: Callable[[Step], None] = lambda step: None) -> Finding | None:
        """Do what is to be done about a finding that somebody has agreed to; returns what is to be said afterwards.

        Before each step the evidence is read again; when it no longer says the same, nothing more is done. None: the
        Pod is gone. Raises StatusError, VolumeError.
        """
        done: list[Step] = []
        while True:
            looked = await self.look(agreed.pod)
            if looked is None:
                return None
            evidence, finding = looked
            step = next(iter(plan.steps(finding)), None)
            if step is None or step in done or len(done) >= LONGEST_PLAN or not _same(agreed, finding):
                return finding
            await self._do(step)
            done.append(step)
            on_step(step)
            await self.tell(evidence.pod, "Normal", REASONS[type(step)], f"{step}: {finding.because}")

    async def tell(self, pod: JSON, type: str, reason: str, message: str) -> None:
        """An event on the Pod."""
        now = self.env.now()
        stamp = times.format_time(now)
        event = {
            "apiVersion": EVENTS.api_version,
            "kind": "Event",
            "metadata": {"namespace": objects.namespace(pod)},
            "involvedObject": {key: value for key, value in reference(_whole(pod)).items() if value},
            "reason": reason,
            "message": message[:1024],
            "source": {"component": COMPONENT},
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "count": 1,
            "type": type,
            "eventTime": None,
            "reportingComponent": COMPONENT,
            "reportingInstance": "",
        }
        await create_with_free_name(self.client, event, objects.name(pod), int(now * 1e9))

    async def _do(self, step: Step) -> None:
        if isinstance(step, plan.Fence):
            await self.images.fence(step.address)
        elif isinstance(step, plan.RemoveLock):
            await self.images.break_lock(step.pool, step.image, step.lock_id, step.locker)
        elif isinstance(step, plan.TaintNode):
            await self._taint(step.node)
        elif isinstance(step, plan.RemoveAttachment):
            await self._delete(VOLUME_ATTACHMENTS, ("", step.name), step.uid)
        elif isinstance(step, plan.RemovePod) and step.drop_finalizers:
            body = {"metadata": {"uid": step.uid, "finalizers": None}}
            await self.client.patch(PODS, step.key[1], step.key[0], body, patch_type=MERGE_PATCH)
        else:
            grace = 0 if isinstance(step, plan.RemovePod) else None
            await self._delete(PODS, step.key, step.uid, grace)

    async def _taint(self, name: str) -> None:
        node = await self.client.get(NODES, name)
        taint = {"key": taints.OUT_OF_SERVICE, "value": plan.TAINT_VALUE, "effect": "NoExecute"}
        kept = [each for each in taints.of_node(node) if each["key"] != taints.OUT_OF_SERVICE]
        body = {
            "metadata": {"resourceVersion": node["metadata"]["resourceVersion"]},
            "spec": {"taints": [*kept, taint]},
        }
        await self.client.patch(NODES, name, "", body, patch_type=MERGE_PATCH)

    async def _delete(self, resource: ResourceRef, key: Key, uid: str, grace: int | None = None) -> None:
        """What is gone already, or another by now, is no error."""
        try:
            await self.client.delete(resource, key[1], key[0], uid=uid, grace_period_seconds=grace)
        except StatusError as error:
            if error.reason not in ("NotFound", "Conflict"):
                raise


def _same(agreed: Finding, now: Finding) -> bool:
    """Still the same holder, or it has let go."""
    if now.cause == "BackOff":
        return True
    theirs, ours = now.holder, agreed.holder
    return now.cause == agreed.cause and theirs is not None and ours is not None and theirs.node == ours.node


def _whole(pod: JSON) -> JSON:
    """Items of a list have no kind of their own."""
    return {**pod, "kind": "Pod", "apiVersion": "v1"}
