"""Which image store `seatrial rescue` asks: the Ceph cluster of --ceph-conf, or that of a cluster of this machine.

Without a name the cluster is recognised by its API's address in the kubeconfig. A store that can't be asked is no
error: Rescue then says what it can tell without, and what would tell the rest.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from seatrial.base.errors import SeatrialError
from seatrial.cli import image_stores
from seatrial.client import kubeconfig as files
from seatrial.cluster import config as cluster_config
from seatrial.cluster import state
from seatrial.rescue.image_access import Images, NoImages, StoreImages

UNKNOWN = "no image store of this cluster is known; give --ceph-conf FILE"


@asynccontextmanager
async def opened(ceph_conf: Path | None, name: str, kubeconfig: Path | None, context: str) -> AsyncIterator[Images]:
    """The store, as long as the context lasts."""
    name = name or _name_of(files.load(kubeconfig, context).server)
    async with AsyncExitStack() as stack:
        if not name and ceph_conf is None:
            yield NoImages(UNKNOWN)
            return
        try:
            store = await image_stores.open_store(name, ceph_conf, stack)
        except SeatrialError as error:
            yield NoImages(str(error))
            return
        yield StoreImages(store)


def _name_of(url: str) -> str:
    """The cluster of this machine whose API is there; "" if none is."""
    clusters = cluster_config.state_dir("any").parent
    for folder in sorted(clusters.glob("*/state.json")):
        running = state.read(folder.parent)
        if running is not None and running.url == url:
            return running.name
    return ""
