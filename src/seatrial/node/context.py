"""What the Pod workers of one node share."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from seatrial.aio.tasks import Supervisor
from seatrial.base.env import Env
from seatrial.base.types import JSON
from seatrial.client.base import Client
from seatrial.node.link import Link
from seatrial.node.pod_network import PodNetwork
from seatrial.node.runtimes.base import Runtime
from seatrial.node.sources import Sources
from seatrial.node.volume_mounts import VolumeMounts


class RecordEvent(Protocol):
    """Records an event in the node's name."""

    def __call__(self, regarding: JSON, type: str, reason: str, message: str, *, field_path: str = "") -> None: ...


@dataclass(frozen=True, slots=True)
class NodeContext:
    """See the module."""

    name: str
    client: Client
    """The API, as far as it can be reached from this node (through `link`)."""
    link: Link
    env: Env
    runtime: Runtime
    network: PodNetwork
    supervisor: Supervisor
    sources: Sources
    volumes: VolumeMounts
    record: RecordEvent
    withdrawn: Callable[[JSON], Awaitable[None]] | None
    """Returns when no proxy sends anything to the terminating Pod any more."""
    forget: Callable[[str], None]
    """Called with the uid when nothing of a Pod is left on the node."""
    resumes: bool = False
    """The node is another cluster's, seen at one moment: what ran on it then runs on."""
