"""The demo, run as a user runs it, as root and as nobody in particular."""

import json
import os
import subprocess

import pytest

from e2e.conftest import SEATRIAL, Shell

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def check(report: dict[str, object]) -> None:
    assert report["passed"], report
    assert report["failed"] == 0
    assert set(report["answers_by_version"]) == {"nginx/1.10.1", "nginx/1.11.9"}  # type: ignore[arg-type]
    assert report["lowest_available"] == report["promised_minimum"] == 3
    assert [row["revision"] for row in report["history"]] == [2, 3]  # type: ignore[attr-defined]
    assert report["seconds"]["total"] < 60  # type: ignore[index]


def test_the_demo_drops_no_request(shell: Shell) -> None:
    check(json.loads(shell.run("demo", "-o", "json", timeout=120).stdout))


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_the_demo_works_without_privileges(shell: Shell) -> None:
    shell.folder.chmod(0o777)
    nobody = 65534
    done = subprocess.run(
        [SEATRIAL, "demo", "-o", "json"],
        env={**shell.environment, "HOME": str(shell.folder), "XDG_RUNTIME_DIR": ""},
        cwd=shell.folder,
        user=nobody,
        group=nobody,
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    check(json.loads(done.stdout))
