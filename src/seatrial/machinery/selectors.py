"""Label selectors and field selectors: parsing, matching, printing.

Follows k8s.io/apimachinery/pkg/labels/selector.go and pkg/fields/selector.go, whose error texts it repeats.
Selectors made from equal input are shared; matching is on the path of every event, so equality tests, by far the most
frequent, are kept apart from the rest.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.machinery import names, status
from seatrial.machinery.validation import FieldError, go_quote, invalid

_OPERATORS = ("in", "notin", "=", "==", "!=", "gt", "lt")
_LABEL_SELECTOR_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
_SPECIAL = "=!(),><"
_TOKENS = frozenset((")", ",", "!", "==", "=", "in", "!=", "notin", "(", ">", "<"))


class InvalidSelector(StatusError):
    """A selector that can't be understood: 400, with the parser's text."""

    def __init__(self, text: str) -> None:
        super().__init__(status.bad_request(text).status)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on labels. `operator`: in, notin, =, ==, !=, exists, !, > or <; `values` are sorted."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels fulfil it; != and notin also hold where the key is absent."""
        value = labels.get(self.key)
        match self.operator:
            case "=" | "==" | "in":
                return value is not None and value in self.values
            case "!=" | "notin":
                return value is None or value not in self.values
            case "exists":
                return value is not None
            case "!":
                return value is None
        number = None if value is None else integer(value)
        bound = integer(self.values[0])
        if number is None or bound is None:
            return False
        return number > bound if self.operator == ">" else number < bound

    def __str__(self) -> str:
        if self.operator == "!":
            return f"!{self.key}"
        if self.operator == "exists":
            return self.key
        if self.operator in ("in", "notin"):
            return f"{self.key} {self.operator} ({','.join(self.values)})"
        return f"{self.key}{self.operator}{self.values[0]}"


class Selector:
    """All of its requirements must hold; none: matches everything. `nothing` matches no labels at all."""

    __slots__ = ("_equal", "_others", "nothing", "requirements")

    def __init__(self, requirements: Iterable[Requirement] = (), *, nothing: bool = False) -> None:
        self.requirements = tuple(sorted(requirements, key=lambda requirement: requirement.key))
        self.nothing = nothing
        equal = [
            r for r in self.requirements if r.operator in ("=", "==") or (r.operator == "in" and len(r.values) == 1)
        ]
        self._equal = tuple((r.key, r.values[0]) for r in equal)
        self._others = tuple(r for r in self.requirements if r not in equal)

    @property
    def empty(self) -> bool:
        """Whether it selects everything."""
        return not self.requirements and not self.nothing

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is selected."""
        if self.nothing:
            return False
        for key, value in self._equal:
            if labels.get(key) != value:
                return False
        return not self._others or all(requirement.matches(labels) for requirement in self._others)

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The key=value conditions that must hold in any case (for indexes)."""
        return self._equal

    def __str__(self) -> str:
        return ",".join(str(requirement) for requirement in self.requirements)

    def __repr__(self) -> str:
        return f"Selector({'nothing' if self.nothing else str(self)!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Selector):
            return NotImplemented
        return self.requirements == other.requirements and self.nothing == other.nothing

    def __hash__(self) -> int:
        return hash((self.requirements, self.nothing))


EVERYTHING = Selector()
NOTHING = Selector(nothing=True)


def integer(text: str) -> int | None:
    """A whole number of 64 bits as Go's strconv.ParseInt reads it; None if it is none."""
    try:
        number = int(text) if text.isascii() and "_" not in text and text.strip() == text else None
    except ValueError:
        return None
    return number if number is not None and -(2**63) <= number < 2**63 else None


def _requirement(key: str, operator: str, values: Iterable[str]) -> Requirement:
    """Checks as labels.NewRequirement does; raises InvalidSelector with all that is wrong."""
    sorted_values = tuple(sorted(set(values)))
    errors = [*_key_errors("key", key), *_count_errors(operator, sorted_values)]
    if operator in (">", "<"):
        text = "for 'Gt', 'Lt' operators, the value must be an integer"
        bad = [(at, value) for at, value in enumerate(sorted_values) if integer(value) is None]
        errors += [invalid(f"values[{at}]", value, text) for at, value in bad]
    for at, value in enumerate(sorted_values):
        messages = names.label_value(value)
        if messages:
            errors.append(invalid(f"values[{at}][{key}]", value, "; ".join(messages)))
    if errors:
        texts = list(dict.fromkeys(str(error) for error in errors))
        raise InvalidSelector(texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]")
    return Requirement(key, operator, sorted_values)


def _key_errors(path: str, key: str) -> list[FieldError]:
    messages = names.qualified_name(key)
    return [invalid(path, key, "; ".join(messages))] if messages else []


def _count_errors(operator: str, values: tuple[str, ...]) -> list[FieldError]:
    if operator in ("in", "notin") and not values:
        return [invalid("values", [], "for 'in', 'notin' operators, values set can't be empty")]
    if operator in ("exists", "!") and values:
        return [invalid("values", list(values), "values set must be empty for exists and does not exist")]
    return []


def _scan(text: str) -> list[tuple[str, str]]:
    """(token, literal) pairs: the token is the literal itself, `identifier` or `end`; `end` comes last."""
    items: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        if text[at] in " \t\r\n":
            at += 1
            continue
        start = at
        if text[at] in _SPECIAL:
            at += 2 if text[at : at + 2] in _TOKENS else 1
        else:
            while at < len(text) and text[at] not in _SPECIAL and text[at] not in " \t\r\n":
                at += 1
        literal = text[start:at]
        items.append((literal if literal in _TOKENS else "identifier", literal))
    return [*items, ("end", "")]


class _Parser:
    """labels.Parser: recursive descent over the scanned tokens, with its error texts."""

    def __init__(self, text: str) -> None:
        self._items = _scan(text)
        self._at = 0

    def _look(self) -> tuple[str, str]:
        token, literal = self._items[min(self._at, len(self._items) - 1)]
        return ("identifier" if token in ("in", "notin") else token), literal

    def _take(self) -> tuple[str, str]:
        item = self._look()
        self._at += 1
        return item

    def parse(self) -> Iterable[Requirement]:
        while True:
            token, literal = self._look()
            if token == "end":
                return
            if token not in ("identifier", "!"):
                raise InvalidSelector(f"found '{literal}', expected: !, identifier, or 'end of string'")
            try:
                yield self._requirement()
            except InvalidSelector as error:
                raise InvalidSelector(f"unable to parse requirement: {error.message}") from None
            token, literal = self._take()
            if token == "end":
                return
            if token != ",":
                raise InvalidSelector(f"found '{literal}', expected: ',' or 'end of string'")
            token, literal = self._look()
            if token not in ("identifier", "!"):
                raise InvalidSelector(f"found '{literal}', expected: identifier after ','")

    def _requirement(self) -> Requirement:
        token, key = self._take()
        negated = token == "!"
        if negated:
            token, key = self._take()
        if token != "identifier":
            raise InvalidSelector(f"found '{key}', expected: identifier")
        for error in _key_errors("<nil>", key):
            raise InvalidSelector(str(error))
        if negated:
            return _requirement(key, "!", ())
        if self._look()[0] in ("end", ","):
            return _requirement(key, "exists", ())
        operator = self._operator()
        values = self._values() if operator in ("in", "notin") else self._exact_value()
        return _requirement(key, operator, values)

    def _operator(self) -> str:
        token, literal = self._items[min(self._at, len(self._items) - 1)]
        self._at += 1
        if token not in ("in", "notin", "=", "==", "!=", ">", "<"):
            raise InvalidSelector(f"found '{literal}', expected: {', '.join(_OPERATORS)}")
        return token

    def _values(self) -> Sequence[str]:
        token, literal = self._take()
        if token != "(":
            raise InvalidSelector(f"found '{literal}' expected: '('")
        token, literal = self._look()
        if token == ")":
            self._at += 1
            return ()
        if token not in ("identifier", ","):
            raise InvalidSelector(f"found '{literal}', expected: ',', ')' or identifier")
        values = self._identifiers()
        self._at += 1
        return values

    def _identifiers(self) -> Sequence[str]:
        """A list up to, and not including, its `)`; gaps between commas are empty values."""
        values: list[str] = []
        while True:
            token, literal = self._take()
            if token == "identifier":
                values.append(literal)
                token, literal = self._look()
                if token == ")":
                    return values
                if token != ",":
                    raise InvalidSelector(f"found '{literal}', expected: ',' or ')'")
                continue
            if token != ",":
                raise InvalidSelector(f"found '{literal}', expected: ',', or identifier")
            if not values:
                values.append("")
            token, _ = self._look()
            if token == ")":
                return [*values, ""]
            if token == ",":
                self._at += 1
                values.append("")

    def _exact_value(self) -> Sequence[str]:
        token, literal = self._look()
        if token in ("end", ","):
            return ("",)
        self._at += 1
        if token != "identifier":
            raise InvalidSelector(f"found '{literal}', expected: identifier")
        return (literal,)


@lru_cache(maxsize=2048)
def parse(text: str) -> Selector:
    """A selector from its text form (`a=b,c in (d,e),!f`); raises InvalidSelector (a 400)."""
    if not text:
        return EVERYTHING
    return Selector(_Parser(text).parse())


@lru_cache(maxsize=4096)
def _from_items(items: tuple[tuple[str, str], ...]) -> Selector:
    return Selector(Requirement(key, "=", (value,)) for key, value in items)


def from_map(labels: Mapping[str, str] | None) -> Selector:
    """All of these labels; none: everything (whoever means "nothing" by an empty map has to say so)."""
    return _from_items(tuple(sorted(labels.items()))) if labels else EVERYTHING


def from_label_selector(selector: JSON | None) -> Selector:
    """A meta/v1 LabelSelector; absent matches nothing, empty matches everything."""
    if selector is None:
        return NOTHING
    labels: Mapping[str, str] = selector.get("matchLabels") or {}
    expressions = selector.get("matchExpressions")
    if not expressions:
        return from_map(labels)
    return _from_expressions(
        tuple(sorted(labels.items())),
        tuple(
            (expression.get("key") or "", expression.get("operator") or "", tuple(expression.get("values") or ()))
            for expression in expressions
        ),
    )


@lru_cache(maxsize=1024)
def _from_expressions(
    labels: tuple[tuple[str, str], ...], expressions: tuple[tuple[str, str, tuple[str, ...]], ...]
) -> Selector:
    requirements = [Requirement(key, "=", (value,)) for key, value in labels]
    for key, name, values in expressions:
        operator = _LABEL_SELECTOR_OPERATORS.get(name)
        if operator is None:
            raise InvalidSelector(f"{go_quote(name)} is not a valid label selector operator")
        requirements.append(_requirement(key, operator, values))
    return Selector(requirements)


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """All of (field, operator, value) must hold; the operator is = or !=."""

    requirements: tuple[tuple[str, str, str], ...] = ()

    @property
    def empty(self) -> bool:
        """Whether it selects everything."""
        return not self.requirements

    def matches(self, values: Mapping[str, str]) -> bool:
        """Whether an object with these field values is selected; an absent field counts as ""."""
        return all((values.get(field, "") == value) == (op == "=") for field, op, value in self.requirements)

    def exact(self, field: str) -> str | None:
        """The value that `field` must have, if the selector pins it."""
        return next((value for name, op, value in self.requirements if name == field and op == "="), None)

    def require_known(self, known: Callable[[str], bool]) -> None:
        """Raises a 400 for the first field that objects can't be selected by."""
        for field, _, _ in self.requirements:
            if not known(field):
                raise InvalidSelector(f"field label not supported: {field}")

    def __str__(self) -> str:
        return ",".join(f"{field}{op}{_escape(value)}" for field, op, value in self.requirements)


ALL_FIELDS = FieldSelector()


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")


def _unescape(value: str) -> str:
    """Undoes `_escape`, refusing what it would not have written."""
    chars: list[str] = []
    rest = iter(value)
    for char in rest:
        if char in ",=":
            raise InvalidSelector(f"invalid field selector: unescaped character in value: {ord(char)}")
        if char == "\\":
            following = next(rest, "")
            if following not in ("\\", ",", "="):
                raise InvalidSelector(f"invalid field selector: invalid escape sequence: \\{following}")
            char = following
        chars.append(char)
    return "".join(chars)


def _split_terms(text: str) -> list[str]:
    terms: list[str] = [""]
    escaped = False
    for char in text:
        if char == "," and not escaped:
            terms.append("")
            continue
        terms[-1] += char
        escaped = char == "\\" and not escaped
    return terms


def _split_term(term: str) -> tuple[str, str, str] | None:
    for at in range(len(term)):
        for operator in ("!=", "==", "="):
            if term.startswith(operator, at):
                return term[:at], operator, term[at + len(operator) :]
    return None


@lru_cache(maxsize=2048)
def parse_fields(text: str) -> FieldSelector:
    """A field selector from its text form (`a=b,c!=d`); raises InvalidSelector (a 400)."""
    requirements: list[tuple[str, str, str]] = []
    for term in sorted(_split_terms(text)):
        if not term:
            continue
        parts = _split_term(term)
        if parts is None:
            raise InvalidSelector(f"invalid selector: '{text}'; can't understand '{term}'")
        field, operator, value = parts
        requirements.append((field, "!=" if operator == "!=" else "=", _unescape(value)))
    return FieldSelector(tuple(requirements))


def field_values(obj: JSON, extra: Mapping[str, Any]) -> dict[str, str]:
    """The values that field selectors see: metadata.name, metadata.namespace and the kind's own."""
    metadata = obj.get("metadata") or {}
    own = {"metadata.name": metadata.get("name") or "", "metadata.namespace": metadata.get("namespace") or ""}
    return own | {field: str(value) for field, value in extra.items()}
