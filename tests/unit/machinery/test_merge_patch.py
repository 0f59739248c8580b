"""JSON merge patch, its difference, and the three-way patch of kubectl apply."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.machinery import merge_patch

KEYS = st.sampled_from("abcd")
SCALARS = st.one_of(st.booleans(), st.integers(-2, 2), st.sampled_from(["", "x", "y"]))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)
DOCS = st.dictionaries(KEYS, VALUES, max_size=4)


@pytest.mark.parametrize(
    ("doc", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"a": 1}, {"b": {"c": {"d": None}}}, {"a": 1, "b": {"c": {}}}),
        ({}, {"a": [{"b": None}, None]}, {"a": [{}, None]}),
        ({"a": {"b": 1}}, {"a": []}, {"a": []}),
    ],
)
def test_a_patch_merges_deletes_and_replaces(doc: Any, patch: Any, expected: Any) -> None:
    before = deepcopy((doc, patch))
    assert merge_patch.apply(doc, patch) == expected
    assert (doc, patch) == before


@given(DOCS, DOCS)
def test_the_difference_leads_from_one_to_the_other(old: Any, new: Any) -> None:
    patched = merge_patch.apply(old, merge_patch.diff(old, new))
    assert merge_patch.same(patched, new)


@given(DOCS)
def test_nothing_differs_from_itself(doc: Any) -> None:
    assert merge_patch.diff(doc, deepcopy(doc)) == {}


@given(DOCS, DOCS)
def test_applying_a_patch_twice_is_applying_it_once(doc: Any, patch: Any) -> None:
    once = merge_patch.apply(doc, patch)
    assert merge_patch.apply(once, patch) == once


def test_true_is_not_one() -> None:
    assert merge_patch.diff({"a": 1}, {"a": True}) == {"a": True}


@pytest.mark.parametrize(
    ("original", "modified", "current", "patch"),
    [
        ({"a": 1, "b": 1}, {"a": 2}, {"a": 1, "b": 1, "c": 1}, {"a": 2, "b": None}),
        ({}, {"a": 1}, {"a": 1, "server": 1}, {}),
        ({"x": {"a": 1}}, {"x": {"b": 1}}, {"x": {"a": 1, "c": 1}}, {"x": {"a": None, "b": 1}}),
    ],
    ids=["deletes what was applied", "leaves what others set", "goes down into maps"],
)
def test_apply_tells_deletions_from_what_others_added(original: Any, modified: Any, current: Any, patch: Any) -> None:
    assert merge_patch.three_way(original, modified, current) == patch
