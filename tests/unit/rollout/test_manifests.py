"""Manifest files as kubectl reads them, and what it says of those that it can't read."""

import pytest

from seatrial.base.errors import ToolError
from seatrial.rollout import manifests

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


def test_anchors_and_merge_keys_work_and_what_is_merged_may_be_overridden() -> None:
    text = CONFIG + "data: &d {<<: {x: a, y: b}, x: c}\nbinaryData: {<<: *d, y: d}\n"
    [obj] = manifests.parse(text, "a.yaml")
    assert obj["data"] == {"x": "c", "y": "b"}
    assert obj["binaryData"] == {"x": "c", "y": "d"}


def test_keys_and_dates_are_text_as_in_json() -> None:
    [obj] = manifests.parse(CONFIG + "data: {1: 2020-01-01}\n", "a.yaml")
    assert obj["data"] == {"1": "2020-01-01"}


def test_lists_are_taken_apart_and_may_be_empty() -> None:
    assert manifests.parse("apiVersion: v1\nkind: List\nitems:\n", "a.yaml") == []
    text = "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: PodList, items: [{metadata: {name: a}}]}]\n"
    assert manifests.parse(text, "a.yaml") == [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (CONFIG + "data: {x: a}\ndata: {x: b}\n", 'a.yaml:5:1: not YAML: key "data" is already set in line 4'),
        (CONFIG + "data:\n\tx: a\n", "a.yaml:5:1: not YAML: a tab in the indentation"),
        ("{{ if .Values.x }}\n", "a.yaml: this is a template, not a manifest"),
        (CONFIG + "data: {x: {{y}}}\n", "not YAML: a key is no text; a template has to be rendered first"),
        ('{"apiVersion": ', "a.yaml:1:16: not JSON"),
        (CONFIG + "data: {x: 99999999999999999999}\n", "a ConfigMap can't be written as JSON: Integer exceeds 64-bit"),
        (CONFIG + "data: &d {x: *d}\n", "a ConfigMap can't be written as JSON: Recursion limit reached"),
        ("apiVersion: v1\nkind: 5\n", "a.yaml: a manifest needs kind"),
        ("- a\n", "a.yaml: a manifest is a mapping with apiVersion and kind, not a list"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(ToolError) as failed:
        manifests.parse(text, "a.yaml")
    assert told in str(failed.value)
