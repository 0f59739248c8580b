"""Deployment in extensions/v1beta1: selector and labels from the template, 1 and 1, no limits, spec.rollbackTo.

Follows pkg/apis/extensions/v1beta1 (1.15): SetDefaults_Deployment and the conversions of DeploymentSpec.
"""

from seatrial.api import old_version
from seatrial.api.registry import DEPLOYMENTS
from seatrial.base.types import JSON

ROLLBACK_TO = "deprecated.deployment.rollback.to"
MAX_INT32 = 2**31 - 1
"""As history limit and deadline: none."""
SUBRESOURCES = ("rollback", "scale", "status")


def default(obj: JSON) -> None:
    spec = old_version.default_from_template(obj)
    old_version.default_fields(spec, revisionHistoryLimit=MAX_INT32, progressDeadlineSeconds=MAX_INT32)
    default_rolling(spec, 1)
    DEPLOYMENTS.default(obj)


def default_rolling(spec: JSON, count: int | str) -> None:
    """maxUnavailable and maxSurge of a rolling update (also for apps/v1beta1)."""
    strategy: JSON = spec.get("strategy") or {}
    spec["strategy"] = strategy
    if strategy.get("type") in (None, "", "RollingUpdate"):
        rolling: JSON = strategy.get("rollingUpdate") or {}
        strategy["rollingUpdate"] = rolling
        old_version.default_fields(rolling, maxUnavailable=count, maxSurge=count)


def to_stored(obj: JSON) -> JSON:
    return old_version.annotation_from_field(obj, "rollbackTo", ROLLBACK_TO, _revision_text)


def from_stored(obj: JSON) -> JSON:
    return old_version.field_from_annotation(obj, ROLLBACK_TO, "rollbackTo", _rollback_to)


def _revision_text(rollback_to: JSON) -> str:
    return str(rollback_to.get("revision") or 0)


def _rollback_to(text: str) -> JSON | None:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        return None
    return {"revision": int(text)} if int(text) else {}


RESOURCE = old_version.of(
    DEPLOYMENTS,
    "extensions",
    "v1beta1",
    default=default,
    fields_to_stored=to_stored,
    fields_from_stored=from_stored,
    subresources=SUBRESOURCES,
    free_selector=True,
)
