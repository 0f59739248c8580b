"""What the containers of one run do: drawn from the profiles of their images, once for each container of each Pod.

The seed 0 is the typical run: every duration is its median, and only what happens more often than not happens. Other
seeds draw. A container's probes decide when its readiness is seen, and whether it is killed before (probing.py).
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.node.runtimes.simulated import Behaviour, Model
from seatrial.rehearse.behaviour import probing, pulling, waiting
from seatrial.rehearse.behaviour.distribution import Distribution
from seatrial.rehearse.behaviour.profiles import (
    EVERY_IMAGE,
    EXIT_TOLD,
    INIT_SECONDS,
    INIT_TOLD,
    START_TOLD,
    Profile,
    Profiles,
    untagged,
)


class Network(Protocol):
    """What Pods see of the cluster that they are in."""

    def services(self, namespace: str) -> Sequence[JSON]:
        """The Services of a namespace."""
        ...

    def answers(self, namespace: str, service: str) -> bool:
        """Whether a Service has an endpoint."""
        ...

    def node(self, name: str) -> JSON | None:
        """A Node."""
        ...


class NoNetwork(Network):
    """There are no Services, and no Nodes."""

    def services(self, namespace: str) -> Sequence[JSON]:
        return ()

    def answers(self, namespace: str, service: str) -> bool:
        return False

    def node(self, name: str) -> JSON | None:
        return None


class SampledModel(Model):
    """The behaviours of one run. `network`: where its Pods are, as soon as that is known.

    `kubelets`: whether probes look as a kubelet's do, or as Seatrial's node agent's.
    """

    def __init__(self, profiles: Profiles, seed: int = 0, *, kubelets: bool = True) -> None:
        super().__init__()
        self.profiles, self.seed, self.kubelets = profiles, seed, kubelets
        self.network: Network = NoNetwork()
        self.slowness: dict[str, float] = {}
        """Node → how many times as long everything takes there, for Pods that start from now on."""
        self.waiting: dict[tuple[str, str], str] = {}
        """(image, container) → the Service that it waits for, where only its command says so."""
        self._drawn: dict[tuple[str, str], Behaviour] = {}

    @property
    def longest_seconds(self) -> float:
        """The longest that a container has been drawn to take until it is ready, or has ended."""
        return max((_until_up(each) for each in self._drawn.values()), default=0.0)

    def of(self, pod: JSON, container: JSON) -> Behaviour:
        """As Model.of. The Pod has a node."""
        key = objects.uid(pod), str(container["name"])
        found = self._drawn.get(key)
        if found is None:
            found = self._drawn[key] = self._behaviour(pod, container)
        return found

    def answers(self, namespace: str, service: str) -> bool:
        """As Model.answers."""
        return self.network.answers(namespace, service)

    def has(self, node: str, image: str) -> bool | None:
        """As Model.has."""
        return pulling.has(self.network.node(node), image)

    def _behaviour(self, pod: JSON, container: JSON) -> Behaviour:
        profile = self.profiles.of(str(container.get("image", "")))
        drawn = self._sample(profile, pod, container)
        is_first = is_init(pod, container)
        if is_first:
            # Whatever it is, it is there to end, and does so unless it crashes or never gets up.
            complete = INIT_SECONDS if drawn.complete is None else drawn.complete
            drawn = replace(drawn, ready=0.0, complete=complete, waits_for=self._awaited(pod, container, profile))
        drawn = slowed(drawn, self.slowness.get(str(pod["spec"].get("nodeName")), 1.0))
        if is_first:
            return drawn
        waited = drawn.start + probing.sleeps(container, "postStart")
        looks = probing.Kubelet(waited) if self.kubelets else probing.Agent()
        return probing.seen(drawn, container, looks, seen_ready=profile.seen_ready)

    def _sample(self, profile: Profile, pod: JSON, container: JSON) -> Behaviour:
        if not self.seed:
            return sample(profile, lambda spread: spread.typical, lambda chance: chance > 0.5)
        dice = random.Random(f"{self.seed}/{objects.name(pod)}/{container['name']}")
        return sample(profile, lambda spread: spread.draw(dice), lambda chance: dice.random() < chance)

    def _awaited(self, pod: JSON, container: JSON, profile: Profile) -> str:
        if profile.waits_for is not None:
            return profile.waits_for
        found = waiting.awaited(container, self.network.services(objects.namespace(pod)))
        if found:
            self.waiting[str(container.get("image", "")), str(container["name"])] = found
        return found


Used = tuple[JSON, JSON, str]
"""(Pod, container, image)."""


def assumptions(model: SampledModel, pods: Iterable[JSON]) -> list[str]:
    """What to tell of how these Pods were assumed to behave."""
    images = [(pod, each, str(each.get("image", ""))) for pod in pods for each in _containers(pod)]
    return [*_unknown(model.profiles, images), *_waiting(model), *_unused(model.profiles, images)]


def _containers(pod: JSON) -> Iterator[JSON]:
    yield from pod["spec"].get("initContainers") or ()
    yield from pod["spec"]["containers"]


def _unused(profiles: Profiles, used: Sequence[Used]) -> Iterator[str]:
    """Behaviour that was said of images of which there is no Pod: a name may be written wrong."""
    names = {name for _, _, image in used for name in (image, untagged(image))}
    unused = sorted(profiles.said.keys() - names - {EVERY_IMAGE})
    if unused:
        yield f"what --behaviour says of {', '.join(unused)} concerns no Pod of this update"


def _unknown(profiles: Profiles, used: Sequence[Used]) -> Iterator[str]:
    unknown: dict[tuple[str, str], set[str]] = defaultdict(set)
    for pod, container, image in used:
        unknown[_assumed(profiles, image, initial=is_init(pod, container))].add(image)
    for (of, how), images in sorted(unknown.items()):
        if how:
            yield f"nothing is known of {of}{', '.join(sorted(images))}: {how} (set it in --behaviour)"


def _assumed(profiles: Profiles, image: str, *, initial: bool) -> tuple[str, str]:
    """(what of the image is not known, what is assumed instead); the second is "" if all is known."""
    starts, ends = profiles.knows_start(image), profiles.knows_exit(image)
    if starts:
        return ("", "") if ends or initial else ("the end of ", f"Pods {EXIT_TOLD}")
    if initial:
        return "", INIT_TOLD
    return ("the start of ", START_TOLD) if ends else ("", f"{START_TOLD}, {EXIT_TOLD}")


def _waiting(model: SampledModel) -> Iterator[str]:
    """Init containers whose commands look as if they waited."""
    for (image, name), service in sorted(model.waiting.items()):
        yield (
            f"init container {name} ({image}): its command waits until service/{service} has an endpoint "
            "(set `waits_for` in --behaviour)"
        )


def is_init(pod: JSON, container: JSON) -> bool:
    """Whether the container is there to end before the others start; a sidecar is not."""
    inits = pod["spec"].get("initContainers") or ()
    return container.get("restartPolicy") != "Always" and any(each["name"] == container["name"] for each in inits)


def sample(profile: Profile, take: Callable[[Distribution], float], happens: Callable[[float], bool]) -> Behaviour:
    """One container of the profile. `take`: seconds of a distribution; `happens`: whether what has this chance does.

    Chances are always asked for, and in one order, so that one changed chance changes nothing else of a seed's run.
    """

    def maybe(spread: Distribution | None) -> float | None:
        return None if spread is None else take(spread)

    start, ready, crash = take(profile.start), maybe(profile.ready), maybe(profile.crash)
    end, end_not_running = take(profile.exit), take(profile.exit_not_running)
    fails, crashes, bad = happens(profile.never_ready), happens(profile.crash_chance), happens(profile.bad_image)
    return Behaviour(
        start=start,
        ready=None if fails else ready,
        crash=crash if crashes else None,
        bad_image=bad,
        exit=end,
        exit_not_running=end_not_running,
        complete=maybe(profile.complete),
    )


def slowed(behaviour: Behaviour, factor: float) -> Behaviour:
    """Everything takes `factor` times as long."""
    if factor == 1.0:
        return behaviour

    def times(seconds: float | None) -> float | None:
        return None if seconds is None else seconds * factor

    return replace(
        behaviour,
        start=behaviour.start * factor,
        ready=times(behaviour.ready),
        crash=times(behaviour.crash),
        complete=times(behaviour.complete),
        exit=behaviour.exit * factor,
        exit_not_running=behaviour.exit_not_running * factor,
    )


def _until_up(behaviour: Behaviour) -> float:
    return behaviour.start + max(behaviour.ready or 0.0, behaviour.complete or 0.0, behaviour.crash or 0.0)
