"""How the containers of an image behave in a rehearsal: durations, and the chances of what goes wrong.

A profile is what a behaviour file says (behaviour_file.py), over what was seen (observing.py), over the stated default.
What one container of a run does is drawn from its profile (sampling.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from seatrial.rehearse.behaviour.distribution import Distribution, fixed
from seatrial.rehearse.behaviour.loads import Curves

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
START_TOLD = "Pods start 2s after they are bound, are ready 1s later if they have a readiness probe"
EXIT_TOLD = "end 1s after SIGTERM"
INIT_SECONDS = 1.0
"""How long an init container takes if nothing is known of it."""
INIT_TOLD = f"as init containers they end after {INIT_SECONDS:g}s"


Said = Mapping[str, Any]
"""Fields of a Profile that somebody has set, by name."""
EVERY_IMAGE = ""


@dataclass(frozen=True)
class Profiles:
    """What is known of images, in full or without the tag. `load`: how much work there is over time.

    `said`: what holds whatever was seen, for EVERY_IMAGE or for one. `default`: of an image that nobody has seen.
    """

    said: Mapping[str, Said] = field(default_factory=dict)
    seen: Mapping[str, Profile] = field(default_factory=dict)
    load: Curves = field(default_factory=dict)
    default: Profile = DEFAULT

    def of(self, image: str) -> Profile:
        """The profile of an image; the more exact name counts."""
        return replace(self._seen(image) or self.default, **self._said(image))

    def knows_start(self, image: str) -> bool:
        """Whether anybody has said, or seen, how long it takes to start."""
        return self._seen(image) is not None or "start" in self._said(image)

    def knows_exit(self, image: str) -> bool:
        """Whether anybody has said how long it takes to end; what was seen of Pods that run does not tell."""
        return "exit" in self._said(image)

    def _seen(self, image: str) -> Profile | None:
        return self.seen.get(image) or self.seen.get(untagged(image))

    def _said(self, image: str) -> Said:
        return {
            key: value
            for name in (EVERY_IMAGE, untagged(image), image)
            for key, value in self.said.get(name, {}).items()
        }


def untagged(image: str) -> str:
    """Without tag and digest; a port in the registry's name is no tag."""
    bare = image.partition("@")[0]
    head, colon, tag = bare.rpartition(":")
    return head if colon and "/" not in tag else bare
