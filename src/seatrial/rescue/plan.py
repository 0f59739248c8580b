"""What is to be done about a finding, in order: first the holder is fenced, then what it holds is taken away. Pure.

Each step that has been done shows in the evidence, so the plan of the next look begins with the next step: a rescue
that was interrupted goes on where it stopped, and none acts on old evidence.
"""

from dataclasses import dataclass

from seatrial.base.types import Key
from seatrial.rescue.findings import Finding, Holder, Verdict
from seatrial.workloads import taints

TAINT_VALUE = "seatrial-rescue"
"""Says who put the taint there, so that only such taints are taken off again."""


@dataclass(frozen=True)
class Fence:
    """The image store takes nothing more from this session."""

    address: str
    node: str

    def __str__(self) -> str:
        return f"fence {self.address}{f' of node {self.node}' if self.node else ''} at the image store"


@dataclass(frozen=True)
class TaintNode:
    """Say that the node is out of service, so that its Pods and attachments are given up."""

    node: str

    def __str__(self) -> str:
        return f"taint node {self.node} with {taints.OUT_OF_SERVICE}={TAINT_VALUE}:NoExecute"


@dataclass(frozen=True)
class RemoveLock:
    pool: str
    image: str
    lock_id: str
    locker: str

    def __str__(self) -> str:
        return f"remove the lock {self.lock_id} of {self.locker} from {self.pool}/{self.image}"


@dataclass(frozen=True)
class RemovePod:
    """Of a node that is out of service: nobody there will confirm that it has ended."""

    key: Key
    uid: str
    drop_finalizers: bool = False

    def __str__(self) -> str:
        pod = f"pod {'/'.join(self.key)}"
        return f"remove the finalizers of {pod}" if self.drop_finalizers else f"remove {pod} from the API by force"


@dataclass(frozen=True)
class RemoveAttachment:
    name: str
    uid: str
    node: str

    def __str__(self) -> str:
        return f"remove the attachment {self.name} to node {self.node}"


@dataclass(frozen=True)
class RestartPod:
    """Its controller makes another, which need not wait out a back-off."""

    key: Key
    uid: str

    def __str__(self) -> str:
        return f"delete the waiting pod {'/'.join(self.key)}, so that its controller makes another at once"


Step = Fence | TaintNode | RemoveLock | RemovePod | RemoveAttachment | RestartPod


def steps(finding: Finding) -> tuple[Step, ...]:
    """What is left to be done; () where nothing may be done, or nothing is to be."""
    restart = (RestartPod(finding.pod, finding.uid),) if finding.restart else ()
    if finding.cause == "BackOff":
        return restart
    if finding.verdict is not Verdict.STALE or finding.holder is None:
        return ()
    if finding.cause == "Finalizer":
        return tuple(RemovePod(key, uid, drop_finalizers=True) for key, uid in finding.holder.stranded)
    fences = (Fence(address, finding.holder.node) for address in finding.holder.addresses)
    return (*fences, *_taking(finding.holder), *restart)


def _taking(holder: Holder) -> tuple[Step, ...]:
    found: list[Step] = []
    if holder.needs_taint:
        found.append(TaintNode(holder.node))
    found += [RemoveLock(lock.pool, lock.image, lock.id, lock.locker) for lock in holder.locks]
    if holder.attachment is not None:
        found.append(RemoveAttachment(*holder.attachment, holder.node))
    found += [RemovePod(key, uid) for key, uid in holder.stranded]
    return tuple(found)
