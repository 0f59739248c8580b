"""What a Pod asks of a node, and what a node has to give.

Follows k8s.io/component-helpers/resource/helpers.go (PodRequests) and pkg/scheduler/util/pod_resources.go. CPU counts
in thousandths, everything else in whole units.
"""

from collections.abc import Callable, Mapping

from seatrial.base.types import JSON
from seatrial.machinery import quantity

Amounts = Mapping[str, int]
OfContainer = Callable[[JSON], dict[str, int]]

DEFAULT_MILLI_CPU = 100
DEFAULT_MEMORY = 200 * 1024 * 1024
"""For scoring only, a container that asks for nothing counts as asking for this much."""


def amounts(resource_list: Mapping[str, str] | None) -> dict[str, int]:
    """A ResourceList in numbers."""
    return {
        name: quantity.milli(text) if name == "cpu" else quantity.value(text)
        for name, text in (resource_list or {}).items()
    }


def of_pod(pod: JSON) -> dict[str, int]:
    """The sum over containers and sidecars, or the largest init container if that is more; plus the overhead."""
    return _total(pod["spec"], _requested)


def for_scoring(pod: JSON) -> tuple[int, int]:
    """(milli CPU, bytes of memory), with defaults where a container asks for nothing."""
    total = _total(pod["spec"], _at_least_default)
    return total.get("cpu", 0), total.get("memory", 0)


def _total(spec: JSON, of_container: OfContainer) -> dict[str, int]:
    running: dict[str, int] = {}
    for container in spec.get("containers") or ():
        _add(running, of_container(container))
    peak: dict[str, int] = {}
    sidecars: dict[str, int] = {}
    for container in spec.get("initContainers") or ():
        asked = of_container(container)
        if container.get("restartPolicy") == "Always":
            _add(running, asked)
            _add(sidecars, asked)
            _raise(peak, sidecars)
        else:
            while_running = dict(sidecars)
            _add(while_running, asked)
            _raise(peak, while_running)
    _raise(running, peak)
    _add(running, amounts(spec.get("overhead")))
    return running


def _requested(container: JSON) -> dict[str, int]:
    resources = container.get("resources")
    return amounts(resources.get("requests")) if resources else {}


def _at_least_default(container: JSON) -> dict[str, int]:
    asked = _requested(container)
    return {"cpu": asked.get("cpu", DEFAULT_MILLI_CPU), "memory": asked.get("memory", DEFAULT_MEMORY)}


def _add(total: dict[str, int], more: Amounts) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, 0) + amount


def _raise(total: dict[str, int], least: Amounts) -> None:
    for name, amount in least.items():
        total[name] = max(total.get(name, 0), amount)
