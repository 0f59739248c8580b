"""`kubectl rolling-update` as in the article: today's kubectl, the plugin on the PATH, Pods that are processes."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from e2e import real_clients
from e2e.conftest import SEATRIAL, Shell

pytestmark = pytest.mark.e2e

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "rolling-update"
PLUGIN = Path(sys.executable).with_name("kubectl-rolling_update")
OLD, NEW = "rc-demo-nginx-v0.1", "rc-demo-nginx-v0.2"
TRANSCRIPT = """\
Created rc-demo-nginx-v0.2
Scaling up rc-demo-nginx-v0.2 from 0 to 4, scaling down rc-demo-nginx-v0.1 from 4 to 0 (keep 4 pods available, \
don't exceed 5 pods)
Scaling rc-demo-nginx-v0.2 up to 1
Scaling rc-demo-nginx-v0.1 down to 3
Scaling rc-demo-nginx-v0.2 up to 2
Scaling rc-demo-nginx-v0.1 down to 2
Scaling rc-demo-nginx-v0.2 up to 3
Scaling rc-demo-nginx-v0.1 down to 1
Scaling rc-demo-nginx-v0.2 up to 4
Scaling rc-demo-nginx-v0.1 down to 0
Update succeeded. Deleting rc-demo-nginx-v0.1
replicationcontroller "rc-demo-nginx-v0.1" rolling updated to "rc-demo-nginx-v0.2"
"""
FAST = ("--update-period=1500ms", "--poll-interval=200ms")
DEADLINE_SECONDS = 60


class Demo:
    """The article's controller and Service on a cluster, and kubectl with the plugin."""

    def __init__(self, shell: Shell, kubeconfig: str) -> None:
        self.shell = shell
        assert PLUGIN.exists(), f"{PLUGIN} is missing: install Seatrial again (make install)"
        path = f"{PLUGIN.parent}:{shell.environment['PATH']}"
        self.environment = {**shell.environment, "KUBECONFIG": kubeconfig, "PATH": path}

    def run(self, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [real_clients.kubectl(), *arguments],
            env=self.environment,
            cwd=self.shell.folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """The tool's own process, to be killed."""
        return subprocess.Popen(
            [SEATRIAL, "rolling-update", *arguments],
            env=self.environment,
            cwd=self.shell.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def json(self, *arguments: str) -> Any:
        return json.loads(self("get", *arguments, "-o", "json"))

    def controllers(self) -> list[str]:
        return self("get", "rc", "-o", "name").split()

    def wait(self, condition: Callable[[], bool]) -> None:
        until = time.monotonic() + DEADLINE_SECONDS
        while not condition():
            assert time.monotonic() < until, self("get", "rc,pods", "-o", "wide")

    def running(self) -> set[tuple[str, str]]:
        """(name, image) of all Pods that nobody has deleted."""
        return {
            (pod["metadata"]["name"], pod["spec"]["containers"][0]["image"])
            for pod in self.json("pods")["items"]
            if "deletionTimestamp" not in pod["metadata"]
        }


@pytest.fixture
def demo(shell: Shell) -> Demo:
    shell.up("--ephemeral", "--nodes", "2")
    made = Demo(shell, json.loads(shell.run("status", "--name", "test", "-o", "json").stdout)["kubeconfig"])
    for manifest in EXAMPLES.glob("rc-demo-*.yaml"):
        shutil.copy(manifest, shell.folder)
    assert made("create", "-f", "rc-demo-v0.1.yaml") == f"replicationcontroller/{OLD} created\n"
    assert made("create", "-f", "rc-demo-svc.yaml") == "service/rc-demo-svc created\n"
    made("wait", "--for=jsonpath={.status.readyReplicas}=4", f"rc/{OLD}", "--timeout=40s")
    return made


@pytest.mark.slow
def test_the_article_s_transcript_to_the_letter_and_no_request_fails(demo: Demo) -> None:
    address = demo("get", "service", "rc-demo-svc", "-o", "jsonpath={.spec.clusterIP}")
    port = 80 if os.getuid() == 0 else 10080
    traffic = subprocess.Popen(
        [SEATRIAL, "load", f"http://{address}:{port}/", "--rate", "100", "-o", "json"],
        env=demo.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        update = demo.run("rolling-update", OLD, "--update-period=3s", "-f", "rc-demo-v0.2.yaml")
    finally:
        traffic.send_signal(signal.SIGINT)
        report = json.loads(traffic.communicate(timeout=20)[0])
    assert update.stdout == TRANSCRIPT
    assert update.stderr == ""
    assert report["failed"] == 0
    assert set(report["versions"]) == {"nginx/1.10.1", "nginx/1.11.9"}
    assert demo.controllers() == [f"replicationcontroller/{NEW}"]
    assert "annotations" not in demo.json("rc", NEW)["metadata"]
    pods = sorted(demo.running())
    assert len(pods) == 4
    assert "RC_DEMO_VER=v0.2" in demo("exec", pods[0][0], "--", "env").splitlines()


def test_killed_in_the_middle_it_goes_on(demo: Demo) -> None:
    process = demo.start(OLD, "-f", "rc-demo-v0.2.yaml", *FAST)
    assert process.stdout is not None
    for line in process.stdout:
        if line == f"Scaling {OLD} down to 2\n":
            break
    process.kill()
    process.communicate()
    said = demo("rolling-update", OLD, "-f", "rc-demo-v0.2.yaml", *FAST).splitlines()
    assert said[0] == f"Continuing update with existing controller {NEW}."
    assert said[-1] == TRANSCRIPT.splitlines()[-1]
    assert demo.controllers() == [f"replicationcontroller/{NEW}"]


@pytest.mark.slow
def test_killed_every_second_it_gets_there(demo: Demo) -> None:
    """By image, with the renaming at the end. The last call says so, or that there is nothing left to do."""
    command = (OLD, "--image=nginx:1.11.9", "--update-period=400ms", "--poll-interval=50ms")
    killed = 0
    while True:
        process = demo.start(*command)
        try:
            said, _ = process.communicate(timeout=1.0 + killed / 10)
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            killed += 1
    assert killed >= 2
    assert process.returncode == 0 or "--image is the same" in said, said
    demo.wait(lambda: demo.controllers() == [f"replicationcontroller/{OLD}"])
    left = demo.json("rc", OLD)
    assert "annotations" not in left["metadata"]
    demo("wait", "--for=jsonpath={.status.readyReplicas}=4", f"rc/{OLD}", "--timeout=40s")
    assert {image for _, image in demo.running()} == {"nginx:1.11.9"}
    assert len(demo.running()) == 4


def test_by_image_and_back(demo: Demo) -> None:
    process = demo.start(OLD, "--image=nginx:1.11.9", *FAST)
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line == f"Scaling {OLD} down to 3\n":
            break
    process.kill()
    process.communicate()
    new = lines[0].removeprefix("Created ").strip()
    said = demo("rolling-update", OLD, "--rollback", *FAST).splitlines()
    assert said[:2] == [f'Setting "{OLD}" replicas to 4', f"Continuing update with existing controller {OLD}."]
    sizes = re.fullmatch(
        rf"Scaling up {OLD} from ([34]) to 4, scaling down {new} from ([12]) to 0 \(keep 4 .*", said[2]
    )
    assert sizes is not None, said[2]
    assert (f"Scaling {OLD} up to 4" in said) == (sizes[1] == "3")
    assert said[-3:] == [
        f"Scaling {new} down to 0",
        f"Update succeeded. Deleting {new}",
        f'replicationcontroller "{OLD}" rolling updated',
    ]
    assert demo.controllers() == [f"replicationcontroller/{OLD}"]
    again = demo("rolling-update", OLD, "--image=nginx:1.11.9", "-o", "name", *FAST).splitlines()
    assert again[-1] == f"replicationcontroller/{OLD}"


USAGE = "\nSee 'kubectl rolling-update -h' for help and examples.\n"


def test_what_is_refused(demo: Demo) -> None:
    service = "rc-demo-svc.yaml"
    both = (demo.shell.folder / "rc-demo-v0.1.yaml").read_text() + "---\n" + (demo.shell.folder / service).read_text()
    typo = (demo.shell.folder / "rc-demo-v0.2.yaml").read_text().replace("replicas:", "replica:")
    expected: list[tuple[tuple[str, ...], str, str]] = [
        ((), "", f"error: Must specify --filename or --image for new controller{USAGE}"),
        ((OLD, "-f", "a", "-f", "b"), "", f"error: May only specify a single filename for new controller{USAGE}"),
        ((OLD, "-f", "a,b"), "", f"error: May only specify a single filename for new controller{USAGE}"),
        ((OLD, "-f", "missing.yaml"), "", 'error: the path "missing.yaml" does not exist\n'),
        ((OLD, "-f", service), "", f"error: {service} contains a /v1, Kind=Service not a ReplicationController{USAGE}"),
        ((OLD, "-f", "-"), both, f"error: - specifies multiple items{USAGE}"),
        ((OLD, "-f", "-"), "", f"error: please make sure - exists and is not empty{USAGE}"),
        (
            (OLD, "-f", "-"),
            typo,
            'error: error validating "-": error validating data: ValidationError(ReplicationController.spec): unknown '
            'field "replica" in io.k8s.api.core.v1.ReplicationControllerSpec; if you choose to ignore these errors, '
            "turn validation off with --validate=false\n",
        ),
        (
            (OLD, "-f", "rc-demo-v0.1.yaml"),
            "",
            f"error: rc-demo-v0.1.yaml cannot have the same name as the existing ReplicationController {OLD}{USAGE}",
        ),
        (("x", "-f", "rc-demo-v0.2.yaml"), "", 'Error from server (NotFound): replicationcontrollers "x" not found\n'),
        (
            ("x", "--image=a:1"),
            "",
            "error: couldn't find a replication controller with source id == default/x\n",
        ),
        ((OLD, "--rollback"), "", f"error: Could not find  to rollback.\n{USAGE}"),
        (
            (OLD, "--image=a:1", "--timeout=5"),
            "",
            'error: invalid argument "5" for "--timeout" flag: time: missing unit in duration "5"\n'
            "See 'kubectl rolling-update --help' for usage.\n",
        ),
    ]
    for arguments, stdin, message in expected:
        done = demo.run("rolling-update", *arguments, stdin=stdin)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", message), arguments


def test_a_dry_run_tells_and_does_nothing(demo: Demo) -> None:
    before = demo.json("rc")["items"], demo.running()
    said = demo("rolling-update", OLD, "-f", "rc-demo-v0.2.yaml", "--dry-run")
    assert said == f"Rolling from:\n{OLD}\nTo:\n{NEW}\n"
    said = demo("rolling-update", OLD, "next", "--image=a:2", "--dry-run=true", "-o", "name")
    assert said == f"Rolling from:\nreplicationcontroller/{OLD}\n\nTo:\nreplicationcontroller/next\n\n"
    assert (demo.json("rc")["items"], demo.running()) == before
