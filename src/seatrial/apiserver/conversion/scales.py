"""Scale of the old group versions: the selector as a map, and as text in a field of its own.

Follows Convert_autoscaling_ScaleStatus_To_v1beta1_ScaleStatus of pkg/apis/{extensions/v1beta1,apps/v1beta1} (1.15).
"""

from seatrial.api.old_version import OldVersion
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import selectors


def kind_of(version: OldVersion) -> Resource:
    """The Scale of this group version."""
    return Resource(version.group, version.version, "Scale", "scales")


def from_current(version: OldVersion, scale: JSON) -> JSON:
    """A Scale of autoscaling/v1 in the old form."""
    counted = dict(scale["status"])
    text = counted.pop("selector", "")
    if text:
        counted["targetSelector"] = text
        pairs = {one.key: one.values[0] for one in selectors.parse(text).requirements if one.operator in ("=", "==")}
        if str(selectors.from_map(pairs)) == text:
            counted["selector"] = pairs
    return {**scale, "apiVersion": version.api_version, "status": counted}


def to_current(scale: JSON) -> JSON:
    """What a client may say in it: the metadata, and how many."""
    return {"metadata": scale.get("metadata") or {}, "spec": scale.get("spec") or {}}
