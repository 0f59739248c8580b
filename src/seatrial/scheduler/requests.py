"""What a Pod counts as asking for when nodes are scored (pkg/scheduler/util/pod_resources.go)."""

from seatrial.base.types import JSON
from seatrial.workloads import pod_resources

DEFAULT_MILLI_CPU = 100
DEFAULT_MEMORY = 200 * 1024 * 1024
"""For scoring only, a container that asks for nothing counts as asking for this much."""


def for_scoring(pod: JSON) -> tuple[int, int]:
    """(milli CPU, bytes of memory), with defaults where a container asks for nothing."""
    total = pod_resources.with_overhead(pod["spec"], _at_least_default)
    return total.get("cpu", 0), total.get("memory", 0)


def _at_least_default(container: JSON) -> dict[str, int]:
    asked = pod_resources.requests_of(container)
    return {"cpu": asked.get("cpu", DEFAULT_MILLI_CPU), "memory": asked.get("memory", DEFAULT_MEMORY)}
