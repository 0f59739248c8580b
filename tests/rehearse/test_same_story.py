"""Equal plans give equal results, byte for byte, whatever the hash seed of the process."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
STORY = """
import sys
import orjson
from seatrial.rehearse.behaviour.behaviour_file import parse
from seatrial.rehearse.changes.set_image import SetImage
from seatrial.rehearse.faults import Fault
from seatrial.rehearse.rehearsal import Plan, rehearse
from seatrial.rehearse.snapshots.snapshot import of_manifests
from simulation.worlds import deployment

profiles = parse({"defaults": {"start": {"uniform": [1, 9]}, "exit": 1}}, "x")
plan = Plan(of_manifests([deployment("web", 5)]), [SetImage("deployment/web", [("c", "web:2")])], profiles=profiles,
            faults=[Fault("node-crash", "node-2", 3.0)], seed=int(sys.argv[1]))
sys.stdout.buffer.write(orjson.dumps(rehearse(plan).to_json()))
"""


def tell(seed: int, hash_seed: int) -> bytes:
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": str(TESTS)}
    command = [sys.executable, "-c", STORY, str(seed)]
    return subprocess.run(command, env=environment, capture_output=True, timeout=120, check=True).stdout


def test_the_same_seed_tells_the_same_story_in_two_processes() -> None:
    assert tell(3, hash_seed=1) == tell(3, hash_seed=4711)


def test_another_seed_tells_another_story() -> None:
    assert tell(3, hash_seed=1) != tell(4, hash_seed=1)
