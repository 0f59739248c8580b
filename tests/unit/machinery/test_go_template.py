"""Go templates."""

import pytest

from seatrial.machinery import go_template
from seatrial.machinery.go_template import TemplateError

DATA = {
    "name": "web",
    "size": 3,
    "labels": {"b": "2", "a": "1"},
    "items": [{"n": 1}, {"n": 2}],
    "none": [],
    "off": False,
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{.name}}", "web"),
        ("{{.labels}}", "map[a:1 b:2]"),
        ("{{.missing}}", "<no value>"),
        ("{{.missing.deep}}", "<no value>"),
        ("{{range .items}}{{.n}},{{end}}", "1,2,"),
        ("{{range $i, $e := .items}}{{$i}}={{$e.n}} {{end}}", "0=1 1=2 "),
        ("{{range $k, $v := .labels}}{{$k}}{{$v}}{{end}}", "a1b2"),
        ("{{range .none}}x{{else}}nothing{{end}}", "nothing"),
        ("{{if .off}}on{{else if eq .size 3}}three{{else}}no{{end}}", "three"),
        ("{{if and .name (gt .size 2)}}yes{{end}}", "yes"),
        ("{{with .labels}}{{.a}}{{$.name}}{{end}}", "1web"),
        ('{{index .labels "a"}}{{index .items 1}}', "1map[n:2]"),
        ('{{printf "%s-%03d" .name .size}}', "web-003"),
        ('{{.name | printf "%q"}}', '"web"'),
        ("{{len .items}}{{not .off}}", "2true"),
        ("a {{- .name -}} b", "awebb"),
        ("{{/* nothing */}}{{$x := .size}}{{$x}}", "3"),
        ("{{$x := 1}}{{range .items}}{{$x = .n}}{{end}}{{$x}}", "2"),
        ('{{"}}"}}{{`a"b`}}', '}}a"b'),
        ("{{(index .items 0).n}}", "1"),
    ],
)
def test_templates(template: str, text: str) -> None:
    assert go_template.render(template, DATA) == text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{.name", "unclosed action"),
        ("{{if .name}}x", "unexpected EOF"),
        ("{{end}}", "unexpected {{end}}"),
        ("{{nope .name}}", 'function "nope" not defined'),
        ("{{$x}}", 'undefined variable "\\$x"'),
        ("{{.name.deep}}", "can't evaluate field deep"),
        ("{{range .size}}{{end}}", "range can't iterate over 3"),
        ('{{template "x"}}', "template is not supported"),
        ("{{index .items 9}}", "error calling index"),
    ],
)
def test_templates_that_can_not_be_used(template: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        go_template.render(template, DATA)
