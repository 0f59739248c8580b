"""JSON patch, as the library does it that the API server uses (outcomes compared with kubectl 1.32)."""

from copy import deepcopy
from typing import Any

import pytest

from seatrial.machinery import json_patch

DOC: dict[str, Any] = {"a": {"b/c": 1, "n": None}, "l": [1, {"x": 2}, [3]]}


def op(kind: str, path: str, *value: Any, **more: Any) -> dict[str, Any]:
    return {"op": kind, "path": path, **({"value": value[0]} if value else {}), **more}


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ([op("add", "/a/new", {"z": 1})], {"a": {"b/c": 1, "n": None, "new": {"z": 1}}, "l": [1, {"x": 2}, [3]]}),
        ([op("add", "/l/0", 0)], {**DOC, "l": [0, 1, {"x": 2}, [3]]}),
        ([op("add", "/l/-", 4)], {**DOC, "l": [1, {"x": 2}, [3], 4]}),
        ([op("add", "/l/-1", 4)], {**DOC, "l": [1, {"x": 2}, [3], 4]}),
        ([op("remove", "/l/-1")], {**DOC, "l": [1, {"x": 2}]}),
        ([op("remove", "/a/b~1c")], {**DOC, "a": {"n": None}}),
        ([op("replace", "/l/1/x", 5)], {**DOC, "l": [1, {"x": 5}, [3]]}),
        ([op("replace", "/a/missing", 5)], {**DOC, "a": {**DOC["a"], "missing": 5}}),
        ([op("move", "/a/m", **{"from": "/l/1"})], {"a": {**DOC["a"], "m": {"x": 2}}, "l": [1, [3]]}),
        ([op("copy", "/a/m", **{"from": "/l/2"}), op("add", "/a/m/-", 4)], {**DOC, "a": {**DOC["a"], "m": [3, 4]}}),
        ([op("copy", "/a/m", **{"from": "/a/missing"})], {**DOC, "a": {**DOC["a"], "m": None}}),
        ([op("test", "/l/1", {"x": 2}), op("test", "/a/missing"), op("test", "/a/n", None)], DOC),
        ([op("replace", "", [1])], [1]),
        ([], DOC),
    ],
    ids=[
        "add a key",
        "insert",
        "append",
        "insert from the end",
        "remove from the end",
        "remove an escaped key",
        "replace within a list",
        "replace what is not there",
        "move",
        "copy, then change the copy",
        "copy what is not there",
        "tests that hold",
        "replace the document",
        "no operations",
    ],
)
def test_an_operation_changes_what_it_names(operations: list[Any], expected: Any) -> None:
    before = deepcopy(DOC)
    assert json_patch.apply(DOC, operations) == expected
    assert before == DOC


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        (op("add", "/none/x", 1), 'add operation does not apply: doc is missing path: "/none/x": missing value'),
        (op("add", "/l/9", 1), "Unable to access invalid index: 9"),
        (op("add", "/l/-5", 1), "Unable to access invalid index: -5"),
        (op("add", "/l/x", 1), 'strconv.Atoi: parsing "x": invalid syntax'),
        (op("remove", "/a/x"), "Unable to remove nonexistent key: x: missing value"),
        (op("remove", "/l/3"), "Unable to access invalid index: 3"),
        (op("replace", "/none/x", 1), "replace operation does not apply: doc is missing path: /none/x: missing value"),
        (op("replace", "/l/3", 1), "replace operation does not apply: doc is missing key: /l/3: missing value"),
        (op("move", "/a/x", **{"from": "/none/x"}), "doc is missing from path: /none/x"),
        (op("move", "/l/1/x/y", **{"from": "/l/1"}), "doc is missing"),
        (op("copy", "/none/x", **{"from": "/a"}), "doc is missing destination path: /none/x"),
        (op("test", "/a/b~1c", 2), "testing value /a/b~1c failed: test failed"),
        (op("test", "/a/b~1c", True), "testing value /a/b~1c failed: test failed"),
        (op("test", "/none/x", None), "test operation does not apply: is missing path: /none/x: missing value"),
        (op("frobnicate", "/a"), "Unexpected kind: frobnicate"),
        ({"op": "add", "value": 1}, "failed to decode path"),
    ],
    ids=lambda value: f"{value['op']} {value.get('path')}" if isinstance(value, dict) else None,
)
def test_an_operation_that_cannot_be_applied_says_why(operation: Any, text: str) -> None:
    before = deepcopy(DOC)
    with pytest.raises(json_patch.PatchError) as error:
        json_patch.apply(DOC, [op("add", "/l/1/y", 1), operation])
    assert text in str(error.value)
    assert before == DOC


def test_a_value_is_not_shared_with_the_patch() -> None:
    operations = [op("add", "/a/v", {"x": 1}), op("add", "/a/v/y", 2)]
    assert json_patch.apply(DOC, operations)["a"]["v"] == {"x": 1, "y": 2}
    assert operations[0]["value"] == {"x": 1}


def test_a_body_that_is_no_array_is_named() -> None:
    with pytest.raises(json_patch.BadPatch) as error:
        json_patch.apply(DOC, {"op": "add"})
    assert str(error.value) == "json: cannot unmarshal object into Go value of type jsonpatch.Patch"


def test_more_than_ten_thousand_operations_are_too_many() -> None:
    json_patch.check([op("add", "/a/x", 1)] * 10_000)
    with pytest.raises(json_patch.TooManyOperations, match="10000, got 10001"):
        json_patch.check([op("add", "/a/x", 1)] * 10_001)
