"""The volume plugins and provisioners, written out."""

from collections.abc import Mapping
from pathlib import Path

from seatrial.base.env import Env
from seatrial.volumes import assumed, host_provisioner
from seatrial.volumes.assumed import Assumed
from seatrial.volumes.base import Plugin, Plugins, Provisioner
from seatrial.volumes.csi import Csi
from seatrial.volumes.host_folders import HostFolders
from seatrial.volumes.host_provisioner import HostProvisioner
from seatrial.volumes.nfs import Nfs
from seatrial.volumes.rbd.images import ImageStore
from seatrial.volumes.rbd.provisioner import RbdProvisioner


def plugins(rbd: Plugin, *, simulated: bool) -> Plugins:
    """By the kind of source. `rbd` knows its image store. `simulated`: for nodes that leave the host alone."""
    elsewhere = {kind: Assumed(kind) for kind in assumed.KINDS} if simulated else {}
    return {
        **elsewhere,
        "csi": Csi(),
        "hostPath": HostFolders("hostPath"),
        "local": HostFolders("local"),
        "nfs": Nfs(),
        "rbd": rbd,
    }


def provisioners(store: ImageStore, env: Env, folder: Path | None) -> Mapping[str, Provisioner]:
    """By the name that StorageClasses have. `folder`: where folders of the host are made; None: nowhere."""
    return {"kubernetes.io/rbd": RbdProvisioner(store, env), host_provisioner.NAME: HostProvisioner(folder)}
