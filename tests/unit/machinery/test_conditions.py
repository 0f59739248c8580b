"""Status conditions."""

from hypothesis import given
from hypothesis import strategies as st

from seatrial.machinery import conditions

READY = {"type": "Ready", "status": "True", "reason": "Fine", "lastTransitionTime": "t1"}
OTHER = {"type": "Other", "status": "False"}

condition = st.fixed_dictionaries(
    {"type": st.sampled_from("ABC"), "status": st.sampled_from(["True", "False"]), "reason": st.sampled_from("xy")}
)
condition_lists = st.lists(condition, max_size=3, unique_by=lambda each: each["type"])


def test_conditions_are_found_in_objects_and_in_statuses():
    for obj in ({"status": {"conditions": [OTHER, READY]}}, {"conditions": [OTHER, READY]}):
        assert conditions.find(obj, "Ready") == READY
        assert conditions.is_true(obj, "Ready")
        assert not conditions.is_true(obj, "Other")
        assert conditions.status_of(obj, "Absent") == ""


def test_objects_without_conditions_have_none():
    for obj in ({}, {"status": None}, {"status": {}}, {"status": {"conditions": None}}):
        assert conditions.find(obj, "Ready") is None


def test_put_keeps_place_and_transition_time_while_the_status_stays():
    new = {"type": "Ready", "status": "True", "reason": "Better", "lastTransitionTime": "t2"}
    assert conditions.put([READY, OTHER], new) == [{**new, "lastTransitionTime": "t1"}, OTHER]
    down = {**new, "status": "False"}
    assert conditions.put([READY, OTHER], down) == [down, OTHER]


def test_with_condition_leaves_equal_status_and_reason_alone():
    same = {**READY, "message": "new words", "lastTransitionTime": "t2"}
    assert conditions.with_condition([READY, OTHER], same) == [READY, OTHER]


def test_with_condition_moves_a_changed_condition_to_the_end():
    changed = {**READY, "reason": "Better", "lastTransitionTime": "t2"}
    assert conditions.with_condition([READY, OTHER], changed) == [OTHER, {**changed, "lastTransitionTime": "t1"}]


@given(condition_lists, condition)
def test_setting_a_condition_makes_it_the_one_of_its_type_and_keeps_the_others(before, new):
    for changed in (conditions.put(before, new), conditions.with_condition(before, new)):
        assert conditions.find({"conditions": changed}, new["type"])["status"] == new["status"]
        assert conditions.without(changed, new["type"]) == conditions.without(before, new["type"])
        assert len({each["type"] for each in changed}) == len(changed)
    assert conditions.put(conditions.put(before, new), new) == conditions.put(before, new)
