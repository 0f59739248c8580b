"""Field numbers of the objects that clients send in protobuf (form: `machinery/protobuf.py`).

`protobuf_fields.txt` has a line for every message of Kubernetes' stable groups; it is read when the first such body
comes. `tests/e2e/kubectl_descriptors.py` writes it from what kubectl itself knows.
"""

from functools import cache
from importlib import resources

from seatrial.machinery.protobuf import Fields

FILE = resources.files("seatrial.api") / "protobuf_fields.txt"


@cache
def load() -> Fields:
    """Message (`core.v1.Pod`) → its fields."""
    lines = (line.partition(" ") for line in FILE.read_text().splitlines())
    return {message: fields for message, _, fields in lines}


def message(api_version: str, kind: str) -> str | None:
    """Which message an object of this type is; None if none is known."""
    group, _, version = api_version.rpartition("/")
    name = f"{group.partition('.')[0] or 'core'}.{version}.{kind}"
    if kind == "DeleteOptions":
        name = "meta.v1.DeleteOptions"
    elif kind == "Eviction":
        name = "policy.v1.Eviction"
    return name if name in load() else None
