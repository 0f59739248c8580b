"""ReplicaSet in extensions/v1beta1: selector and labels from the template (pkg/apis/extensions/v1beta1, 1.15)."""

from seatrial.api import old_version
from seatrial.api.registry import REPLICA_SETS
from seatrial.base.types import JSON


def default(obj: JSON) -> None:
    old_version.default_from_template(obj)
    REPLICA_SETS.default(obj)


RESOURCE = old_version.of(REPLICA_SETS, "extensions", "v1beta1", default=default, free_selector=True)
