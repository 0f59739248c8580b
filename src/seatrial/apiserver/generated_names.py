"""Names for objects that only say how theirs should begin (k8s.io/apiserver/pkg/storage/names/generate.go)."""

from seatrial.api import meta_v1
from seatrial.base.env import Env
from seatrial.base.types import JSON

ATTEMPTS = 8
"""Before the server gives up finding a free name (RetryGenerateName, on by default since 1.31)."""


def wanted(metadata: JSON) -> bool:
    """Whether the name is to be generated."""
    return bool(metadata.get("generateName")) and not metadata.get("name")


def fill(metadata: JSON, env: Env) -> None:
    """A fresh name in `metadata`."""
    metadata["name"] = meta_v1.generate_name(metadata["generateName"], env.new_suffix())
