"""What a Pod asks of a node, and what a node has to give.

Follows k8s.io/component-helpers/resource/helpers.go (PodRequests) and pkg/scheduler/util/pod_resources.go. CPU counts
in thousandths, everything else in whole units.
"""

from collections.abc import Callable, Mapping

from seatrial.base.types import JSON
from seatrial.machinery import quantity
from seatrial.workloads import pod_resources

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
    running = pod_resources.total(spec, of_container)
    pod_resources.add(running, amounts(spec.get("overhead")))
    return running


def _requested(container: JSON) -> dict[str, int]:
    resources = container.get("resources")
    return amounts(resources.get("requests")) if resources else {}


def _at_least_default(container: JSON) -> dict[str, int]:
    asked = _requested(container)
    return {"cpu": asked.get("cpu", DEFAULT_MILLI_CPU), "memory": asked.get("memory", DEFAULT_MEMORY)}
