"""Claims, the Pods that use them, and the marks that binding leaves (component-helpers/storage/volume)."""

from collections.abc import Iterable, Iterator

from seatrial.base.types import JSON
from seatrial.machinery import objects

BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
PROVISIONER_ANNOTATIONS = ("volume.beta.kubernetes.io/storage-provisioner", "volume.kubernetes.io/storage-provisioner")
SELECTED_NODE = "volume.kubernetes.io/selected-node"
NO_PROVISIONER = "kubernetes.io/no-provisioner"
CLAIM_PROTECTION = "kubernetes.io/pvc-protection"
VOLUME_PROTECTION = "kubernetes.io/pv-protection"


def name_of(pod: JSON, volume: JSON) -> str | None:
    """The claim behind a volume: named, or the Pod's own of an ephemeral volume; None where there is none."""
    if volume.get("persistentVolumeClaim"):
        return str(volume["persistentVolumeClaim"]["claimName"])
    return f"{objects.name(pod)}-{volume['name']}" if volume.get("ephemeral") is not None else None


def named_by(pod: JSON) -> list[str]:
    """The claims that a Pod names, without those that are made for its ephemeral volumes."""
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    return [str(each["persistentVolumeClaim"]["claimName"]) for each in volumes if each.get("persistentVolumeClaim")]


def names_of(pod: JSON) -> list[str]:
    """The claims that a Pod uses."""
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    return [name for volume in volumes if (name := name_of(pod, volume)) is not None]


def ephemeral(spec: JSON) -> Iterator[JSON]:
    """The volumes of a Pod's spec whose claims are made for the Pod and go with it."""
    return (volume for volume in spec.get("volumes") or () if volume.get("ephemeral") is not None)


def not_made_for(pod: JSON, claim: JSON) -> str:
    """Why the claim is not the one of an ephemeral volume of the Pod, though it has its name; "" if it is.

    In the words of VolumeIsForPod (component-helpers/storage/ephemeral).
    """
    if objects.is_controlled_by(claim, pod):
        return ""
    names = ("/".join(objects.key(each)) for each in (claim, pod))
    return "PVC {} was not created for pod {} (pod is not owner)".format(*names)


def uses(pod: JSON, claim: str) -> bool:
    """Whether the Pod uses the claim of this name in its namespace."""
    return bool((pod.get("spec") or {}).get("volumes")) and claim in names_of(pod)


def has_ended(pod: JSON) -> bool:
    """A Pod that has ended uses nothing any more."""
    return objects.get(pod, "status", "phase") in ("Succeeded", "Failed")


def users(pods: Iterable[JSON], claim: str) -> list[JSON]:
    """The Pods that use the claim and have not ended."""
    return [pod for pod in pods if uses(pod, claim) and not has_ended(pod)]


def selected_node(claim: JSON) -> str:
    """The node for whose Pod a provisioner is to make the volume; "" while there is none."""
    return str(objects.annotations(claim).get(SELECTED_NODE) or "")


def reference(claim: JSON) -> JSON:
    """claimRef, as the controller writes it."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "name": objects.name(claim),
        "namespace": objects.namespace(claim),
        "uid": objects.uid(claim),
        "resourceVersion": claim["metadata"]["resourceVersion"],
    }
