"""postStart and preStop hooks: exec, httpGet, sleep (pkg/kubelet/lifecycle/handlers.go)."""

import asyncio

from seatrial.base.errors import RuntimeFailure
from seatrial.base.types import JSON
from seatrial.node import probes
from seatrial.node.lifecycle import ContainerState
from seatrial.node.pod_network import PodAddress
from seatrial.node.runtimes.base import Runtime

HTTP_TIMEOUT_SECONDS = 30.0


async def run(hook: JSON, runtime: Runtime, container: ContainerState, address: PodAddress) -> None:
    """Carry out the hook. Raises RuntimeFailure when it fails; the caller bounds the time."""
    if hook.get("exec"):
        await _exec(tuple(hook["exec"].get("command") or ()), runtime, container)
    elif hook.get("httpGet"):
        action = hook["httpGet"]
        port = probes.port_number(action["port"], container.spec, address)
        failure = await probes.http_get(action, action.get("host") or address.ip, port, HTTP_TIMEOUT_SECONDS)
        if failure:
            raise RuntimeFailure("HookFailed", failure)
    elif hook.get("sleep"):
        await asyncio.sleep(float(hook["sleep"]["seconds"]))


async def _exec(command: tuple[str, ...], runtime: Runtime, container: ContainerState) -> None:
    session = await runtime.exec(container.container_id, command)
    try:
        output = b"".join([data async for _, data in session.output()])
        code = await session.wait()
    finally:
        await session.aclose()
    if code:
        text = output.decode("utf-8", "replace").strip()
        raise RuntimeFailure("HookFailed", f"command {' '.join(command)!r} exited with {code}: {text}")
