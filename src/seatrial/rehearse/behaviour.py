"""How Pods behave in a rehearsal: what is said of them, else what was seen of them, else a stated default.

A behaviour file has the keys of the simulated runtime per image (`start`, `ready`, `crash`, `bad_image`, `exit`;
seconds as in distribution.py) under `behaviours`, and for all other images under `defaults`. An image is named in
full, or without its tag for all versions. Beyond these there are chances between 0 and 1: `never_ready`, `bad_image`
(or true), and `crash: {after: SECONDS, chance: 0.2}`. `waits_for`: the Service without which an init container does not
end; where nothing is said, its command tells (waiting.py). `load` says how much work there is (loads.py).

The seed 0 is the typical run: every duration is its median, and only what happens more often than not happens. Other
seeds draw. A container's probes decide when its readiness is seen, and whether it is killed before.
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.node.runtimes.simulated import Behaviour, Model
from seatrial.rehearse import distribution, loads, probing, waiting
from seatrial.rehearse.distribution import Distribution, fixed
from seatrial.rehearse.loads import Curves

KEYS = ("start", "ready", "crash", "bad_image", "exit", "exit_not_running", "never_ready", "complete", "waits_for")


AT_ONCE, ONE_SECOND, TWO_SECONDS = fixed(0.0), fixed(1.0), fixed(2.0)


@dataclass(frozen=True)
class Profile:
    """How one image behaves; None: never."""

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

    @property
    def varies(self) -> bool:
        """Whether two runs can differ."""
        spread = (self.start, self.ready, self.exit, self.exit_not_running, self.crash, self.complete)
        chances = (self.bad_image, self.never_ready, self.crash_chance if self.crash else 0.0)
        return any(each is not None and each.varies for each in spread) or any(0 < each < 1 for each in chances)


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


class Network(Protocol):
    """What Pods see of the cluster that they are in."""

    def services(self, namespace: str) -> Sequence[JSON]:
        """The Services of a namespace."""
        ...

    def answers(self, namespace: str, service: str) -> bool:
        """Whether a Service has an endpoint."""
        ...


class NoNetwork(Network):
    """There are no Services."""

    def services(self, namespace: str) -> Sequence[JSON]:
        return ()

    def answers(self, namespace: str, service: str) -> bool:
        return False


class SampledModel(Model):
    """A model for one run: `of` draws once for each container of each Pod, and remembers."""

    def __init__(self, profiles: Profiles, seed: int = 0) -> None:
        super().__init__()
        self.profiles, self.seed = profiles, seed
        self.slowness: dict[str, float] = {}
        """Node → how many times as long everything takes there, of Pods that start from now on."""
        self._drawn: dict[tuple[str, str], Behaviour] = {}
        self.network: Network = NoNetwork()
        self.waiting: dict[tuple[str, str], str] = {}
        """(image, container) → the Service that it waits for, where nobody but its command said so."""

    @property
    def longest_seconds(self) -> float:
        """The longest that a container has been drawn to take until it is ready, or has ended."""
        return max((_until_up(each) for each in self._drawn.values()), default=0.0)

    def of(self, pod: JSON, container: JSON) -> Behaviour:
        key = objects.uid(pod), str(container["name"])
        found = self._drawn.get(key)
        if found is None:
            found = self._drawn[key] = self._behaviour(pod, container)
        return found

    def _behaviour(self, pod: JSON, container: JSON) -> Behaviour:
        profile = self.profiles.of(str(container.get("image", "")))
        if self.seed:
            drawn = _draw(profile, random.Random(f"{self.seed}/{objects.name(pod)}/{container['name']}"))
        else:
            drawn = _typical(profile)
        factor = self.slowness.get(str(pod["spec"].get("nodeName")), 1.0)
        if factor != 1.0:
            drawn = slowed(drawn, factor)
        if is_init(pod, container):
            # Whatever it is, it is there to end, and does so unless it crashes or never gets up.
            complete = INIT_SECONDS if drawn.complete is None else drawn.complete
            return replace(drawn, ready=0.0, complete=complete, waits_for=self._awaited(pod, container, profile))
        return probing.seen(drawn, container, seen_ready=profile.seen_ready)

    def _awaited(self, pod: JSON, container: JSON, profile: Profile) -> str:
        if profile.waits_for is not None:
            return profile.waits_for
        found = waiting.awaited(container, self.network.services(objects.namespace(pod)))
        if found:
            self.waiting[str(container.get("image", "")), str(container["name"])] = found
        return found

    def answers(self, namespace: str, service: str) -> bool:
        return self.network.answers(namespace, service)


def is_init(pod: JSON, container: JSON) -> bool:
    """Whether the container is there to end before the others start; a sidecar is not."""
    inits = pod["spec"].get("initContainers") or ()
    return container.get("restartPolicy") != "Always" and any(each["name"] == container["name"] for each in inits)


def _until_up(behaviour: Behaviour) -> float:
    return behaviour.start + max(behaviour.ready or 0.0, behaviour.complete or 0.0, behaviour.crash or 0.0)


def slowed(behaviour: Behaviour, factor: float) -> Behaviour:
    """Everything takes so many times as long."""
    ready = None if behaviour.ready is None else behaviour.ready * factor
    return replace(behaviour, start=behaviour.start * factor, ready=ready, exit=behaviour.exit * factor)


def _typical(profile: Profile) -> Behaviour:
    def value(spread: Distribution | None) -> float | None:
        return None if spread is None else spread.typical

    return Behaviour(
        start=profile.start.typical,
        ready=None if profile.never_ready > 0.5 else value(profile.ready),
        crash=value(profile.crash) if profile.crash_chance > 0.5 else None,
        bad_image=profile.bad_image > 0.5,
        exit=profile.exit.typical,
        exit_not_running=profile.exit_not_running.typical,
        complete=value(profile.complete),
    )


def _draw(profile: Profile, chance: random.Random) -> Behaviour:
    """Always the same number of draws, so that one changed chance changes nothing else."""
    values = [
        each.draw(chance) if each is not None else None
        for each in (profile.start, profile.ready, profile.crash, profile.exit, profile.exit_not_running)
    ]
    start, ready, crash, end, end_not_running = values
    fails, crashes, bad = chance.random(), chance.random(), chance.random()
    return Behaviour(
        start=start or 0.0,
        ready=None if fails < profile.never_ready else ready,
        crash=crash if crashes < profile.crash_chance else None,
        bad_image=bad < profile.bad_image,
        exit=end or 0.0,
        exit_not_running=end_not_running or 0.0,
        complete=profile.complete.draw(chance) if profile.complete else None,
    )


def untagged(image: str) -> str:
    """Without tag and digest; a port in the registry's name is no tag."""
    bare = image.partition("@")[0]
    head, colon, tag = bare.rpartition(":")
    return head if colon and "/" not in tag else bare


# --- files ---


def read(path: Path) -> Profiles:
    """A behaviour file. Raises ToolError that says where it is wrong."""
    import yaml

    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ToolError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    return parse(content, str(path))


def parse(content: Any, where: str) -> Profiles:
    """`{defaults: {...}, behaviours: {IMAGE: {...}}, load: {WORKLOAD: [...]}}`. Raises ToolError."""
    if not isinstance(content, dict) or not set(content) <= {"defaults", "behaviours", "load"}:
        raise ToolError(f"{where}: a behaviour file has `defaults`, `behaviours` and `load`, and nothing else")
    default = profile(content.get("defaults") or {}, f"{where}: defaults")
    images = {} if content.get("behaviours") is None else content["behaviours"]
    if not isinstance(images, dict):
        raise ToolError(f"{where}: behaviours: takes images and what they do")
    named = {str(image): profile(data, f"{where}: {image}", default) for image, data in images.items()}
    load = loads.parse(content["load"], f"{where}: load") if content.get("load") is not None else {}
    return Profiles(default if content.get("defaults") else DEFAULT, named, load)


def profile(data: Any, where: str, base: Profile = DEFAULT) -> Profile:
    """One image's behaviour over `base`. Raises ToolError."""
    if not isinstance(data, dict):
        raise ToolError(f"{where}: takes keys such as {', '.join(KEYS[:4])}")
    unknown = [key for key in data if key not in KEYS]
    if unknown:
        raise ToolError(f"{where}: there is no {unknown[0]}; there are {', '.join(KEYS)}")
    values: dict[str, Any] = {}
    for key, value in data.items():
        here = f"{where}: {key}"
        if key in ("bad_image", "never_ready"):
            values[key] = _chance(value, here)
        elif key == "crash" and isinstance(value, dict) and "after" in value:
            values["crash"] = distribution.parse(value["after"], here)
            values["crash_chance"] = _chance(value.get("chance", 1.0), here)
        elif key == "waits_for":
            values[key] = _service(value, here)
        elif value is None and key in ("ready", "crash", "complete"):
            values[key] = None
        else:
            values[key] = distribution.parse(value, here)
    return replace(base, **values, seen_ready=base.seen_ready or "ready" in data)


def _service(value: Any, where: str) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    raise ToolError(f"{where}: takes the name of a Service, or null; got {value!r}")


def _chance(value: Any, where: str) -> float:
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, int | float) and 0 <= value <= 1 and math.isfinite(value):
        return float(value)
    raise ToolError(f"{where}: takes true, false, or a chance between 0 and 1; got {value!r}")
