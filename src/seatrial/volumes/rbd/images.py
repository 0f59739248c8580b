"""What an image store is: pools, images, snapshots, locks, watchers and fences, as Ceph's RBD has them.

A `client` is one session with the store; it holds locks and watches images. A lock outlives its client, a watch ends
30 s after the client was last heard of. A fenced client (Ceph: on the OSD blocklist) can do nothing any more, whatever
it believes. One suite in tests/contract holds for every store.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from seatrial.base.errors import VolumeError

ENOENT, EBUSY, EEXIST, EINVAL, ENOSPC, ENOTEMPTY, ESHUTDOWN, ETIMEDOUT = 2, 16, 17, 22, 28, 39, 108, 110
_TEXTS = {
    ENOENT: "No such file or directory",
    EBUSY: "Device or resource busy",
    EEXIST: "File exists",
    EINVAL: "Invalid argument",
    ENOSPC: "No space left on device",
    ENOTEMPTY: "Directory not empty",
    ESHUTDOWN: "Cannot send after transport endpoint shutdown",
    ETIMEDOUT: "Connection timed out",
}
DEFAULT_POOL = "rbd"
WATCH_SECONDS = 30.0
FENCE_SECONDS = 3600.0
ORDER = 22
"""Objects of 4 MiB."""


class ImageError(VolumeError):
    """What the store refuses, with its errno. `what` is what was done; the errno's text follows, unless `whole`."""

    def __init__(self, code: int, what: str, *, whole: bool = False) -> None:
        super().__init__(what if whole else f"{what}: ({code}) {_TEXTS.get(code, 'error')}")
        self.code = code


@dataclass(frozen=True, order=True)
class ImageName:
    """Pool and image; printed as rbd takes it."""

    pool: str
    image: str

    def __str__(self) -> str:
        return f"{self.pool}/{self.image}"


def parse(text: str) -> ImageName:
    """`mioss/index-api-image`, or `index-api-image` in the pool `rbd`. Raises ImageError."""
    pool, slash, image = text.rpartition("/")
    name = ImageName(pool if slash else DEFAULT_POOL, image)
    if not name.pool or not name.image or "/" in name.pool or "@" in image:
        raise ImageError(EINVAL, f"rbd: invalid image name '{text}'")
    return name


@dataclass(frozen=True)
class Image:
    """Sizes are bytes, times seconds since 1970."""

    name: ImageName
    id: str
    size: int
    features: tuple[str, ...]
    created_at: float


@dataclass(frozen=True)
class Snapshot:
    """`size` is the image's when it was taken."""

    id: int
    name: str
    size: int
    protected: bool
    taken_at: float


@dataclass(frozen=True)
class Lock:
    """`locker` is `client.4155`, `address` is `127.0.0.1:0/1723265429`."""

    id: str
    locker: str
    address: str


@dataclass(frozen=True)
class Watcher:
    """A live client that has the image open."""

    address: str
    client: int
    cookie: int


@dataclass(frozen=True)
class Client:
    """One session: its number and its address with a nonce."""

    number: int
    address: str

    @property
    def name(self) -> str:
        return f"client.{self.number}"


class ImageStore(Protocol):
    """Every method may raise ImageError."""

    async def pools(self) -> Sequence[str]: ...
    async def create_pool(self, name: str) -> None: ...
    async def images(self, pool: str) -> Sequence[str]: ...
    async def info(self, name: ImageName) -> Image: ...
    async def create(self, name: ImageName, size: int, features: Sequence[str] = ("layering",)) -> None: ...
    async def remove(self, name: ImageName) -> None: ...
    async def resize(self, name: ImageName, size: int, *, allow_shrink: bool = False) -> None: ...
    async def used(self, name: ImageName) -> int:
        """Bytes that are really stored."""
        ...

    async def snapshots(self, name: ImageName) -> Sequence[Snapshot]: ...
    async def create_snapshot(self, name: ImageName, snapshot: str) -> None: ...
    async def remove_snapshot(self, name: ImageName, snapshot: str) -> None: ...
    async def protect_snapshot(self, name: ImageName, snapshot: str, *, protected: bool) -> None: ...

    async def connect(self, address: str) -> Client:
        """A new session from this host."""
        ...

    async def disconnect(self, client: Client) -> None:
        """Its watches end at once, its locks stay."""
        ...

    async def lose(self, client: Client) -> None:
        """Its host has lost power: nobody hears of it any more. Its watches end in their time, its locks stay."""
        ...

    async def beat(self, clients: Sequence[Client]) -> None:
        """These clients are alive."""
        ...

    async def locks(self, name: ImageName) -> Sequence[Lock]: ...
    async def add_lock(self, name: ImageName, id: str, client: Client) -> None:
        """Exclusive: EBUSY if there is any lock, ESHUTDOWN if the client is fenced."""
        ...

    async def remove_lock(self, name: ImageName, id: str, locker: str) -> None:
        """ENOENT if there is no such lock of this locker. Its holder is fenced, as Ceph does, unless it is gone."""
        ...

    async def release_lock(self, name: ImageName, id: str, client: Client) -> None:
        """By its own holder, who is not fenced for it."""
        ...

    async def watchers(self, name: ImageName) -> Sequence[Watcher]: ...
    async def watch(self, name: ImageName, client: Client) -> None: ...
    async def unwatch(self, name: ImageName, client: Client) -> None: ...
    async def fence(self, address: str, seconds: float = FENCE_SECONDS) -> None:
        """When this returns, the client of this address can write no more."""
        ...

    async def fences(self) -> Sequence[str]:
        """The addresses that are fenced now."""
        ...

    async def may_write(self, name: ImageName, client: Client) -> bool:
        """Whether a write of this client would reach the image now: it is not fenced."""
        ...
