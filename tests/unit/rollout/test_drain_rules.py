"""Which Pods a drain evicts, leaves alone or refuses."""

from typing import Any

import pytest

from seatrial.base.types import JSON
from seatrial.rollout import drain_rules
from seatrial.rollout.drain_rules import Rules

NOW = 1_700_000_000.0
EVERYTHING = Rules(force=True, ignore_daemonsets=True, delete_emptydir_data=True)


def pod(owner: str = "ReplicaSet", **metadata: Any) -> JSON:
    owners = [{"kind": owner, "name": "o", "uid": "u", "controller": True}] if owner else []
    return {"metadata": {"name": "a", "namespace": "ns", "ownerReferences": owners, **metadata}, "spec": {}}


def with_data(one: JSON) -> JSON:
    return {**one, "spec": {"volumes": [{"name": "d", "emptyDir": {}}]}}


def ended(one: JSON) -> JSON:
    return {**one, "status": {"phase": "Succeeded"}}


@pytest.mark.parametrize(
    ("one", "rules"),
    [
        (pod(), Rules()),
        (ended(pod("")), Rules()),
        (ended(with_data(pod())), Rules()),
        (ended(pod("DaemonSet")), Rules()),
        (with_data(pod()), Rules(delete_emptydir_data=True)),
        (pod("", deletionTimestamp="2023-11-14T22:13:00Z"), EVERYTHING),
    ],
    ids=["owned", "ended alone", "ended with data", "ended daemon", "data given up", "terminating"],
)
def test_these_are_evicted(one: JSON, rules: Rules) -> None:
    chosen = drain_rules.select([one], rules, frozenset(), NOW)
    assert (chosen.going, chosen.errors) == ((one,), [])


@pytest.mark.parametrize(
    ("one", "rules", "warning"),
    [
        (pod("DaemonSet"), Rules(ignore_daemonsets=True), "ignoring DaemonSet-managed Pods: ns/a"),
        (pod(annotations={drain_rules.MIRROR: "x"}), Rules(), ""),
        (pod(deletionTimestamp="2023-11-14T22:00:00Z"), Rules(skip_deleted_seconds=60), ""),
    ],
    ids=["daemons", "static Pods", "long deleted"],
)
def test_these_stay_and_hinder_nobody(one: JSON, rules: Rules, warning: str) -> None:
    chosen = drain_rules.select([one], rules, frozenset(), NOW)
    assert (chosen.going, chosen.errors, chosen.warning) == ((), [], warning)


@pytest.mark.parametrize(
    ("one", "missing", "error"),
    [
        (pod("DaemonSet"), [], "DaemonSet-managed Pods (use --ignore-daemonsets to ignore): ns/a"),
        (pod("DaemonSet"), [("ns", "o")], 'daemonsets.apps "o" not found: ns/a'),
        (with_data(pod()), [], "Pods with local storage (use --delete-emptydir-data to override): ns/a"),
        (pod(""), [], "Pods that declare no controller (use --force to override): ns/a"),
    ],
    ids=["daemons", "daemons of nobody", "local data", "nobody's"],
)
def test_these_refuse_the_drain(one: JSON, missing: list[tuple[str, str]], error: str) -> None:
    chosen = drain_rules.select([one], Rules(), frozenset(missing), NOW)
    assert (chosen.going, chosen.errors) == ((), [f"cannot delete {error}"])


def test_force_warns_of_pods_that_nobody_makes_again() -> None:
    chosen = drain_rules.select([pod(""), pod("DaemonSet", name="b")], EVERYTHING, frozenset(), NOW)
    assert [each["metadata"]["name"] for each in chosen.going] == ["a"]
    warning = "deleting Pods that declare no controller: ns/a; ignoring DaemonSet-managed Pods: ns/b"
    assert chosen.warning == warning
