"""StatefulSet in apps/v1beta1: selector and labels from the template, updates on deletion (pkg/apis/apps/v1beta1)."""

from seatrial.api import old_version
from seatrial.api.registry import STATEFUL_SETS
from seatrial.base.types import JSON


def default(obj: JSON) -> None:
    spec = old_version.default_from_template(obj)
    strategy: JSON = spec.get("updateStrategy") or {}
    spec["updateStrategy"] = strategy
    old_version.default_fields(strategy, type="OnDelete")
    STATEFUL_SETS.default(obj)


RESOURCE = old_version.of(STATEFUL_SETS, "apps", "v1beta1", default=default)
