"""What a Service's roll tells while it goes: one event after the other, for scripts and for people."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Event:
    """`kind` and fields are documented in docs/rollout.md; `text` is the same for people."""

    kind: str
    text: str
    fields: dict[str, Any] = field(default_factory=dict)
