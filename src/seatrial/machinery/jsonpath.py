"""JSONPath templates as kubectl takes them: `{.items[*].metadata.name}` between plain text.

Follows k8s.io/client-go/util/jsonpath: fields, `*`, `..`, indexes, slices, unions, filters, `range`/`end`, strings.
Limits: no regular expressions in filters (kubectl has none either); filters compare one path with one value or path.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


class JsonPathError(ValueError):
    """The template can't be read, or names a field that is not there."""


@dataclass(frozen=True)
class Step:
    """One step of a path: `kind` says how `argument` is meant."""

    kind: str
    argument: Any = None


Path = tuple[Step, ...]


@dataclass(frozen=True)
class Text:
    value: str


@dataclass(frozen=True)
class Value:
    path: Path


@dataclass(frozen=True)
class Range:
    path: Path
    body: tuple["Node", ...]


Node = Text | Value | Range

_ACTION = re.compile(r"""\{((?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^{}"'])*)\}""")
_FIELD = re.compile(r"(?:\\.|[^\s.\[\]\\{}()=<>!,'\"@$*:?|&])+")
_FILTER = re.compile(r"\?\((.*)\)\Z", re.DOTALL)
_OPERATORS = re.compile(r"(==|!=|<=|>=|<|>)")


def render(template: str, data: Any, *, allow_missing: bool = True) -> str:
    """The template's text for `data`. Raises JsonPathError."""
    return "".join(_render(parse(template), data, data, allow_missing))


def find(path: str, data: Any) -> list[Any]:
    """All values at a bare path such as `.metadata.name`; none when it leads nowhere."""
    return _follow(parse_path(path), [data], data, allow_missing=True)


def parse(template: str) -> tuple[Node, ...]:
    """Raises JsonPathError."""
    nodes, rest = _parse(_tokens(template), in_range=False)
    assert not rest
    return nodes


def _tokens(template: str) -> list[tuple[bool, str]]:
    """(is an action, its text) in order."""
    found, position = [], 0
    for match in _ACTION.finditer(template):
        found += [(False, template[position : match.start()]), (True, match[1].strip())]
        position = match.end()
    tail = template[position:]
    if "{" in tail:
        raise JsonPathError(f"unclosed action in {template!r}")
    return [token for token in (*found, (False, tail)) if token[0] or token[1]]


def _parse(tokens: list[tuple[bool, str]], *, in_range: bool) -> tuple[tuple[Node, ...], list[tuple[bool, str]]]:
    nodes: list[Node] = []
    while tokens:
        (is_action, text), tokens = tokens[0], tokens[1:]
        if not is_action:
            nodes.append(Text(text))
        elif text == "end":
            if not in_range:
                raise JsonPathError("not in range, nothing to end")
            return tuple(nodes), tokens
        elif text.startswith("range ") or text == "range":
            body, tokens = _parse(tokens, in_range=True)
            nodes.append(Range(parse_path(text.removeprefix("range").strip()), body))
        else:
            nodes += _values(text)
    if in_range:
        raise JsonPathError("unexpected end of template: {range} without {end}")
    return tuple(nodes), []


def _values(text: str) -> Iterator[Node]:
    """An action holds strings and paths, one after the other."""
    for part in re.findall(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|(?:\[[^\]]*\]|\S)+', text):
        if part[0] in "\"'":
            yield Text(_unquoted(part))
        else:
            yield Value(parse_path(part))


def _unquoted(text: str) -> str:
    inner = text[1:-1]
    escapes = {"n": "\n", "t": "\t", "r": "\r"}
    return re.sub(r"\\(.)", lambda match: escapes.get(match[1], match[1]), inner)


def parse_path(text: str) -> Path:
    """Raises JsonPathError."""
    steps: list[Step] = []
    rest = text
    if rest[:1] in ("@", "$"):
        steps.append(Step("root" if rest[0] == "$" else "current"))
        rest = rest[1:]
    while rest:
        step, rest = _step(rest, text)
        steps += step
    return tuple(steps)


def _step(rest: str, whole: str) -> tuple[list[Step], str]:
    if rest.startswith(".."):
        return [Step("recursive")], rest[2:]
    if rest.startswith("["):
        end = _closing(rest, whole)
        return [_bracket(rest[1:end].strip(), whole)], rest[end + 1 :]
    rest = rest.removeprefix(".")
    if not rest:
        return [], ""
    if rest.startswith("*"):
        return [Step("all")], rest[1:]
    if rest.startswith("["):
        return [], rest
    match = _FIELD.match(rest)
    if match is None:
        raise JsonPathError(f"unrecognized character in action: {rest[0]!r} in {whole!r}")
    return [Step("field", re.sub(r"\\(.)", r"\1", match[0]))], rest[match.end() :]


def _closing(text: str, whole: str) -> int:
    depth, quote = 0, ""
    for index, character in enumerate(text):
        if quote:
            quote = "" if character == quote and text[index - 1] != "\\" else quote
        elif character in "\"'":
            quote = character
        elif character == "[":
            depth += 1
        elif character == "]":
            depth -= 1
            if not depth:
                return index
    raise JsonPathError(f"unterminated array in {whole!r}")


def _bracket(text: str, whole: str) -> Step:
    if text == "*":
        return Step("all")
    condition = _FILTER.match(text)
    if condition:
        return Step("filter", _condition(condition[1].strip()))
    if re.fullmatch(r"-?\d+", text):
        return Step("index", int(text))
    if re.fullmatch(r"-?\d*:-?\d*(:-?\d*)?", text):
        return Step("slice", slice(*(int(part) if part else None for part in text.split(":"))))
    names = re.findall(r"'((?:\\.|[^'\\])*)'|\"((?:\\.|[^\"\\])*)\"|(-?\d+)", text)
    if not names:
        raise JsonPathError(f"invalid array index {text} in {whole!r}")
    return Step("union", tuple(int(number) if number else single or double for single, double, number in names))


def _condition(text: str) -> tuple[Any, str, Any]:
    pieces = _OPERATORS.split(text, maxsplit=1)
    if len(pieces) == 1:
        return _operand(text), "exists", None
    return _operand(pieces[0].strip()), pieces[1], _operand(pieces[2].strip())


def _operand(text: str) -> Any:
    """A path stays a path (a tuple); anything else is a value."""
    if text[:1] in ("@", "$", "."):
        return parse_path(text)
    if text[:1] in ("'", '"'):
        return _unquoted(text)
    try:
        return json.loads(text)
    except ValueError:
        raise JsonPathError(f"unrecognized value {text!r} in a filter") from None


def _render(nodes: tuple[Node, ...], data: Any, root: Any, allow_missing: bool) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, Text):
            yield node.value
        elif isinstance(node, Value):
            yield " ".join(_text(value) for value in _follow(node.path, [data], root, allow_missing))
        else:
            for item in _follow(node.path, [data], root, allow_missing):
                yield from _render(node.body, item, root, allow_missing)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _follow(path: Path, values: list[Any], root: Any, allow_missing: bool) -> list[Any]:
    for step in path:
        if step.kind == "root":
            values = [root]
        elif step.kind != "current":
            values = [found for value in values for found in _advance(step, value, root, allow_missing)]
    return values


def _advance(step: Step, value: Any, root: Any, allow_missing: bool) -> list[Any]:
    if step.kind == "recursive":
        return list(_descendants(value))
    if step.kind == "all":
        return list(value.values()) if isinstance(value, dict) else list(value) if isinstance(value, list) else []
    if step.kind == "slice":
        return value[step.argument] if isinstance(value, list) else []
    if step.kind == "filter":
        items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return [item for item in items if _holds(step.argument, item, root)]
    wanted = step.argument if step.kind == "union" else (step.argument,)
    return [found for name in wanted for found in _one(name, value, allow_missing)]


def _one(name: str | int, value: Any, allow_missing: bool) -> list[Any]:
    if isinstance(name, int) and isinstance(value, list):
        if -len(value) <= name < len(value):
            return [value[name]]
        raise JsonPathError(f"array index out of bounds: index {name}, length {len(value)}")
    if isinstance(value, dict) and name in value:
        return [value[name]]
    if allow_missing or value is None:
        return []
    raise JsonPathError(f"{name} is not found")


def _descendants(value: Any) -> Iterator[Any]:
    yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _descendants(inner)


def _holds(condition: tuple[Any, str, Any], item: Any, root: Any) -> bool:
    left, operator, right = condition
    found = _follow(left, [item], root, True) if isinstance(left, tuple) else [left]
    if operator == "exists":
        return bool(found)
    against = _follow(right, [item], root, True) if isinstance(right, tuple) else [right]
    if not found or not against:
        return False
    return _compare(found[0], operator, against[0])


def _compare(left: Any, operator: str, right: Any) -> bool:
    if operator in ("==", "!="):
        return bool((left == right) == (operator == "=="))
    try:
        return bool({"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator])
    except TypeError:
        raise JsonPathError("can't compare different types in a filter") from None
