"""Credential plugins, token files and passwords."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from seatrial.base.env import SimulatedEnv
from seatrial.base.errors import ToolError
from seatrial.client.credentials import Credentials
from seatrial.client.kubeconfig import Access, ExecPlugin
from seatrial.machinery import times

COUNTING = """
import json, pathlib, sys
count = pathlib.Path(sys.argv[1])
number = int(count.read_text()) + 1 if count.exists() else 1
count.write_text(str(number))
status = json.loads(sys.argv[2])
print(json.dumps({"status": {"token": f"token-{number}", **status}}))
"""


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def plugin(folder: Path, clock: Clock, **status: Any) -> Credentials:
    """Prints token-1, token-2, … each time it is run."""
    command = (sys.executable, "-c", COUNTING, str(folder / "count"), json.dumps(status))
    return Credentials(Access("https://x", exec_plugin=ExecPlugin(command)), SimulatedEnv(clock))


def token(credentials: Credentials) -> str:
    return asyncio.run(credentials.headers())["Authorization"].removeprefix("Bearer ")


def test_a_plugin_is_run_again_when_its_token_is_about_to_expire(tmp_path: Path) -> None:
    clock = Clock()
    ends = times.format_time(SimulatedEnv(clock).now() + 100)
    credentials = plugin(tmp_path, clock, expirationTimestamp=ends)
    assert [token(credentials), token(credentials)] == ["token-1", "token-1"]
    clock.time = 95
    assert token(credentials) == "token-2"


def test_a_plugin_is_run_again_when_the_server_refuses_its_token(tmp_path: Path) -> None:
    credentials = plugin(tmp_path, Clock())
    assert token(credentials) == "token-1"
    assert credentials.refused()
    assert token(credentials) == "token-2"


def test_another_attempt_makes_no_sense_without_a_plugin() -> None:
    assert not Credentials(Access("https://x", token="t"), SimulatedEnv(Clock())).refused()


def test_a_plugin_s_certificate_is_the_one_to_show(tmp_path: Path) -> None:
    credentials = plugin(tmp_path, Clock(), token="", clientCertificateData="C", clientKeyData="K")
    assert asyncio.run(credentials.headers()) == {}
    assert credentials.certificate == (b"C", b"K")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("/nowhere/plugin",), "credential plugin /nowhere/plugin: No such file or directory"),
        ((sys.executable, "-c", "import sys; sys.exit('log in first')"), "failed: log in first"),
        ((sys.executable, "-c", "print('hello')"), "printed no ExecCredential"),
        ((sys.executable, "-c", "print('{}')"), "printed neither a token nor a certificate"),
    ],
    ids=["missing", "fails", "noise", "empty"],
)
def test_a_plugin_that_fails_is_named(command: tuple[str, ...], message: str) -> None:
    credentials = Credentials(Access("https://x", exec_plugin=ExecPlugin(command)), SimulatedEnv(Clock()))
    with pytest.raises(ToolError, match=message):
        asyncio.run(credentials.headers())


def test_a_token_file_is_read_each_time_and_named_when_it_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "token"
    credentials = Credentials(Access("https://x", token_file=path), SimulatedEnv(Clock()))
    for text in ("one", "two"):
        path.write_text(f"{text}\n")
        assert token(credentials) == text
    path.unlink()
    with pytest.raises(ToolError, match=r"token file .*/token: No such file or directory"):
        token(credentials)


def test_a_password_is_sent_as_such() -> None:
    credentials = Credentials(Access("https://x", username="u", password="p"), SimulatedEnv(Clock()))
    assert asyncio.run(credentials.headers()) == {"Authorization": "Basic dTpw"}
