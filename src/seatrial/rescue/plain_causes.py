"""Pods that hang for reasons which no rescue is needed for, in a sentence: no node, a claim, an image, a ConfigMap."""

from collections.abc import Iterator

from seatrial.base.types import JSON
from seatrial.machinery import conditions, objects, times
from seatrial.rescue.evidence import Evidence, VolumeEvidence
from seatrial.rescue.findings import Fact, Finding, Verdict

_IMAGE = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
_CONFIGURATION = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
PATIENCE_SECONDS = 60.0

Chain = tuple[Fact, ...]


def finding(evidence: Evidence, cause: str, verdict: Verdict, because: str, chain: Chain, remedy: str = "") -> Finding:
    """A finding about the evidence's Pod."""
    return Finding(objects.key(evidence.pod), objects.uid(evidence.pod), cause, verdict, because, chain, remedy=remedy)


def waiting_reason(pod: JSON) -> str:
    """Why its first waiting container waits: `ContainerCreating`, `ImagePullBackOff`, …"""
    return next((reason for _, reason, _ in _waiting(pod)), "")


def _waiting(pod: JSON) -> Iterator[tuple[str, str, str]]:
    """(container, reason, message)."""
    status = pod.get("status") or {}
    for each in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = objects.get(each, "state", "waiting")
        if waiting:
            yield str(each["name"]), str(waiting.get("reason", "")), str(waiting.get("message", ""))


def unscheduled(evidence: Evidence, chain: Chain) -> Finding:
    """A Pod that has no node."""
    claim = of_claims(evidence, chain)
    if claim is not None:
        return claim
    scheduled = conditions.find(evidence.pod, "PodScheduled") or {}
    message = scheduled.get("message", "")
    if scheduled.get("status") != "False" or not message:
        why = "the scheduler has not said anything about it: is there one that answers to its schedulerName?"
        return finding(evidence, "NotScheduled", Verdict.NOT_HELD, why, chain)
    if scheduled.get("reason") == "SchedulingGated":
        remedy = "whoever set spec.schedulingGates has to remove them"
        return finding(evidence, "SchedulingGated", Verdict.NOT_HELD, message, chain, remedy)
    remedy = "make room, add a node, or change what the Pod asks of a node"
    return finding(evidence, "Unschedulable", Verdict.NOT_HELD, f"no node takes it: {message}", chain, remedy)


def of_claims(evidence: Evidence, chain: Chain) -> Finding | None:
    """A claim that is missing, goes, or is not bound."""
    for volume in evidence.volumes:
        if volume.claim_name and not (volume.claim is None and "persistentvolumeclaims" in evidence.unread):
            found = _of_claim(evidence, volume, chain)
            if found is not None:
                return found
    return None


def _of_claim(evidence: Evidence, volume: VolumeEvidence, chain: Chain) -> Finding | None:
    name, claim = f"{objects.namespace(evidence.pod)}/{volume.claim_name}", volume.claim
    if claim is None:
        chain = (*chain, Fact(f"claim {name}", "there is none"))
        why = f"its claim {volume.claim_name} does not exist"
        return finding(evidence, "NoClaim", Verdict.NOT_HELD, why, chain, "make the claim")
    if objects.is_terminating(claim):
        return _terminating_claim(evidence, volume, claim, chain)
    phase = objects.get(claim, "status", "phase", default="Pending")
    chain = (*chain, Fact(f"claim {name}", f"{phase}{_said(volume)}"))
    if phase == "Lost":
        why = f"the volume {claim['spec'].get('volumeName')} of claim {volume.claim_name} is gone, and its data with it"
        return finding(evidence, "LostClaim", Verdict.NOT_HELD, why, chain, "restore the PersistentVolume, or the data")
    if phase == "Bound":
        return None
    return _unbound(evidence, volume, claim, chain)


def _unbound(evidence: Evidence, volume: VolumeEvidence, claim: JSON, chain: Chain) -> Finding:
    name = claim["spec"].get("storageClassName") or ""
    if name and volume.storage_class is None and "storageclasses" not in evidence.unread:
        chain = (*chain, Fact(f"storageclass {name}", "there is none"))
        why = f"claim {volume.claim_name} wants StorageClass {name}, which does not exist"
        remedy = f"make StorageClass {name}, or a PersistentVolume of that class; a claim's class can't be changed"
        return finding(evidence, "NoStorageClass", Verdict.NOT_HELD, why, chain, remedy)
    wants = (
        f"{objects.get(claim, 'spec', 'resources', 'requests', 'storage', default='any size')} with "
        f"{', '.join(claim['spec'].get('accessModes') or ())}, {f'class {name}' if name else 'no class'}"
    )
    if volume.storage_class is not None and volume.storage_class.get("provisioner") != "kubernetes.io/no-provisioner":
        provisioner = volume.storage_class.get("provisioner")
        chain = (*chain, Fact(f"storageclass {name}", f"provisioner {provisioner}"))
        why = f"claim {volume.claim_name} is not bound: provisioner {provisioner} has made no volume for it"
        return finding(evidence, "UnboundClaim", Verdict.NOT_HELD, why, chain, "look at the provisioner's own log")
    why = f"claim {volume.claim_name} is not bound: no PersistentVolume fits ({wants})"
    return finding(evidence, "UnboundClaim", Verdict.NOT_HELD, why, chain, "make a PersistentVolume that fits")


def _said(volume: VolumeEvidence) -> str:
    for event in reversed(volume.claim_events):
        return f": {event.get('message', '')}"
    return ""


def _terminating_claim(evidence: Evidence, volume: VolumeEvidence, claim: JSON, chain: Chain) -> Finding:
    kept = ", ".join(objects.finalizers(claim)) or "nothing"
    users = ", ".join(objects.name(pod) for pod in volume.users) or "no other Pod"
    name = f"{objects.namespace(claim)}/{volume.claim_name}"
    chain = (*chain, Fact(f"claim {name}", f"is being deleted, kept by {kept}; used by {users}"))
    why = f"claim {volume.claim_name} is being deleted, and a new Pod can't have it"
    remedy = "let the deletion end (delete the Pods that use it), then make the claim again"
    return finding(evidence, "TerminatingClaim", Verdict.NOT_HELD, why, chain, remedy)


def diagnose(evidence: Evidence, chain: Chain, now: float) -> Finding:
    """A Pod that is on its node, and no volume holds it up."""
    for container, reason, message in _waiting(evidence.pod):
        if reason in _IMAGE:
            why = f"the image of container {container} can't be had: {reason}{f' ({message})' if message else ''}"
            return finding(evidence, "Image", Verdict.NOT_HELD, why, chain, "check its name, tag and pull secret")
        if reason in _CONFIGURATION:
            why = f"container {container} can't be made: {message or reason}"
            remedy = "make the ConfigMap, Secret or key that it names, or correct the Pod"
            return finding(evidence, "Configuration", Verdict.NOT_HELD, why, chain, remedy)
    return _by_event(evidence, chain) or _waits(evidence, chain, now)


def _by_event(evidence: Evidence, chain: Chain) -> Finding | None:
    for event in reversed(evidence.events):
        message = " ".join(str(event.get("message", "")).split())
        if event.get("reason") == "FailedCreatePodSandBox":
            return finding(evidence, "Sandbox", Verdict.NOT_HELD, message, chain, "look at the node's network plugin")
        if event.get("reason") in ("FailedMount", "FailedAttachVolume"):
            remedy = "make the ConfigMap or Secret that it names" if "not found" in message else ""
            why = f"a volume can't be had: {message}"
            return finding(evidence, "Mount", Verdict.NOT_HELD, why, chain, remedy)
    return None


def _waits(evidence: Evidence, chain: Chain, now: float) -> Finding:
    pod = evidence.pod
    age = now - times.parse_time(objects.creation_timestamp(pod))
    if age < PATIENCE_SECONDS:
        return finding(evidence, "Starting", Verdict.WELL, "it is starting, and nothing has gone wrong so far", chain)
    why = f"the agent of {pod['spec']['nodeName']} has not said why it does not start"
    return finding(evidence, "Silent", Verdict.CANNOT_TELL, why, chain, "look at the log of the node's kubelet")
