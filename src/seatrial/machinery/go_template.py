"""Go templates over JSON data, as far as kubectl's `-o go-template` is used (text/template).

Has fields, variables, pipelines, if/else if/else, range (also with two variables), with, comments, trim markers, and
the functions in FUNCTIONS. Limits: no define/template/block, no break/continue, no methods.
"""

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seatrial.machinery import go_format


class TemplateError(ValueError):
    """The template can't be read, or can't be applied to this object."""


class _Missing:
    """What a missing map key yields: printed as `<no value>`, false in conditions."""


MISSING = _Missing()


@dataclass(frozen=True)
class Text:
    value: str


@dataclass(frozen=True)
class Output:
    pipeline: str


@dataclass(frozen=True)
class Block:
    """if, range or with."""

    kind: str
    pipeline: str
    body: tuple["Node", ...]
    otherwise: tuple["Node", ...]


Node = Text | Output | Block
Variables = dict[str, Any]

_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:\\.|[^"\\])*"|`[^`]*`)|(?P<number>-?\d+(?:\.\d+)?)|(?P<punct>\(|\)|\||:=|=|,)"""
    r"""|(?P<path>(?:\$\w*)?(?:\.[\w]+)+|\$\w*|\.)|(?P<word>\w+))"""
)


def render(template: str, data: Any) -> str:
    """The template's text for `data`. Raises TemplateError."""
    nodes, rest, _ = _parse(list(_split(template)), inside=False)
    assert not rest
    return "".join(_run(nodes, data, {"$": data}))


def _split(template: str) -> Iterator[tuple[bool, str]]:
    """(is an action, its text) in order, blanks trimmed where `{{-` and `-}}` say so."""
    position = 0
    trim_next = False
    while True:
        start = template.find("{{", position)
        text = template[position:] if start < 0 else template[position:start]
        trim = start >= 0 and template[start + 2 : start + 3] == "-" and template[start + 3 : start + 4].isspace()
        text = text.lstrip() if trim_next else text
        text = text.rstrip() if trim else text
        if text:
            yield False, text
        if start < 0:
            return
        end = _end_of_action(template, start + 2)
        action = template[start + 2 : end].strip()
        trim_next = template[start + 2 : end].endswith(" -")
        action = action.removesuffix("-").rstrip() if trim_next else action
        action = action[1:].lstrip() if trim else action
        if not action.startswith("/*"):
            yield True, action
        position = end + 2


def _end_of_action(template: str, position: int) -> int:
    quote = ""
    while position < len(template):
        character = template[position]
        if quote:
            position += 1 if character == "\\" and quote == '"' else 0
            quote = "" if character == quote else quote
        elif template.startswith("}}", position):
            return position
        elif character in '"`':
            quote = character
        position += 1
    raise TemplateError("unclosed action")


def _parse(tokens: list[tuple[bool, str]], *, inside: bool) -> tuple[tuple[Node, ...], list[tuple[bool, str]], str]:
    """The nodes up to `end` or `else`, what comes after it, and which of the two it was."""
    nodes: list[Node] = []
    while tokens:
        (is_action, text), tokens = tokens[0], tokens[1:]
        word, _, argument = text.partition(" ")
        if not is_action:
            nodes.append(Text(text))
        elif word in ("if", "range", "with"):
            block, tokens = _block(word, argument, tokens)
            nodes.append(block)
        elif word in ("end", "else"):
            if not inside:
                raise TemplateError(f"unexpected {{{{{word}}}}}")
            return tuple(nodes), tokens, text
        elif word in ("define", "template", "block", "break", "continue"):
            raise TemplateError(f"{word} is not supported")
        else:
            nodes.append(Output(text))
    if inside:
        raise TemplateError("unexpected EOF")
    return tuple(nodes), [], ""


def _block(kind: str, pipeline: str, tokens: list[tuple[bool, str]]) -> tuple[Block, list[tuple[bool, str]]]:
    body, tokens, closing = _parse(tokens, inside=True)
    otherwise: tuple[Node, ...] = ()
    if closing.startswith("else "):
        word, _, inner = closing.removeprefix("else ").strip().partition(" ")
        nested, tokens = _block(word, inner, tokens)
        otherwise = (nested,)
    elif closing == "else":
        otherwise, tokens, _ = _parse(tokens, inside=True)
    return Block(kind, pipeline, body, otherwise), tokens


def _run(nodes: tuple[Node, ...], dot: Any, variables: Variables) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, Text):
            yield node.value
        elif isinstance(node, Output):
            value, declared = _evaluate(node.pipeline, dot, variables)
            if not declared:
                yield _printed(value)
        elif node.kind == "range":
            yield from _run_range(node, dot, variables)
        else:
            scope = _Scope(variables)
            value, _ = _evaluate(node.pipeline, dot, scope)
            chosen = node.body if _truth(value) else node.otherwise
            inner = value if node.kind == "with" and _truth(value) else dot
            yield from _run(chosen, inner, scope)


class _Scope(dict[str, Any]):
    """Variables of a block; assignments reach the one where the variable was declared."""

    def __init__(self, outer: Variables) -> None:
        super().__init__(outer)
        self.outer = outer

    def assign(self, name: str, value: Any) -> None:
        self[name] = value
        if name in self.outer:
            if isinstance(self.outer, _Scope):
                self.outer.assign(name, value)
            else:
                self.outer[name] = value


def _run_range(node: Block, dot: Any, variables: Variables) -> Iterator[str]:
    names, pipeline = _range_variables(node.pipeline)
    value, _ = _evaluate(pipeline, dot, variables)
    if isinstance(value, dict):
        items = [(key, value[key]) for key in sorted(value)]
    elif isinstance(value, list):
        items = list(enumerate(value))
    elif value is None or value is MISSING:
        items = []
    else:
        raise TemplateError(f"range can't iterate over {_printed(value)}")
    for key, item in items:
        scope = _Scope(variables)
        given = (item,) if len(names) == 1 else (key, item)
        dict.update(scope, zip(names, given, strict=False))
        yield from _run(node.body, item, scope)
    if not items:
        yield from _run(node.otherwise, dot, _Scope(variables))


def _range_variables(pipeline: str) -> tuple[list[str], str]:
    match = re.match(r"\s*(\$\w+)(?:\s*,\s*(\$\w+))?\s*:=(.*)", pipeline, re.DOTALL)
    if match is None:
        return [], pipeline
    return [name for name in (match[1], match[2]) if name], match[3]


def _evaluate(pipeline: str, dot: Any, variables: Variables) -> tuple[Any, bool]:
    """The pipeline's value, and whether it only sets a variable."""
    match = re.match(r"\s*(\$\w+)\s*(:?=)(?!=)(.*)", pipeline, re.DOTALL)
    if match is None:
        return _Pipeline(pipeline, dot, variables).value(), False
    value = _Pipeline(match[3], dot, variables).value()
    if match[2] == "=" and match[1] not in variables:
        raise TemplateError(f'undefined variable "{match[1]}"')
    if match[2] == "=" and isinstance(variables, _Scope):
        variables.assign(match[1], value)
    else:
        variables[match[1]] = value
    return value, True


class _Pipeline:
    """Evaluates one pipeline by descent over its tokens."""

    def __init__(self, text: str, dot: Any, variables: Variables) -> None:
        self._dot, self._variables = dot, variables
        self._tokens, position = [], 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None:
                raise TemplateError(f"unexpected {text[position:].strip()[0]!r} in {text.strip()!r}")
            self._tokens.append((str(match.lastgroup), match[0].strip()))
            position = match.end()
        self._at = 0

    def value(self) -> Any:
        result = self._pipeline()
        if self._at < len(self._tokens):
            raise TemplateError(f"unexpected {self._tokens[self._at][1]!r}")
        return result

    def _pipeline(self) -> Any:
        result = self._command(())
        while self._peek() == ("punct", "|"):
            self._at += 1
            result = self._command((result,))
        return result

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("", "")

    def _command(self, piped: tuple[Any, ...]) -> Any:
        kind, text = self._peek()
        if kind == "word" and text in FUNCTIONS:
            self._at += 1
            return _call(text, [*self._operands(), *piped])
        if kind == "word" and text not in ("true", "false", "nil"):
            raise TemplateError(f'function "{text}" not defined')
        operands = self._operands()
        if len(operands) != 1 or piped:
            raise TemplateError("can't give argument to non-function" if operands else "missing value for command")
        return operands[0]

    def _operands(self) -> list[Any]:
        found = []
        while self._at < len(self._tokens) and self._peek() not in (("punct", "|"), ("punct", ")")):
            found.append(self._operand())
        return found

    def _operand(self) -> Any:
        kind, text = self._peek()
        self._at += 1
        if kind == "string":
            return text[1:-1] if text[0] == "`" else json.loads(text)
        if kind == "number":
            return float(text) if "." in text else int(text)
        if kind == "path":
            return self._path(text)
        if text == "(":
            inner = self._pipeline()
            if self._peek() != ("punct", ")"):
                raise TemplateError("unclosed left paren")
            self._at += 1
            following, path = self._peek()
            if following == "path" and path.startswith(".") and path != ".":
                self._at += 1
                return _fields(inner, path)
            return inner
        if text in ("true", "false", "nil"):
            return {"true": True, "false": False, "nil": None}[text]
        if kind == "word" and text in FUNCTIONS:
            return _call(text, [])
        raise TemplateError(f"unexpected {text!r}")

    def _path(self, text: str) -> Any:
        if not text.startswith("$"):
            return _fields(self._dot, text)
        name, dot, rest = text.partition(".")
        if name not in self._variables:
            raise TemplateError(f'undefined variable "{name}"')
        return _fields(self._variables[name], dot + rest)


def _fields(value: Any, path: str) -> Any:
    for name in filter(None, path.split(".")):
        if isinstance(value, dict):
            value = value.get(name, MISSING)
        elif value is None or value is MISSING:
            return MISSING
        else:
            raise TemplateError(f"can't evaluate field {name} in {_printed(value)}")
    return value


def _truth(value: Any) -> bool:
    return value is not MISSING and bool(value)


def _printed(value: Any) -> str:
    return "<no value>" if value is MISSING or value is None else go_format.value(value)


def _call(name: str, arguments: list[Any]) -> Any:
    try:
        return FUNCTIONS[name](*arguments)
    except (TypeError, KeyError, IndexError, ValueError) as error:
        raise TemplateError(f"error calling {name}: {error}") from None


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        if isinstance(value, dict):
            value = value.get(key, MISSING)
        else:
            value = value[key]
    return value


def _printf(form: str, *values: Any) -> str:
    texts = iter(values)

    def one(match: "re.Match[str]") -> str:
        if match[2] == "%":
            return "%"
        value = next(texts, MISSING)
        if match[2] in "sv":
            return f"%{match[1]}s" % _printed(value)
        if match[2] == "q":
            return json.dumps(_printed(value), ensure_ascii=False)
        return f"%{match[1]}{match[2]}" % value

    return re.sub(r"%([-+ 0#]*\d*(?:\.\d+)?)([a-zA-Z%])", one, form)


def _and(*values: Any) -> Any:
    return next((value for value in values if not _truth(value)), values[-1])


def _or(*values: Any) -> Any:
    return next((value for value in values if _truth(value)), values[-1])


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "and": _and,
    "base64decode": lambda text: base64.b64decode(text).decode(),
    "eq": lambda first, *others: any(first == other for other in others),
    "exists": lambda value, *keys: objects_have(value, keys),
    "ge": lambda left, right: left >= right,
    "gt": lambda left, right: left > right,
    "index": _index,
    "le": lambda left, right: left <= right,
    "len": len,
    "lt": lambda left, right: left < right,
    "ne": lambda left, right: left != right,
    "not": lambda value: not _truth(value),
    "or": _or,
    "print": lambda *values: "".join(map(_printed, values)),
    "printf": _printf,
    "println": lambda *values: " ".join(map(_printed, values)) + "\n",
    "slice": lambda value, *bounds: value[slice(*bounds)],
}


def objects_have(value: Any, keys: tuple[Any, ...]) -> bool:
    """kubectl's `exists`: whether the path of keys leads somewhere."""
    for key in keys:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True
