"""Namespaces."""

from seatrial.api.registry import NAMESPACES


def test_a_new_namespace_is_active_named_by_a_label_and_held_by_a_finalizer():
    obj = {"metadata": {"name": "shop", "labels": {"a": "b"}}, "status": {"phase": "Odd"}}
    NAMESPACES.default(obj)
    NAMESPACES.prepare_for_create(obj)
    assert obj["metadata"]["labels"] == {"a": "b", "kubernetes.io/metadata.name": "shop"}
    assert obj["spec"] == {"finalizers": ["kubernetes"]}
    assert obj["status"] == {"phase": "Active"}


def test_an_update_leaves_the_finalizers_of_the_spec_alone():
    new = {"metadata": {"name": "shop"}, "spec": {}}
    NAMESPACES.prepare_for_update(new, {"spec": {"finalizers": ["kubernetes"]}})
    assert new["spec"] == {"finalizers": ["kubernetes"]}


def test_the_phase_follows_the_deletion():
    active = {"metadata": {}, "status": {"phase": "Terminating"}}
    ending = {"metadata": {"deletionTimestamp": "t"}, "status": {"phase": "Active"}}
    (first,) = NAMESPACES.validate_status_update(active, active)
    (second,) = NAMESPACES.validate_status_update(ending, ending)
    assert str(first) == (
        "status.Phase: Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty"
    )
    assert str(second) == (
        "status.Phase: Invalid value: \"Active\": may only be 'Terminating' if `deletionTimestamp` is not empty"
    )


def test_the_row_shows_the_phase():
    obj = {"metadata": {"name": "shop", "creationTimestamp": "1970-01-01T00:00:00Z"}, "status": {"phase": "Active"}}
    assert list(NAMESPACES.row(obj, 5)) == ["shop", "Active", "5s"]
    assert NAMESPACES.selectable_fields(obj)["status.phase"] == "Active"
