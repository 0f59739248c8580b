"""Label and field selectors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.machinery import selectors
from seatrial.machinery.selectors import InvalidSelector

QUALIFIED = (
    "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' "
    "(e.g. 'example.com/MyName')"
)


@pytest.mark.parametrize(
    ("text", "labels", "expected"),
    [
        ("", {}, True),
        ("a=b", {"a": "b"}, True),
        ("a==b", {"a": "c"}, False),
        ("a=b", {}, False),
        ("a!=b", {}, True),
        ("a!=b", {"a": "b"}, False),
        ("a in (b,c)", {"a": "c"}, True),
        ("a in (b,c)", {}, False),
        ("a notin (b,c)", {}, True),
        ("a notin (b,c)", {"a": "b"}, False),
        ("a", {"a": ""}, True),
        ("a", {}, False),
        ("!a", {}, True),
        ("!a", {"a": "x"}, False),
        ("a>3", {"a": "4"}, True),
        ("a>3", {"a": "3"}, False),
        ("a<3", {"a": "x"}, False),
        ("a<3", {"a": "-1"}, True),
        ("a=b,!c,d in (e)", {"a": "b", "d": "e"}, True),
        ("a=b,!c,d in (e)", {"a": "b", "d": "e", "c": ""}, False),
        ("a=", {"a": ""}, True),
        ("in in (in, notin)", {"in": "notin"}, True),
        ("x=y=z", None, "found '=', expected: ',' or 'end of string'"),
        ("a,", None, "found '', expected: identifier after ','"),
        ("=a", None, "found '=', expected: !, identifier, or 'end of string'"),
        ("a b", None, "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a in b", None, "unable to parse requirement: found 'b' expected: '('"),
        ("a in (b", None, "unable to parse requirement: found '', expected: ',' or ')'"),
        ("a in (!", None, "unable to parse requirement: found '!', expected: ',', ')' or identifier"),
        ("!!a", None, "unable to parse requirement: found '!', expected: identifier"),
        ("a=)", None, "unable to parse requirement: found ')', expected: identifier"),
        ("a/b/c=d", None, f'unable to parse requirement: <nil>: Invalid value: "a/b/c": {QUALIFIED}'),
        (
            "a in ()",
            None,
            "unable to parse requirement: values: Invalid value: []string{}: "
            "for 'in', 'notin' operators, values set can't be empty",
        ),
        (
            "a>x",
            None,
            'unable to parse requirement: values[0]: Invalid value: "x": '
            "for 'Gt', 'Lt' operators, the value must be an integer",
        ),
    ],
)
def test_label_selectors_match_or_say_what_is_wrong(text, labels, expected):
    if labels is None:
        with pytest.raises(InvalidSelector) as caught:
            selectors.parse(text)
        assert caught.value.message == expected
        assert (caught.value.code, caught.value.reason) == (400, "BadRequest")
    else:
        assert selectors.parse(text).matches(labels) is expected


def test_a_bad_label_value_is_told_with_its_place():
    with pytest.raises(InvalidSelector) as caught:
        selectors.parse("app=-x")
    assert caught.value.message.startswith(
        'unable to parse requirement: values[0][app]: Invalid value: "-x": a valid label must be an empty string or'
    )


keys = st.from_regex(r"\A[a-z][a-z0-9]{0,5}(/[a-z]{1,3})?\Z")
values = st.from_regex(r"\A[A-Za-z0-9]{1,5}\Z")
value_lists = st.lists(values, min_size=1, max_size=3, unique=True)
terms = st.one_of(
    st.tuples(keys, st.sampled_from(["=", "==", "!="]), values).map("".join),
    st.tuples(keys, st.sampled_from(["in", "notin"]), value_lists).map(lambda t: f"{t[0]} {t[1]} ({','.join(t[2])})"),
    keys,
    keys.map("!{}".format),
    st.tuples(keys, st.sampled_from("<>"), st.integers(0, 99).map(str)).map("".join),
)
texts = st.lists(terms, max_size=4).map(",".join)


@given(texts)
def test_printing_and_parsing_gives_the_same_selector(text):
    selector = selectors.parse(text)
    assert selectors.parse(str(selector)) == selector


@given(texts, st.dictionaries(keys, values, max_size=4))
def test_a_selector_holds_exactly_if_each_of_its_requirements_holds(text, labels):
    selector = selectors.parse(text)
    assert selector.matches(labels) == all(requirement.matches(labels) for requirement in selector.requirements)


@given(st.dictionaries(keys, values, max_size=3), st.dictionaries(keys, values, max_size=5))
def test_a_map_selects_supersets(wanted, labels):
    assert selectors.from_map(wanted).matches(labels) == (wanted.items() <= labels.items())
    assert selectors.from_map(wanted) == selectors.from_label_selector({"matchLabels": wanted})


@pytest.mark.parametrize(
    ("selector", "labels", "expected"),
    [
        (None, {"a": "b"}, False),
        ({}, {}, True),
        ({"matchLabels": {"a": "b"}}, {"a": "b", "c": "d"}, True),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}, {"a": "b"}, True),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b"]}]}, {}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {}, False),
        ({"matchLabels": {"x": "y"}, "matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {"x": "y"}, True),
    ],
    ids=["absent", "empty", "labels", "in", "not in", "exists", "both"],
)
def test_label_selector_objects_match(selector, labels, expected):
    assert selectors.from_label_selector(selector).matches(labels) is expected


def test_an_unknown_operator_is_refused():
    with pytest.raises(InvalidSelector, match='"Near" is not a valid label selector operator'):
        selectors.from_label_selector({"matchExpressions": [{"key": "a", "operator": "Near"}]})


def test_everything_and_nothing_tell_themselves_apart():
    assert selectors.parse("").empty
    assert selectors.from_map({}).empty
    assert not selectors.from_label_selector(None).empty


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("", {}, True),
        ("metadata.name=a", {"metadata.name": "a"}, True),
        ("metadata.name==a,status.phase!=Failed", {"metadata.name": "a", "status.phase": "Running"}, True),
        ("status.phase!=Failed", {"status.phase": "Failed"}, False),
        ("spec.nodeName=", {"spec.nodeName": ""}, True),
        (r"a=b\,c\=d\\", {"a": "b,c=d\\"}, True),
        ("a", None, "invalid selector: 'a'; can't understand 'a'"),
        ("a=b=c", None, "invalid field selector: unescaped character in value: 61"),
        (r"a=\x", None, r"invalid field selector: invalid escape sequence: \x"),
    ],
)
def test_field_selectors_match_or_say_what_is_wrong(text, values, expected):
    if values is None:
        with pytest.raises(InvalidSelector) as caught:
            selectors.parse_fields(text)
        assert caught.value.message == expected
    else:
        assert selectors.parse_fields(text).matches(values) is expected


@given(st.lists(st.tuples(keys, st.sampled_from(["=", "!="]), st.text("ab\\,= ", max_size=6)), max_size=3))
def test_field_selectors_survive_printing(requirements):
    selector = selectors.FieldSelector(tuple(requirements))
    assert set(selectors.parse_fields(str(selector)).requirements) == set(requirements)


def test_an_unknown_field_is_a_bad_request():
    with pytest.raises(InvalidSelector, match=r"field label not supported: spec\.x"):
        selectors.parse_fields("spec.x=1").require_known({"metadata.name"}.__contains__)


def test_a_pinned_field_can_be_asked_for():
    selector = selectors.parse_fields("metadata.name=a,status.phase!=b")
    assert selector.exact("metadata.name") == "a"
    assert selector.exact("status.phase") is None
