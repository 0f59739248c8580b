"""Quantities such as `500m`, `1.5Gi`, `1e3`: exact values and Kubernetes' canonical text.

Follows k8s.io/apimachinery/pkg/api/resource: anything finer than a nano unit is rounded up, anything above 2^63-1 is
cut off, and the canonical form keeps the family of suffixes (decimal, binary, exponent) of the input.
"""

import re
from fractions import Fraction
from functools import lru_cache
from math import ceil

FORMAT_ERROR = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
SUFFIX_ERROR = "unable to parse quantity's suffix"

_PARTS = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)", re.ASCII)
_EXPONENT = re.compile(r"[eE]([+-]?[0-9]+)", re.ASCII)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_DECIMAL_SUFFIX = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_BINARY_SUFFIX = {power: suffix for suffix, power in _BINARY.items()} | {0: ""}
_LIMIT = Fraction(2**63 - 1)
_NANO = 10**9


def _scale(suffix: str) -> tuple[Fraction, str]:
    """(factor, family): the family is `decimal`, `binary` or `exponent`."""
    if suffix in _DECIMAL:
        return Fraction(10) ** _DECIMAL[suffix], "decimal"
    if suffix in _BINARY:
        return Fraction(1024 ** _BINARY[suffix]), "binary"
    match = _EXPONENT.fullmatch(suffix)
    if match is None or abs(int(match[1])) > 1000:
        raise ValueError(SUFFIX_ERROR)
    return Fraction(10) ** int(match[1]), "exponent"


@lru_cache(maxsize=8192)
def _parse(text: str) -> tuple[Fraction, str]:
    match = _PARTS.fullmatch(text)
    if match is None or not (match[2] or match[3]):
        raise ValueError(FORMAT_ERROR)
    sign, whole, fraction, suffix = match[1], match[2], match[3] or "", match[4]
    factor, family = _scale(suffix)
    amount = Fraction(int(whole + fraction or "0"), 10 ** len(fraction)) * factor
    amount = min(Fraction(ceil(amount * _NANO), _NANO), _LIMIT)
    if family == "binary" and 0 < amount < 1:
        family = "decimal"
    return (-amount if sign == "-" else amount), family


def parse(text: str | int | float) -> Fraction:
    """The exact value. Raises ValueError with Kubernetes' text. JSON numbers are taken as they are written."""
    return _parse(str(text).strip())[0]


@lru_cache(maxsize=8192)
def canonical(text: str | int | float) -> str:
    """The text that Kubernetes answers with: `1000m` → `1`, `0.5Gi` → `512Mi`, `1000` → `1k`."""
    return _text(*_parse(str(text).strip()))


def plus(text: str, other: str) -> str:
    """The sum, written in the family of suffixes of the first, unless that is zero (Quantity.Add)."""
    (amount, family), (more, its_family) = _parse(text), _parse(other)
    return _text(amount + more, family if amount else its_family)


def minus(text: str, other: str) -> str:
    """The difference, written as a sum is (Quantity.Sub)."""
    (amount, family), (less, its_family) = _parse(text), _parse(other)
    return _text(amount - less, family if amount else its_family)


def like(amount: Fraction, text: str) -> str:
    """The amount in the family of suffixes of `text`."""
    return _text(amount, _parse(text)[1])


def _text(amount: Fraction, family: str) -> str:
    if family == "binary" and abs(amount) >= 1024:
        return _canonical_binary(ceil(amount) if amount > 0 else -ceil(-amount))
    return _canonical_decimal(amount, "exponent" if family == "exponent" else "decimal")


def _canonical_binary(number: int) -> str:
    power = 0
    while number % 1024 == 0 and power < 6:
        number //= 1024
        power += 1
    return f"{number}{_BINARY_SUFFIX[power]}"


def _canonical_decimal(amount: Fraction, family: str) -> str:
    number, exponent = int(amount * _NANO), -9
    if number == 0:
        return "0"
    while number % 1000 == 0 and exponent < 18:
        number //= 1000
        exponent += 3
    if family == "exponent":
        return f"{number}e{exponent}" if exponent else str(number)
    return f"{number}{_DECIMAL_SUFFIX[exponent]}"


@lru_cache(maxsize=8192)
def milli(text: str | int | float) -> int:
    """In thousandths, rounded away from zero (MilliValue)."""
    amount = parse(text) * 1000
    return ceil(amount) if amount >= 0 else -ceil(-amount)


@lru_cache(maxsize=8192)
def value(text: str | int | float) -> int:
    """In whole units, rounded away from zero (Value)."""
    amount = parse(text)
    return ceil(amount) if amount >= 0 else -ceil(-amount)
