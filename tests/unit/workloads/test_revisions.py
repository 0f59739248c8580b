"""Revision numbers and annotations."""

import pytest

from seatrial.base.types import JSON
from seatrial.machinery import last_applied
from seatrial.workloads import revisions


def a_replica_set(revision: str | None, name: str = "rs", created_at: str = "2026-01-01T00:00:00Z") -> JSON:
    annotations = {} if revision is None else {revisions.REVISION: revision}
    return {"metadata": {"name": name, "creationTimestamp": created_at, "annotations": annotations}}


@pytest.mark.parametrize(
    ("numbers", "highest", "last"),
    [([], 0, 0), (["1"], 1, 0), (["1", "3", "2"], 3, 2), (["x", "2", None], 2, 0), (["2", "2"], 2, 2)],
)
def test_highest_and_second_highest(numbers: list[str | None], highest: int, last: int) -> None:
    replica_sets = [a_replica_set(number) for number in numbers]
    assert revisions.max_revision(replica_sets) == highest
    assert revisions.last_revision(replica_sets) == last


def test_order_is_by_revision_then_age_then_name() -> None:
    newer, older = a_replica_set("1", "b", "2026-01-02T00:00:00Z"), a_replica_set("1", "c")
    twin, later = a_replica_set("1", "a"), a_replica_set("2", "d", "2025-01-01T00:00:00Z")
    assert revisions.by_revision([later, newer, older, twin]) == [twin, older, newer, later]
    assert revisions.oldest_first([newer, older, twin, later]) == [later, twin, older, newer]


DEPLOYMENT: JSON = {
    "metadata": {"annotations": {"team": "a", revisions.REVISION: "9", last_applied.ANNOTATION: "{}"}},
}


@pytest.mark.parametrize(
    ("present", "revision", "expected"),
    [
        ({}, 1, {"team": "a", revisions.REVISION: "1"}),
        ({"own": "x", revisions.REVISION: "2"}, 2, {"own": "x", "team": "a", revisions.REVISION: "2"}),
        ({revisions.REVISION: "5"}, 2, {"team": "a", revisions.REVISION: "5"}),
        ({revisions.REVISION: "odd"}, 2, {"team": "a", revisions.REVISION: "odd"}),
        ({revisions.REVISION: "1"}, 3, {"team": "a", revisions.REVISION: "3", revisions.REVISION_HISTORY: "1"}),
        (
            {revisions.REVISION: "3", revisions.REVISION_HISTORY: "1"},
            4,
            {"team": "a", revisions.REVISION: "4", revisions.REVISION_HISTORY: "1,3"},
        ),
    ],
    ids=["new", "as before", "never smaller", "unreadable", "rolled back to", "rolled back to again"],
)
def test_annotations_of_the_new_replica_set(present: dict[str, str], revision: int, expected: dict[str, str]) -> None:
    assert revisions.new_annotations(DEPLOYMENT, present, revision) == expected


def test_a_long_history_loses_its_oldest() -> None:
    history = ",".join(str(number) for number in range(1000, 1400))
    present = {revisions.REVISION: "1400", revisions.REVISION_HISTORY: history}
    kept = revisions.new_annotations({"metadata": {}}, present, 1401)[revisions.REVISION_HISTORY].split(",")
    assert kept[-1] == "1400"
    assert len(",".join(kept)) <= 2000
    assert kept[0] == "1001"


def test_a_rollback_brings_the_replica_sets_annotations_back() -> None:
    replica_set = {"metadata": {"annotations": {revisions.CHANGE_CAUSE: "old", revisions.REVISION: "1"}}}
    assert revisions.rolled_back_annotations(DEPLOYMENT, replica_set) == {
        revisions.REVISION: "9",
        last_applied.ANNOTATION: "{}",
        revisions.CHANGE_CAUSE: "old",
    }
