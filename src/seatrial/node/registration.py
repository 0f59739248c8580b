"""The Node object as a kubelet registers it (pkg/kubelet/nodestatus/setters.go, kubelet_node_status.go)."""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from seatrial.base.types import JSON
from seatrial.machinery import times

KUBELET_VERSION = "v1.32.0"
MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}
CONDITIONS = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


@dataclass(frozen=True)
class NodeOptions:
    """A node to drive. `capacity` is laid over what the host has, or over a default for simulated nodes."""

    name: str
    capacity: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[JSON, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)
    as_is: bool = False
    """The Node is another cluster's and stays as it is; its Pods' containers run on."""


@dataclass(frozen=True)
class Machine:
    """What a node says of the machine it is."""

    architecture: str = "amd64"
    kernel: str = "6.1.0"
    os_image: str = "Seatrial simulated node"
    machine_id: str = ""
    boot_id: str = ""
    capacity: Mapping[str, str] = field(
        default_factory=lambda: {"cpu": "32", "memory": "256Gi", "ephemeral-storage": "1Ti", "pods": "1000"}
    )


SIMULATED = Machine()


def this_host(directory: Path) -> Machine:
    """The machine we run on; `directory`: where Pods' files are."""
    storage = os.statvfs(directory)
    return Machine(
        architecture=MACHINES.get(platform.machine(), platform.machine()),
        kernel=platform.release(),
        os_image=_os_name(),
        machine_id=_text("/etc/machine-id"),
        boot_id=_text("/proc/sys/kernel/random/boot_id"),
        capacity={
            "cpu": str(len(os.sched_getaffinity(0))),
            "memory": f"{_memory_kib()}Ki",
            "ephemeral-storage": f"{storage.f_blocks * storage.f_frsize // 1024}Ki",
            "pods": "110",
        },
    )


def _text(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _os_name() -> str:
    for line in _text("/etc/os-release").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    return "Linux"


def _memory_kib() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024


def node_object(options: NodeOptions, machine: Machine, host_ip: str, runtime: str, now: float) -> JSON:
    """The whole object, Ready from the beginning."""
    labels = {
        "beta.kubernetes.io/arch": machine.architecture,
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": machine.architecture,
        "kubernetes.io/hostname": options.name,
        "kubernetes.io/os": "linux",
    }
    spec: JSON = {"taints": list(options.taints)} if options.taints else {}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": options.name,
            "labels": {**labels, **options.labels},
            "annotations": {
                "volumes.kubernetes.io/controller-managed-attach-detach": "true",
                **options.annotations,
            },
        },
        "spec": spec,
        "status": node_status(options, machine, host_ip, runtime, now),
    }


def node_status(options: NodeOptions, machine: Machine, host_ip: str, runtime: str, now: float) -> JSON:
    """status, all conditions well since `now`."""
    capacity = {"hugepages-1Gi": "0", "hugepages-2Mi": "0", **machine.capacity, **options.capacity}
    return {
        "addresses": [{"type": "InternalIP", "address": host_ip}, {"type": "Hostname", "address": options.name}],
        "allocatable": capacity,
        "capacity": capacity,
        "conditions": conditions(now, {}),
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": {
            "architecture": machine.architecture,
            "bootID": machine.boot_id,
            "containerRuntimeVersion": runtime,
            "kernelVersion": machine.kernel,
            "kubeProxyVersion": KUBELET_VERSION,
            "kubeletVersion": KUBELET_VERSION,
            "machineID": machine.machine_id,
            "operatingSystem": "linux",
            "osImage": machine.os_image,
            "systemUUID": machine.machine_id,
        },
    }


def conditions(now: float, known: Mapping[str, JSON]) -> list[JSON]:
    """The four conditions with a fresh heartbeat; one that was so before keeps its lastTransitionTime."""
    stamp = times.format_time(now)
    result = []
    for kind, status, reason, message in CONDITIONS:
        before = known.get(kind)
        since = before.get("lastTransitionTime") if before and before["status"] == status else None
        result.append(
            {
                "type": kind,
                "status": status,
                "lastHeartbeatTime": stamp,
                "lastTransitionTime": since or stamp,
                "reason": reason,
                "message": message,
            }
        )
    return result
