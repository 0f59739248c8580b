"""A node whose containers are processes: what a client sees of Pods, and what a container sees of the world."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from seatrial.api.registry import CONFIG_MAPS, SECRETS, SERVICES
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.machinery import objects
from simulation.node_world import NodeWorld, container, is_ready, phase, pod, processes, waits_for

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class LogOptions:
    container: str = "c"
    follow: bool = False
    previous: bool = False
    since: float | None = None
    timestamps: bool = False
    tail_lines: int | None = None
    limit_bytes: int | None = None


@dataclass(frozen=True)
class ExecOptions:
    command: tuple[str, ...] = ()
    container: str = "c"
    stdin: bool = False
    tty: bool = False


def run(directory: Path, check: Callable[[NodeWorld], Awaitable[None]], **options: object) -> None:
    async def main() -> None:
        async with processes(directory, **options) as there:  # type: ignore[arg-type]
            await check(there)

    asyncio.run(main())


def shell(name: str, script: str, *, spec: JSON | None = None, **container: object) -> JSON:
    return pod(name, image="busybox", spec=spec, command=["sh", "-c", script], **container)


async def log_of(there: NodeWorld, name: str, options: LogOptions | None = None) -> str:
    access, found = there.agent.access("node-1"), there.pod(name)
    assert access is not None
    assert found is not None
    return b"".join([data async for data in access.logs(found, options or LogOptions())]).decode()


async def http(address: str, port: int, request: str = "HEAD / HTTP/1.0") -> str:
    reader, writer = await asyncio.open_connection(address, port)
    writer.write(f"{request}\r\nHost: x\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer.decode()


async def gone_wrong(there: NodeWorld, name: str, reason: str) -> str:
    failed = await there.until(name, lambda p: waits_for(p) == reason)
    return str(container(failed)["state"]["waiting"].get("message", ""))


def test_an_nginx_of_any_version_answers_as_that_version(tmp_path: Path) -> None:
    async def check(there: NodeWorld) -> None:
        for name, version in (("old", "1.10.1"), ("new", "1.11.9")):
            await there.create(pod(name, image=f"nginx:{version}"))
            ready = await there.until(name, is_ready)
            answer = await http(ready["status"]["podIP"], 10080)
            assert f"Server: nginx/{version}\r\n" in answer
            assert "Content-Length: 612\r\n" in answer
        assert [e[1] for e in await eventually_events(there, "old", 3)] == ["Pulled", "Created", "Started"]
        assert "HEAD / HTTP/1.0" in await log_of(there, "old", LogOptions(follow=False))

    run(tmp_path, check)


async def eventually_events(there: NodeWorld, name: str, count: int) -> list[tuple[str, str, str]]:
    async with asyncio.timeout(20):
        while len(events := await there.events(name)) < count:  # noqa: ASYNC110 - events come in the background
            await asyncio.sleep(0.01)
    return events


def test_a_pod_that_starts_costs_two_writes(tmp_path: Path) -> None:
    async def check(there: NodeWorld) -> None:
        await there.create(pod("p"))
        await there.until("p", is_ready)
        assert [phase(p) for p in there.history["p"]] == ["Pending", "Pending", "Running"]

    run(tmp_path, check)


def test_an_echo_tells_who_it_is(tmp_path: Path) -> None:
    async def check(there: NodeWorld) -> None:
        await there.create(pod("e", image="echo", env=[{"name": "DEMO_VER", "value": "v0.2"}]))
        ready = await there.until("e", is_ready)
        answer = await http(ready["status"]["podIP"], 8080, "GET /hello HTTP/1.0")
        assert '"pod": "e"' in answer
        assert '"version": "v0.2"' in answer
        assert '"request": "GET /hello HTTP/1.0"' in answer

    run(tmp_path, check)


def test_a_container_finds_configuration_services_and_volumes(tmp_path: Path) -> None:
    async def check(there: NodeWorld) -> None:
        meta = {"name": "x", "namespace": "default"}
        await there.client.create(CONFIG_MAPS, {"metadata": meta, "data": {"colour": "blue"}})
        secret = base64.b64encode(b"hunter2").decode()
        await there.client.create(SECRETS, {"metadata": meta, "data": {"password": secret}})
        spec = {"clusterIP": "10.96.0.9", "ports": [{"port": 80}]}
        await there.client.create(SERVICES, {"metadata": {"name": "web", "namespace": "default"}, "spec": spec})
        items = [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]
        sources = [{"configMap": {"name": "x"}}, {"downwardAPI": {"items": items}}]
        script = (
            "echo $COLOUR $WEB_SERVICE_HOST; cd $SEATRIAL_VOLUME_ALL; cat colour name; cat $SEATRIAL_VOLUME_S/password"
        )
        await there.create(
            shell(
                "p",
                script,
                env=[{"name": "COLOUR", "valueFrom": {"configMapKeyRef": {"name": "x", "key": "colour"}}}],
                volumeMounts=[{"name": "all", "mountPath": "/all"}, {"name": "s", "mountPath": "/s"}],
                spec={
                    "restartPolicy": "Never",
                    "volumes": [
                        {"name": "all", "projected": {"sources": sources}},
                        {"name": "s", "secret": {"secretName": "x"}},
                    ],
                },
            )
        )
        await there.until("p", lambda p: phase(p) == "Succeeded")
        assert await log_of(there, "p") == "blue 10.96.0.9\nbluephunter2"

    run(tmp_path, check)


def test_what_is_missing_is_said_in_the_kubelets_words(tmp_path: Path) -> None:
    async def check(there: NodeWorld) -> None:
        reference = {"name": "X", "valueFrom": {"configMapKeyRef": {"name": "none", "key": "k"}}}
        await there.create(pod("config", env=[reference]))
        assert await gone_wrong(there, "config", "CreateContainerConfigError") == 'configmap "none" not found'
        await there.create(pod("image", image="shop:7"))
        assert "seatrial up --image shop:7=COMMAND" in await gone_wrong(there, "image", "ErrImagePull")
        volume = {"name": "v", "configMap": {"name": "none"}}
        await there.create(pod("mount", spec={"volumes": [volume]}))
        events = await eventually_events(there, "mount", 1)
        assert events[0] == (
            "Warning",
            "FailedMount",
            'MountVolume.SetUp failed for volume "v" : configmap "none" not found',
        )
        with pytest.raises(StatusError, match="is waiting to start"):
            await log_of(there, "config")

    run(tmp_path, check)


def test_a_readiness_probe_decides_and_says_why_not(tmp_path: Path) -> None:
    async def check(there: NodeWorld) -> None:
        probe = {"exec": {"command": ["sh", "-c", f"cat {tmp_path}/ready"]}, "periodSeconds": 1}
        await there.create(pod("p", readinessProbe=probe))
        running = await there.until("p", lambda p: phase(p) == "Running")
        assert not is_ready(running)
        events = await eventually_events(there, "p", 4)
        assert events[3][1] == "Unhealthy"
        assert events[3][2].startswith("Readiness probe failed: cat: ")
        await asyncio.to_thread((tmp_path / "ready").touch)
        await there.until("p", is_ready)

    run(tmp_path, check)


@pytest.mark.parametrize(
    ("probe", "failure"),
    [
        ({"httpGet": {"path": "/", "port": 80}}, ""),
        ({"tcpSocket": {"port": "web"}}, ""),
        ({"httpGet": {"path": "/none", "port": 80}}, "HTTP probe failed with statuscode: 404"),
        ({"tcpSocket": {"port": 9}}, "dial tcp {ip}:10009: connect: connection refused"),
        ({"httpGet": {"port": 9}}, 'Get "http://{ip}:10009/": dial tcp {ip}:10009: connect: connection refused'),
        ({"exec": {"command": ["sleep", "9"]}}, 'command timed out: "sleep 9" timed out after 1s'),
    ],
    ids=["http", "tcp", "http-404", "tcp-refused", "http-refused", "exec-timeout"],
)
def test_probes(tmp_path: Path, probe: JSON, failure: str) -> None:
    async def check(there: NodeWorld) -> None:
        ports = [{"name": "web", "containerPort": 80}]
        await there.create(pod("p", readinessProbe={**probe, "failureThreshold": 1}, ports=ports))
        if not failure:
            await there.until("p", is_ready)
            return
        running = await there.until("p", lambda p: phase(p) == "Running")
        events = await eventually_events(there, "p", 4)
        assert events[3][2] == "Readiness probe failed: " + failure.format(ip=running["status"]["podIP"])

    run(tmp_path, check)


def test_a_failed_liveness_probe_restarts_the_container_once_its_startup_probe_has_succeeded(tmp_path: Path) -> None:
    async def check(there: NodeWorld) -> None:
        alive = {
            "exec": {"command": ["test", "!", "-e", f"{tmp_path}/dead"]},
            "periodSeconds": 1,
            "failureThreshold": 1,
        }
        begun = {"exec": {"command": ["test", "-e", f"{tmp_path}/begun"]}, "periodSeconds": 1, "failureThreshold": 9}
        await asyncio.to_thread((tmp_path / "dead").touch)
        await there.create(pod("p", startupProbe=begun, livenessProbe=alive))
        running = await there.until("p", lambda p: phase(p) == "Running")
        assert (container(running)["started"], container(running)["ready"]) == (False, False)
        await asyncio.to_thread((tmp_path / "begun").touch)
        await there.until("p", is_ready)
        restarted = await there.until("p", lambda p: container(p)["restartCount"] == 1)
        assert "terminated" in container(restarted)["lastState"]
        messages = [message for _, _, message in await there.events("p")]
        assert "Container c failed liveness probe, will be restarted" in messages

    run(tmp_path, check)


def test_an_end_has_its_order(tmp_path: Path) -> None:
    journal = tmp_path / "journal"

    async def withdrawn(of: JSON) -> None:
        await asyncio.to_thread(journal.write_text, "withdrawn\n")

    async def check(there: NodeWorld) -> None:
        hook = {"preStop": {"exec": {"command": ["sh", "-c", f"sleep 0.2; echo preStop >> {journal}"]}}}
        script = f"trap 'echo TERM >> {journal}; exit 0' TERM; echo up; while :; do sleep 0.02; done"
        await there.create(shell("p", script, lifecycle=hook))
        await there.until("p", is_ready)
        async with asyncio.timeout(20):
            while "up" not in await log_of(there, "p"):  # noqa: ASYNC110 - nothing announces a log line
                await asyncio.sleep(0.01)
        await there.delete("p")
        await there.until_gone("p")
        assert (await asyncio.to_thread(journal.read_text)).split() == ["withdrawn", "preStop", "TERM"]
        last = there.history["p"][-1]
        assert container(last)["state"]["terminated"]["exitCode"] == 0
        assert ("Normal", "Killing", "Stopping container c") in await there.events("p")

    run(tmp_path, check, withdrawn=withdrawn)


def test_a_post_start_hook_comes_before_running(tmp_path: Path) -> None:
    async def check(there: NodeWorld) -> None:
        hook = {"postStart": {"exec": {"command": ["sh", "-c", f"sleep 0.2; touch {tmp_path}/hooked"]}}}
        await there.create(pod("p", lifecycle=hook))
        await there.until("p", is_ready)
        assert await asyncio.to_thread((tmp_path / "hooked").exists)
        failing = {"postStart": {"exec": {"command": ["sh", "-c", "echo no >&2; exit 3"]}}}
        await there.create(pod("q", lifecycle=failing))
        events = await eventually_events(there, "q", 3)
        assert any(reason == "FailedPostStartHook" for _, reason, _ in events)

    run(tmp_path, check)


def test_a_crash_keeps_the_log_of_the_attempt_before(tmp_path: Path) -> None:
    async def check(there: NodeWorld) -> None:
        counter = tmp_path / "count"
        await there.create(shell("p", f"echo run $(ls {counter} 2>&1 | wc -c) ; echo x >> {counter}; exit 4"))
        crashed = await there.until("p", lambda p: waits_for(p) == "CrashLoopBackOff")
        assert container(crashed)["restartCount"] == 1
        assert container(crashed)["lastState"]["terminated"]["exitCode"] == 4
        assert await log_of(there, "p", LogOptions(previous=True)) == await log_of(there, "p")

    run(tmp_path, check)


def test_following_a_log_ends_with_the_container(tmp_path: Path) -> None:
    async def check(there: NodeWorld) -> None:
        await there.create(shell("p", "for i in 1 2 3; do echo $i; sleep 0.1; done", spec={"restartPolicy": "Never"}))
        await there.until("p", lambda p: phase(p) in ("Running", "Succeeded"))
        async with asyncio.timeout(20):
            assert await log_of(there, "p", LogOptions(follow=True)) == "1\n2\n3\n"

    run(tmp_path, check)


def test_exec_through_the_nodes_access(tmp_path: Path) -> None:
    async def check(there: NodeWorld) -> None:
        await there.create(pod("p", env=[{"name": "DEMO_VER", "value": "v0.1"}]))
        found = await there.until("p", is_ready)
        access = there.agent.access("node-1")
        assert access is not None
        session = await access.exec(found, ExecOptions(("env",)))
        output = b"".join([data async for _, data in session.output()]).decode().splitlines()
        assert await session.wait() == 0
        await session.aclose()
        assert {"DEMO_VER=v0.1", "HOSTNAME=p"} <= set(output)

    run(tmp_path, check)


def test_a_restarted_agent_starts_its_pods_again(tmp_path: Path) -> None:
    async def check(there: NodeWorld) -> None:
        await there.create(pod("p"))
        before = await there.until("p", is_ready)
        await there.agent.crash("node-1")
        await there.agent.heal("node-1")
        again = await there.until("p", lambda p: container(p)["restartCount"] == 1 and is_ready(p))
        assert objects.uid(again) == objects.uid(before)

    run(tmp_path, check)
