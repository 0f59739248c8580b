"""What the process runtime promises beyond the contract: streams, logs, files, and that nothing outlives it."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from contract.runtime_world import (
    ADDRESS,
    PATH,
    Watched,
    World,
    children_of,
    command_of,
    eventually,
    running,
    world,
)
from seatrial.base.errors import RuntimeFailure
from seatrial.base.types import JSON
from seatrial.node import logs
from seatrial.node.runtimes.base import ContainerConfig, ContainerStart, Exited, Failed, Mount, Session, Started

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: namespaces and mounts")


def start(there: World, script: str, *mounts: Mount, **container: object) -> tuple[Watched, JSON]:
    """A shell that runs `script` as a container."""
    watched = Watched(f"{there.started:063x}f")
    there.started += 1
    spec: JSON = {"name": "c", "image": "busybox", **container}
    pod: JSON = {"metadata": {"name": "p", "namespace": "default", "uid": watched.container_id[-8:]}, "spec": {}}
    config = ContainerConfig(
        (("PATH", PATH), ("HOSTNAME", "p"), ("GREETING", "hello")), ("sh", "-c", script), mounts=mounts
    )
    there.runtime.start(ContainerStart(watched.container_id, pod, spec, 0, ADDRESS, config), watched.notify)
    return watched, pod


def read_log(there: World, pod: JSON) -> str:
    lines = []
    for path in there.runtime.log_files(pod, "c", 0):
        lines += [entry.text for line in path.read_bytes().splitlines() if (entry := logs.parse(line))]
    return b"\n".join(lines).decode()


async def collect(session: Session) -> tuple[bytes, bytes, int]:
    streams = {"stdout": b"", "stderr": b""}
    async with asyncio.timeout(20):
        async for channel, data in session.output():
            streams[channel] += data
        code = await session.wait()
    await session.aclose()
    return streams["stdout"], streams["stderr"], code


def test_output_is_kept_with_the_environment_it_was_made_in(tmp_path: Path) -> None:
    async def main() -> None:
        async with world("process", tmp_path) as there:
            watched, pod = start(there, "echo $GREETING from $HOSTNAME at $POD_IP; echo oops >&2; exit 3")
            ended = await watched.until(Exited)
            assert isinstance(ended, Exited)
            assert ended.exit_code == 3
            assert sorted((read_log(there, pod)).splitlines()) == ["hello from p at 127.78.0.2", "oops"]
            await there.runtime.remove_pod(pod)
            assert there.runtime.log_files(pod, "c", 0) == ()

    asyncio.run(main())


def test_a_signal_shows_in_the_exit_code(tmp_path: Path) -> None:
    async def main() -> None:
        async with world("process", tmp_path) as there:
            watched, _ = start(there, "kill -SEGV $$")
            ended = await watched.until(Exited)
            assert isinstance(ended, Exited)
            assert (ended.exit_code, ended.signal) == (139, 11)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("no-such-command", 'exec: "no-such-command": executable file not found in $PATH'),
        ("/no/such/file", 'exec: "/no/such/file": stat /no/such/file: no such file or directory'),
        ("/etc/passwd", 'exec: "/etc/passwd": permission denied'),
    ],
)
def test_a_command_that_cant_be_executed_fails_with_the_reason(tmp_path: Path, command: str, message: str) -> None:
    async def main() -> None:
        async with world("process", tmp_path) as there:
            watched = Watched("a" * 64)
            pod: JSON = {"metadata": {"name": "p", "namespace": "default", "uid": "u"}, "spec": {}}
            config = ContainerConfig((("PATH", PATH),), (command,))
            spec = {"name": "c", "image": "busybox"}
            there.runtime.start(ContainerStart(watched.container_id, pod, spec, 0, ADDRESS, config), watched.notify)
            failed = await watched.until(Failed)
            assert isinstance(failed, Failed)
            assert (failed.reason, failed.message) == ("RunContainerError", message)

    asyncio.run(main())


def test_the_last_output_can_become_the_termination_message(tmp_path: Path) -> None:
    async def main() -> None:
        async with world("process", tmp_path) as there:
            watched, _ = start(there, "echo why; exit 1", terminationMessagePolicy="FallbackToLogsOnError")
            ended = await watched.until(Exited)
            assert isinstance(ended, Exited)
            assert ended.message == "why\n"

    asyncio.run(main())


def test_exec_has_the_containers_environment_and_streams_of_its_own(tmp_path: Path) -> None:
    async def main() -> None:
        async with world("process", tmp_path) as there:
            watched, _ = start(there, "sleep 60")
            await watched.until(Started)
            command = ("sh", "-c", "echo $GREETING; echo oops >&2; exit 7")
            session = await there.runtime.exec(watched.container_id, command)
            assert await collect(session) == (b"hello\n", b"oops\n", 7)

    asyncio.run(main())


def test_exec_reads_its_input_to_the_end(tmp_path: Path) -> None:
    async def main() -> None:
        async with world("process", tmp_path) as there:
            watched, _ = start(there, "sleep 60")
            await watched.until(Started)
            session = await there.runtime.exec(watched.container_id, ("wc", "-c"), stdin=True)
            size = 3_000_000
            await session.write(b"x" * size)
            session.close_input()
            assert await collect(session) == (f"{size}\n".encode(), b"", 0)

    asyncio.run(main())


def test_exec_writes_more_than_anybody_buffers(tmp_path: Path) -> None:
    async def main() -> None:
        async with world("process", tmp_path) as there:
            watched, _ = start(there, "sleep 60")
            await watched.until(Started)
            session = await there.runtime.exec(watched.container_id, ("head", "-c", "8000000", "/dev/zero"))
            stdout, _, code = await collect(session)
            assert (len(stdout), code) == (8_000_000, 0)

    asyncio.run(main())


def test_exec_with_a_terminal_that_changes_its_size(tmp_path: Path) -> None:
    async def main() -> None:
        async with world("process", tmp_path) as there:
            watched, _ = start(there, "sleep 60")
            await watched.until(Started)
            session = await there.runtime.exec(
                watched.container_id, ("sh", "-c", "read x; stty size; exit 5"), stdin=True, tty=True
            )
            session.resize(132, 43)
            await session.write(b"go\n")
            stdout, _, code = await collect(session)
            assert b"43 132\r\n" in stdout
            assert code == 5

    asyncio.run(main())


def test_exec_of_what_is_not_there_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        async with world("process", tmp_path) as there:
            watched, _ = start(there, "sleep 60")
            await watched.until(Started)
            with pytest.raises(RuntimeFailure, match="executable file not found"):
                await there.runtime.exec(watched.container_id, ("no-such-command",))
            with pytest.raises(RuntimeFailure, match="not running"):
                await there.runtime.exec("none", ("true",))

    asyncio.run(main())


def test_an_exec_that_is_given_up_is_ended(tmp_path: Path) -> None:
    async def main() -> None:
        async with world("process", tmp_path) as there:
            watched, _ = start(there, "sleep 60")
            await watched.until(Started)
            session = await there.runtime.exec(watched.container_id, ("sh", "-c", "echo $$; sleep 60"))
            pid = int((await anext(session.output()))[1])
            await session.aclose()
            await gone(pid)

    asyncio.run(main())


async def gone(pid: str | int) -> None:
    await eventually(lambda: not running(pid))


def test_what_a_container_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with world("process", tmp_path) as there:
            script = "sleep 60 & echo $!; setsid sleep 60 & echo $!; wait"
            watched, pod = start(there, script)
            await watched.until(Started)
            await eventually(lambda: len(read_log(there, pod).split()) == 2)
            pids = read_log(there, pod).split()
            there.runtime.stop(watched.container_id, 0.0)
            await watched.until(Exited)
            for pid in pids:
                await gone(pid)

    asyncio.run(main())


def test_children_of_a_shell_that_ends_have_the_rest_of_the_grace_period(tmp_path: Path) -> None:
    async def main() -> None:
        async with world("process", tmp_path) as there:
            done = tmp_path / "done"
            child = (
                f"trap 'sleep 0.3; echo ok > {done}; exit' TERM; echo $$ > {tmp_path}/pid; while :; do sleep 0.05; done"
            )
            watched, _ = start(there, f'sh -c "{child}" & wait')
            await watched.until(Started)
            await eventually((tmp_path / "pid").exists)
            there.runtime.stop(watched.container_id, 10.0)
            await watched.until(Exited)
            assert done.read_text() == "ok\n"

    asyncio.run(main())


CLUSTER = """
import asyncio, signal, sys
from pathlib import Path
from seatrial.base.env import SystemEnv
from seatrial.node.images import Catalogue
from seatrial.node.pod_network import PodAddress
from seatrial.node.runtimes.base import ContainerConfig, ContainerStart
from seatrial.node.runtimes.process import ProcessRuntime

SCRIPT = '''
echo $$ >> {pids}
(sleep 600 & echo $! >> {pids}; wait) &
setsid sh -c 'echo $$ >> {pids}; trap "" TERM HUP; (setsid sleep 600 & echo $! >> {pids}) ; sleep 600' &
wait
'''

async def main():
    runtime = ProcessRuntime(SystemEnv(), Catalogue(), Path(sys.argv[1]))
    address = PodAddress("127.78.0.2", "127.0.0.1", None, 1024)
    for number, image in enumerate(("busybox", "pause")):
        pod = {{"metadata": {{"name": "p", "namespace": "default", "uid": str(number)}}, "spec": {{}}}}
        command = ("sh", "-c", SCRIPT) if image == "busybox" else ()
        config = ContainerConfig((("PATH", "/usr/bin:/bin"),), command)
        spec = {{"name": "c", "image": image}}
        start = ContainerStart(f"{{number:064x}}", pod, spec, 0, address, config)
        runtime.start(start, lambda event: None)
    await asyncio.sleep(600)

signal.signal(signal.SIGINT, signal.default_int_handler)
asyncio.run(main())
"""
"""SIGINT is taken whoever starts the tests: a shell has its background jobs ignore it."""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_no_process_outlives_its_cluster(tmp_path: Path, number: signal.Signals) -> None:
    pids = tmp_path / "pids"
    program = textwrap.dedent(CLUSTER).format(pids=pids)
    source = str(Path(__file__).parents[2] / "src")
    cluster = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "pods")],
        env={**os.environ, "PYTHONPATH": source},
        stderr=subprocess.DEVNULL,
    )

    async def main() -> None:
        await eventually(lambda: pids.exists() and len(pids.read_text().split()) == 4)
        (supervisor,) = children_of(cluster.pid)
        cluster.send_signal(number)
        cluster.wait(60)
        for pid in [*pids.read_text().split(), supervisor]:
            await gone(pid)

    try:
        asyncio.run(main())
    finally:
        cluster.kill()
        cluster.wait()


def test_when_the_supervisor_dies_its_containers_have_ended_and_new_ones_can_start(tmp_path: Path) -> None:
    async def main() -> None:
        async with world("process", tmp_path) as there:
            watched, _ = start(there, "sleep 60")
            await watched.until(Started)
            for pid in children_of(os.getpid()):
                if b"supervisor" in command_of(pid):
                    os.kill(int(pid), signal.SIGKILL)
            ended = await watched.until(Exited)
            assert isinstance(ended, Exited)
            assert ended.exit_code == 137
            again, _ = start(there, "exit 0")
            await again.until(Exited)

    asyncio.run(main())


def test_volumes_can_be_found_by_a_variable(tmp_path: Path) -> None:
    async def main() -> None:
        (tmp_path / "v").mkdir()
        (tmp_path / "v" / "file").write_text("content\n")
        async with world("process", tmp_path / "pods") as there:
            mount = Mount("my-data", tmp_path / "v", "/data/deep")
            watched, pod = start(there, "cat $SEATRIAL_VOLUME_MY_DATA/file", mount)
            await watched.until(Exited)
            assert read_log(there, pod) == "content"

    asyncio.run(main())


@AS_ROOT
def test_as_root_volumes_are_where_the_manifest_wants_them_and_the_host_stays_clean(tmp_path: Path) -> None:
    async def main() -> None:
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "file").write_text(f"{name}\n")
        async with world("process", tmp_path / "pods") as there:
            mounts = (
                Mount("a", tmp_path / "a", "/mnt"),
                Mount("b", tmp_path / "b", "/no-such-directory/deep", read_only=True),
            )
            script = (
                "cat /mnt/file /no-such-directory/deep/file; echo new > /mnt/new; echo no > /no-such-directory/deep/x"
            )
            watched, pod = start(there, script, *mounts)
            await watched.until(Exited)
            text = read_log(there, pod)
            assert text.startswith("a\nb\n")
            assert "Read-only file system" in text
            assert (tmp_path / "a" / "new").read_text() == "new\n"
            assert "no-such-directory" not in os.listdir("/")

    asyncio.run(main())
