"""Events."""

import pytest

from seatrial.api.registry import EVENTS


def event(**fields):
    obj = {
        "metadata": {"name": "e", "namespace": "d"},
        "involvedObject": {"kind": "Pod", "name": "web", "namespace": "d", "fieldPath": "spec.containers{c}"},
        "type": "Normal",
        "reason": "Started",
        "message": "Started container c\n",
        "source": {"component": "kubelet", "host": "n1"},
        "firstTimestamp": "1970-01-01T00:00:00Z",
        "lastTimestamp": "1970-01-01T00:01:00Z",
        "count": 3,
        **fields,
    }
    EVENTS.default(obj)
    return obj


@pytest.mark.parametrize(
    ("fields", "cells"),
    [
        (
            {},
            [
                *("30s", "Normal", "Started", "pod/web", "spec.containers{c}", "kubelet, n1", "Started container c"),
                *("90s", 3, "e"),
            ],
        ),
        (
            {
                "firstTimestamp": None,
                "lastTimestamp": None,
                "count": 0,
                "eventTime": "1970-01-01T00:00:10.000000Z",
                "source": {},
                "reportingComponent": "scheduler",
            },
            [
                *("80s", "Normal", "Started", "pod/web", "spec.containers{c}", "scheduler", "Started container c"),
                *("80s", 1, "e"),
            ],
        ),
        (
            {
                "involvedObject": {"kind": "Node"},
                "series": {"count": 7, "lastObservedTime": "1970-01-01T00:01:20.000000Z"},
            },
            ["10s", "Normal", "Started", "node", "", "kubelet, n1", "Started container c", "90s", 7, "e"],
        ),
    ],
    ids=["old fields", "one event of the new kind", "series"],
)
def test_the_row_reads_old_and_new_fields(fields, cells):
    assert list(EVENTS.row(event(**fields), 90)) == cells


@pytest.mark.parametrize(
    ("own", "about", "good"),
    [("d", "d", True), ("d", "e", False), ("default", "", True), ("d", "", False)],
)
def test_an_event_lives_with_its_object(own, about, good):
    obj = event(metadata={"name": "e", "namespace": own}, involvedObject={"kind": "Pod", "namespace": about})
    errors = EVENTS.validate(obj)
    assert (not errors) is good
    for error in errors:
        assert error.field == "involvedObject.namespace"
        assert error.body.endswith("does not match event.namespace")


def test_events_are_selected_by_their_object_and_reporter():
    fields = EVENTS.selectable_fields(event())
    assert fields["involvedObject.name"] == "web"
    assert fields["involvedObject.uid"] == ""
    assert (fields["reason"], fields["type"], fields["source"]) == ("Started", "Normal", "kubelet")
