"""What a Pod's containers ask for, taken together, and what a node has to give.

Follows k8s.io/component-helpers/resource/helpers.go (PodRequests, PodLimits): the sum over containers and sidecars, or
the largest init container if that is more.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TypeVar

from seatrial.base.types import JSON
from seatrial.machinery import quantity

N = TypeVar("N", int, Fraction)


def amounts(resource_list: Mapping[str, str] | None) -> dict[str, int]:
    """A ResourceList in numbers: CPU in thousandths, everything else in whole units."""
    return {
        name: quantity.milli(text) if name == "cpu" else quantity.value(text)
        for name, text in (resource_list or {}).items()
    }


def requested(pod: JSON) -> dict[str, int]:
    """What the Pod needs on its node, its overhead included."""
    return with_overhead(pod["spec"], requests_of)


def requests_of(container: JSON) -> dict[str, int]:
    """What one container asks for."""
    resources = container.get("resources")
    return amounts(resources.get("requests")) if resources else {}


def with_overhead(spec: JSON, of_container: Callable[[JSON], dict[str, int]]) -> dict[str, int]:
    """`total`, and the Pod's overhead."""
    running = total(spec, of_container)
    add(running, amounts(spec.get("overhead")))
    return running


def total(spec: JSON, of_container: Callable[[JSON], dict[str, N]]) -> dict[str, N]:
    """Resource name → amount, without the Pod's overhead."""
    running: dict[str, N] = {}
    for container in spec.get("containers") or ():
        add(running, of_container(container))
    peak: dict[str, N] = {}
    sidecars: dict[str, N] = {}
    for container in spec.get("initContainers") or ():
        asked = of_container(container)
        if container.get("restartPolicy") == "Always":
            add(running, asked)
            add(sidecars, asked)
            _raise(peak, sidecars)
        else:
            while_running = dict(sidecars)
            add(while_running, asked)
            _raise(peak, while_running)
    _raise(running, peak)
    return running


def add(sums: dict[str, N], more: Mapping[str, N]) -> None:
    """Add each amount to the sum of its name."""
    for name, amount in more.items():
        sums[name] = sums[name] + amount if name in sums else amount


def _raise(amounts: dict[str, N], least: Mapping[str, N]) -> None:
    for name, amount in least.items():
        amounts[name] = max(amounts[name], amount) if name in amounts else amount
