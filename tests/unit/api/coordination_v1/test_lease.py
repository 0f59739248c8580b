"""Leases."""

from seatrial.api.registry import LEASES


def test_durations_are_positive_and_transitions_not_negative():
    errors = LEASES.validate({"spec": {"leaseDurationSeconds": 0, "leaseTransitions": -1}})
    assert [str(error) for error in errors] == [
        "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
        "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0",
    ]
    assert LEASES.validate({"spec": {"leaseDurationSeconds": 40, "leaseTransitions": 0}}) == []


def test_the_row_shows_the_holder():
    metadata = {"name": "n1", "creationTimestamp": "1970-01-01T00:00:00Z"}
    assert list(LEASES.row({"metadata": metadata, "spec": {"holderIdentity": "n1"}}, 9)) == ["n1", "n1", "9s"]
    assert list(LEASES.row({"metadata": metadata}, 9)) == ["n1", "", "9s"]
