"""Durations and chances as a behaviour file writes them: a number, or how it is spread.

`3`; `{uniform: [2, 8]}`; `{lognormal: {median: 5, p95: 20}}`; `{fixed: 3}`; `{observed: [2, 2, 9]}`; null for never.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from seatrial.base.errors import ToolError

P95 = 1.6448536269514722
"""The 95th percentile of the standard normal distribution."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """`numbers`: fixed (value), uniform (from, to), lognormal (mu, sigma), observed (values)."""

    kind: Literal["fixed", "uniform", "lognormal", "observed"]
    numbers: tuple[float, ...]

    @property
    def typical(self) -> float:
        """The median."""
        if self.kind == "uniform":
            return sum(self.numbers) / 2
        if self.kind == "lognormal":
            return math.exp(self.numbers[0])
        return sorted(self.numbers)[len(self.numbers) // 2]

    def draw(self, chance: random.Random) -> float:
        """One value at random."""
        if self.kind == "uniform":
            return chance.uniform(*self.numbers)
        if self.kind == "lognormal":
            return chance.lognormvariate(*self.numbers)
        return chance.choice(self.numbers)


def fixed(seconds: float) -> Distribution:
    """Always the same."""
    return Distribution("fixed", (seconds,))


def observed(values: Sequence[float]) -> Distribution:
    """As it was seen: any of these, each as likely as the others."""
    return Distribution("observed", tuple(sorted(values)))


def parse(value: Any, where: str) -> Distribution:
    """Raises ToolError that says where."""
    if _is_number(value):
        return fixed(float(value))
    if isinstance(value, dict) and len(value) == 1:
        ((kind, given),) = value.items()
        if kind == "fixed" and _is_number(given):
            return fixed(float(given))
        if kind == "uniform" and _are_numbers(given) and len(given) == 2 and given[0] <= given[1]:
            return Distribution("uniform", (float(given[0]), float(given[1])))
        if kind == "observed" and _are_numbers(given) and given:
            return observed([float(each) for each in given])
        if kind == "lognormal" and isinstance(given, dict) and set(given) == {"median", "p95"}:
            return _lognormal(given["median"], given["p95"], where)
    raise ToolError(
        f"{where}: takes seconds, {{uniform: [from, to]}}, {{lognormal: {{median: 5, p95: 9}}}}, null; got {value!r}"
    )


def _lognormal(median: Any, p95: Any, where: str) -> Distribution:
    if not (_is_number(median) and _is_number(p95) and 0 < median <= p95):
        raise ToolError(f"{where}: lognormal takes a median above 0 and a p95 that is not below it")
    return Distribution("lognormal", (math.log(median), math.log(p95 / median) / P95))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def _are_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(_is_number(each) for each in value)
