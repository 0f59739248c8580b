"""The volume plugins, written out."""

from seatrial.volumes.base import Plugins
from seatrial.volumes.csi import Csi
from seatrial.volumes.host_folders import HostFolders
from seatrial.volumes.nfs import Nfs


def plugins() -> Plugins:
    """By the kind of source."""
    return {"csi": Csi(), "hostPath": HostFolders("hostPath"), "local": HostFolders("local"), "nfs": Nfs()}
