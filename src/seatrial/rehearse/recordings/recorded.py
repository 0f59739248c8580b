"""Recorded event sequences of a real control plane, rehearsed: the same objects, behaviours and steps in virtual time.

A recording (JSON) has `nodes`, `defaults` and `behaviours` of a fake kubelet with fixed delays, `initial` objects,
which settle before anything counts, and `steps`; see compared.py for what it says of the outcome.
"""

import asyncio
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seatrial.aio import virtual_loop
from seatrial.base.env import SimulatedEnv
from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.client.paced import Pace
from seatrial.cluster.cluster import Cluster
from seatrial.machinery import objects
from seatrial.node.registration import NodeOptions
from seatrial.node.runtimes.simulated import Model
from seatrial.rehearse.pace import PACES
from seatrial.rehearse.recordings.steps import Steps
from seatrial.rehearse.trace import TracedStore, Write
from seatrial.store.base import Record
from seatrial.store.state import ChangeType

SETTLE_SECONDS = 60.0
BUSY_STEP_SECONDS = 0.02
"""A step of a recording that took so long, twice the usual, found that control plane busy."""
FIRST_CHANGE = 0.1
"""Past a whole second, as in every recording: ready times have whole seconds."""
RELEASE = "1.20"
"""Whose behaviour recordings have unless they, or the user, say otherwise."""


class _Appearances(TracedStore):
    """Remembers in which order objects appeared: creation times have whole seconds."""

    def __init__(self, env: SimulatedEnv) -> None:
        super().__init__(env)
        self.order: dict[str, int] = {}

    def _commit(self, kind: ChangeType, record: Record, previous: Record | None) -> Record:
        if kind == "ADDED":
            self.order.setdefault(objects.uid(record.object), len(self.order))
        return super()._commit(kind, record, previous)


@dataclass
class Played:
    """What happened from the first change on. `order`: uid → place in the order of appearance."""

    began: float
    before: list[JSON]
    writes: list[Write]
    ended: float
    order: dict[str, int]
    problems: list[str] = field(default_factory=list)


def read(file: Path) -> JSON:
    """A recording. Raises ToolError for a file that can't be read, or is none."""
    try:
        found = json.loads(file.read_text())
    except OSError as error:
        raise ToolError(f"{file}: {error.strerror}") from None
    except ValueError as error:
        raise ToolError(f"{file}: not JSON: {error}") from None
    if not isinstance(found, dict) or not {"initial", "steps", "defaults"} <= found.keys():
        raise ToolError(f"{file}: this is no recording: it has no initial objects, steps and defaults")
    return found


def paces(recording: JSON) -> list[str]:
    """Of PACES, those that its control plane may have had: whether it was busy shows in how long its steps took."""
    took = [step.get("took") or 0.0 for run in recording.get("runs") or () for step in run.get("steps") or ()]
    return ["quiet", "busy"] if max(took, default=0.0) >= BUSY_STEP_SECONDS else ["quiet"]


def play(recording: JSON, release: str = RELEASE, pace: str = "quiet") -> Played:
    """Rehearse it with the behaviour of this release, at one of the PACES."""
    return virtual_loop.run(_play(recording, release, PACES[pace]()))


async def _play(recording: JSON, release: str, pace: Pace) -> Played:
    env = SimulatedEnv(asyncio.get_running_loop().time)
    store = _Appearances(env)
    model = Model.from_json(recording["defaults"], recording.get("behaviours") or {})
    cluster = Cluster(
        env=env, nodes=0, runtime="simulated", serve=False, model=model, store=store, machines=_machines(recording),
        behaviour_version=release, pace=pace,
    )  # fmt: skip
    async with cluster:
        steps = Steps(cluster.client, env, store.order)
        for manifest in recording["initial"]:
            await steps.create(manifest)
        await asyncio.sleep(SETTLE_SECONDS)
        await asyncio.sleep(math.floor(env.now()) + 1 + FIRST_CHANGE - env.now())
        store.begin()
        began = env.now()
        before = [*store.before.values()]
        for step in recording["steps"]:
            await asyncio.sleep(max(0.0, began + float(step["at"]) - env.now()))
            await steps.take(step)
        await asyncio.sleep(max(0.0, began + float(recording.get("max_seconds") or 90) - env.now()))
        await steps.end()
        return Played(began, before, list(store.writes), env.now(), store.order, steps.problems)


def _machines(recording: JSON) -> list[NodeOptions]:
    return [
        NodeOptions(
            node["name"], {name: node[name] for name in ("cpu", "memory", "pods") if name in node}, node["labels"]
        )
        for node in recording["nodes"]
    ]


def files(paths: Sequence[Path]) -> list[Path]:
    """Recordings; of a folder all. Raises ToolError for a folder without any."""
    found: list[Path] = []
    for path in paths:
        there = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not there:
            raise ToolError(f"{path}: no recording (.json) in this folder")
        found += there
    return found
