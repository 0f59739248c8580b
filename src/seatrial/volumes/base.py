"""Volumes as a node sees them: what a Pod's volume leads to, and the plugins that make it usable there.

A plugin works for every node of the cluster and is told which one it acts for. It keeps what an unplanned end leaves
behind (locks, attachments) where another node finds it: `abandon` forgets a node's mounts without giving anything back.

On simulated nodes the same plugins run with `where` None: every rule and lock holds, and the host is left alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from seatrial.base.errors import VolumeError
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.workloads import claims
from seatrial.workloads.csi_migration import csi_source

READ_WRITE_ONCE, READ_WRITE_ONCE_POD = "ReadWriteOnce", "ReadWriteOncePod"
READ_ONLY_MANY, READ_WRITE_MANY = "ReadOnlyMany", "ReadWriteMany"
GetObject = Callable[[str], JSON | None]
"""By name; of claims in the Pod's namespace."""


@dataclass(frozen=True)
class VolumeSpec:
    """One volume of a Pod, followed to its source.

    `pod_volume`: its name in the Pod. `name`: the PersistentVolume's, else the same. `kind`: the key of `source`, such
    as `rbd`. `access_modes`: the PersistentVolume's, () for volumes that stand in the Pod.
    """

    pod_volume: str
    name: str
    kind: str
    source: JSON
    read_only: bool = False
    access_modes: tuple[str, ...] = ()
    mount_options: tuple[str, ...] = ()
    persistent: bool = False


@dataclass(frozen=True)
class NodeIdentity:
    """The node that a plugin acts for. `address`: where it says it is."""

    name: str
    address: str


class Plugin(Protocol):
    """One kind of volume. Every method may raise VolumeError, in the words that follow `… failed for volume "x" : `."""

    @property
    def name(self) -> str:
        """`kubernetes.io/rbd`."""
        ...

    @property
    def attachable(self) -> bool:
        """Whether the attach/detach controller has to attach it to the node first."""
        ...

    def unique_name(self, spec: VolumeSpec, pod_uid: str) -> str:
        """The same for all Pods of a node that share one mount."""
        ...

    async def mount(self, spec: VolumeSpec, node: NodeIdentity, where: Path | None) -> Path | None:
        """Make it usable on the node, and return where it is (None on simulated nodes).

        `where`: a folder that the plugin may use. Called again after a failure, and not again until unmount.
        """
        ...

    async def unmount(self, spec: VolumeSpec, node: NodeIdentity, where: Path | None) -> None:
        """Give it back, locks and all. Does nothing for what is not mounted. Called again after a failure."""
        ...

    async def abandon(self, node: NodeIdentity) -> None:
        """The node has lost power: nothing is unmounted or unlocked, and nobody writes from there any more."""
        ...


class Provisioner(Protocol):
    """Makes volumes for claims (StorageClass.provisioner)."""

    async def provision(self, claim: JSON, storage_class: JSON, name: str) -> JSON:
        """The source of the new PersistentVolume `name`, as {kind: source}. Raises VolumeError."""
        ...

    async def delete(self, volume: JSON) -> None:
        """Remove what the volume's source names; nothing there is no error. Raises VolumeError."""
        ...

    async def resize(self, volume: JSON, capacity: str) -> None:
        """Make it larger. Raises VolumeError where that can't be."""
        ...


SOURCE_FIELDS = frozenset({
    "awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "csi", "fc", "flexVolume", "flocker",
    "gcePersistentDisk", "glusterfs", "hostPath", "iscsi", "local", "nfs", "photonPersistentDisk", "portworxVolume",
    "quobyte", "rbd", "scaleIO", "storageos", "vsphereVolume",
})  # fmt: skip
"""The fields of a PersistentVolume's spec that are sources."""


def source_of(volume: JSON) -> tuple[str, JSON]:
    """(kind, source) of a PersistentVolume; ("", {}) if it has none."""
    for name, value in volume["spec"].items():
        if name in SOURCE_FIELDS and value is not None:
            return name, value
    return "", {}


def resolve(pod: JSON, volume: JSON, claim_of: GetObject, persistent_volume_of: GetObject) -> VolumeSpec:
    """Follow a volume of a Pod to its source (pkg/kubelet/volumemanager/populator, createVolumeSpec; 1.32).

    Raises VolumeError while the claim can't be used.
    """
    name = str(volume["name"])
    claim_name = claims.name_of(pod, volume)
    if claim_name is None:
        kind = next((key for key, value in volume.items() if key != "name" and value is not None), "emptyDir")
        kind, source = _served(volume, kind, volume.get(kind) or {})
        return VolumeSpec(name, name, kind, source, bool(source.get("readOnly")))
    where = f"error processing PVC {objects.namespace(pod)}/{claim_name}:"
    claim = claim_of(claim_name)
    if claim is None:
        raise VolumeError(
            f'{where} failed to fetch PVC from API server: persistentvolumeclaims "{claim_name}" not found'
        )
    if objects.is_terminating(claim):
        raise VolumeError(f"{where} PVC is being deleted")
    bound = str(claim["spec"].get("volumeName") or "")
    if not bound or (claim.get("status") or {}).get("phase") != "Bound":
        raise VolumeError(f"{where} PVC is not bound")
    if volume.get("ephemeral") is not None and (problem := claims.not_made_for(pod, claim)):
        raise VolumeError(problem)
    persistent = persistent_volume_of(bound)
    if persistent is None:
        raise VolumeError(f'{where} failed to fetch PV {bound} from API server: persistentvolumes "{bound}" not found')
    if objects.get(persistent, "spec", "claimRef", "uid") != objects.uid(claim):
        raise VolumeError(f"{where} PV {bound} is bound to another claim")
    return of_persistent_volume(persistent, name, bool((volume.get("persistentVolumeClaim") or {}).get("readOnly")))


def of_persistent_volume(volume: JSON, pod_volume: str = "", read_only: bool = False) -> VolumeSpec:
    """The spec of a PersistentVolume."""
    spec = volume["spec"]
    kind, source = _served(spec, *source_of(volume))
    return VolumeSpec(
        pod_volume,
        objects.name(volume),
        kind,
        source,
        read_only or bool(source.get("readOnly")),
        tuple(spec.get("accessModes") or ()),
        tuple(spec.get("mountOptions") or ()),
        persistent=True,
    )


def _served(sources: JSON, kind: str, source: JSON) -> tuple[str, JSON]:
    """(kind, source), those of the CSI driver that has taken over from an in-tree plugin included."""
    served = csi_source(sources)
    return ("csi", served) if served is not None else (kind, source)


def single_node(access_modes: tuple[str, ...]) -> bool:
    """Whether only one node at a time may have it."""
    return bool(access_modes) and not {READ_ONLY_MANY, READ_WRITE_MANY} & set(access_modes)


Plugins = Mapping[str, Plugin]
"""By the kind of source; see VolumeSpec.kind."""
NO_PLUGINS: Plugins = MappingProxyType({})
