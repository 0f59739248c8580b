"""A Ceph of one monitor and one OSD on loopback, with cephx and the pool and image of the first article.

From Debian's packages ceph-mon, ceph-osd and ceph-common. Bluestore on a file, so that nothing is lost by kill -9.
"""

import json
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TOOLS = ("ceph", "ceph-authtool", "ceph-mon", "ceph-osd", "monmaptool", "rbd")
PATIENCE = 60.0
_CONFIGURATION = """\
[global]
fsid = {fsid}
mon host = {monitor}
mon initial members = a
public network = 127.0.0.0/8
cluster network = 127.0.0.0/8
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
keyring = {folder}/keyring
run dir = {folder}/run
log file = {folder}/log/$name.log
admin socket = {folder}/run/$name.$pid.asok
osd pool default size = 1
osd pool default min size = 1
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon allow pool delete = true
mon data avail warn = 1
mon data avail crit = 1
bluestore block size = 2147483648
bluestore block db size = 0
bluestore block wal size = 0
osd memory target = 939524096
rbd default features = layering
[mon.a]
mon data = {folder}/mon
[osd.0]
osd data = {folder}/osd
keyring = {folder}/osd/keyring
"""


def is_there() -> bool:
    """Whether this machine has what it takes."""
    return all(shutil.which(tool) for tool in TOOLS)


class OneNode:
    """`start`, then `configuration` is the file for clients; `stop` ends both daemons."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.configuration = folder / "ceph.conf"
        self._daemons: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        fsid, monitor = str(uuid.uuid4()), f"[v2:127.0.0.1:{_free_port()},v1:127.0.0.1:{_free_port()}]"
        for part in ("mon", "osd", "run", "log"):
            (self.folder / part).mkdir(parents=True)
        self.configuration.write_text(_CONFIGURATION.format(fsid=fsid, monitor=monitor, folder=self.folder))
        self._start_monitor(fsid, monitor)
        self._start_osd()
        self.ceph("osd", "pool", "create", "mioss", "8")
        self.ceph("osd", "pool", "application", "enable", "mioss", "rbd")
        self.rbd("create", "--size", "64M", "mioss/index-api-image")

    def _start_monitor(self, fsid: str, monitor: str) -> None:
        keyring, map_ = self.folder / "keyring", str(self.folder / "monmap")
        _run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", monitor, map_)
        _run("ceph-authtool", "--create-keyring", str(keyring), "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
        everything = [part for daemon in ("mon", "osd", "mgr") for part in ("--cap", daemon, "allow *")]
        _run("ceph-authtool", str(keyring), "--gen-key", "-n", "client.admin", *everything)
        where = ("-c", str(self.configuration))
        _run("ceph-mon", "--mkfs", "-i", "a", "--monmap", map_, "--keyring", str(keyring), *where)
        self._spawn("ceph-mon", "-i", "a", "-f", *where)
        self.ceph("mon", "stat")

    def _start_osd(self) -> None:
        identity = str(uuid.uuid4())
        self.ceph("osd", "new", identity, "0")
        capabilities = ("mon", "allow profile osd", "osd", "allow *", "mgr", "allow profile osd")
        self.ceph("auth", "get-or-create", "osd.0", *capabilities, "-o", str(self.folder / "osd" / "keyring"))
        where = ("-c", str(self.configuration))
        _run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", identity, *where)
        self._spawn("ceph-osd", "-i", "0", "-f", *where)
        until = time.monotonic() + PATIENCE
        while json.loads(self.ceph("osd", "stat", "--format", "json"))["num_up_osds"] < 1:
            assert time.monotonic() < until, "the OSD does not come up"
            time.sleep(0.1)

    def _spawn(self, *command: str) -> None:
        with (self.folder / "log" / f"{command[0]}.out").open("wb") as log:
            self._daemons.append(subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL))

    def stop(self) -> None:
        for daemon in reversed(self._daemons):
            daemon.kill()
            daemon.wait(PATIENCE)

    @contextmanager
    def silent_monitor(self) -> Iterator[None]:
        """Meanwhile the monitor answers nobody."""
        monitor = self._daemons[0]
        monitor.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            monitor.send_signal(signal.SIGCONT)

    def renew_image(self) -> None:
        """The article's image as it was in the beginning."""
        if "index-api-image" in self.rbd("ls", "mioss").split():
            for each in json.loads(self.rbd("snap", "ls", "mioss/index-api-image", "--format", "json")):
                if each["protected"] == "true":
                    self.rbd("snap", "unprotect", f"mioss/index-api-image@{each['name']}")
            self.rbd("snap", "purge", "mioss/index-api-image")
            self.rbd("rm", "mioss/index-api-image")
        self.rbd("create", "--size", "64M", "mioss/index-api-image")

    def ceph(self, *arguments: str) -> str:
        return _run("ceph", "-c", str(self.configuration), "--connect-timeout", "20", *arguments)

    def rbd(self, *arguments: str) -> str:
        return _run("rbd", "-c", str(self.configuration), *arguments)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
