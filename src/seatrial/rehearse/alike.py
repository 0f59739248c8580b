"""Warnings in sentences: what is the same of several workloads is said once, with their names. Pure."""

import re
from collections.abc import Sequence

from seatrial.rehearse.result import Finding, Result

MOST_NAMES = 5
_OBJECT = re.compile(r"\b[a-z]+/[\w.-]+")


def warnings(result: Result) -> list[str]:
    """`MESSAGE; REMEDY (deployment/web, deployment/db and 3 more) [RULE]`; no names where there is one workload."""
    alike: dict[tuple[str, str, str], list[Finding]] = {}
    for each in result.warnings:
        alike.setdefault((each.rule, _OBJECT.sub("", each.message), each.remedy), []).append(each)
    several = len(result.workloads) > 1
    return [_sentence(group, result.workloads if several else ()) for group in alike.values()]


def _sentence(group: Sequence[Finding], workloads: Sequence[str]) -> str:
    first = group[0]
    remedy = f"; {first.remedy}" if first.remedy else ""
    names = [name for name in dict.fromkeys(name for each in group for name in each.objects) if name in workloads]
    return f"{first.message}{remedy}{_whose(names, len({each.message for each in group}) > 1)} [{first.rule}]"


def _whose(names: Sequence[str], differ: bool) -> str:
    """`differ`: the message itself is about the first of them."""
    if not names:
        return ""
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    shown = list(names[:MOST_NAMES])
    if differ and len(shown) > 1:
        return f" ({shown[0]}; the same of {', '.join(shown[1:])}{more})"
    return f" ({', '.join(shown)}{more})"
