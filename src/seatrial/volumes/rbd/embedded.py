"""The embedded image store: a folder with sparse image files and their index.

    DIR/index.db         the index
    DIR/POOL/IMAGE.img   an image's bytes, sparse
    DIR/POOL/IMAGE@SNAP  a snapshot's

Blocking calls run in a thread. Pools and images may have any name that Ceph allows; as files their names are quoted.
"""

import asyncio
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from seatrial.base.env import Env
from seatrial.volumes.rbd.images import ENOSPC, ImageError, ImageName
from seatrial.volumes.rbd.index import Index
from seatrial.volumes.rbd.memory import MemoryStore

T = TypeVar("T")


class EmbeddedStore(MemoryStore):
    """See the module. Raises CorruptIndex."""

    def __init__(self, directory: Path, env: Env) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.directory = directory
        self.index = Index(str(directory / "index.db"), env)

    def file_of(self, name: ImageName) -> Path:
        """Where an image's bytes are."""
        return self._file(name, ".img")

    def _file(self, name: ImageName, ending: str) -> Path:
        return self.directory / quote(name.pool, safe="") / (quote(name.image, safe="") + ending)

    async def create(self, name: ImageName, size: int, features: Sequence[str] = ("layering",)) -> None:
        await _in_thread(lambda: self._create(name, size, features))

    def _create(self, name: ImageName, size: int, features: Sequence[str]) -> None:
        if size > shutil.disk_usage(self.directory).total:
            raise ImageError(ENOSPC, f"rbd: create error: {name} would be larger than the disk below {self.directory}")
        self.index.create(name, size, features)
        _truncate(self.file_of(name), size)

    async def remove(self, name: ImageName) -> None:
        await super().remove(name)
        await _in_thread(lambda: self.file_of(name).unlink(missing_ok=True))

    async def resize(self, name: ImageName, size: int, *, allow_shrink: bool = False) -> None:
        await super().resize(name, size, allow_shrink=allow_shrink)
        await _in_thread(lambda: _truncate(self.file_of(name), size))

    async def used(self, name: ImageName) -> int:
        self.index.info(name)
        return await _in_thread(lambda: _stored(self.file_of(name)))

    async def create_snapshot(self, name: ImageName, snapshot: str) -> None:
        made = self.index.create_snapshot(name, snapshot)
        await _in_thread(lambda: _copy_sparse(self.file_of(name), self._file(name, f"@{quote(made.name, safe='')}")))

    async def remove_snapshot(self, name: ImageName, snapshot: str) -> None:
        gone = self.index.remove_snapshot(name, snapshot)
        await _in_thread(lambda: self._file(name, f"@{quote(gone.name, safe='')}").unlink(missing_ok=True))


async def _in_thread(work: Callable[[], T]) -> T:
    return await asyncio.to_thread(work)


def _truncate(file: Path, size: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.ftruncate(descriptor, size)
    finally:
        os.close(descriptor)


def _stored(file: Path) -> int:
    try:
        return file.stat().st_blocks * 512
    except FileNotFoundError:
        return 0


def _copy_sparse(source: Path, target: Path) -> None:
    """Only the parts that hold data."""
    with source.open("rb") as reader, open(os.open(target, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as writer:
        size, position = os.fstat(reader.fileno()).st_size, 0
        while position < size:
            try:
                begin = os.lseek(reader.fileno(), position, os.SEEK_DATA)
            except OSError:
                break
            position = os.lseek(reader.fileno(), begin, os.SEEK_HOLE)
            os.lseek(writer.fileno(), begin, os.SEEK_SET)
            os.lseek(reader.fileno(), begin, os.SEEK_SET)
            left = position - begin
            while left:
                data = os.read(reader.fileno(), min(left, 1 << 20))
                os.write(writer.fileno(), data)
                left -= len(data)
        os.ftruncate(writer.fileno(), size)
