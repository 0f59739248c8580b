"""Tolerations of two origins taken together: what another one covers is left out.

Follows pkg/util/tolerations/tolerations.go (MergeTolerations).
"""

from collections.abc import Sequence

from seatrial.base.types import JSON


def merged(first: Sequence[JSON], second: Sequence[JSON]) -> list[JSON]:
    """All of both, in order, less those that others of them make superfluous; of equal ones the first stays."""
    every = [*first, *second]
    kept: list[JSON] = []
    for place, one in enumerate(every):
        later = (each for each in every[place + 1 :] if each != one)
        if not any(covers(each, one) for each in kept) and not any(covers(each, one) for each in later):
            kept.append(one)
    return kept


def covers(wider: JSON, toleration: JSON) -> bool:
    """Whether `wider` tolerates all that `toleration` does."""
    if wider == toleration:
        return True
    exists = wider.get("operator") == "Exists"
    if (toleration.get("key") or "") != (wider.get("key") or "") and (wider.get("key") or not exists):
        return False
    if wider.get("effect") and toleration.get("effect") != wider["effect"]:
        return False
    if wider.get("effect") == "NoExecute" and _ends_sooner(wider, toleration):
        return False
    if exists:
        return True
    same_value = (toleration.get("value") or "") == (wider.get("value") or "")
    return wider.get("operator") in (None, "", "Equal") and toleration.get("operator") == "Equal" and same_value


def _ends_sooner(wider: JSON, toleration: JSON) -> bool:
    least, wanted = wider.get("tolerationSeconds"), toleration.get("tolerationSeconds")
    return least is not None and (wanted is None or wanted > least)
