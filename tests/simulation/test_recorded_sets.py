"""StatefulSets and DaemonSets do what real controllers were recorded doing (recorded_sets.json).

The recordings are of Kubernetes 1.20.2 with a fake kubelet of fixed delays; recorded times have some hundredths of a
second per step on top.
"""

import json
from collections import Counter
from pathlib import Path

import pytest

from seatrial.aio import virtual_loop
from seatrial.base.types import JSON
from simulation.recorded_world import Observed, play

SCENARIOS = json.loads(Path(__file__).with_name("recorded_sets.json").read_text())
STATEFUL = [each for each in SCENARIOS if each["name"].startswith("sts-")]
DAEMONS = [each for each in SCENARIOS if each["name"].startswith("ds-")]
UPSTREAM = {"seatrial.dev/stuck-rollout": "upstream"}
SURPLUS_PER_STEP = 0.1
BUDGET_WAS_WASTED = ("ds-mu2-n5-ready5", "ds-roll-mu50pct-n6")
"""With maxUnavailable above 1, 1.20 counted Pods that were going twice; later releases don't."""


def named(scenario: JSON) -> str:
    name: str = scenario["name"]
    return name


def played(scenario: JSON, annotations: dict[str, str] | None = None) -> Observed:
    return virtual_loop.run(play(scenario, annotations=annotations))


def counts(status: JSON, recorded: JSON) -> JSON:
    return {name: status.get(name, 0) for name in recorded}


@pytest.mark.parametrize("scenario", STATEFUL, ids=named)
def test_a_stateful_set_goes_the_recorded_way(scenario: JSON) -> None:
    observed = played(scenario, UPSTREAM)
    assert observed.order == [what for _, what in scenario["pods"]]
    assert observed.lowest_ready == scenario["lowest_ready"]
    assert counts(observed.final["status"], scenario["final"]) == scenario["final"]
    for number, ((mine, _), (real, _)) in enumerate(zip(observed.pods, scenario["pods"], strict=True), 1):
        assert -0.01 <= real - mine <= SURPLUS_PER_STEP * number


@pytest.mark.parametrize("scenario", DAEMONS, ids=named)
def test_a_daemon_set_keeps_its_promise_and_ends_like_the_recorded_one(scenario: JSON) -> None:
    observed = played(scenario)
    assert observed.lowest_ready == scenario["lowest_ready"]
    assert counts(observed.final["status"], scenario["final"]) == scenario["final"]
    kinds = Counter(what.split()[0] for _, what in observed.pods)
    assert kinds == Counter(what.split()[0] for _, what in scenario["pods"])
    last_mine, last_real = observed.pods[-1][0], scenario["pods"][-1][0]
    if scenario["name"] in BUDGET_WAS_WASTED:
        assert last_mine < last_real
    else:
        moments = [[moment for moment, _ in pods] for pods in (observed.pods, scenario["pods"])]
        assert all(
            -0.01 <= real - mine <= SURPLUS_PER_STEP * number
            for number, (mine, real) in enumerate(zip(*moments, strict=True), 1)
        )


STUCK = [each for each in STATEFUL if each["name"] in ("sts-badimage-fixed-stuck-3", "sts-crashloop-3")]


@pytest.mark.parametrize("scenario", STUCK, ids=named)
def test_a_stuck_set_goes_on_by_itself_when_its_template_is_mended(scenario: JSON) -> None:
    by_itself = {**scenario, "steps": [step for step in scenario["steps"] if step["op"] != "delete_pod"], "seconds": 60}
    mended_at = by_itself["steps"][-1]["at"]
    observed = played(by_itself)
    status = observed.final["status"]
    assert counts(status, {"updatedReplicas": 3, "readyReplicas": 3}) == {"updatedReplicas": 3, "readyReplicas": 3}
    assert status["currentRevision"] == status["updateRevision"]
    replaced = [what for moment, what in observed.pods if moment >= mended_at and what.startswith("created")]
    assert replaced == ["created web-2", "created web-1", "created web-0"]
    assert observed.lowest_ready == 2
