"""`-o` of commands that print one object: json, yaml, name, wide, custom-columns, jsonpath, go-template.

Follows k8s.io/cli-runtime/pkg/printers and genericclioptions (up to 1.17). `wide` is the table of this
version's server.
Limits: --sort-by and --output-version change nothing for one object of one version; go-template knows what
`machinery/go_template.py` does.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial.api.resource import Resource
from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.machinery import go_template, jsonpath, objects
from seatrial.machinery.go_template import TemplateError
from seatrial.machinery.jsonpath import JsonPathError

FORMS = (
    "custom-columns",
    "custom-columns-file",
    "go-template",
    "go-template-file",
    "json",
    "jsonpath",
    "jsonpath-file",
    "name",
    "template",
    "templatefile",
    "wide",
    "yaml",
)
MIN_WIDTH, PADDING = 6, 3


@dataclass(frozen=True)
class Printer:
    """One -o. Made by `printer`, which has checked it."""

    form: str
    argument: str = ""
    no_headers: bool = False
    show_labels: bool = False
    allow_missing: bool = True


def printer(
    output: str, template: str = "", *, no_headers: bool = False, show_labels: bool = False, allow_missing: bool = True
) -> Printer | None:
    """What `-o OUTPUT --template TEMPLATE` means, None for no -o. Raises ToolError when it means nothing."""
    form, _, argument = output.partition("=")
    if not form and template:
        form = "go-template"
    if not form:
        return None
    if form not in FORMS:
        raise ToolError(
            f'unable to match a printer suitable for the output format "{form}", allowed formats are: {",".join(FORMS)}'
        )
    argument = argument or template
    if form not in ("json", "yaml", "name", "wide") and not argument:
        word = form.removesuffix("-file")
        raise ToolError(f"{word} format specified but no {word} given")
    if form.endswith("file"):
        argument = _content(argument)
    aliases = {"template": "go-template", "templatefile": "go-template"}
    return Printer(aliases.get(form, form).removesuffix("-file"), argument, no_headers, show_labels, allow_missing)


def _content(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError as error:
        raise ToolError(f"error reading --template {path}, {error.strerror}") from None


def text(how: Printer, resource: Resource, obj: JSON, now: float) -> str:
    """The object's text, with its line end where the form has one. `now` is for ages."""
    bare = objects.with_metadata(obj, managedFields=None)
    obj = {"apiVersion": resource.api_version, "kind": resource.kind, **bare}
    if how.form == "json":
        return json.dumps(obj, indent=4, ensure_ascii=False) + "\n"
    if how.form == "yaml":
        import yaml

        return yaml.safe_dump(obj, sort_keys=True, default_flow_style=False, allow_unicode=True)
    if how.form == "name":
        word = resource.kind.lower() + (f".{resource.group}" if resource.group else "")
        return f"{word}/{objects.name(obj)}\n"
    if how.form == "wide":
        return _wide(how, resource, obj, now)
    if how.form == "custom-columns":
        return _custom_columns(how, obj)
    try:
        if how.form == "jsonpath":
            return jsonpath.render(_braced(how.argument), obj, allow_missing=how.allow_missing)
        return go_template.render(how.argument, obj)
    except (JsonPathError, TemplateError) as error:
        raise ToolError(f'error executing {how.form} "{how.argument}": {error}') from None


def _braced(template: str) -> str:
    """kubectl also takes a bare path: `.metadata.name`."""
    return template if "{" in template else "{" + (template if template[0] in ".$@[" else f".{template}") + "}"


def _custom_columns(how: Printer, obj: JSON) -> str:
    headers, cells = [], []
    for column in how.argument.split(","):
        header, separator, path = column.partition(":")
        if not separator:
            raise ToolError(
                f"unexpected custom-columns spec: {column}, expected <header>:<json-path-expr>",
            )
        headers.append(header)
        try:
            found = jsonpath.find(path.strip("{}"), obj)
        except JsonPathError as error:
            raise ToolError(str(error)) from None
        cells.append(",".join(_cell(value) for value in found) or "<none>")
    return _aligned([cells] if how.no_headers else [headers, cells])


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _wide(how: Printer, resource: Resource, obj: JSON, now: float) -> str:
    headers = [column.name.upper() for column in resource.columns]
    rows = [[str(cell) for cell in resource.row(obj, now)]]
    if how.show_labels:
        labels = ",".join(f"{key}={value}" for key, value in sorted(objects.labels(obj).items())) or "<none>"
        headers, rows = [*headers, "LABELS"], [[*row, labels] for row in rows]
    return _aligned(rows if how.no_headers else [headers, *rows])


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(MIN_WIDTH, max(len(row[i]) for row in rows) + PADDING) for i in range(len(rows[0]))]
    lines = [
        "".join(cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)) + row[-1] for row in rows
    ]
    return "\n".join(lines) + "\n"
