"""What is left on the server, and what is read from it."""

from typing import Any

import pytest

from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.rollout.rolling_update import resume


def rc(name: str, uid: str = "u", replicas: int = 4, annotations: dict[str, str] | None = None, **more: Any) -> JSON:
    metadata = {"name": name, "uid": uid, "resourceVersion": "7", "annotations": annotations or {}, **more}
    return {"metadata": metadata, "spec": {"replicas": replicas, "selector": {"a": "b"}}}


def test_a_new_controller_starts_with_nothing_and_knows_where_it_goes() -> None:
    made = resume.ready_to_create(rc("new", annotations={"mine": "x"}), "old:u1")
    assert made["spec"]["replicas"] == 0
    assert made["metadata"]["annotations"] == {"mine": "x", resume.SOURCE_ID: "old:u1", resume.DESIRED_REPLICAS: "4"}
    resume.check_continues(made, "old:u1")
    assert resume.desired_replicas(made) == 4


@pytest.mark.parametrize(
    ("annotations", "shown"),
    [
        ({}, "map[]"),
        ({resume.SOURCE_ID: "old:u1"}, f"map[{resume.SOURCE_ID}:old:u1]"),
        (
            {resume.SOURCE_ID: "old:u2", resume.DESIRED_REPLICAS: "4"},
            f"map[{resume.DESIRED_REPLICAS}:4 {resume.SOURCE_ID}:old:u2]",
        ),
    ],
    ids=["none", "no size", "an earlier controller of that name"],
)
def test_what_is_no_unfinished_successor_is_refused(annotations: dict[str, str], shown: str) -> None:
    with pytest.raises(ToolError) as caught:
        resume.check_continues(rc("new", annotations=annotations), "old:u1")
    assert str(caught.value) == f"Missing/unexpected annotations for controller new, expected old:u1 : {shown}"


def test_a_size_that_is_no_number_is_named() -> None:
    with pytest.raises(ToolError) as caught:
        resume.desired_replicas(rc("new", annotations={resume.DESIRED_REPLICAS: "four"}))
    assert str(caught.value) == "Unable to parse annotation for new: kubectl.kubernetes.io/desired-replicas=four"


def test_a_successor_is_found_by_the_whole_name() -> None:
    found = [
        rc("c", annotations={resume.SOURCE_ID: "web2:u"}),
        rc("b", annotations={resume.SOURCE_ID: "web:u"}),
        rc("a"),
    ]
    successor = resume.find_successor("web", found)
    assert successor is not None
    assert objects.name(successor) == "b"
    assert resume.find_successor("we", found) is None


GONE = {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": [resume.RENAMING]}


@pytest.mark.parametrize(
    ("left", "found"),
    [
        (rc("web-1", annotations={resume.SOURCE_ID: "web:u1"}, **GONE), True),
        (rc("web-1", annotations={resume.SOURCE_ID: "web:u2"}, **GONE), False),
        (rc("web-1", annotations={resume.SOURCE_ID: "web:u1"}), False),
        (rc("web-1", annotations={resume.SOURCE_ID: "web:u1"}, **{**GONE, "finalizers": ["orphan"]}), False),
    ],
    ids=["its former self", "the old one is there still", "not deleted", "not renamed"],
)
def test_what_a_renaming_leaves_is_found(left: JSON, found: bool) -> None:
    assert (resume.find_renamed(rc("web", "u2"), [left]) is not None) is found


def test_a_rollback_needs_the_original_size() -> None:
    with pytest.raises(ToolError, match='couldn\'t find original replica count of "old"'):
        resume.swapped(rc("old"), rc("new"))
    swapped = resume.swapped(rc("old", annotations={resume.ORIGINAL_REPLICAS: "6"}), rc("new", "u9"))
    resume.check_continues(swapped, "new:u9")
    assert resume.desired_replicas(swapped) == 6


def test_a_renamed_controller_carries_nothing_of_its_former_life() -> None:
    annotations = {resume.SOURCE_ID: "web:u", resume.DESIRED_REPLICAS: "5", resume.ORIGINAL_REPLICAS: "1", "mine": "x"}
    former = rc("web-1", annotations=annotations, labels={"l": "1"}, namespace="n", **GONE) | {
        "status": {"replicas": 4}
    }
    assert resume.renamed(former, "web") == {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {"name": "web", "namespace": "n", "labels": {"l": "1"}, "annotations": {"mine": "x"}},
        "spec": {"replicas": 5, "selector": {"a": "b"}},
    }
