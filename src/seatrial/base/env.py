"""Time, identity and chance, all from one place.

Nothing else in Seatrial reads a clock, makes an identifier or throws dice. Under the virtual loop the same code
runs in simulated time, and a seed decides every uid, suffix and choice.
"""

import random
import time
from collections.abc import Callable
from typing import Protocol

SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Characters of generated names (k8s.io/apimachinery/pkg/util/rand: no vowels, nothing easily confused)."""


class Env(Protocol):
    """What the code may know of the world besides its arguments."""

    @property
    def random(self) -> random.Random:
        """The one source of chance."""
        ...

    def now(self) -> float:
        """Wall time: seconds since 1970-01-01 UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go backwards, for measuring durations."""
        ...

    def new_uid(self) -> str:
        """A fresh RFC 4122 version 4 identifier."""
        ...

    def new_suffix(self, length: int = 5) -> str:
        """Random characters for a generated name."""
        ...


class _Chance:
    def __init__(self, source: random.Random) -> None:
        self._random = source

    @property
    def random(self) -> random.Random:
        return self._random

    def new_uid(self) -> str:
        bits = self._random.getrandbits(128)
        bits = (bits & ~(0xF << 76)) | (0x4 << 76)
        bits = (bits & ~(0x3 << 62)) | (0x2 << 62)
        text = f"{bits:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def new_suffix(self, length: int = 5) -> str:
        return "".join(self._random.choices(SUFFIX_ALPHABET, k=length))


class SystemEnv(_Chance):
    """The real world: the system clock, and chance seeded by the operating system."""

    def __init__(self) -> None:
        super().__init__(random.Random(random.SystemRandom().getrandbits(128)))

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


class SimulatedEnv(_Chance):
    """A world of its own: time from `clock` (seconds, starting at 0), chance from `seed`.

    `epoch` is the wall time, in seconds since 1970, at which the simulated clock shows 0.
    """

    def __init__(self, clock: Callable[[], float], seed: int = 0, epoch: float = 1_735_689_600.0) -> None:
        super().__init__(random.Random(seed))
        self._clock = clock
        self._epoch = epoch

    def now(self) -> float:
        return self._epoch + self._clock()

    def monotonic(self) -> float:
        return self._clock()
