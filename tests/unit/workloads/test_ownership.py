"""Who belongs to whom."""

from typing import Any

import pytest

from seatrial.api.registry import REPLICA_SETS
from seatrial.base.types import JSON
from seatrial.machinery import selectors
from seatrial.workloads import ownership

SELECTOR = selectors.from_map({"app": "web"})
OWNER: JSON = {"metadata": {"name": "web", "uid": "u"}}
LEAVING: JSON = {"metadata": {"name": "web", "uid": "u", "deletionTimestamp": "2026-01-01T00:00:00Z"}}


def an_object(app: str = "web", **metadata: Any) -> JSON:
    return {"metadata": {"uid": "o", "labels": {"app": app}, **metadata}}


MINE, OTHER, GOING = an_object(), an_object("db"), an_object(deletionTimestamp="2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("owner", "owned", "orphans", "expected"),
    [
        (OWNER, [MINE, OTHER], [], ownership.Claims((MINE,), (), (OTHER,))),
        (OWNER, [], [MINE, OTHER, GOING], ownership.Claims((), (MINE,), ())),
        (LEAVING, [MINE, OTHER], [MINE], ownership.Claims((MINE,), (), ())),
        (OWNER, [GOING], [], ownership.Claims((GOING,), (), ())),
    ],
    ids=[
        "release what no longer matches",
        "adopt what matches and stays",
        "a leaving owner does neither",
        "ours to the end",
    ],
)
def test_claims(owner: JSON, owned: list[JSON], orphans: list[JSON], expected: ownership.Claims) -> None:
    assert ownership.classify(owner, SELECTOR, owned, orphans) == expected


@pytest.mark.parametrize(
    ("live", "expected"),
    [(OWNER, True), (None, False), (LEAVING, False), ({"metadata": {"uid": "another"}}, False)],
    ids=["the same", "gone", "leaving", "recreated"],
)
def test_adoption_needs_the_very_same_owner(live: JSON | None, expected: bool) -> None:
    assert ownership.may_adopt(OWNER, live) is expected


def test_patches_carry_the_uid() -> None:
    reference = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": "web",
        "uid": "u",
        "controller": True,
        "blockOwnerDeletion": True,
    }
    adoption = ownership.adoption_patch(MINE, OWNER, REPLICA_SETS)
    assert adoption == {"metadata": {"ownerReferences": [reference], "uid": "o"}}
    release = ownership.release_patch(MINE, OWNER)
    assert release == {"metadata": {"ownerReferences": [{"$patch": "delete", "uid": "u"}], "uid": "o"}}
