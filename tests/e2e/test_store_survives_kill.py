"""A store that is killed in the middle of a storm of writes, fifty times: nothing acknowledged is lost or changed."""

import asyncio
import random
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from seatrial.store.sqlite import SqliteStore

STORM = Path(__file__).with_name("store_storm.py")
KILLS = 50
WRITERS = 12
"""Of the storm; each has at most one write that it was not told of when it dies."""
PREFIX = "/registry/configmaps/default/"


@dataclass
class Told:
    """What the killed processes acknowledged: name → (revision, digit), digit "-" for a deletion."""

    newest: dict[str, tuple[int, str]] = field(default_factory=dict)
    revision: int = 0
    lines: int = 0

    def take(self, output: bytes) -> None:
        for line in output.decode().splitlines(keepends=True):
            if line.endswith("\n") and line != "ready\n":
                name, revision, digit = line.split()
                assert int(revision) > self.newest.get(name, (0, ""))[0], "revisions of an object only grow"
                self.newest[name] = (int(revision), digit)
                self.revision = max(self.revision, int(revision))
                self.lines += 1


def storm_until_killed(directory: Path, seconds: float) -> bytes:
    """Kill the process this long after its first word; all that it said."""
    with subprocess.Popen([sys.executable, str(STORM), str(directory)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first == b"ready\n"
        time.sleep(seconds)
        process.kill()
        return first + process.stdout.read()


async def compare(directory: Path, told: Told) -> None:
    """The store has every acknowledged state, or one that came after it, and no object in pieces."""
    store = SqliteStore.open(directory, keep_events=200)
    try:
        assert told.revision <= store.revision <= told.revision + WRITERS
        deleted = {
            event.record.key: event.revision
            for event in store.watch(PREFIX, store.compacted).drain()
            if event.type == "DELETED"
        }
        for name, (revision, digit) in told.newest.items():
            found = await store.get(PREFIX + name)
            if found is None:
                assert digit == "-" or deleted[PREFIX + name] > revision, f"{name} of revision {revision} is gone"
                continue
            assert found.revision >= revision, f"{name} is older than what was acknowledged"
            assert found.object["metadata"]["resourceVersion"] == str(found.revision)
            if found.revision == revision:
                assert set(found.object["data"].values()) == {digit * 200}
        for record in (await store.list(PREFIX)).records:
            assert len(set(record.object["data"].values())) == 1, "half written"
            assert record.revision <= store.revision
        told.revision = store.revision
    finally:
        await store.close()


@pytest.mark.e2e
@pytest.mark.slow
def test_every_acknowledged_write_survives_kill_9(tmp_path: Path) -> None:
    chance = random.Random(7)
    told = Told()
    for _ in range(KILLS):
        told.take(storm_until_killed(tmp_path / "data", chance.uniform(0.0, 0.15)))
        asyncio.run(compare(tmp_path / "data", told))
    assert told.lines > KILLS * 20, "there was a storm"
