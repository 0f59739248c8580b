"""Is a node's agent alive? From its Lease, its Ready condition, and what people have said of it. Pure.

A node that is silent is not dead: it may be cut off or stand still, and its Pods may write. Only somebody who knows can
say that it is off: by the taint out-of-service, or by `--powered-off`.
"""

from dataclasses import dataclass
from enum import Enum

from seatrial.base.types import JSON
from seatrial.machinery import conditions, objects, times
from seatrial.rescue.evidence import Evidence
from seatrial.workloads import taints

LEASE_SECONDS = 40


class Life(Enum):
    ALIVE = "alive"
    SILENT = "silent"
    OFF = "off"
    GONE = "gone"


@dataclass(frozen=True)
class Liveness:
    """`says`: the evidence, in words."""

    life: Life
    says: str

    @property
    def is_off(self) -> bool:
        """Somebody who knows has said that nothing runs there."""
        return self.life in (Life.OFF, Life.GONE)


def of(name: str, evidence: Evidence, now: float) -> Liveness:
    """Alive needs both: a Lease that holds, and Ready True; clocks that differ can only make a node look silent."""
    node = evidence.nodes.get(name)
    if name in evidence.powered_off:
        return Liveness(Life.OFF, "you say that it is powered off")
    if node is None and "nodes" in evidence.unread:
        return Liveness(Life.SILENT, "nothing is known of it: nodes may not be read")
    if node is None:
        return Liveness(Life.GONE, "there is no such node any more")
    if any(taint["key"] == taints.OUT_OF_SERVICE for taint in taints.of_node(node)):
        return Liveness(Life.OFF, f"it has the taint {taints.OUT_OF_SERVICE}: somebody has said that it is off")
    ready = conditions.find(node, "Ready") or {}
    state = f"Ready is {ready.get('status', 'not known')}"
    age, lasts = _lease(evidence.leases.get(name), now)
    if age is None:
        says = f"it has no Lease; {state}"
        return Liveness(Life.ALIVE if ready.get("status") == "True" else Life.SILENT, says)
    says = f"its Lease was renewed {times_ago(age)} ago and lasts {lasts} s; {state}"
    alive = age <= lasts and ready.get("status") == "True"
    return Liveness(Life.ALIVE if alive else Life.SILENT, says)


def _lease(lease: JSON | None, now: float) -> tuple[float | None, int]:
    renewed = objects.get(lease or {}, "spec", "renewTime")
    lasts = int(objects.get(lease or {}, "spec", "leaseDurationSeconds") or LEASE_SECONDS)
    return (max(now - times.parse_time(renewed), 0.0) if renewed else None), lasts


def times_ago(seconds: float) -> str:
    """`8 s`, `3 min`, `5 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def node_of_lock(lock_id: str, address: str, evidence: Evidence) -> str:
    """The node that a lock names: by the host name in its id, else by its address if one node alone has it; or "".

    The id has the operating system's host name, which need not be the node's name.
    """
    host = lock_id.removeprefix("kubelet_lock_magic_").lower()
    named = [name for name, node in evidence.nodes.items() if host in _host_names(name, node)]
    if len(named) == 1:
        return named[0]
    return node_of_address(address, evidence)


def node_of_address(address: str, evidence: Evidence) -> str:
    """The one node that has this address of a Ceph client (IP:PORT/NONCE), or ""."""
    found = [name for name, node in evidence.nodes.items() if ip_of(address) in _addresses(node, "InternalIP")]
    return found[0] if len(found) == 1 else ""


def ip_of(address: str) -> str:
    """`10.0.0.1:0/17232` → `10.0.0.1`; `[::1]:0/7` → `::1`; messenger prefixes such as `v1:` are dropped."""
    bare = address.removeprefix("v1:").removeprefix("v2:").removeprefix("any:")
    return bare.partition("/")[0].rpartition(":")[0].strip("[]")


def _host_names(name: str, node: JSON) -> set[str]:
    label = objects.labels(node).get("kubernetes.io/hostname", "")
    return {text.lower() for text in (name, label, *_addresses(node, "Hostname")) if text}


def _addresses(node: JSON, kind: str) -> list[str]:
    listed = objects.get(node, "status", "addresses", default=[])
    return [str(each.get("address")) for each in listed if each.get("type") == kind]
