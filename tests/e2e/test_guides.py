"""The guides do what they say, command by command."""

import os
import shutil
import socket
from pathlib import Path

import pytest

from e2e import guide_world, real_clients
from e2e.conftest import SEATRIAL

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
GUIDES = ROOT / "docs" / "guide"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's Services have another port than the guide's 80")
def test_the_guide_to_rolling_updates(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    for manifest in (tmp_path / "examples" / "article").glob("*"):
        # The article's ten seconds of patience, shortened: nothing but the time that a roll takes depends on them.
        manifest.write_text(manifest.read_text().replace("minReadySeconds: 10", "minReadySeconds: 1"))
    tools = [Path(SEATRIAL).parent, Path(real_clients.kubectl()).parent]
    environment = {
        **os.environ,
        "PATH": ":".join([*map(str, tools), os.environ["PATH"]]),
        "SEATRIAL_STATE_DIR": str(tmp_path / "state"),
    }
    terminal = guide_world.Terminal(tmp_path, environment, {"8080": str(free_port())})
    for command in guide_world.commands(GUIDES / "rolling-update.md"):
        guide_world.require_shown(command, terminal.run(command))


def test_the_chinese_guide_has_the_same_commands_and_outputs() -> None:
    english, chinese = (guide_world.commands(GUIDES / f"rolling-update{end}.md") for end in ("", ".zh"))
    assert english == chinese
    assert len(english) > 30
