"""kubectl logs, exec, cp, attach and port-forward against containers that are real processes."""

import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from fcntl import ioctl

import pytest

from e2e import kubectl_world
from e2e.kubectl_world import Kubectl, pod
from seatrial import RunningCluster

pytestmark = pytest.mark.e2e

TIMESTAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z"


@pytest.fixture(scope="module")
def shared(two_nodes: RunningCluster, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    """A Pod `shell` that sleeps, for all tests of this file."""
    kubectl = kubectl_world.user_of(two_nodes, "shared", tmp_path_factory.mktemp("shared"))
    kubectl.create(pod("shell", "sleep", "3600"))
    kubectl("wait", "--for=condition=Ready", "pod/shell", "--timeout=20s")
    return kubectl


def say(*lines: str, then: str = "sleep 3600") -> tuple[str, ...]:
    return ("sh", "-c", "; ".join([*(f"echo {line}" for line in lines), then]))


def ready(kubectl: Kubectl, name: str) -> None:
    kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=20s")


def test_logs_and_their_tail(kubectl: Kubectl) -> None:
    kubectl.create(pod("talker", *say("one", "two", "three", then="true"), restartPolicy="Never"))
    kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/talker", "--timeout=20s")
    assert kubectl("logs", "talker") == "one\ntwo\nthree\n"
    assert kubectl("logs", "talker", "--tail=2") == "two\nthree\n"
    assert kubectl("logs", "talker", "--tail=0") == ""
    assert kubectl("logs", "talker", "--limit-bytes=5") == "one\nt"
    assert kubectl("logs", "pod/talker", "-c", "main") == "one\ntwo\nthree\n"
    stamped = kubectl("logs", "talker", "--timestamps").splitlines()
    assert [re.fullmatch(rf"{TIMESTAMP} (\w+)", line)[1] for line in stamped] == ["one", "two", "three"]  # type: ignore[index]
    assert kubectl("logs", "talker", "--since=1h") == "one\ntwo\nthree\n"
    assert kubectl("logs", "talker", "--since-time=2999-01-01T00:00:00Z") == ""


def test_logs_hold_both_streams_whole(kubectl: Kubectl) -> None:
    count = 20_000
    script = f"i=0; while [ $i -lt {count} ]; do i=$((i+1)); echo line $i; done; echo problem >&2; printf unfinished"
    kubectl.create(pod("talker", "sh", "-c", script, restartPolicy="Never"))
    kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/talker", "--timeout=30s")
    lines = kubectl("logs", "talker").splitlines()
    assert [line for line in lines if line.startswith("line ")] == [f"line {i}" for i in range(1, count + 1)]
    assert sorted(lines[count:]) == ["problem", "unfinished"]


def test_logs_are_followed_to_the_end(kubectl: Kubectl) -> None:
    script = "echo one; while [ ! -e go ]; do sleep 0.05; done; echo two"
    kubectl.create(pod("talker", "sh", "-c", script, restartPolicy="Never"))
    ready(kubectl, "talker")
    with kubectl.started("logs", "-f", "talker") as following:
        assert following.stdout is not None
        assert following.stdout.readline() == "one\n"
        kubectl("exec", "talker", "--", "touch", "go")
        assert following.stdout.readline() == "two\n"
        assert following.wait(timeout=20) == 0, "the stream ends with the container"


def test_logs_of_the_previous_attempt(kubectl: Kubectl) -> None:
    kubectl.create(
        pod("crasher", "sh", "-c", "echo attempt; if [ -e again ]; then sleep 3600; fi; touch again; exit 7")
    )
    name = "{.status.containerStatuses[0].restartCount}"
    kubectl("wait", f"--for=jsonpath={name}=1", "pod/crasher", "--timeout=40s")
    kubectl("wait", "--for=jsonpath={.status.containerStatuses[0].lastState.terminated.exitCode}=7", "pod/crasher")
    assert kubectl("logs", "crasher", "--previous") == "attempt\n"
    last = kubectl.json("get", "pod", "crasher")["status"]["containerStatuses"][0]["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (7, "Error")


def test_no_previous_attempt_is_an_error(shared: Kubectl) -> None:
    assert shared.fails("logs", "shell", "--previous") == (
        'Error from server (BadRequest): previous terminated container "main" in pod "shell" not found\n'
    )


def test_logs_of_many_pods_and_containers(kubectl: Kubectl) -> None:
    for number in (1, 2):
        manifest = pod(f"talker-{number}", *say(f"main-{number}"))
        manifest["metadata"]["labels"] = {"app": "talker"}
        manifest["spec"]["containers"].append(
            {"name": "side", "image": "busybox", "command": list(say(f"side-{number}"))}
        )
        kubectl.create(manifest)
        ready(kubectl, f"talker-{number}")
    assert sorted(kubectl("logs", "-l", "app=talker", "-c", "side").splitlines()) == ["side-1", "side-2"]
    every = kubectl("logs", "-l", "app=talker", "--all-containers", "--prefix").splitlines()
    assert sorted(every) == [
        "[pod/talker-1/main] main-1",
        "[pod/talker-1/side] side-1",
        "[pod/talker-2/main] main-2",
        "[pod/talker-2/side] side-2",
    ]
    done = kubectl.run("logs", "talker-1")
    assert done.stderr == 'Defaulted container "main" out of: main, side\n'
    assert done.stdout == "main-1\n"


def test_logs_of_a_deployment(kubectl: Kubectl) -> None:
    manifest = kubectl_world.deployment(replicas=1, image="busybox")
    manifest["spec"]["template"]["spec"]["containers"][0]["command"] = list(say("hello"))
    kubectl.create(manifest)
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    assert kubectl("logs", "deployment/web") == "hello\n"


def test_logs_that_can_not_be(shared: Kubectl) -> None:
    assert shared.fails("logs", "absent") == (
        'error: error from server (NotFound): pods "absent" not found in namespace "shared"\n'
    )
    assert shared.fails("logs", "shell", "-c", "absent") == "error: container absent is not valid for pod shell\n"


def test_logs_of_a_container_that_waits(kubectl: Kubectl) -> None:
    kubectl.create(pod("stuck", image="nobody/knows:1"))
    kubectl(
        "wait", "pod/stuck", "--timeout=20s",
        "--for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=ImagePullBackOff",
    )  # fmt: skip
    assert kubectl.fails("logs", "stuck") == (
        'Error from server (BadRequest): container "main" in pod "stuck" is waiting to start: '
        "trying and failing to pull image\n"
    )


def test_exec_shows_the_environment(shared: Kubectl) -> None:
    environment = shared("exec", "shell", "--", "env").splitlines()
    assert "HOSTNAME=shell" in environment
    assert "KUBERNETES_SERVICE_PORT=443" in environment


def test_exec_keeps_streams_apart(shared: Kubectl) -> None:
    done = shared.run("exec", "shell", "--", "sh", "-c", "echo out; echo err >&2")
    assert (done.returncode, done.stdout, done.stderr) == (0, "out\n", "err\n")


@pytest.mark.parametrize("code", [1, 3, 42, 255])
def test_exec_passes_the_exit_code_on(shared: Kubectl, code: int) -> None:
    assert shared.fails("exec", "shell", "--", "sh", "-c", f"exit {code}", code=code) == (
        f"command terminated with exit code {code}\n"
    )


def test_exec_of_a_killed_command(shared: Kubectl) -> None:
    assert "exit code 137" in shared.fails("exec", "shell", "--", "sh", "-c", "kill -9 $$", code=137)


def test_exec_takes_input_to_its_end(shared: Kubectl) -> None:
    text = "".join(f"{number}\n" for number in range(50_000))
    assert shared("exec", "-i", "shell", "--", "cat", stdin=text) == text
    assert shared("exec", "-i", "shell", "--", "wc", "-l", stdin=text).strip() == "50000"


def test_exec_that_can_not_be(shared: Kubectl) -> None:
    assert shared.fails("exec", "absent", "--", "env") == 'Error from server (NotFound): pods "absent" not found\n'
    assert shared.fails("exec", "shell", "-c", "absent", "--", "env") == (
        "Error from server (BadRequest): container absent is not valid for pod shell\n"
    )
    assert shared.fails("exec", "shell", "env") == (
        "error: exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead\n"
        "See 'kubectl exec -h' for help and examples\n"
    )
    missing = shared.run("exec", "shell", "--", "no-such-command")
    assert missing.returncode != 0
    assert "no-such-command" in missing.stderr


class Terminal:
    """kubectl on a terminal of ours."""

    def __init__(self, kubectl: Kubectl, *arguments: str, rows: int = 40, columns: int = 132) -> None:
        self._master, slave = pty.openpty()
        ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environment = {**os.environ, "KUBECONFIG": kubectl.cluster.kubeconfig, "TERM": "xterm"}
        self.process = subprocess.Popen(
            kubectl.command(*arguments),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            start_new_session=True,
        )
        os.close(slave)
        self.shown = ""

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def expect(self, pattern: str, timeout: float = 20) -> "re.Match[str]":
        """Read until the pattern shows."""
        end = time.monotonic() + timeout
        while not (match := re.search(pattern, self.shown)):
            assert select.select([self._master], [], [], end - time.monotonic())[0], f"no {pattern} in {self.shown!r}"
            try:
                self.shown += os.read(self._master, 65536).decode()
            except OSError:
                raise AssertionError(f"it ended without {pattern}: {self.shown!r}") from None
        self.shown = self.shown[match.end() :]
        return match

    def close(self) -> int:
        try:
            return self.process.wait(timeout=20)
        finally:
            self.process.kill()
            self.process.wait()
            os.close(self._master)


def test_exec_with_a_terminal(shared: Kubectl) -> None:
    terminal = Terminal(shared, "exec", "-it", "shell", "--", "sh", rows=40, columns=132)
    terminal.type("test -t 0 && test -t 1 && echo is$((1))a-tty; stty size\n")
    terminal.expect(r"is1a-tty\r\n")
    terminal.expect(r"40 132\r\n")
    terminal.type("sleep 600\n")
    time.sleep(0.2)
    terminal.type("\x03")
    terminal.type("echo still$((1))here\n")
    terminal.expect("still1here")
    terminal.type("exit 5\n")
    terminal.expect("command terminated with exit code 5")
    assert terminal.close() == 5


def test_copy_there_and_back(shared: Kubectl) -> None:
    content = os.urandom(300_000)
    (shared.folder / "there").write_bytes(content)
    shared("cp", "there", "shell:copied")
    assert shared("exec", "shell", "--", "sh", "-c", "wc -c < copied").strip() == "300000"
    shared("cp", "shell:copied", "back")
    assert (shared.folder / "back").read_bytes() == content


def test_attach_follows_the_output(kubectl: Kubectl) -> None:
    kubectl.create(pod("talker", "sh", "-c", "while :; do echo tick; sleep 0.1; done"))
    ready(kubectl, "talker")
    with kubectl.started("attach", "talker") as attached:
        assert attached.stdout is not None
        while attached.stdout.readline() != "tick\n":
            assert attached.poll() is None


def test_port_forward_says_what_to_do_instead(shared: Kubectl) -> None:
    refused = shared.fails("port-forward", "pod/shell", ":80")
    assert "portforward is not served by this cluster, and not needed: Pods and Services answer on this host" in refused


def test_a_crash_loop(kubectl: Kubectl) -> None:
    kubectl.create(pod("crasher", "sh", "-c", "exit 1"))
    waiting = "{.status.containerStatuses[0].state.waiting.reason}"
    kubectl("wait", f"--for=jsonpath={waiting}=CrashLoopBackOff", "pod/crasher", "--timeout=30s")
    row = kubectl("get", "pod", "crasher", "--no-headers").split()
    assert row[1:3] == ["0/1", "CrashLoopBackOff"]
    events = kubectl("events", "--for", "pod/crasher", "--types=Warning")
    assert "BackOff" in events
    assert "Back-off restarting failed container main in pod crasher_" in events
