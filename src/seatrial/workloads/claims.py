"""Claims, the Pods that use them, and the marks that binding leaves (component-helpers/storage/volume)."""

from collections.abc import Iterable

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
