"""Tables and ages."""

import pytest

from seatrial.machinery import table
from seatrial.machinery.table import Column

MINUTE, HOUR, DAY = 60, 3600, 86400
YEAR = 365 * DAY


@pytest.mark.parametrize(
    ("seconds", "new", "old"),
    [
        (-5, "<invalid>", "<invalid>"),
        (-1, "0s", "0s"),
        (0, "0s", "0s"),
        (59.9, "59s", "59s"),
        (119, "119s", "1m"),
        (120, "2m", "2m"),
        (200, "3m20s", "3m"),
        (10 * MINUTE + 5, "10m", "10m"),
        (179 * MINUTE, "179m", "2h"),
        (3 * HOUR, "3h", "3h"),
        (7 * HOUR + 5 * MINUTE, "7h5m", "7h"),
        (47 * HOUR, "47h", "1d"),
        (2 * DAY, "2d", "2d"),
        (7 * DAY + 3 * HOUR, "7d3h", "7d"),
        (100 * DAY, "100d", "100d"),
        (2 * YEAR, "2y", "2y"),
        (3 * YEAR + 4 * DAY, "3y4d", "3y"),
        (9 * YEAR + 4 * DAY, "9y", "9y"),
        (364 * DAY, "364d", "0y"),
    ],
)
def test_ages_are_printed_as_kubernetes_prints_them(seconds, new, old):
    assert table.human_duration(seconds) == new
    assert table.short_human_duration(seconds) == old


def test_an_age_needs_a_time():
    assert table.age(None, 100) == "<unknown>"
    assert table.age("1970-01-01T00:00:10Z", 100) == "90s"
    assert table.created_age({"metadata": {"creationTimestamp": "1970-01-01T00:00:10Z"}}, 100) == "90s"


def test_a_table_has_definitions_rows_and_the_metadata_of_its_objects():
    obj = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p"}, "spec": {}}
    built = table.table([Column("Name", format="name")], [table.row(obj, ["p"])], {"resourceVersion": "5"})
    assert built == {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": "5"},
        "columnDefinitions": [{"name": "Name", "type": "string", "format": "name", "description": "", "priority": 0}],
        "rows": [
            {
                "cells": ["p"],
                "object": {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": {"name": "p"}},
            }
        ],
    }


def test_rows_carry_as_much_of_the_object_as_was_asked_for():
    obj = {"metadata": {"name": "p"}, "spec": {}}
    assert table.row(obj, [], "Object")["object"] is obj
    assert table.row(obj, [], "None")["object"] is None
    assert table.row(obj, [], conditions=[{"type": "Completed"}])["conditions"] == [{"type": "Completed"}]
