"""Making an image a folder of this host: a real ext4 where the host allows it, else a plain folder.

    loop    mkfs.ext4 in the image file, mounted through a loop device (root)
    fuse    the same, through fuse2fs (root, and /dev/fuse)
    folder  a folder beside the image file: no file system of its own, no limit of size

Which one is chosen when a cluster starts, and is shown. A file system is made when an image is first mounted.
"""

import asyncio
import os
import shutil
from pathlib import Path
from typing import Literal

from seatrial.base.errors import VolumeError

Way = Literal["loop", "fuse", "folder"]
SECONDS = 120.0
_EXT_MAGIC_AT, _EXT_MAGIC = 1080, b"\x53\xef"


def choose() -> Way:
    """The best way that this host allows."""
    if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None:
        return "folder"
    if shutil.which("mount") and Path("/dev/loop-control").exists():
        return "loop"
    return "fuse" if shutil.which("fuse2fs") and Path("/dev/fuse").exists() else "folder"


async def mount(way: Way, image: Path, where: Path, *, read_only: bool) -> Path:
    """The folder that shows what the image holds. Raises VolumeError."""
    if way == "folder":
        folder = image.with_suffix(".files")
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        return folder
    await asyncio.to_thread(where.mkdir, parents=True, exist_ok=True)
    if await asyncio.to_thread(_is_mounted, where):
        return where
    if not await asyncio.to_thread(_has_file_system, image):
        await run("mkfs.ext4", "-q", "-F", "-E", "nodiscard", str(image))
    mode = "ro" if read_only else "rw"
    if way == "loop":
        await run("mount", "-t", "ext4", "-o", f"loop,{mode}", str(image), str(where))
    else:
        await run("fuse2fs", "-o", f"{mode},fakeroot,allow_other", str(image), str(where))
    return where


def _is_mounted(where: Path) -> bool:
    """By the kernel's own list: a FUSE whose process is gone answers nothing else. Blanks are octal there."""
    name = str(where.absolute()).replace("\\", "\\134").replace(" ", "\\040")
    return any(line.split(" ")[1] == name for line in Path("/proc/self/mounts").read_text().splitlines())


def _has_file_system(image: Path) -> bool:
    with image.open("rb") as file:
        file.seek(_EXT_MAGIC_AT)
        return file.read(2) == _EXT_MAGIC


async def unmount(where: Path, *, lazily: bool = False) -> None:
    """Does nothing where nothing is mounted. `lazily`: now, whoever uses it. Raises VolumeError if it is busy."""
    if await asyncio.to_thread(_is_mounted, where):
        await run("umount", *(["-l"] if lazily else []), str(where))
    await asyncio.to_thread(_remove_folder, where)


def _remove_folder(where: Path) -> None:
    try:
        where.rmdir()
    except OSError:
        pass


async def run(*command: str) -> str:
    """What the command prints. Raises VolumeError with its own words."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise VolumeError(f"{command[0]} did not end within {SECONDS:.0f} s") from None
    text = output.decode(errors="replace").strip()
    if process.returncode:
        raise VolumeError(f"{command[0]} failed: exit status {process.returncode}: {text}")
    return text
