"""Which image store `seatrial rescue` asks: that of a cluster of this machine.

Without a name the cluster is recognised by its API's address in the kubeconfig.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from seatrial.base.env import SystemEnv
from seatrial.client import kubeconfig as files
from seatrial.cluster import config as cluster_config
from seatrial.cluster import state
from seatrial.cluster.state import ClusterState
from seatrial.rescue.image_access import Images, NoImages, StoreImages

UNKNOWN = "no image store of this cluster is known here"


@asynccontextmanager
async def opened(name: str, kubeconfig: Path | None, context: str) -> AsyncIterator[Images]:
    """The store, as long as the context lasts."""
    running = state.read(cluster_config.state_dir(name)) if name else _serving(files.load(kubeconfig, context).server)
    if running is None:
        yield NoImages(UNKNOWN)
    elif running.runtime == "simulated":
        yield NoImages("the images of a simulated cluster are in its memory only")
    else:
        from seatrial.volumes.rbd.embedded import EmbeddedStore

        embedded = EmbeddedStore(directory_of(running), SystemEnv())
        try:
            yield StoreImages(embedded)
        finally:
            await embedded.close()


def directory_of(running: ClusterState) -> Path:
    """Where its images are: beside its data, or in its own folder."""
    return (Path(running.data_dir) if running.data_dir else cluster_config.state_dir(running.name)) / "images"


def _serving(url: str) -> ClusterState | None:
    """The cluster of this machine whose API is there."""
    clusters = cluster_config.state_dir("x").parent
    for folder in sorted(clusters.glob("*/state.json")):
        running = state.read(folder.parent)
        if running is not None and running.url == url:
            return running
    return None
