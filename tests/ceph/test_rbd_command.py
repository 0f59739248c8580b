"""`seatrial rbd` beside the real rbd, on one Ceph: the same output, the same exit codes."""

import os
import re
import subprocess

import pytest

from ceph.one_node import OneNode
from e2e.conftest import SEATRIAL

pytestmark = pytest.mark.ceph
IMAGE = "mioss/index-api-image"


def run(*command: str) -> tuple[int, str, str]:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, env={**os.environ, "TZ": "UTC"}, check=False
    )
    # The real tool also draws its progress.
    errors = [line for line in done.stderr.splitlines() if line and "librbd" not in line]
    return done.returncode, done.stdout, "\n".join(re.sub(r".*complete\.\.\.(?=\w)", "", line) for line in errors)


def both(ceph_node: OneNode, *arguments: str) -> tuple[tuple[int, str, str], tuple[int, str, str]]:
    ours = run(SEATRIAL, "rbd", "--ceph-conf", str(ceph_node.configuration), *arguments)
    # Without its library's log, which another thread writes into the middle of a line.
    quiet = ("--err-to-stderr", "false", "--log-to-stderr", "false")
    return run("rbd", "-c", str(ceph_node.configuration), *quiet, *arguments), ours


@pytest.mark.parametrize(
    "arguments",
    [
        ("ls", "mioss"),
        ("ls", "mioss", "--format", "json"),
        ("info", IMAGE),
        ("info", IMAGE, "--format", "json"),
        ("disk-usage", IMAGE),
        ("disk-usage", IMAGE, "--format", "json"),
        ("status", IMAGE),
        ("status", IMAGE, "--format", "json"),
        ("lock", "list", IMAGE),
        ("lock", "list", IMAGE, "--format", "json"),
        ("lock", "remove", IMAGE, "kubelet_lock_magic_node1", "client.1"),
        ("lock", "list", "mioss/nope"),
        ("info", "mioss/nope"),
        ("info", "nope/nope"),
        ("ls", "nope"),
        ("create", "mioss/new"),
        ("create", "--size", "1G", IMAGE),
        ("resize", "--size", "1M", IMAGE),
        ("snap", "ls", IMAGE),
    ],
    ids=" ".join,
)
def test_reading_and_what_is_refused(ceph_node: OneNode, arguments: tuple[str, ...]) -> None:
    theirs, ours = both(ceph_node, *arguments)
    assert ours == theirs


def test_an_image_s_life_with_locks_and_snapshots(ceph_node: OneNode) -> None:
    rbd = (SEATRIAL, "rbd", "--ceph-conf", str(ceph_node.configuration))
    assert run(*rbd, "create", "--size", "16M", "mioss/life")[0] == 0
    assert run(*rbd, "lock", "add", "mioss/life", "kubelet_lock_magic_node1")[0] == 0
    for arguments in (("lock", "list", "mioss/life"), ("lock", "ls", "mioss/life", "--format", "json")):
        theirs, ours = both(ceph_node, *arguments)
        assert ours == theirs
        assert "kubelet_lock_magic_node1" in ours[1]
    theirs, ours = both(ceph_node, "lock", "add", "mioss/life", "other")
    assert ours == theirs
    assert ours[0] == 16
    locker = ceph_node.rbd("lock", "list", "mioss/life").splitlines()[-1].split()[0]
    assert run(*rbd, "lock", "remove", "mioss/life", "kubelet_lock_magic_node1", locker)[0] == 0
    assert ceph_node.rbd("lock", "list", "mioss/life") == ""
    assert run(*rbd, "snap", "create", "mioss/life@before")[0] == 0
    for arguments in (("snap", "ls", "mioss/life"), ("snap", "ls", "mioss/life", "--format", "json")):
        theirs, ours = both(ceph_node, *arguments)
        assert ours == theirs
    assert run(*rbd, "rm", "mioss/life")[0] == 39
    assert run(*rbd, "snap", "rm", "mioss/life@before")[0] == 0
    assert run(*rbd, "rm", "mioss/life")[0] == 0
    assert "life" not in ceph_node.rbd("ls", "mioss")


def test_a_monitor_that_is_not_there_is_told_in_time(
    ceph_node: OneNode, tmp_path_factory: pytest.TempPathFactory
) -> None:
    configuration = tmp_path_factory.mktemp("gone") / "ceph.conf"
    configuration.write_text(f"[global]\nmon host = 127.0.0.1:1\nkeyring = {ceph_node.folder}/keyring\n")
    code, _, error = run(SEATRIAL, "rbd", "--ceph-conf", str(configuration), "ls", "mioss")
    assert code != 0
    assert "couldn't connect to the cluster" in error
    assert "Traceback" not in error
