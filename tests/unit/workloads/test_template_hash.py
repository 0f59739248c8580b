"""Which templates are the same, and what their hash looks like."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.base.types import JSON
from seatrial.workloads import template_hash


def a_template(container: JSON | None = None, labels: JSON | None = None, **spec: Any) -> JSON:
    containers = [{"name": "a", "image": "a:1", **(container or {})}]
    return {"metadata": {"labels": labels or {"app": "web"}}, "spec": {"containers": containers, **spec}}


@pytest.mark.parametrize(
    "other",
    [
        a_template(labels={"app": "web", "pod-template-hash": "123"}),
        a_template(nodeSelector={}),
        a_template(volumes=[]),
        a_template(volumes=None),
        a_template(hostNetwork=False),
        a_template({"resources": {}}),
        a_template({"resources": {"limits": {}}}),
        a_template({"env": []}),
        a_template({"workingDir": ""}),
        {**a_template(), "metadata": {"labels": {"app": "web"}, "annotations": {}, "creationTimestamp": None}},
    ],
)
def test_templates_that_say_the_same_are_equal(other: JSON) -> None:
    assert template_hash.equal_ignoring_hash(a_template(), other)


@pytest.mark.parametrize(
    "other",
    [
        a_template({"image": "a:2"}),
        a_template(labels={"app": "other"}),
        a_template(volumes=[{"name": "v", "emptyDir": {}}]),
        a_template({"env": [{"name": "A"}]}),
        a_template(enableServiceLinks=False),
        a_template(securityContext={"runAsUser": 0}),
        a_template(terminationGracePeriodSeconds=0),
    ],
)
def test_templates_that_differ_do(other: JSON) -> None:
    assert not template_hash.equal_ignoring_hash(a_template(), other)
    assert template_hash.compute(a_template()) != template_hash.compute(other)


def test_the_hash_is_fnv_in_safe_characters() -> None:
    value = template_hash.compute(a_template())
    assert set(value) <= set("456789bcdf")
    assert len(value) <= 10


def test_a_collision_moves_the_hash_on() -> None:
    values = {template_hash.compute(a_template(), count) for count in (None, 0, 1, 2)}
    assert len(values) == 4


def test_safe_encoding() -> None:
    assert template_hash.safe_encode("0123456789") == "456789bcdf"


@given(st.dictionaries(st.sampled_from("abc"), st.sampled_from(["1", "2"]), min_size=1))
def test_the_hash_label_comes_and_goes_without_a_trace(labels: JSON) -> None:
    template = a_template(labels=labels)
    assert template_hash.without_hash(template_hash.with_hash(template, "x")) == template
