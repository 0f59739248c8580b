"""Quantities."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.machinery import quantity


@pytest.mark.parametrize(
    ("text", "canonical", "milli", "value"),
    [
        ("0", "0", 0, 0),
        ("1000m", "1", 1000, 1),
        ("1500m", "1500m", 1500, 2),
        ("0.1", "100m", 100, 1),
        (".5", "500m", 500, 1),
        ("5.", "5", 5000, 5),
        ("1000", "1k", 1_000_000, 1000),
        ("1e3", "1e3", 1_000_000, 1000),
        ("12E3", "12e3", 12_000_000, 12_000),
        ("1E", "1E", 10**21, 10**18),
        ("0.5Gi", "512Mi", 2**29 * 1000, 2**29),
        ("1.5Ki", "1536", 1_536_000, 1536),
        ("1024Ki", "1Mi", 2**20 * 1000, 2**20),
        ("1023", "1023", 1_023_000, 1023),
        ("0.0001Ki", "102400u", 103, 1),
        ("1n", "1n", 1, 1),
        ("0.1n", "1n", 1, 1),
        ("-1500m", "-1500m", -1500, -2),
        ("+3", "3", 3000, 3),
        ("100E", "9223372036854775807", (2**63 - 1) * 1000, 2**63 - 1),
    ],
)
def test_quantities_have_a_canonical_text_and_values(text, canonical, milli, value):
    assert quantity.canonical(text) == canonical
    assert quantity.milli(text) == milli
    assert quantity.value(text) == value


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", quantity.FORMAT_ERROR),
        ("abc", quantity.FORMAT_ERROR),
        ("1.2.3", quantity.FORMAT_ERROR),
        ("1 Gi", quantity.FORMAT_ERROR),
        ("1KB", quantity.FORMAT_ERROR),
        ("1ki", quantity.SUFFIX_ERROR),
        ("1mm", quantity.SUFFIX_ERROR),
    ],
)
def test_other_texts_are_refused(text, error):
    with pytest.raises(ValueError) as caught:
        quantity.parse(text)
    assert str(caught.value) == error


suffixes = st.sampled_from(["", "m", "k", "M", "G", "Ki", "Mi", "Gi", "e3", "E2", "u"])
numbers = st.tuples(st.integers(-(10**6), 10**6), st.one_of(st.just(""), st.integers(0, 999).map(".{}".format)))
quantities = st.tuples(numbers, suffixes).map(lambda parts: f"{parts[0][0]}{parts[0][1]}{parts[1]}")


@given(quantities)
def test_the_canonical_text_is_a_fixed_point(text):
    canonical = quantity.canonical(text)
    assert quantity.canonical(canonical) == canonical


@given(quantities.filter(lambda text: "i" not in text))
def test_the_canonical_text_has_the_same_value(text):
    assert quantity.parse(quantity.canonical(text)) == quantity.parse(text)


@given(quantities)
def test_whole_and_thousandth_values_round_away_from_zero_by_less_than_one(text):
    exact = quantity.parse(text)
    assert abs(quantity.value(text)) - abs(exact) < 1
    assert abs(exact) <= abs(quantity.value(text))
    assert abs(exact) <= Fraction(abs(quantity.milli(text)), 1000)
