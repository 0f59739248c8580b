"""Who has the volume that a Pod waits for, and may it be taken from them? Pure.

Proof is one of: the image store knows of no session of the holder (an image's watchers), the holder's agent is alive
and no Pod of its node uses the volume, or somebody who knows has said that the node is off. Silence alone proves
nothing.
"""

from dataclasses import replace

from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.rescue import liveness, plain_causes
from seatrial.rescue.evidence import Evidence, ImageState, Lock, VolumeEvidence, Watcher
from seatrial.rescue.findings import Fact, Finding, HeldLock, Holder, Verdict
from seatrial.rescue.liveness import Life
from seatrial.workloads import taints

SHARED = frozenset({"ReadOnlyMany", "ReadWriteMany"})
STORAGE_TELLS = "rbd status {image} and rbd lock list {image}; seatrial rescue --ceph-conf FILE asks them itself"
POWER_TELLS = "whether {node} is off: look at the machine itself; if it is, seatrial rescue --powered-off {node}"
MOVING = (
    "a Deployment that rolls starts the new Pod before the old one has let go of a volume for one node: use strategy "
    "Recreate, or a StatefulSet (with maxSurge 0 the new Pod still overlaps with the terminating one)"
)
_VOLUME_REASONS = frozenset({"FailedMount", "FailedAttachVolume", "FailedSync"})
Chain = tuple[Fact, ...]


def diagnose(evidence: Evidence, chain: Chain, now: float) -> Finding | None:
    """None: no volume holds the Pod up."""
    claim = plain_causes.of_claims(evidence, chain)
    if claim is not None:
        return claim
    for volume in evidence.volumes:
        found = _of_volume(evidence, volume, (*chain, *_path(evidence, volume)), now)
        if found is not None:
            return found
    return None


def _path(evidence: Evidence, volume: VolumeEvidence) -> Chain:
    """From the claim to the image."""
    facts = []
    if volume.claim is not None and volume.volume is not None:
        name = f"{objects.namespace(evidence.pod)}/{volume.claim_name}"
        facts.append(Fact(f"claim {name}", f"Bound to {objects.name(volume.volume)}"))
        modes = ", ".join(volume.volume["spec"].get("accessModes") or ())
        where = f"rbd image {volume.image.name}" if volume.image else "no rbd image"
        facts.append(Fact(f"volume {objects.name(volume.volume)}", f"{modes}; {where}"))
    if volume.image is not None:
        facts.append(Fact(f"image {volume.image.name}", describe(volume.image)))
    return tuple(facts)


def describe(image: ImageState) -> str:
    """`locked by client.4155 (kubelet_lock_magic_node1) at 10.0.0.1:0/1; watchers: none`."""
    if image.missing:
        return "there is none"
    if image.problem:
        return f"can't be asked: {image.problem}"
    locks = "; ".join(
        f"locked by {lock.locker} ({lock.id}) at {lock.address}{', fenced' if lock.address in image.fenced else ''}"
        for lock in image.locks
    )
    watchers = ", ".join(f"{each.client} at {each.address}" for each in image.watchers) or "none"
    return f"{locks or 'not locked'}; watchers: {watchers}"


def _of_volume(evidence: Evidence, volume: VolumeEvidence, chain: Chain, now: float) -> Finding | None:
    attached = _attached_elsewhere(evidence, volume)
    if attached is not None:
        return _of_attachment(evidence, volume, attached, chain, now)
    if volume.image is None or not _volume_failed(evidence):
        return None
    if volume.image.missing:
        why = f"there is no image {volume.image.name}"
        remedy = f"make it (rbd create {volume.image.name}), or correct the volume"
        return plain_causes.finding(evidence, "NoImage", Verdict.NOT_HELD, why, chain, remedy)
    if volume.image.problem:
        return _unasked(evidence, volume.image, chain)
    node = evidence.pod["spec"]["nodeName"]
    for lock in volume.image.locks:
        holder = liveness.node_of_lock(lock.id, lock.address, evidence)
        if holder != node or lock.address in volume.image.fenced:
            return _of_lock(evidence, volume, lock, holder, chain, now)
    foreign = [each for each in volume.image.watchers if liveness.node_of_address(each.address, evidence) != node]
    if foreign and _says_used(evidence):
        return _of_watcher(evidence, volume, foreign[0], chain, now)
    return _free(evidence, volume, chain)


def _volume_failed(evidence: Evidence) -> bool:
    return any(event.get("reason") in _VOLUME_REASONS for event in evidence.events)


def _says_used(evidence: Evidence) -> bool:
    return any("used" in event.get("message", "") for event in evidence.events if event["reason"] in _VOLUME_REASONS)


def _unasked(evidence: Evidence, image: ImageState, chain: Chain) -> Finding:
    why = f"the image store can't be asked about {image.name}"
    made = plain_causes.finding(evidence, "Unreachable", Verdict.CANNOT_TELL, why, chain)
    return replace(made, would_tell=STORAGE_TELLS.format(image=image.name))


def _free(evidence: Evidence, volume: VolumeEvidence, chain: Chain) -> Finding | None:
    """Nobody has it any more; the agent waits before it tries again."""
    if not any("lock" in event.get("message", "") or "used" in event.get("message", "") for event in evidence.events):
        return None
    why = "nobody holds the image any more; the node's agent waits out its back-off (2 min at most) and tries again"
    made = plain_causes.finding(evidence, "BackOff", Verdict.NOT_HELD, why, chain, "delete the Pod to be quicker")
    return replace(made, restart=_is_made_again(evidence))


def _is_made_again(evidence: Evidence) -> bool:
    """Somebody makes another Pod when this one is deleted."""
    owner = objects.controller_of(evidence.pod)
    return owner is not None and owner["kind"] in ("ReplicaSet", "ReplicationController", "StatefulSet", "DaemonSet")


# --- locks ---


def _of_lock(evidence: Evidence, volume: VolumeEvidence, lock: Lock, node: str, chain: Chain, now: float) -> Finding:
    image = volume.image
    assert image is not None
    life = liveness.of(node, evidence, now) if node else None
    users = [pod for pod in volume.users if pod["spec"].get("nodeName") == node] if node else []
    watchers = sessions(image, lock.address, lock.locker, evidence)
    chain = (*chain, *_holder_facts(f"lock {lock.id}", node, life, users))
    open_now = dict.fromkeys((lock.address, *(w.address for w in watchers), *whole_node(node, life, evidence)))
    holder = Holder(
        node=node,
        addresses=tuple(address for address in open_now if address not in image.fenced),
        locks=(HeldLock(image.pool, image.image, lock.id, lock.locker),),
    )
    verdict, why, tells = _judge(node, life, users, watchers, image)
    made = plain_causes.finding(evidence, "Lock", verdict, why, chain, _remedy(evidence, users, verdict))
    return replace(made, holder=holder, would_tell=tells, restart=_is_made_again(evidence))


def _judge(
    node: str, life: liveness.Liveness | None, users: list[JSON], watchers: list[Watcher], image: ImageState
) -> tuple[Verdict, str, str]:
    """(verdict, because, what would tell)."""
    whose = f"node {node}" if node else "no node of this cluster"
    if life is not None and life.is_off:
        return Verdict.STALE, f"{whose} is off ({life.says}), its lock is a left-over", ""
    live = [each for each in watchers if each.address not in image.fenced]
    if live:
        session = f"{live[0].client} at {live[0].address}"
        why = f"{whose if node else 'somebody'} has the image open ({session})"
        if life is not None and life.life is Life.SILENT:
            return Verdict.IN_USE, f"{why}: it is cut off or stands still, or has died in the last 30 s", ""
        return Verdict.IN_USE, why, ""
    if life is not None and life.life is Life.ALIVE and users:
        names = ", ".join(objects.name(pod) for pod in users)
        return Verdict.IN_USE, f"{whose} is alive and runs {names} with this volume", ""
    if life is not None and life.life is Life.ALIVE:
        return Verdict.STALE, f"{whose} is alive, runs no Pod with this volume, and nobody has the image open", ""
    why = f"{whose} is silent" if life is not None else f"the holder is {whose}"
    return Verdict.STALE, f"{why}, and nobody has the image open", ""


def sessions(image: ImageState, address: str, client: str, evidence: Evidence) -> list[Watcher]:
    """The watchers that may be the holder's: all but those that are surely of the waiting Pod's own node."""
    own = evidence.pod["spec"].get("nodeName")
    return [
        each
        for each in image.watchers
        if each.address == address
        or each.client == client
        or own is None
        or liveness.node_of_address(each.address, evidence) != own
    ]


def whole_node(node: str, life: liveness.Liveness | None, evidence: Evidence) -> list[str]:
    """The address that stands for all sessions of a node that is not alive, where no other node has it.

    The kernel's session need not be the one that took the lock (up to Kubernetes 1.8 that was the `rbd` command's), and
    a node that stands still may have lost its watch and still come back to write.
    """
    if life is None or life.life is Life.ALIVE:
        return []
    addresses = objects.get(evidence.nodes.get(node, {}), "status", "addresses", default=[])
    own = [str(each["address"]) for each in addresses if each.get("type") == "InternalIP"]
    return [f"{ip}:0/0" for ip in own if liveness.node_of_address(f"{ip}:0/0", evidence) == node]


def _holder_facts(what: str, node: str, life: liveness.Liveness | None, users: list[JSON]) -> Chain:
    if life is None:
        return (Fact(what, "names no node of this cluster"),)
    names = ", ".join(f"{objects.name(pod)} ({_phase(pod)})" for pod in users) or "none"
    return (
        Fact(f"node {node}", f"{life.life.value}: {life.says}"),
        Fact(f"pods on {node} with this volume", names),
    )


def _phase(pod: JSON) -> str:
    if objects.is_terminating(pod):
        return "Terminating"
    return str(objects.get(pod, "status", "phase", default="Pending"))


def _remedy(evidence: Evidence, users: list[JSON], verdict: Verdict) -> str:
    """What to do about a roll that overlaps with itself."""
    if verdict is not Verdict.IN_USE or not users:
        return ""
    owner = objects.controller_of(evidence.pod)
    if owner is None or owner["kind"] != "ReplicaSet":
        return ""
    return MOVING


# --- watchers without a lock ---


def _of_watcher(evidence: Evidence, volume: VolumeEvidence, watcher: Watcher, chain: Chain, now: float) -> Finding:
    image = volume.image
    assert image is not None
    node = liveness.node_of_address(watcher.address, evidence)
    life = liveness.of(node, evidence, now) if node else None
    users = [pod for pod in volume.users if pod["spec"].get("nodeName") == node] if node else []
    chain = (*chain, *_holder_facts(f"watcher {watcher.client}", node, life, users))
    address = () if watcher.address in image.fenced else (watcher.address,)
    holder = Holder(node=node, addresses=address)
    verdict, why, tells = _judge_watcher(node, life, users, watcher, fenced=not address)
    made = plain_causes.finding(evidence, "Watcher", verdict, why, chain, _remedy(evidence, users, verdict))
    return replace(made, holder=holder, would_tell=tells)


def _judge_watcher(
    node: str, life: liveness.Liveness | None, users: list[JSON], watcher: Watcher, *, fenced: bool
) -> tuple[Verdict, str, str]:
    if fenced:
        return Verdict.NOT_HELD, f"{watcher.client} is fenced; its session ends within 30 s", ""
    if life is None:
        tells = f"who {watcher.address} is: the image is open there, and that is no node of this cluster"
        return Verdict.CANNOT_TELL, f"{watcher.client} at {watcher.address} has the image open", tells
    if life.is_off:
        return Verdict.STALE, f"node {node} is off ({life.says}), its session is about to end", ""
    if users or life.life is Life.SILENT:
        return Verdict.IN_USE, f"node {node} has the image open ({watcher.client} at {watcher.address})", ""
    tells = f"whether the image is still mounted there: findmnt and rbd showmapped on {node}"
    return Verdict.CANNOT_TELL, f"node {node} has the image open, though no Pod there uses it", tells


# --- attachments ---


def _attached_elsewhere(evidence: Evidence, volume: VolumeEvidence) -> JSON | None:
    """An attachment to another node of a volume that one node at a time may have."""
    if volume.volume is None or SHARED & set(volume.volume["spec"].get("accessModes") or ()):
        return None
    node = evidence.pod["spec"]["nodeName"]
    if any(each["spec"]["nodeName"] == node and objects.get(each, "status", "attached") for each in volume.attachments):
        return None
    return next((each for each in volume.attachments if each["spec"]["nodeName"] != node), None)


def _of_attachment(evidence: Evidence, volume: VolumeEvidence, attachment: JSON, chain: Chain, now: float) -> Finding:
    node = str(attachment["spec"]["nodeName"])
    life = liveness.of(node, evidence, now)
    users = [pod for pod in volume.users if pod["spec"].get("nodeName") == node]
    fact = Fact(f"volumeattachment {objects.name(attachment)}", f"attached to {node}")
    chain = (*chain, fact, *_holder_facts("", node, life, users))
    live = _image_sessions(volume.image, node, evidence)
    verdict, why, tells = _judge_attachment(node, life, users, live, volume, evidence)
    addresses = tuple(each.address for each in live)
    holder = Holder(
        node=node,
        addresses=addresses,
        attachment=(objects.name(attachment), objects.uid(attachment)),
        needs_taint=life.life is not Life.ALIVE and life.life is not Life.GONE and not _is_tainted(evidence, node),
        stranded=tuple((objects.key(pod), objects.uid(pod)) for pod in users if objects.is_terminating(pod)),
    )
    made = plain_causes.finding(evidence, "MultiAttach", verdict, why, chain, _remedy(evidence, users, verdict))
    return replace(made, holder=holder, would_tell=tells)


def _image_sessions(image: ImageState | None, node: str, evidence: Evidence) -> list[Watcher]:
    if image is None or image.problem:
        return []
    found = sessions(image, "", "", evidence)
    return [each for each in found if each.address not in image.fenced]


def _judge_attachment(
    node: str,
    life: liveness.Liveness,
    users: list[JSON],
    live: list[Watcher],
    volume: VolumeEvidence,
    evidence: Evidence,
) -> tuple[Verdict, str, str]:
    name = objects.name(volume.volume or {"metadata": {"name": volume.pod_volume}})
    if life.is_off:
        return Verdict.STALE, f"node {node} is off ({life.says}), {name} can't be in use there", ""
    if live:
        return Verdict.IN_USE, f"node {node} has the image open ({live[0].client} at {live[0].address})", ""
    if life.life is Life.ALIVE and (users or _mounted(evidence, node, name)):
        names = ", ".join(objects.name(pod) for pod in users) or "something that the node has not unmounted"
        return Verdict.IN_USE, f"node {node} is alive and {name} is used there by {names}", ""
    if life.life is Life.ALIVE:
        return Verdict.STALE, f"node {node} is alive and has nothing of {name} mounted", ""
    if volume.image is not None and not volume.image.problem:
        return Verdict.STALE, f"node {node} is silent, and nobody has the image open", ""
    tells = POWER_TELLS.format(node=node)
    return Verdict.CANNOT_TELL, f"node {node} is silent, which is not the same as dead: {name} may be in use", tells


def _mounted(evidence: Evidence, node: str, volume: str) -> bool:
    """Whether the agent itself says so (status.volumesInUse)."""
    listed = objects.get(evidence.nodes.get(node, {}), "status", "volumesInUse", default=[])
    return any(volume in each for each in listed)


def _is_tainted(evidence: Evidence, node: str) -> bool:
    known = evidence.nodes.get(node, {})
    return any(taint["key"] == taints.OUT_OF_SERVICE for taint in objects.get(known, "spec", "taints", default=[]))
