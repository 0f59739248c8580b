"""The changes that can be rehearsed. Each is a value that is made before the rehearsal, and performed in it once.

`perform` writes through the client, as a person would with kubectl. It returns when the next change may come: at once
for what is only written, when it is done for what people wait for (a drain, a rolling-update).
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from seatrial.api import registry
from seatrial.api.registry import NODES, PODS
from seatrial.base.env import Env
from seatrial.base.errors import SeatrialError, ToolError
from seatrial.base.types import JSON
from seatrial.client.base import MERGE_PATCH, Client, PatchType
from seatrial.machinery import objects
from seatrial.rehearse import durations, target
from seatrial.rehearse.changes import applying, selecting
from seatrial.rehearse.ending import Refusal
from seatrial.rehearse.snapshots.snapshot import placed
from seatrial.rehearse.target import KINDS, Target
from seatrial.rehearse.webhooks import Webhooks
from seatrial.rollout import draining, switching, undoing
from seatrial.rollout.drain_rules import Rules
from seatrial.rollout.draining import Options, Step


@dataclass(frozen=True)
class Stage:
    """Where changes are performed. `concern` is told of the workloads that a change updates, once they are known."""

    client: Client
    env: Env
    namespace: str
    concern: Callable[[Sequence[Target]], None]
    refused: Callable[[str, str], None]
    """(object, why): a step of the change was refused, and is tried again; "" when it was not, in the end."""
    webhooks: Webhooks

    async def workloads(self, word: str) -> list[Target]:
        """Those that the word means; from now on it is about them."""
        found = await selecting.workloads(self.client, word, self.namespace)
        self.concern(found)
        return found


class Refused(SeatrialError):
    """Whoever performs the change can't go on, and does not try again."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.text)
        self.refusal = refusal


class Change(Protocol):
    """One change. `told`: what it is, for people, as in "apply new.yaml"."""

    @property
    def told(self) -> str: ...

    async def perform(self, stage: Stage) -> None:
        """Raises StatusError when the API server refuses it, Refused, ToolError when it makes no sense."""
        ...


@dataclass(frozen=True)
class Apply:
    """`kubectl apply -f`: three-way with what was applied last, in order. Kinds that decide nothing are passed over."""

    manifests: Sequence[JSON]
    told: str = "apply"

    async def perform(self, stage: Stage) -> None:
        known = placed([each for each in self.manifests if applying.is_known(each)], stage.namespace)
        resources = [(target.resource_of(each), each) for each in known]
        stage.concern([Target(resource, *objects.key(each)) for resource, each in resources if resource is not None])
        for manifest in known:
            await applying.apply(stage.client, manifest, stage.namespace)
        stage.webhooks.put(self.manifests)


@dataclass(frozen=True)
class Concern:
    """Nothing is changed: the other changes are looked at for what they do to this workload, too."""

    workload: str

    @property
    def told(self) -> str:
        return f"look at {self.workload}"

    async def perform(self, stage: Stage) -> None:
        await stage.workloads(self.workload)


@dataclass(frozen=True)
class Restart:
    """`kubectl rollout restart`."""

    workload: str

    @property
    def told(self) -> str:
        return f"restart {self.workload}".rstrip()

    async def perform(self, stage: Stage) -> None:
        for one in await stage.workloads(self.workload):
            await switching.restart(stage.client, stage.env, one.workload)


@dataclass(frozen=True)
class Undo:
    """`kubectl rollout undo`; revision 0: the one before."""

    workload: str
    revision: int = 0

    @property
    def told(self) -> str:
        return f"undo {self.workload}" + (f" to revision {self.revision}" if self.revision else "")

    async def perform(self, stage: Stage) -> None:
        for one in await stage.workloads(self.workload):
            await undoing.undo(stage.client, one.workload, self.revision, dry_run=False)


@dataclass(frozen=True)
class Scale:
    """`kubectl scale --replicas`."""

    workload: str
    replicas: int

    @property
    def told(self) -> str:
        return f"scale {self.workload} to {self.replicas}"

    async def perform(self, stage: Stage) -> None:
        for one in await stage.workloads(self.workload):
            if "scale" not in one.resource.subresources:
                raise ToolError(f"{one.shown} has no size that could be set")
            patch = {"spec": {"replicas": self.replicas}}
            await stage.client.patch(
                one.resource, one.name, one.namespace, patch, patch_type=MERGE_PATCH, subresource="scale"
            )


@dataclass(frozen=True)
class Patch:
    """`kubectl patch`: what a remedy proposes. `namespace` "": that of the rehearsal."""

    object: str
    patch: JSON
    namespace: str = ""
    patch_type: PatchType = MERGE_PATCH

    @property
    def told(self) -> str:
        return f"patch {self.object}"

    async def perform(self, stage: Stage) -> None:
        kind, _, name = self.object.partition("/")
        resource = registry.for_word(kind)
        if resource is None:
            raise ToolError(f"there is no kind {kind}")
        namespace = (self.namespace or stage.namespace) if resource.namespaced else ""
        await stage.client.patch(resource, name, namespace, self.patch, patch_type=self.patch_type)
        if resource in KINDS:
            stage.concern([Target(resource, namespace, name)])


@dataclass(frozen=True)
class Wait:
    """Somebody who waits and sees before the next change."""

    seconds: float

    @property
    def told(self) -> str:
        return f"wait {durations.told(self.seconds)}"

    async def perform(self, stage: Stage) -> None:
        await asyncio.sleep(self.seconds)


@dataclass(frozen=True)
class Drain:
    """`kubectl drain --ignore-daemonsets`: done when its Pods are gone. The other fields are kubectl's flags."""

    node: str
    force: bool = False
    delete_emptydir_data: bool = False

    @property
    def told(self) -> str:
        return f"drain {self.node}"

    async def perform(self, stage: Stage) -> None:
        await selecting.named(stage.client, NODES, self.node)
        there = (await stage.client.list(PODS, field_selector=f"spec.nodeName={self.node}"))["items"]
        stage.concern(await selecting.owners(stage.client, there))

        def say(step: Step) -> None:
            if step.kind in ("refused", "evicted"):
                why = step.message.partition(" (asking again")[0] if step.kind == "refused" else ""
                stage.refused(f"pod/{step.subject.partition('/')[2]}", why)

        rules = Rules(self.force, ignore_daemonsets=True, delete_emptydir_data=self.delete_emptydir_data)
        try:
            await draining.drain(stage.client, stage.env, [self.node], Options(rules), say)
        except ToolError as error:
            why = " ".join(str(error).split()).removeprefix(f'unable to drain node "{self.node}": ')
            raise Refused(Refusal(why, "drain-refused", (f"node/{self.node}",))) from None


@dataclass(frozen=True)
class DeletePod:
    """`kubectl delete pod`: the workload that it belongs to makes another. `force`: at once, whatever its node says."""

    pod: str
    force: bool = False

    @property
    def told(self) -> str:
        return f"delete pod {self.pod}"

    async def perform(self, stage: Stage) -> None:
        where, _, name = self.pod.rpartition("/")
        namespace = where or stage.namespace
        pod = await selecting.named(stage.client, PODS, name, namespace)
        stage.concern(await selecting.owners(stage.client, [pod]))
        grace = 0 if self.force else None
        await stage.client.delete(PODS, name, namespace, uid=objects.uid(pod), grace_period_seconds=grace)
