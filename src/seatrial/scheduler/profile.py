"""Which rules the scheduler goes by: its filters and scorers, written out, and what differs between releases.

Follows pkg/scheduler/apis/config/v1/default_plugins.go. `of_release` gives 1.32's rules; a release that is older than
the changes below gets those of 1.20.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from seatrial.base.types import JSON
from seatrial.machinery import kubernetes_release
from seatrial.scheduler import filters, hints, scores, topology_spread, volume_filters, wording
from seatrial.scheduler.framework import Filter, Rejection, Scorer
from seatrial.scheduler.hints import Hints
from seatrial.scheduler.image_locality import image_locality
from seatrial.scheduler.pod_affinity import pod_affinity, preferred_neighbours
from seatrial.scheduler.topology_spread import HOSTNAME, ZONE
from seatrial.scheduler.volume_limits import volume_limits
from seatrial.scheduler.volume_restrictions import volume_restrictions

DEFAULT_SPREADING = ((HOSTNAME, 3), (ZONE, 5))
"""(topology key, maxSkew): the system's default constraints (plugins/podtopologyspread/plugin.go)."""

FILTERS: tuple[Filter, ...] = (
    volume_filters.claims_usable,
    filters.node_unschedulable,
    filters.node_name,
    filters.taint_toleration,
    filters.required_node_affinity,
    filters.node_ports,
    filters.node_resources_fit,
    volume_restrictions,
    volume_limits,
    volume_filters.volumes_bindable,
    volume_filters.volumes_in_zone,
    topology_spread.topology_spread,
    pod_affinity,
)
"""In the order in which kube-scheduler runs them: the first that refuses a node says why."""


@dataclass(frozen=True)
class Profile:
    """`reasons`: how a rejection is put into words; `preempted(pod, node)`: what is told of a victim.

    `tells_of_preemption`: messages say why preemption did not help. `looks_at_named_nodes_only`: where affinity names
    nodes, the others are passed over. `any_update_retries`: a waiting Pod is tried again at once when anything of it
    was written, be it the scheduler's own word on why it waits. `longest_wait_seconds`: after that time an
    unschedulable Pod is tried again whatever happened.
    """

    filters: tuple[Filter, ...]
    scorers: tuple[tuple[Scorer, int], ...]
    hints: Hints
    reasons: Callable[[Rejection], Sequence[str]]
    preempted: Callable[[JSON, str], str]
    tells_of_preemption: bool
    looks_at_named_nodes_only: bool
    any_update_retries: bool
    longest_wait_seconds: float


CURRENT = Profile(
    filters=(filters.conflicting_terms, *FILTERS),
    scorers=(
        (scores.preferred_taints, 3),
        (scores.preferred_affinity, 2),
        (topology_spread.spreading(DEFAULT_SPREADING, needs_all_keys=False), 2),
        (preferred_neighbours, 2),
        (scores.least_allocated, 1),
        (scores.balanced_allocation, 1),
        (image_locality, 1),
    ),
    hints=hints.BY_PLUGIN,
    reasons=wording.current,
    preempted=wording.preempted,
    tells_of_preemption=True,
    looks_at_named_nodes_only=True,
    any_update_retries=False,
    longest_wait_seconds=300.0,
)

OF_1_20 = Profile(
    filters=FILTERS,
    scorers=(
        (scores.preferred_taints, 1),
        (scores.preferred_affinity, 1),
        (topology_spread.spreading(DEFAULT_SPREADING, needs_all_keys=True), 2),
        (preferred_neighbours, 1),
        (scores.least_allocated, 1),
        (scores.balanced_allocation, 1),
        (image_locality, 1),
    ),
    hints=hints.ANYTHING,
    reasons=wording.of_1_20,
    preempted=wording.preempted_1_20,
    tells_of_preemption=False,
    looks_at_named_nodes_only=False,
    any_update_retries=True,
    longest_wait_seconds=60.0,
)
"""Any event but a Pod's arrival wakes every unschedulable Pod; nodes without a zone label are not spread over; an
update of managedFields counted as one of the Pod (internal/queue/scheduling_queue.go, isPodUpdated, before
kubernetes/kubernetes#100286)."""


def of_release(release: str) -> Profile:
    """The rules of a release, such as "1.32"; what changed on the way came with 1.22 to 1.24."""
    return OF_1_20 if kubernetes_release.number(release) < (1, 22) else CURRENT
