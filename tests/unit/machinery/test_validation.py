"""Field errors."""

import pytest

from seatrial.machinery import validation as v


@pytest.mark.parametrize(
    ("error", "cause_type", "text"),
    [
        (v.required("a.b"), "FieldValueRequired", "a.b: Required value"),
        (v.required("a.b", "say it"), "FieldValueRequired", "a.b: Required value: say it"),
        (v.invalid("a", "x", "bad"), "FieldValueInvalid", 'a: Invalid value: "x": bad'),
        (v.invalid("a", 5, "bad"), "FieldValueInvalid", "a: Invalid value: 5: bad"),
        (v.invalid("a", None, "bad"), "FieldValueInvalid", 'a: Invalid value: "null": bad'),
        (v.invalid("a", True), "FieldValueInvalid", "a: Invalid value: true"),
        (v.invalid("a", {"b": "c"}, "bad"), "FieldValueInvalid", 'a: Invalid value: map[string]string{"b":"c"}: bad'),
        (v.invalid("a", ["b"], "bad"), "FieldValueInvalid", 'a: Invalid value: []string{"b"}: bad'),
        (v.invalid("a", v.GoText("0x0"), "bad"), "FieldValueInvalid", "a: Invalid value: 0x0: bad"),
        (v.immutable("a", "x"), "FieldValueInvalid", 'a: Invalid value: "x": field is immutable'),
        (
            v.unsupported("a", "x", ["b", "c"]),
            "FieldValueNotSupported",
            'a: Unsupported value: "x": supported values: "b", "c"',
        ),
        (v.duplicate("a", "x"), "FieldValueDuplicate", 'a: Duplicate value: "x"'),
        (v.forbidden("a"), "FieldValueForbidden", "a: Forbidden"),
        (v.forbidden("a", "no"), "FieldValueForbidden", "a: Forbidden: no"),
        (v.not_found("a", "x"), "FieldValueNotFound", 'a: Not found: "x"'),
        (v.too_long("a", 9), "FieldValueTooLong", "a: Too long: may not be more than 9 bytes"),
        (v.too_many("a", 5, 1), "FieldValueTooMany", "a: Too many: 5: must have at most 1 item"),
        (v.internal_error("a", "x"), "InternalError", "a: Internal error: x"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_errors_have_kubernetes_types_and_words(error, cause_type, text):
    assert error.type == cause_type
    assert str(error) == text


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("plain", '"plain"'),
        ('a"b\\c', r'"a\"b\\c"'),
        ("a\nb\tc\a", r'"a\nb\tc\a"'),
        ("\x01\x7f", r'"\x01\x7f"'),
        ("é→", '"é→"'),
        ("\u200b", r'"\u200b"'),
    ],
    ids=["plain", "quotes", "controls", "hex", "printable", "invisible"],
)
def test_strings_are_quoted_as_go_does(text, quoted):
    assert v.go_quote(text) == quoted
