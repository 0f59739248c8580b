"""Network namespaces held by a file descriptor: made, entered and let go (Linux `network_namespaces(7)`).

Held by descriptor, not by a name under /run/netns: when the cluster's process dies, however it dies, the kernel takes
the namespace and its devices away as soon as the last process in it is gone.
All functions block briefly and change the calling *thread*; call them in a thread of your own, never on the loop's.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

CLONE_NEWNET = 0x40000000
OWN = "/proc/thread-self/ns/net"


def _call(name: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _open(path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def create() -> int:
    """A file descriptor of a new network namespace; the calling thread is where it was before."""
    before = _open(OWN)
    try:
        _call("unshare", CLONE_NEWNET)
        try:
            return _open(OWN)
        finally:
            _call("setns", before, CLONE_NEWNET)
    finally:
        os.close(before)


def path_of(descriptor: int) -> str:
    """A path that other processes of the host (nsenter, a child before exec) can open."""
    return f"/proc/{os.getpid()}/fd/{descriptor}"


@contextmanager
def inside(namespace: int | str) -> Iterator[None]:
    """The calling thread is in the namespace (a descriptor or a path) for a while; children it starts stay there."""
    before = _open(OWN)
    try:
        target = _open(namespace) if isinstance(namespace, str) else os.dup(namespace)
        try:
            _call("setns", target, CLONE_NEWNET)
        finally:
            os.close(target)
        try:
            yield
        finally:
            _call("setns", before, CLONE_NEWNET)
    finally:
        os.close(before)
