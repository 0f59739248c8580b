"""Pods that do not end: on a node that is dead or silent, kept by a finalizer, or just not done yet. Pure."""

from dataclasses import replace

from seatrial.base.types import JSON
from seatrial.machinery import objects, times
from seatrial.rescue import liveness, plain_causes, volume_holders
from seatrial.rescue.evidence import Evidence, ImageState, Watcher
from seatrial.rescue.findings import Fact, Finding, HeldLock, Holder, Verdict
from seatrial.rescue.liveness import Life, Liveness
from seatrial.rescue.volume_holders import POWER_TELLS

JOB_FINALIZER = "batch.kubernetes.io/job-tracking"
REMOVERS = {
    JOB_FINALIZER: "the Job controller",
    "foregroundDeletion": "the garbage collector, when what the object owns is gone",
    "orphan": "the garbage collector",
}
Chain = tuple[Fact, ...]


def diagnose(evidence: Evidence, chain: Chain, now: float) -> Finding:
    """Why a Pod that is being deleted is still there."""
    pod = evidence.pod
    node = pod["spec"].get("nodeName")
    life = liveness.of(node, evidence, now) if node else None
    if life is not None:
        chain = (*chain, Fact(f"node {node}", f"{life.life.value}: {life.says}"))
    if life is not None and life.life is not Life.ALIVE and not _has_ended(pod):
        return _on_dead_node(evidence, str(node), life, chain)
    if objects.finalizers(pod) and (_has_ended(pod) or not node):
        return _kept(evidence, chain)
    return _not_done(evidence, chain, now)


def _has_ended(pod: JSON) -> bool:
    """No container runs any more."""
    if objects.get(pod, "status", "phase") in ("Succeeded", "Failed"):
        return True
    statuses = objects.get(pod, "status", "containerStatuses", default=[])
    return bool(statuses) and all(objects.get(each, "state", "terminated") is not None for each in statuses)


def _not_done(evidence: Evidence, chain: Chain, now: float) -> Finding:
    deadline = times.parse_time(objects.deletion_timestamp(evidence.pod) or "")
    if now <= deadline:
        why = f"it is ending, and has {deadline - now:.0f} s of grace left"
        return plain_causes.finding(evidence, "Ending", Verdict.WELL, why, chain)
    why = "its grace is over, and the node's agent is alive: it is still stopping containers or unmounting volumes"
    remedy = "look at the log of the node's kubelet"
    return plain_causes.finding(evidence, "Ending", Verdict.NOT_HELD, why, chain, remedy)


# --- dead nodes ---


def _on_dead_node(evidence: Evidence, node: str, life: Liveness, chain: Chain) -> Finding:
    """Only the node's agent may say that the Pod has ended, and it says nothing."""
    images = [volume.image for volume in evidence.volumes if volume.image is not None]
    chain = (*chain, *(Fact(f"image {image.name}", volume_holders.describe(image)) for image in images))
    sessions = [each for image in images if not image.problem for each in _sessions(image, node, evidence)]
    verdict, why, tells = _judge(node, life, images, sessions)
    owner = objects.controller_of(evidence.pod)
    remedy = ""
    if owner is not None and owner["kind"] == "StatefulSet":
        remedy = f"{owner['name']} makes the Pod anew, elsewhere, when this one is gone from the API"
    made = plain_causes.finding(evidence, "DeadNode", verdict, why, chain, remedy)
    pod = (objects.key(evidence.pod), objects.uid(evidence.pod))
    tainted = life.says.startswith("it has the taint") or life.life is Life.GONE
    whole = volume_holders.whole_node(node, life, evidence) if images else []
    addresses = tuple(
        dict.fromkeys(
            (
                *_to_fence(images, node, evidence),
                *(each for each in whole if not any(each in image.fenced for image in images)),
            )
        )
    )
    holder = Holder(node, addresses, _locks(images, node, evidence), needs_taint=not tainted, stranded=(pod,))
    return replace(made, holder=holder, would_tell=tells)


def _judge(node: str, life: Liveness, images: list[ImageState], sessions: list[Watcher]) -> tuple[Verdict, str, str]:
    if life.is_off:
        return Verdict.STALE, f"node {node} is off ({life.says}): the Pod runs nowhere", ""
    if sessions:
        why = f"node {node} is silent, but has the image open ({sessions[0].client} at {sessions[0].address})"
        return Verdict.IN_USE, f"{why}: it is cut off or stands still, or has died in the last 30 s", ""
    if images and not any(image.problem for image in images):
        return Verdict.STALE, f"node {node} is silent, and has none of the Pod's images open", ""
    why = f"node {node} is silent, which is not the same as dead: the Pod may still run"
    return Verdict.CANNOT_TELL, why, POWER_TELLS.format(node=node)


def _sessions(image: ImageState, node: str, evidence: Evidence) -> list[Watcher]:
    """Watchers that may be the node's, and are not fenced."""
    theirs = {
        address
        for lock in image.locks
        if liveness.node_of_lock(lock.id, lock.address, evidence) == node
        for address in (lock.address, lock.locker)
    }
    return [
        each
        for each in image.watchers
        if each.address not in image.fenced
        and ({each.address, each.client} & theirs or liveness.node_of_address(each.address, evidence) in (node, ""))
    ]


def _locks(images: list[ImageState], node: str, evidence: Evidence) -> tuple[HeldLock, ...]:
    return tuple(
        HeldLock(image.pool, image.image, lock.id, lock.locker)
        for image in images
        for lock in image.locks
        if liveness.node_of_lock(lock.id, lock.address, evidence) == node
    )


def _to_fence(images: list[ImageState], node: str, evidence: Evidence) -> list[str]:
    found = []
    for image in images:
        for lock in image.locks:
            if liveness.node_of_lock(lock.id, lock.address, evidence) == node and lock.address not in image.fenced:
                found.append(lock.address)
        found += [each.address for each in _sessions(image, node, evidence)]
    return found


# --- finalizers ---


def _kept(evidence: Evidence, chain: Chain) -> Finding:
    pod = evidence.pod
    kept = objects.finalizers(pod)
    chain = (*chain, *(Fact(f"finalizer {each}", _who(each, pod)) for each in kept))
    if kept == [JOB_FINALIZER] and evidence.owner is None:
        why = "its Job is gone, and the Job controller is who would remove the finalizer"
        made = plain_causes.finding(evidence, "Finalizer", Verdict.STALE, why, chain)
        return replace(made, holder=Holder(stranded=((objects.key(pod), objects.uid(pod)),)))
    why = f"nothing of it runs any more; it is kept by {', '.join(kept)}, which nobody has removed"
    made = plain_causes.finding(evidence, "Finalizer", Verdict.CANNOT_TELL, why, chain)
    tells = "whether the controller that set it still runs and has work to do for it"
    remedy = (
        f"if nothing is left to be done: kubectl patch pod {objects.name(pod)} -n {objects.namespace(pod)} "
        '--type merge -p \'{"metadata":{"finalizers":null}}\''
    )
    return replace(made, would_tell=tells, remedy=remedy)


def _who(finalizer: str, pod: JSON) -> str:
    """Who removes it, and who has set it, by managedFields."""
    remover = REMOVERS.get(finalizer, "removed by whoever has set it")
    for entry in objects.get(pod, "metadata", "managedFields", default=[]):
        fields = objects.get(entry, "fieldsV1", "f:metadata", "f:finalizers", default={})
        if f'v:"{finalizer}"' in fields:
            return f"{remover}; set by {entry.get('manager')} at {entry.get('time')}"
    return remover
