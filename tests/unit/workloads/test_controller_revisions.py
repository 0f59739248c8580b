"""What ControllerRevisions hold, and which may go."""

from typing import Any

from seatrial.api.registry import STATEFUL_SETS
from seatrial.base.types import JSON
from seatrial.workloads import controller_revisions

TEMPLATE: JSON = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "app:1"}]}}


def owner(template: JSON = TEMPLATE, **metadata: Any) -> JSON:
    return {"metadata": {"name": "web", "namespace": "default", "uid": "u", **metadata}, "spec": {"template": template}}


def revision(name: str, number: int, image: str = "app:1") -> JSON:
    template = {**TEMPLATE, "spec": {"containers": [{"name": "c", "image": image}]}}
    made = controller_revisions.make(owner(template), STATEFUL_SETS, name, number, {})
    made["metadata"]["creationTimestamp"] = "2025-01-01T00:00:00Z"
    return made


def test_a_revision_brings_its_template_back() -> None:
    made = controller_revisions.make(owner(annotations={"a": "b"}), STATEFUL_SETS, "web-x", 3, {"hash": "x"})
    assert made["data"] == {"spec": {"template": {**TEMPLATE, "$patch": "replace"}}}
    assert controller_revisions.template_of(made) == TEMPLATE
    assert made["metadata"]["labels"] == {"app": "web", "hash": "x"}
    assert made["metadata"]["annotations"] == {"a": "b"}
    assert made["metadata"]["ownerReferences"][0]["controller"] is True


def test_the_hash_depends_on_the_template_and_on_collisions_only() -> None:
    written_otherwise = {"spec": TEMPLATE["spec"], "metadata": {**TEMPLATE["metadata"], "annotations": {}}}
    first = controller_revisions.hash_of(TEMPLATE, 0)
    assert controller_revisions.hash_of(written_otherwise, 0) == first
    assert controller_revisions.hash_of(TEMPLATE, 1) != first


def test_the_newest_of_equal_revisions_is_found() -> None:
    ordered = controller_revisions.in_order([revision("c", 3), revision("b", 2, "app:2"), revision("a", 1)])
    assert [each["metadata"]["name"] for each in ordered] == ["a", "b", "c"]
    found = controller_revisions.newest_with(ordered, TEMPLATE)
    assert found is not None
    assert found["metadata"]["name"] == "c"
    assert controller_revisions.next_number(ordered) == 4
    assert controller_revisions.next_number([]) == 1


def test_the_oldest_go_but_none_that_is_alive() -> None:
    ordered = [revision(name, number) for number, name in enumerate("abcd", 1)]
    gone = controller_revisions.surplus(ordered, 1, {"a": None})
    assert [each["metadata"]["name"] for each in gone] == ["b", "c"]
    assert controller_revisions.surplus(ordered, 5, {}) == []


def test_long_names_leave_room_for_the_hash() -> None:
    assert controller_revisions.name_of("n" * 250, "hash") == "n" * 223 + "-hash"
