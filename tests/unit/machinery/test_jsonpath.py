"""JSONPath templates."""

import pytest

from seatrial.machinery import jsonpath
from seatrial.machinery.jsonpath import JsonPathError

DATA = {
    "kind": "List",
    "items": [
        {"name": "a", "size": 1, "labels": {"app.io/x": "1"}, "images": ["n:1", "n:2"]},
        {"name": "b", "size": 2, "labels": {"app.io/x": "2"}, "images": ["n:3"], "ready": True},
    ],
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{.kind}", "List"),
        ("{$.kind}", "List"),
        ("kind={.kind};", "kind=List;"),
        ("{.items[*].name}", "a b"),
        ("{.items[0].images}", '["n:1","n:2"]'),
        ("{.items[-1].name}", "b"),
        ("{.items[0:1].name}", "a"),
        ("{.items[0]['name','size']}", "a 1"),
        ("{.items[0].labels.app\\.io/x}", "1"),
        ("{.items[?(@.size>1)].name}", "b"),
        ('{.items[?(@.name=="a")].images[1]}', "n:2"),
        ("{.items[?(@.ready)].name}", "b"),
        ("{..name}", "a b"),
        ('{range .items[*]}{.name}{"\\t"}{.size}{"\\n"}{end}', "a\t1\nb\t2\n"),
        ("{.nothing.there}", ""),
        ("{.items[1].ready}", "true"),
    ],
)
def test_templates(template: str, text: str) -> None:
    assert jsonpath.render(template, DATA) == text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{.items[0}", "unterminated array"),
        ("{.items", "unclosed action"),
        ("{range .items[*]}{.name}", "unexpected end of template"),
        ("{end}", "not in range"),
        ("{.items[9]}", "array index out of bounds"),
        ("{.a!b}", "unrecognized character"),
    ],
)
def test_templates_that_can_not_be_used(template: str, message: str) -> None:
    with pytest.raises(JsonPathError, match=message):
        jsonpath.render(template, DATA)


def test_missing_fields_may_be_errors() -> None:
    with pytest.raises(JsonPathError, match="nothing is not found"):
        jsonpath.render("{.nothing}", DATA, allow_missing=False)
