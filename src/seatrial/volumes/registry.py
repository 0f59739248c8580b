"""The volume plugins, written out."""

from seatrial.volumes.base import Plugin, Plugins
from seatrial.volumes.csi import Csi
from seatrial.volumes.host_folders import HostFolders
from seatrial.volumes.nfs import Nfs


def plugins(rbd: Plugin) -> Plugins:
    """By the kind of source. `rbd` knows its image store."""
    return {
        "csi": Csi(),
        "hostPath": HostFolders("hostPath"),
        "local": HostFolders("local"),
        "nfs": Nfs(),
        "rbd": rbd,
    }
