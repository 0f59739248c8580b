"""What a freshly forked process does to become a container: namespaces, mounts, user, streams, then the program.

Runs in a child of the supervisor. As root a container with volumes has a mount namespace, and if a volume is to appear
where the host has nothing, a root of its own: the host's files as the lower, a tmpfs as the upper layer. Without root
volumes are found through SEATRIAL_VOLUME_<NAME> only.
"""

import contextlib
import ctypes
import fcntl
import importlib
import os
import signal
import sys
import termios
from typing import Any, NoReturn

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWNET = 0x40000000
MS_RDONLY = 1
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
REFUSED = 128

Spec = dict[str, Any]
_libc = ctypes.CDLL(None, use_errno=True)


class Refused(Exception):
    """The program can't be started; the text goes into the container's state."""


def become_subreaper() -> None:
    """Orphans among the descendants become children of this process."""
    _check(_libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")


def become(spec: Spec, stdio: list[int], status: int, joined: int) -> NoReturn:
    """Turn this process into what `spec` says. `joined`: the first process of the container that a command joins."""
    code = REFUSED
    try:
        signal.set_wakeup_fd(-1)
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        status = _arrange_descriptors(stdio, status)
        os.setsid()
        if spec.get("tty"):
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        _reset_signals()
        _enter(spec, joined)
        os.environ.clear()
        os.environ.update(spec["environment"])
        code = _run(spec, status)
    except Refused as error:
        os.write(status, str(error).encode())
    except OSError as error:
        os.write(status, f"{error.strerror}: {error.filename}".encode() if error.filename else str(error).encode())
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
        code = 1
    finally:
        os._exit(code)


def _arrange_descriptors(stdio: list[int], status: int) -> int:
    """stdin, stdout, stderr, the status pipe as 3, and nothing else."""
    high = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, 100) for descriptor in (*stdio, status)]
    for number, descriptor in enumerate(high):
        os.dup2(descriptor, number, inheritable=number < 3)
    os.closerange(len(high), 1 << 20)
    return len(high) - 1


def _reset_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)


def _enter(spec: Spec, joined: int) -> None:
    if spec.get("netns"):
        _set_namespace(spec["netns"], CLONE_NEWNET)
    if joined and os.geteuid() == 0:
        root = os.open(f"/proc/{joined}/root", os.O_RDONLY)
        _set_namespace(f"/proc/{joined}/ns/uts", CLONE_NEWUTS)
        _set_namespace(f"/proc/{joined}/ns/mnt", CLONE_NEWNS)
        os.fchdir(root)
        os.chroot(".")
        os.close(root)
    elif os.geteuid() == 0:
        if spec.get("netns") and spec.get("hostname"):
            _check(_libc.unshare(CLONE_NEWUTS), "unshare")
            name = spec["hostname"].encode()
            _check(_libc.sethostname(name, len(name)), "sethostname")
        if spec.get("mounts"):
            _mount_all(spec["mounts"], spec["scratch"])
    _change_directory(spec)
    if os.geteuid() == 0:
        _become_user(spec.get("user"), spec.get("group"))


def _change_directory(spec: Spec) -> None:
    try:
        os.chdir(spec["directory"])
    except OSError as error:
        raise Refused(f'chdir to cwd ("{spec["directory"]}") failed: {(error.strerror or "").lower()}') from error


def _become_user(user: int | None, group: int | None) -> None:
    if group is not None:
        os.setgroups([])
        os.setgid(group)
    if user is not None:
        os.setuid(user)


def _set_namespace(path: str, kind: int) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    _check(_libc.setns(descriptor, kind), "setns")
    os.close(descriptor)


def _mount_all(mounts: list[dict[str, Any]], scratch: str) -> None:
    _check(_libc.unshare(CLONE_NEWNS), "unshare")
    _mount("none", "/", "", MS_REC | MS_PRIVATE)
    root = ""
    if not all(os.path.exists(mount["target"]) for mount in mounts):
        root = _own_root(scratch)
    for mount in mounts:
        target = root + mount["target"]
        _make_mount_point(mount["source"], target)
        _mount(mount["source"], target, "", MS_BIND | MS_REC)
        if mount.get("read_only"):
            _mount("none", target, "", MS_BIND | MS_REMOUNT | MS_RDONLY)
    if root:
        os.chroot(root)
        os.chdir("/")


def _own_root(scratch: str) -> str:
    """The host's root below a writable layer in memory, with everything that the host has mounted in it."""
    mounted = _mount_points()
    os.makedirs(scratch, exist_ok=True)
    _mount("tmpfs", scratch, "tmpfs", 0, "mode=0755")
    for name in ("upper", "work", "root"):
        os.mkdir(f"{scratch}/{name}")
    root = f"{scratch}/root"
    _mount("overlay", root, "overlay", 0, f"lowerdir=/,upperdir={scratch}/upper,workdir={scratch}/work")
    for point in mounted:
        if os.path.isdir(root + point):
            _mount(point, root + point, "", MS_BIND | MS_REC)
    return root


def _mount_points() -> list[str]:
    """Where something is mounted directly below the root file system."""
    points: list[str] = []
    with open("/proc/self/mountinfo") as file:
        found = sorted({line.split()[4].encode().decode("unicode_escape") for line in file})
    for point in found:
        if point != "/" and not any(point.startswith(upper + "/") for upper in points):
            points.append(point)
    return points


def _make_mount_point(source: str, target: str) -> None:
    if os.path.exists(target):
        return
    if os.path.isdir(source):
        os.makedirs(target)
        return
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "wb"):
        pass


def _mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    result = _libc.mount(
        source.encode(), target.encode(), kind.encode() or None, ctypes.c_ulong(flags), data.encode() or None
    )
    _check(result, f"mount {source} at {target}")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _run(spec: Spec, status: int) -> int:
    if spec.get("stand_in"):
        module = importlib.import_module(f"seatrial.node.standins.{spec['stand_in']}")
        result: int = module.run(spec["settings"], ready=lambda: _ready(status))
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        return result
    program = spec["command"][0]
    try:
        os.execvpe(program, spec["command"], spec["environment"])
    except OSError as error:
        raise Refused(f'exec: "{program}": {_why_not(program, error)}') from error


def _ready(status: int) -> None:
    """The stand-in serves: the end of the status pipe says so."""
    os.close(status)


def _why_not(program: str, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"stat {program}: no such file or directory" if "/" in program else "executable file not found in $PATH"
    return (error.strerror or str(error)).lower()
