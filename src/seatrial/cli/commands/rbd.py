"""`seatrial rbd`: the image store in rbd's own words, of a cluster or of a real Ceph."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from seatrial.cli import image_stores, rbd_output

if TYPE_CHECKING:
    from seatrial.volumes.rbd.images import ImageName, ImageStore

T = TypeVar("T")
EINVAL = 22
_FORM = click.option("--format", "form", type=click.Choice(["plain", "json"]), default="plain", help="Output format.")


@click.group("rbd", short_help="The image store, in rbd's own words.")
@click.option("--name", default="seatrial", envvar="SEATRIAL_NAME", show_default=True, help="The cluster's name.")
@click.option(
    "--ceph-conf",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="SEATRIAL_CEPH_CONF",
    help="A real Ceph instead: its configuration file.",
)
@click.pass_context
def command(ctx: click.Context, name: str, ceph_conf: Path | None) -> None:
    """Pools, images, snapshots and locks, as rbd shows them.

    Exit codes are errno's: 2 there is no such thing, 16 it is held, 17 it is there already, 22 bad arguments.
    """
    ctx.obj = (name, ceph_conf)


def _on_store(work: "Callable[[ImageStore], Awaitable[T]]", renamed: str = "") -> "T":
    """`renamed`: what rbd calls the failure to find an image here."""
    from seatrial.volumes.rbd.images import ENOENT, ImageError

    name, ceph_conf = click.get_current_context().obj
    try:
        return image_stores.run(work, name, ceph_conf)
    except ImageError as error:
        missing = renamed and error.code == ENOENT and "opening pool" not in str(error)
        raise _Refused(f"{renamed}: (2) No such file or directory" if missing else str(error), error.code) from None


class _Refused(click.ClickException):
    """rbd's message and exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code

    @property
    def exit_code(self) -> int:  # type: ignore[override]
        return self.code

    def show(self, file: Any = None) -> None:
        click.echo(self.message, err=True)


def _show(shown: tuple[Sequence[str], Any], form: str) -> None:
    lines, data = shown
    if form == "json":
        click.echo(rbd_output.as_json(data))
    elif lines:
        click.echo("\n".join(lines))


def _image(text: str) -> "ImageName":
    from seatrial.volumes.rbd import images

    try:
        return images.parse(text)
    except images.ImageError as error:
        raise _Refused(str(error), error.code) from None


def _with_snapshot(text: str) -> "tuple[ImageName, str]":
    image, at, snapshot = text.partition("@")
    if not at or not snapshot:
        raise _Refused("rbd: snapshot name was not specified", EINVAL)
    return _image(image), snapshot


def _size(text: str) -> int:
    if not text:
        raise _Refused("rbd: must specify --size <M/G/T>", EINVAL)
    try:
        return rbd_output.parse_size(text)
    except ValueError as error:
        raise _Refused(f"rbd: {error}", EINVAL) from None


def _alias(group: click.Group, original: click.Command, *names: str) -> None:
    for name in names:
        group.add_command(original, name)


# --- pools and images ---


@command.group("pool")
def pool() -> None:
    """Pools: create, ls."""


@pool.command("create")
@click.argument("name")
def pool_create(name: str) -> None:
    """Make a pool; one that is there stays as it is."""
    _on_store(lambda store: store.create_pool(name))


@pool.command("ls")
@_FORM
def pool_ls(form: str) -> None:
    """The pools' names."""
    found = list(_on_store(lambda store: store.pools()))
    _show((found, found), form)


@command.command("ls")
@click.argument("pool_name", default="rbd", metavar="[POOL]")
@_FORM
def ls(pool_name: str, form: str) -> None:
    """The images of a pool."""
    from seatrial.volumes.rbd.images import ENOENT

    try:
        found = list(_on_store(lambda store: store.images(pool_name)))
    except _Refused as error:
        if error.code == ENOENT:
            more = f"{error.message}\nrbd: listing images failed: (2) No such file or directory"
            raise _Refused(more, ENOENT) from None
        raise
    _show((found, found), form)


@command.command("info")
@click.argument("image")
@_FORM
def info(image: str, form: str) -> None:
    """What an image is."""
    name = _image(image)

    async def read(store: "ImageStore") -> tuple[list[str], dict[str, Any]]:
        return rbd_output.info(await store.info(name), len(await store.snapshots(name)))

    _show(_on_store(read), form)


@command.command("disk-usage")
@click.argument("spec", metavar="POOL|POOL/IMAGE")
@_FORM
def disk_usage(spec: str, form: str) -> None:
    """How much of an image, or of all of a pool, is really stored."""
    from seatrial.volumes.rbd.images import ImageName

    async def read(store: "ImageStore") -> tuple[list[str], dict[str, Any]]:
        whole = "/" not in spec and spec in await store.pools()
        names = [ImageName(spec, each) for each in await store.images(spec)] if whole else [_image(spec)]
        return rbd_output.usage([(await store.info(each), await store.used(each)) for each in names])

    shown = _on_store(read)
    for each in shown[1]["images"]:
        click.echo(f"warning: fast-diff map is not enabled for {each['name']}. operation may be slow.", err=True)
    _show(shown, form)


@command.command("create")
@click.option("-s", "--size", default="", help="As in 2G; a bare number is MiB.")
@click.option("--image-feature", "features", multiple=True, default=("layering",), help="Features of the image.")
@click.argument("image")
def create(size: str, features: tuple[str, ...], image: str) -> None:
    """Make an image."""
    name, amount = _image(image), _size(size)
    _on_store(lambda store: store.create(name, amount, features))


@command.command("rm")
@click.argument("image")
def rm(image: str) -> None:
    """Delete an image."""
    name = _image(image)
    _on_store(lambda store: store.remove(name), renamed="rbd: delete error")
    click.echo("Removing image: 100% complete...done.", err=True)


@command.command("resize")
@click.option("-s", "--size", default="", help="The new size.")
@click.option("--allow-shrink", is_flag=True, help="It may get smaller; what is behind the end is lost.")
@click.argument("image")
def resize(size: str, allow_shrink: bool, image: str) -> None:
    """Change an image's size."""
    name, amount = _image(image), _size(size)
    _on_store(lambda store: store.resize(name, amount, allow_shrink=allow_shrink))
    click.echo("Resizing image: 100% complete...done.", err=True)


@command.command("status")
@click.argument("image")
@_FORM
def status(image: str, form: str) -> None:
    """Who has an image open."""
    name = _image(image)
    _show(rbd_output.watchers(_on_store(lambda store: store.watchers(name))), form)


# --- snapshots ---


@command.group("snap")
def snap() -> None:
    """Snapshots: create, ls, rm, protect, unprotect."""


@snap.command("create")
@click.argument("spec", metavar="POOL/IMAGE@SNAP")
def snap_create(spec: str) -> None:
    """Keep the image as it is now."""
    name, snapshot = _with_snapshot(spec)
    _on_store(lambda store: store.create_snapshot(name, snapshot))
    click.echo("Creating snap: 100% complete...done.", err=True)


@snap.command("ls")
@click.argument("image")
@_FORM
def snap_ls(image: str, form: str) -> None:
    """The snapshots of an image."""
    name = _image(image)
    _show(rbd_output.snapshots(_on_store(lambda store: store.snapshots(name))), form)


@snap.command("rm")
@click.argument("spec", metavar="POOL/IMAGE@SNAP")
def snap_rm(spec: str) -> None:
    """Delete a snapshot."""
    name, snapshot = _with_snapshot(spec)
    _on_store(lambda store: store.remove_snapshot(name, snapshot), renamed="rbd: failed to remove snapshot")
    click.echo("Removing snap: 100% complete...done.", err=True)


@snap.command("protect")
@click.argument("spec", metavar="POOL/IMAGE@SNAP")
def snap_protect(spec: str) -> None:
    """Keep a snapshot from being removed."""
    name, snapshot = _with_snapshot(spec)
    _on_store(lambda store: store.protect_snapshot(name, snapshot, protected=True))


@snap.command("unprotect")
@click.argument("spec", metavar="POOL/IMAGE@SNAP")
def snap_unprotect(spec: str) -> None:
    """Let a snapshot be removed again."""
    name, snapshot = _with_snapshot(spec)
    _on_store(lambda store: store.protect_snapshot(name, snapshot, protected=False))


# --- locks ---


@command.group("lock")
def lock() -> None:
    """Locks: list, add, remove."""


@lock.command("list")
@click.argument("image")
@_FORM
def lock_list(image: str, form: str) -> None:
    """Who holds an image."""
    name = _image(image)
    _show(rbd_output.locks(_on_store(lambda store: store.locks(name))), form)


@lock.command("add")
@click.argument("image")
@click.argument("lock_id")
def lock_add(image: str, lock_id: str) -> None:
    """Take the exclusive lock; it stays when this command ends."""
    name = _image(image)

    async def add(store: "ImageStore") -> None:
        client = await store.connect("127.0.0.1")
        await store.add_lock(name, lock_id, client)
        await store.disconnect(client)

    _on_store(add)


@lock.command("remove")
@click.argument("image")
@click.argument("lock_id")
@click.argument("locker")
def lock_remove(image: str, lock_id: str, locker: str) -> None:
    """Break a lock, as `lock list` shows it; its holder is fenced. `seatrial rescue` says whether that is safe."""
    name = _image(image)
    _on_store(lambda store: store.remove_lock(name, lock_id, locker))


_alias(command, disk_usage, "du")
_alias(command, ls, "list")
_alias(command, rm, "remove")
_alias(lock, lock_list, "ls")
_alias(lock, lock_remove, "rm")
_alias(snap, snap_ls, "list")
_alias(snap, snap_rm, "remove")
