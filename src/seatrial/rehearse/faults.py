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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from seatrial.base.errors import ToolError
from seatrial.rehearse import durations
from seatrial.rehearse.result import Step
from seatrial.rehearse.world import World

KINDS = ("node-crash", "node-partition", "slow-node", "lock-left-behind", "registry-down", "api-down")
NAMES_NOTHING = frozenset({"registry-down", "api-down"})
API_SERVER = "API server"
SLOW = 5.0
GIVEN_UP_SECONDS = 345.0
"""How long after a node has gone silent its Pods are given up: not ready after 40 s, evicted 300 s later."""
_FAULT = re.compile(r"(?P<kind>[a-z-]+)(=(?P<what>[^@]+?))?(@(?P<at>[^@+]+))?(\+(?P<length>[^@+]+))?")
_SLOW_NODE = re.compile(r"(?P<node>.+)x(?P<factor>[0-9]+(\.[0-9]+)?)")


@dataclass(frozen=True)
class Fault:
    """One fault. `at` and `seconds` in virtual seconds after the change; `seconds` None: it stays.

    `factor`: how many times as long everything takes on a slow node.
    """

    kind: str
    what: str = ""
    at: float = 0.0
    seconds: float | None = None
    factor: float = SLOW

    def __str__(self) -> str:
        return f"{self.kind}={self.what}" if self.what else self.kind


def parse(text: str) -> Fault:
    """Raises ToolError for what is no fault."""
    found = _FAULT.fullmatch(text)
    if not found or found["kind"] not in KINDS:
        raise ToolError(f"--fault takes KIND=WHAT@WHEN with one of {', '.join(KINDS)}; got {text!r}")
    kind, what = found["kind"], found["what"] or ""
    if what and kind in NAMES_NOTHING:
        raise ToolError(f"--fault {kind} takes no name; got {text!r}")
    if not what and kind not in NAMES_NOTHING:
        raise ToolError(f"--fault {kind} takes the name of what fails, as in {kind}=node-1; got {text!r}")
    at, length = (_seconds(found[group], text) for group in ("at", "length"))
    slow = _SLOW_NODE.fullmatch(what) if kind == "slow-node" else None
    if slow and float(slow["factor"]) == 0:
        raise ToolError(f"--fault slow-node takes a factor above 0, as in node-1x10; got {text!r}")
    if slow:
        return Fault(kind, slow["node"], at or 0.0, length, float(slow["factor"]))
    return Fault(kind, what, at or 0.0, length)


def _seconds(text: str | None, fault: str) -> float | None:
    try:
        return None if text is None else durations.parse(text)
    except ValueError:
        raise ToolError(f"--fault takes times such as 30s or 5m; got {text!r} in {fault!r}") from None


def check(world: World, faults: Sequence[Fault]) -> None:
    """Raises ToolError for a node or an image that is not there."""
    for fault in faults:
        if "node" in fault.kind and fault.what not in world.cluster.nodes:
            raise ToolError(f"--fault {fault}: there is no such node; there are {', '.join(world.cluster.nodes)}")
        if fault.kind == "lock-left-behind" and world.images.find(fault.what) is None:
            known = ", ".join(map(str, world.images.names)) or "none"
            raise ToolError(f"--fault {fault}: there is no such image; there are {known}")


_BEGINS = {
    "node-crash": "loses power",
    "node-partition": "is cut off from the API server",
    "slow-node": "is slow from now on",
    "lock-left-behind": "is locked by a node that is gone",
    "registry-down": "can't be reached any more",
    "api-down": "can't be reached any more",
}
_ENDS = {
    "node-crash": "has power again",
    "node-partition": "is connected again",
    "slow-node": "is as fast as before",
    "registry-down": "can be reached again",
    "api-down": "can be reached again",
}


def steps(faults: Sequence[Fault], until: float) -> tuple[Step, ...]:
    """What of the faults happened up to `until` seconds after the change, in words."""
    found = [step for fault in faults for step in _told(fault)]
    return tuple(step for step in found if step.time_seconds <= until)


def _told(fault: Fault) -> Iterator[Step]:
    if "node" in fault.kind:
        name = f"node/{fault.what}"
    else:
        name = f"image {fault.what}" if fault.what else {"api-down": API_SERVER}.get(fault.kind, "registry")
    yield Step(fault.at, name, f"{_BEGINS[fault.kind]} (--fault {fault})")
    if fault.seconds is not None and fault.kind in _ENDS:
        yield Step(fault.at + fault.seconds, name, _ENDS[fault.kind])


def api_down_since(happened: Sequence[Step]) -> float | None:
    """Since when the API server can't be reached any more, at the end of what `happened`; None if it can."""
    told = [step for step in happened if step.object == API_SERVER]
    return told[-1].time_seconds if told and told[-1].text != _ENDS["api-down"] else None


def felt_until(faults: Sequence[Fault]) -> float:
    """Seconds after the change until when more may come of them than what goes on then."""
    return max((fault.at + _felt_for(fault) for fault in faults), default=0.0)


def _felt_for(fault: Fault) -> float:
    lasts = fault.seconds or 0.0
    if fault.kind not in ("node-crash", "node-partition"):
        return lasts
    return GIVEN_UP_SECONDS if fault.seconds is None else min(lasts, GIVEN_UP_SECONDS)


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
        world.model.slowness[fault.what] = fault.factor
    elif fault.kind == "registry-down":
        world.model.registry_down = True
    elif fault.kind == "api-down":
        world.cluster.reach_api(reachable=False)
    elif (image := world.images.find(fault.what)) is not None:
        await world.images.leave_lock(image)


async def _end(world: World, fault: Fault) -> None:
    if fault.kind in ("node-crash", "node-partition"):
        await world.cluster.nodes[fault.what].heal()
    elif fault.kind == "slow-node":
        world.model.slowness.pop(fault.what, None)
    elif fault.kind == "registry-down":
        world.model.registry_down = False
    elif fault.kind == "api-down":
        world.cluster.reach_api(reachable=True)
