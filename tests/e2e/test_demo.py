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


@pytest.mark.skipif(os.getuid() != 0, reason="whoever is not root runs the test above without privileges")
def test_the_demo_works_without_privileges(shell: Shell) -> None:
    """As user 1000 of a user namespace: no capabilities outside it, files as readable as they are to us."""
    as_user = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
    who = subprocess.run([*as_user, "id", "-u"], capture_output=True, text=True, check=True).stdout.strip()
    assert who == "1000"
    done = subprocess.run(
        [*as_user, SEATRIAL, "demo", "-o", "json"],
        env={**shell.environment, "HOME": str(shell.folder)},
        cwd=shell.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    report = json.loads(done.stdout)
    check(report)
    assert report["service_url"].startswith("http://127.96.")


def test_the_demo_of_a_stale_lock_frees_it_and_loses_nothing(shell: Shell) -> None:
    report = json.loads(shell.run("demo", "rbd", "-o", "json", timeout=240).stdout)
    assert report["passed"], report
    assert report["found"] == report["acknowledged"] == 100
    assert report["finding"]["verdict"] == "STALE"
    assert [step.split()[0] for step in report["steps"]] == ["fence", "remove", "delete"]
    told = " ".join(event["message"] for event in report["events"])
    assert "rbd: image index-api-image is locked by other nodes" in told
    assert "FencedHolder" in [event["reason"] for event in report["events"]]
