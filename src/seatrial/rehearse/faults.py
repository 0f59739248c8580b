"""What goes wrong while the update runs: `--fault KIND=WHAT@WHEN[+HOW-LONG]`.

- `node-crash=NODE@30s`: the node loses power, `+5m` later it is back;
- `node-partition=NODE@30s`: the API hears nothing of it, nor it of the API;
- `slow-node=NODE`: everything that Pods do there takes five times as long, or so many times, as in `slow-node=NODEx10`;
- `lock-left-behind=IMAGE`: an RBD image is locked by a node that is not there any more, as after a crash;
- `registry-down@10s+2m`: no image can be pulled meanwhile (nodes that have one start it all the same);
- `api-down@10s+30s`: the API server refuses everything meanwhile; Pods run on.

Times count from the change.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.base.errors import ToolError
from seatrial.rehearse.world import World

KINDS = ("node-crash", "node-partition", "slow-node", "lock-left-behind", "registry-down", "api-down")
NAMES_NOTHING = frozenset({"registry-down", "api-down"})
SLOW = 5.0
_FAULT = re.compile(
    r"(?P<kind>[a-z-]+)(=(?P<what>[^@]+?))?(@(?P<at>[0-9.]+(ms|s|m|h)?))?(\+(?P<length>[0-9.]+(ms|s|m|h)?))?"
)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Fault:
    """One fault. `at` and `seconds` in virtual seconds after the change; `seconds` None: it stays."""

    kind: str
    what: str = ""
    at: float = 0.0
    seconds: float | None = None

    def __str__(self) -> str:
        return f"{self.kind}={self.what}" if self.what else self.kind


def parse(text: str) -> Fault:
    """Raises ToolError for what is no fault."""
    found = _FAULT.fullmatch(text)
    if not found or found["kind"] not in KINDS:
        raise ToolError(f"--fault takes KIND=WHAT@WHEN with one of {', '.join(KINDS)}; got {text!r}")
    kind, what = found["kind"], found["what"] or ""
    if bool(what) is (kind in NAMES_NOTHING):
        raise ToolError(
            f"--fault {kind} " + ("names nothing" if what else f"names what it befalls, as in {kind}=node-1")
        )
    length = found["length"]
    return Fault(kind, what, _seconds(found["at"] or "0"), _seconds(length) if length else None)


def _seconds(text: str) -> float:
    unit = next((each for each in ("ms", "s", "m", "h") if text.endswith(each)), "")
    return float(text.removesuffix(unit)) * _UNITS.get(unit, 1.0)


def check(faults: Sequence[Fault], nodes: Sequence[str]) -> None:
    """Raises ToolError for a node that is not there."""
    for fault in faults:
        node = _slowness(fault.what)[0] if fault.kind == "slow-node" else fault.what
        if "node" in fault.kind and node not in nodes:
            raise ToolError(f"--fault {fault}: there is no such node; there are {', '.join(nodes)}")


async def perform(world: World, faults: Sequence[Fault]) -> None:
    """Until cancelled, or all have come and gone."""
    await asyncio.gather(*(_one(world, fault) for fault in faults))


async def _one(world: World, fault: Fault) -> None:
    await asyncio.sleep(fault.at)
    await _begin(world, fault)
    if fault.seconds is not None:
        await asyncio.sleep(fault.seconds)
        await _end(world, fault)


async def _begin(world: World, fault: Fault) -> None:
    if fault.kind == "node-crash":
        await world.cluster.nodes[fault.what].crash()
    elif fault.kind == "node-partition":
        await world.cluster.nodes[fault.what].partition()
    elif fault.kind == "slow-node":
        node, factor = _slowness(fault.what)
        world.model.slowness[node] = factor
    elif fault.kind == "registry-down":
        world.model.registry_down = True
    elif fault.kind == "api-down":
        world.cluster.reach_api(reachable=False)
    else:
        await world.images.leave_lock(fault.what)


async def _end(world: World, fault: Fault) -> None:
    if fault.kind in ("node-crash", "node-partition"):
        await world.cluster.nodes[fault.what].heal()
    elif fault.kind == "slow-node":
        world.model.slowness.pop(_slowness(fault.what)[0], None)
    elif fault.kind == "registry-down":
        world.model.registry_down = False
    elif fault.kind == "api-down":
        world.cluster.reach_api(reachable=True)


def _slowness(what: str) -> tuple[str, float]:
    """`node-1x10` → node-1, ten times; without a factor it is SLOW."""
    found = re.fullmatch(r"(?P<node>.+)x(?P<factor>[0-9]+(\.[0-9]+)?)", what)
    return (found["node"], float(found["factor"])) if found else (what, SLOW)
