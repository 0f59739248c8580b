"""All that a diagnosis may look at: objects of the API, and what the image store says. Frozen; no I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from seatrial.base.types import JSON


@dataclass(frozen=True)
class Lock:
    """As `rbd lock list` has it: locker `client.4155`, id `kubelet_lock_magic_node1`, address `10.0.0.1:0/17232`."""

    locker: str
    id: str
    address: str


@dataclass(frozen=True)
class Watcher:
    """As `rbd status` has it: a session that has the image open."""

    address: str
    client: str


@dataclass(frozen=True)
class ImageState:
    """`problem`: why the image store can't be asked, then the rest says nothing. `fenced`: addresses that are.

    `missing`: there is no such image.
    """

    pool: str
    image: str
    locks: Sequence[Lock] = ()
    watchers: Sequence[Watcher] = ()
    fenced: frozenset[str] = frozenset()
    problem: str = ""
    missing: bool = False

    @property
    def name(self) -> str:
        return f"{self.pool}/{self.image}"


@dataclass(frozen=True)
class VolumeEvidence:
    """One volume of the Pod. `claim_name` "" : the source stands in the Pod itself.

    `users`: other Pods of the namespace with the same claim that have not ended. `storage_class`: None if there is
    none.
    """

    pod_volume: str
    claim_name: str = ""
    claim: JSON | None = None
    claim_events: Sequence[JSON] = ()
    storage_class: JSON | None = None
    volume: JSON | None = None
    attachments: Sequence[JSON] = ()
    image: ImageState | None = None
    users: Sequence[JSON] = ()


@dataclass(frozen=True)
class Evidence:
    """`events` of the Pod, oldest first. `nodes` and `leases` by name; `powered_off`: the user says so.

    `owner`: the Pod's controller, None if it is not there (any more).
    """

    pod: JSON
    events: Sequence[JSON] = ()
    volumes: Sequence[VolumeEvidence] = ()
    nodes: Mapping[str, JSON] = field(default_factory=dict)
    leases: Mapping[str, JSON] = field(default_factory=dict)
    powered_off: frozenset[str] = frozenset()
    owner: JSON | None = None
    unread: frozenset[str] = frozenset()
    """Resources (plurals) that whoever asks may not read."""
