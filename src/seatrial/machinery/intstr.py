"""IntOrString: a number, or a percentage of a total (k8s.io/apimachinery/pkg/util/intstr)."""

import re

_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)


def percentage(value: int | str) -> int | None:
    """The number before the `%`; None for a plain number. Raises ValueError for other text."""
    if isinstance(value, int):
        return None
    if not value.endswith("%"):
        raise ValueError("invalid value for IntOrString: invalid type: string is not a percentage")
    number = value[:-1]
    if not _INTEGER.fullmatch(number):
        why = f'strconv.Atoi: parsing "{number}": invalid syntax'
        raise ValueError(f'invalid value for IntOrString: invalid value "{value}": {why}')
    return int(number)


def scaled(value: int | str, total: int, round_up: bool) -> int:
    """The number itself, or the percentage of `total`, rounded up or down (GetScaledValueFromIntOrPercent)."""
    percent = percentage(value)
    if percent is None:
        return int(value)
    return -(-percent * total // 100) if round_up else percent * total // 100
