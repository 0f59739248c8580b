"""Revisions of Deployments: annotations, and which ReplicaSet is which.

Follows pkg/controller/deployment/util/deployment_util.go (1.32).
"""

from collections.abc import Mapping, Sequence

from seatrial.base.types import JSON
from seatrial.machinery import last_applied, objects
from seatrial.workloads import rolling, template_hash

REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas"
MAX_REPLICAS = "deployment.kubernetes.io/max-replicas"
ROLLBACK_TO = "deprecated.deployment.rollback.to"
CHANGE_CAUSE = "kubernetes.io/change-cause"

SKIPPED = frozenset({last_applied.ANNOTATION, REVISION, REVISION_HISTORY, DESIRED_REPLICAS, MAX_REPLICAS, ROLLBACK_TO})
"""Annotations that are not copied between a Deployment and its ReplicaSets."""

_HISTORY_LIMIT = 2000
MAX_INT32 = 2147483647


def number(text: str | None) -> int | None:
    """A decimal number as Go's ParseInt reads it; None for anything else."""
    digits = (text or "").removeprefix("-").removeprefix("+")
    return int(text or "") if digits.isascii() and digits.isdigit() else None


def revision_of(obj: JSON) -> int | None:
    """The revision annotation: 0 when there is none, None when it is no number."""
    text = objects.annotations(obj).get(REVISION)
    return 0 if text is None else number(text)


def max_revision(replica_sets: Sequence[JSON]) -> int:
    """The highest revision; ReplicaSets without a readable one are skipped."""
    return max((revision_of(each) or 0 for each in replica_sets), default=0)


def last_revision(replica_sets: Sequence[JSON]) -> int:
    """The second highest revision; 0 when there is none."""
    highest = second = 0
    for each in replica_sets:
        revision = revision_of(each) or 0
        if revision >= highest:
            highest, second = revision, highest
        elif revision > second:
            second = revision
    return second


def oldest_first(replica_sets: Sequence[JSON]) -> list[JSON]:
    """By creationTimestamp, then name."""
    return sorted(replica_sets, key=lambda each: (objects.creation_timestamp(each), objects.name(each)))


def by_revision(replica_sets: Sequence[JSON]) -> list[JSON]:
    """Lowest revision first; by age where there is no telling."""
    return sorted(oldest_first(replica_sets), key=lambda each: revision_of(each) or 0)


def find_new(template: JSON, replica_sets: Sequence[JSON]) -> JSON | None:
    """The oldest ReplicaSet that has the Deployment's template."""
    for each in oldest_first(replica_sets):
        if template_hash.equal_ignoring_hash(each["spec"]["template"], template):
            return each
    return None


def size(replica_set: JSON) -> rolling.Size:
    """The ReplicaSet in numbers."""
    return rolling.Size(
        name=objects.name(replica_set),
        desired=replica_set["spec"].get("replicas") or 0,
        available=(replica_set.get("status") or {}).get("availableReplicas") or 0,
        created_at=objects.creation_timestamp(replica_set),
        max_replicas=number(objects.annotations(replica_set).get(MAX_REPLICAS)),
    )


def replicas_annotations(limit: rolling.Limits) -> dict[str, str]:
    """What a ReplicaSet is told of its Deployment's size, to tell scaling from rolling later."""
    return {DESIRED_REPLICAS: str(limit.desired), MAX_REPLICAS: str(limit.max_total)}


def copied(deployment: JSON) -> dict[str, str]:
    """The Deployment's annotations that its new ReplicaSet gets."""
    return {key: value for key, value in objects.annotations(deployment).items() if key not in SKIPPED}


def new_annotations(deployment: JSON, present: Mapping[str, str], revision: int) -> dict[str, str]:
    """The new ReplicaSet's annotations: copied ones put over `present`, and a revision that only ever grows."""
    annotations = {**present, **copied(deployment)}
    text = present.get(REVISION)
    before = number(text) if text else 0
    if before is None or before >= revision:
        return annotations
    annotations[REVISION] = str(revision)
    if text is not None:
        annotations[REVISION_HISTORY] = _longer_history(present.get(REVISION_HISTORY) or "", text)
    return annotations


def _longer_history(history: str, revision: str) -> str:
    """With one more earlier revision; the oldest are dropped when it gets too long."""
    kept = [*(history.split(",") if history else ()), revision]
    while len(kept) > 1 and sum(len(each) + 1 for each in kept) - 1 > _HISTORY_LIMIT:
        del kept[0]
    return ",".join(kept)


def rolled_back_annotations(deployment: JSON, replica_set: JSON) -> dict[str, str]:
    """A Deployment's annotations with a ReplicaSet's template: its own skipped ones, and the ReplicaSet's others."""
    own = {key: value for key, value in objects.annotations(deployment).items() if key in SKIPPED}
    others = {key: value for key, value in objects.annotations(replica_set).items() if key not in SKIPPED}
    return own | others


def has_progress_deadline(spec: JSON) -> bool:
    return spec.get("progressDeadlineSeconds") not in (None, MAX_INT32)


def has_history_limit(spec: JSON) -> bool:
    return spec.get("revisionHistoryLimit") not in (None, MAX_INT32)
