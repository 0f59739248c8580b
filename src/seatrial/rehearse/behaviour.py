"""How the containers of an image behave in a rehearsal: durations, and the chances of what goes wrong.

Profiles come from a behaviour file (behaviour_file.py), else from what was seen (observing.py), else they are the
stated default. What one container of a run does is drawn from its profile (sampling.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from seatrial.rehearse.distribution import Distribution, fixed
from seatrial.rehearse.loads import Curves

AT_ONCE, ONE_SECOND, TWO_SECONDS = fixed(0.0), fixed(1.0), fixed(2.0)


@dataclass(frozen=True)
class Profile:
    """How one image behaves: seconds as they are spread, chances between 0 and 1. None: never.

    The durations are those of `simulated.Behaviour`.
    """

    start: Distribution = TWO_SECONDS
    ready: Distribution | None = ONE_SECOND
    exit: Distribution = ONE_SECOND
    exit_not_running: Distribution = AT_ONCE
    crash: Distribution | None = None
    crash_chance: float = 1.0
    bad_image: float = 0.0
    never_ready: float = 0.0
    complete: Distribution | None = None
    waits_for: str | None = None
    """A Service; "": none; None: as its command tells."""
    seen_ready: bool = False
    """`ready` is when it is seen as ready, whatever its probes."""


DEFAULT = Profile()
DEFAULT_TOLD = (
    "Pods start 2s after they are bound, are ready 1s later if they have a readiness probe, end 1s after SIGTERM"
)
INIT_SECONDS = 1.0
"""How long an init container takes of which nothing is known."""
INIT_TOLD = f"as init containers they end after {INIT_SECONDS:g}s"


@dataclass(frozen=True)
class Profiles:
    """By image, in full or without the tag; and for all others. `load`: how much work there is over time."""

    default: Profile = DEFAULT
    images: Mapping[str, Profile] = field(default_factory=dict)
    load: Curves = field(default_factory=dict)

    def of(self, image: str) -> Profile:
        """The profile for an image, the more exactly named first."""
        return self.images.get(image) or self.images.get(untagged(image)) or self.default

    def over(self, other: "Profiles") -> "Profiles":
        """This, and what only `other` knows."""
        default = self.default if self.default is not DEFAULT else other.default
        return Profiles(default, {**other.images, **self.images}, {**other.load, **self.load})


def untagged(image: str) -> str:
    """Without tag and digest; a port in the registry's name is no tag."""
    bare = image.partition("@")[0]
    head, colon, tag = bare.rpartition(":")
    return head if colon and "/" not in tag else bare
