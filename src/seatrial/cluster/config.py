"""What a cluster is asked to be: one frozen record, from arguments, `SEATRIAL_*` variables and `seatrial.toml`."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from seatrial.base.errors import ToolError

RuntimeName = Literal["auto", "process", "simulated"]

DEFAULT_NAME = "seatrial"
DEFAULT_RELEASE = "1.32"
CONFIG_FILE = "seatrial.toml"


@dataclass(frozen=True)
class ClusterConfig:
    """Everything `seatrial up` and `Cluster(...)` can be told."""

    name: str = ""
    """Names the state directory and the kubeconfig's context. "": nameless, its files go when it stops."""
    nodes: int = 1
    """How many nodes, called node-1, node-2, …"""
    runtime: RuntimeName = "auto"
    """`process`: containers are processes of this host; `simulated`: no processes at all; `auto`: process."""
    data_dir: Path | None = None
    """Where state lives. None: in memory only, gone when the cluster stops."""
    host: str = "127.0.0.1"
    port: int = 0
    """The API's port; 0 is any free one."""
    insecure_port: int | None = None
    """Plain HTTP on loopback without credentials; None: off."""
    kubernetes_version: str = DEFAULT_RELEASE
    behaviour_version: str = ""
    """The release whose scheduling is followed where releases differ, from 1.20 on; "": that of kubernetes_version."""
    mend_stuck_sets: bool = True
    """StatefulSets whose update is stuck go on when their template is mended; Kubernetes' do not."""
    max_unavailable_stateful_set: bool = True
    """StatefulSets' maxUnavailable is followed, as where Kubernetes' feature gate of that name is on."""
    images: Mapping[str, str] = field(default_factory=dict)
    """Image name (with or without a tag) → command line."""
    kubeconfig: Path | None = None
    """A kubeconfig to add this cluster to; None: one of its own in the state directory."""
    serve: bool = True
    """Listen for HTTP at all. Off for clusters in virtual time."""
    endpoint_lag: float = 0.0
    """Seconds by which the proxies learn of endpoint changes too late, as on a cluster of many machines; a Pod's
    SIGTERM does not wait for them then, and a connection that an endpoint refuses is refused."""
    ceph_conf: Path | None = None
    """RBD images are in the Ceph of this configuration file; None: in a store of the cluster's own."""
    classic_messages: bool = False
    """Tell of volumes that can't be mounted in the words of Kubernetes 1.4 and 1.5."""
    heal_volumes: bool = False
    """Run Rescue as a control loop."""
    load_curve: Path | None = None
    """A file with the load of workloads over time, which autoscalers follow (`load_file.py`)."""
    privileged: bool | None = None
    """Use root's means (network namespaces, 10.96/16). None: if we may."""

    @property
    def simulated(self) -> bool:
        """Whether containers are only timers."""
        return self.runtime == "simulated"


def state_dir(name: str) -> Path:
    """Where a running cluster of this name says who it is (pid, url), and keeps its own kubeconfig."""
    base = os.environ.get("SEATRIAL_STATE_DIR")
    if base:
        return Path(base) / name
    root = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(root) / "seatrial" / name


def default_data_dir(name: str) -> Path:
    """Where a cluster of this name keeps its objects unless told otherwise."""
    return state_dir(name) / "data"


def load_file(path: Path) -> dict[str, Any]:
    """The options in a seatrial.toml, as {option_name: value}; an absent file has none.

    Raises ToolError that names file and place when it can't be read.
    """
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ToolError(f"{path}: {error}") from None
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror}") from None


def parse_bind(text: str) -> tuple[str, int]:
    """`HOST:PORT` → (host, port). Raises ToolError."""
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdigit() or int(port) > 65535:
        raise ToolError(f"--bind takes HOST:PORT, with port 0 for any free one; got {text!r}")
    return host.strip("[]") or "127.0.0.1", int(port)


def parse_images(pairs: tuple[str, ...]) -> dict[str, str]:
    """`NAME=COMMAND` pairs → {name: command}. Raises ToolError."""
    images = {}
    for pair in pairs:
        name, separator, command = pair.partition("=")
        if not separator or not name.strip() or not command.strip():
            raise ToolError(f"--image takes NAME=COMMAND, such as myapp:2=./serve.sh; got {pair!r}")
        images[name.strip()] = command.strip()
    return images
