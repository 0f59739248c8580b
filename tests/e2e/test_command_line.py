"""up, status and down, and what they say to bad input: one line, nothing lost."""

import json
import os
import signal
import socket
import sqlite3
import stat
from pathlib import Path

import pytest

from e2e.conftest import Shell

pytestmark = pytest.mark.e2e


def test_up_status_down(shell: Shell) -> None:
    said = shell.up("--ephemeral", "--nodes", "2").stdout
    assert "cluster test is ready: https://127.0.0.1:" in said
    status = json.loads(shell.run("status", "--name", "test", "-o", "json").stdout)
    assert status["running"]
    assert status["healthy"]
    assert status["nodes"] == ["node-1", "node-2"]
    assert status["url"] in said
    assert stat.S_IMODE(Path(status["kubeconfig"]).stat().st_mode) == 0o600
    assert is_running(status["pid"])
    assert "cluster test" not in shell.run("status", "--name", "other", check=False).stdout
    assert "has stopped" in shell.run("down", "--name", "test").stdout
    assert not is_running(status["pid"])
    assert shell.run("status", "--name", "test", check=False).returncode == 3


def is_running(pid: int) -> bool:
    """Whether the process is there and no zombie (nobody may reap orphans here)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_what_was_written_is_there_after_a_restart(shell: Shell) -> None:
    shell.up()
    status = json.loads(shell.run("status", "--name", "test", "-o", "json").stdout)
    os.kill(status["pid"], signal.SIGKILL)
    while is_running(status["pid"]):
        pass
    shell.up()
    again = json.loads(shell.run("status", "--name", "test", "-o", "json").stdout)
    assert again["healthy"]
    assert again["pid"] != status["pid"]


def one_line_error(shell: Shell, *arguments: str) -> str:
    done = shell.run(*arguments, check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_a_port_in_use_is_named(shell: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = one_line_error(shell, "up", "--name", "test", "--ephemeral", "--bind", f"127.0.0.1:{port}")
    assert str(port) in said
    assert "in use" in said


def test_a_second_cluster_of_the_same_name_is_refused(shell: Shell) -> None:
    shell.up("--ephemeral")
    assert "runs already" in one_line_error(shell, "up", "--name", "test", "--ephemeral")


def test_a_data_dir_of_another_cluster_is_refused(shell: Shell) -> None:
    shell.up("--data-dir", str(shell.folder / "data"))
    said = one_line_error(shell, "up", "--name", "second", "--data-dir", str(shell.folder / "data"))
    assert "in use" in said


def data_file(shell: Shell) -> Path:
    """The data file of a cluster that has run and stopped."""
    shell.up("--data-dir", str(shell.folder / "data"))
    shell.run("down", "--name", "test")
    (found,) = [path for path in (shell.folder / "data").iterdir() if path.suffix in {".db", ".sqlite"}]
    return found


def test_a_corrupt_data_file_is_refused_and_left_as_it_is(shell: Shell) -> None:
    file = data_file(shell)
    content = bytearray(file.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096) if len(content) > 4096 else b""
    content[:64] = b"\0" * 64
    file.write_bytes(content)
    said = one_line_error(shell, "up", "--name", "test", "--data-dir", str(shell.folder / "data"))
    assert str(file) in said
    assert file.read_bytes() == bytes(content)


def test_data_of_a_newer_version_is_refused(shell: Shell) -> None:
    file = data_file(shell)
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA user_version = 9999")
    database.close()
    assert "newer" in one_line_error(shell, "up", "--name", "test", "--data-dir", str(shell.folder / "data"))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["up", "--bind", "nowhere"], "HOST:PORT"),
        (["up", "--image", "nginx"], "NAME=COMMAND"),
        (["up", "--ephemeral", "--data-dir", "x"], "give one of them"),
        (["down", "--name", "nobody"], "no cluster named nobody"),
        (["up", "--kubernetes-version", "0.9"], "0.9"),
    ],
    ids=["bind", "image", "ephemeral and data dir", "down without a cluster", "unknown release"],
)
def test_bad_options_are_one_line(shell: Shell, arguments: list[str], expected: str) -> None:
    assert expected in one_line_error(shell, *arguments)


def test_a_broken_config_file_is_named_with_its_position(shell: Shell) -> None:
    (shell.folder / "seatrial.toml").write_text("[up]\nnodes = = 2\n")
    said = one_line_error(shell, "up", "--ephemeral")
    assert "seatrial.toml" in said
    assert "line 2" in said


def test_options_can_stand_in_the_environment_and_in_a_file(shell: Shell) -> None:
    (shell.folder / "seatrial.toml").write_text("[up]\nnodes = 3\n")
    shell.environment["SEATRIAL_UP_EPHEMERAL"] = "1"
    shell.up()
    status = json.loads(shell.run("status", "--name", "test", "-o", "json").stdout)
    assert len(status["nodes"]) == 3
    assert not status["data_dir"]


def test_a_node_of_a_running_cluster_can_be_broken_and_mended(shell: Shell) -> None:
    shell.up("--ephemeral", "--nodes", "2")

    def node(*arguments: str) -> str:
        return shell.run("node", *arguments, "--name", "test").stdout

    assert node("crash", "node-1").startswith("node node-1 has crashed: ")
    refused = one_line_error(shell, "node", "pause", "node-1", "--name", "test")
    assert "the node has crashed; heal it first" in refused
    assert node("heal", "node-1") == "node node-1 is well\n"
    assert node("partition", "node-2").startswith("node node-2 is cut off: ")
    assert one_line_error(shell, "node", "heal", "node-7", "--name", "test") == (
        "error: no node node-7; there are node-1, node-2"
    )
    assert "no cluster named other runs" in one_line_error(shell, "node", "crash", "node-1", "--name", "other")
