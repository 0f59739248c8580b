"""Which ordinal of a StatefulSet holds the others up."""

from typing import Any

import pytest

from seatrial.rollout import stuck

NOW = 1_000_000_000.0
LONG_AGO, JUST_NOW = "2001-09-09T01:00:00Z", "2001-09-09T01:46:35Z"
OLD, BAD, MENDED = "db-old", "db-bad", "db-mended"


def stateful_set(partition: int = 0, generation: int = 3) -> dict[str, Any]:
    return {
        "metadata": {"name": "db", "uid": "s", "generation": generation},
        "spec": {"updateStrategy": {"rollingUpdate": {"partition": partition}}},
        "status": {"observedGeneration": 3, "updateRevision": MENDED},
    }


def pod(ordinal: int, revision: str, ready: bool, since: str = LONG_AGO, **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": f"db-{ordinal}",
            "uid": f"u{ordinal}",
            "labels": {"controller-revision-hash": revision},
            "ownerReferences": [{"uid": "s", "controller": True}],
            **metadata,
        },
        "spec": {"containers": [{"name": "c", "image": "db:2"}]},
        "status": {"conditions": [{"type": "Ready", "status": str(ready), "lastTransitionTime": since}]},
    }


def found(*pods: dict[str, Any], **of: int) -> int | None:
    one = stuck.find(stateful_set(**of), pods, [], NOW)
    return one.ordinal if one else None


def test_the_lowest_outdated_pod_that_is_not_ready_is_named() -> None:
    assert found(pod(0, OLD, True), pod(1, BAD, False), pod(2, BAD, False)) == 1
    assert found(pod(2, BAD, False), pod(10, BAD, False), pod(0, OLD, True), pod(1, OLD, True)) == 2


@pytest.mark.parametrize(
    "pods",
    [
        [pod(0, OLD, True), pod(1, OLD, True)],
        [pod(0, OLD, True), pod(1, BAD, False, JUST_NOW)],
        [pod(0, MENDED, False), pod(1, BAD, False)],
        [pod(0, OLD, True), pod(1, BAD, False, deletionTimestamp=JUST_NOW)],
        [pod(0, OLD, True), {**pod(1, BAD, False), "metadata": {"name": "db-1", "labels": {}}}],
    ],
    ids=["all ready", "unready for a moment", "a wanted one below", "on its way out", "another's"],
)
def test_there_is_none_while_there_is_hope(pods: list[dict[str, Any]]) -> None:
    assert found(*pods) is None


def test_pods_below_the_partition_and_templates_not_seen_yet_do_not_count() -> None:
    assert found(pod(0, OLD, False), pod(1, BAD, False), partition=1) is None
    assert found(pod(0, BAD, False), generation=4) is None


def test_it_says_what_is_wrong_with_the_pod() -> None:
    bad = pod(1, BAD, False, "2001-09-09T01:46:29Z")
    bad["status"]["containerStatuses"] = [{"name": "c", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]
    one = stuck.find(stateful_set(), [bad], [], NOW)
    assert str(one) == (
        "stuck at ordinal 1: pod db-1 is of revision db-bad, not of the wanted db-mended: "
        "image db:2 can't be had: ImagePullBackOff"
    )
