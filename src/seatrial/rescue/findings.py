"""What Rescue says of one Pod: a chain of facts, what holds it up, and whether that may be broken.

The verdict is about the holder of a volume, and cautious: what is not proven is not called stale. docs/rescue.md says
what counts as proof.
"""

from dataclasses import dataclass
from enum import Enum

from seatrial.base.types import JSON, Key


class Verdict(Enum):
    """May the hold be broken? The number is the exit code of `seatrial rescue`; of several Pods the highest counts."""

    WELL = (0, "nothing hangs")
    STALE = (3, "stale, safe to break")
    NOT_HELD = (4, "nothing to break")
    IN_USE = (5, "in use, do not touch")
    CANNOT_TELL = (6, "can't tell")

    @property
    def exit_code(self) -> int:
        return self.value[0]

    @property
    def text(self) -> str:
        return self.value[1]


@dataclass(frozen=True)
class Fact:
    """One link of the chain. `subject`: what it is about, such as `node node-1`."""

    subject: str
    says: str


@dataclass(frozen=True)
class HeldLock:
    """As RemoveLock needs it."""

    pool: str
    image: str
    id: str
    locker: str


@dataclass(frozen=True)
class Holder:
    """Who has what the Pod needs, and what has to be undone; empty fields do not apply.

    `node`: its name. `addresses`: its sessions at the image store that can still write (not fenced yet). `attachment`:
    (name, uid). `stranded`: Pods of the dead node to be removed from the API, (key, uid) each.
    """

    node: str = ""
    addresses: tuple[str, ...] = ()
    locks: tuple[HeldLock, ...] = ()
    attachment: tuple[str, str] | None = None
    needs_taint: bool = False
    stranded: tuple[tuple[Key, str], ...] = ()


@dataclass(frozen=True)
class Finding:
    """`cause`: one word for scripts. `would_tell`: what would decide it, if the verdict is `can't tell`.

    `remedy`: what a person can do where Rescue does nothing, or better the next time.
    """

    pod: Key
    uid: str
    cause: str
    verdict: Verdict
    because: str
    chain: tuple[Fact, ...] = ()
    would_tell: str = ""
    remedy: str = ""
    holder: Holder | None = None
    restart: bool = False
    """Once the obstacle is gone, the Pod still waits out a back-off: its controller may make another."""

    def as_json(self) -> JSON:
        """For scripts."""
        return {
            "namespace": self.pod[0],
            "pod": self.pod[1],
            "cause": self.cause,
            "verdict": self.verdict.name,
            "verdict_text": self.verdict.text,
            "because": self.because,
            "chain": [{"subject": fact.subject, "says": fact.says} for fact in self.chain],
            "would_tell": self.would_tell,
            "remedy": self.remedy,
        }
