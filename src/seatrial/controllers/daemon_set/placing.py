"""Every node that fits has its Pod, and no other node has one.

Follows manage and podsShouldBeOnNode of pkg/controller/daemon/daemon_controller.go (1.32).
"""

from seatrial.base.types import JSON
from seatrial.controllers.daemon_set import pods_of
from seatrial.controllers.daemon_set.sync import Sync
from seatrial.machinery import objects, times
from seatrial.workloads import pods

_RETRY_SECONDS = 1.0


def place(sync: Sync) -> bool:
    """Put creations and deletions into the look; False when all is in its place."""
    wanting: list[str] = []
    doomed: list[JSON] = []
    for name, fit in sorted(sync.fits.items()):
        present = sync.by_node.get(name)
        if fit.should_run and present is None:
            wanting.append(name)
        elif fit.may_stay:
            doomed += _on_node(sync, name, present or [], fit.should_run, wanting)
        elif present is not None:
            doomed += [pod for pod in present if not objects.is_terminating(pod)]
    doomed += _without_node(sync)
    return sync.carry_out(wanting, doomed, "one Pod on each node")


def _on_node(sync: Sync, name: str, present: list[JSON], should_run: bool, wanting: list[str]) -> list[JSON]:
    """The Pods that are too many on a node; the node is added to `wanting` if it needs one."""
    doomed: list[JSON] = []
    running: list[JSON] = []
    for pod in present:
        if objects.is_terminating(pod):
            continue
        if pods.is_finished(pod):
            doomed += _ended(sync, name, pod)
        else:
            running.append(pod)
    if not sync.max_surge:
        return doomed + pods_of.oldest_first(running)[1:]
    if not running and should_run:
        # A surge begins before the old Pod is gone, and one that is going is no surge.
        wanting.append(name)
    return doomed + _beyond_surge(sync, running)


def _beyond_surge(sync: Sync, running: list[JSON]) -> list[JSON]:
    """Two may be there: an old one that is ready, and a new one that is not available yet."""
    if len(running) <= 1:
        return []
    ordered = pods_of.oldest_first(running)
    new = [pod for pod in ordered if sync.is_updated(pod)]
    old = [pod for pod in ordered if not sync.is_updated(pod)]
    doomed = [*new[1:], *old[1:]]
    if new and old and (not pods.is_ready(old[0]) or sync.is_available(new[0])):
        doomed.append(old[0])
    return doomed


def _ended(sync: Sync, node_name: str, pod: JSON) -> list[JSON]:
    """A Pod that has ended gives way to a new one; not too fast, as a node may refuse it again and again."""
    who = "/".join(objects.key(pod))
    if pod["status"].get("phase") == "Succeeded":
        text = f"Found succeeded daemon pod {who} on node {node_name}, will try to delete it"
        sync.tell("Normal", "SucceededDaemonPod", text)
        return [pod]
    delay = _retry_at(sync, pod) - sync.now
    if delay > 0:
        sync.requeue_after = min(delay, sync.requeue_after or delay)
        return []
    text = f"Found failed daemon pod {who} on node {node_name}, will try to kill it"
    sync.tell("Warning", "FailedDaemonPod", text)
    return [pod]


def _retry_at(sync: Sync, pod: JSON) -> float:
    """When a failed Pod may be replaced.

    # differs: upstream remembers in memory how often Pods failed on a node and doubles the delay each time. Here it
    # depends on what can be seen: a Pod that lived shorter than the delay waits for it.
    """
    began = times.parse_time(objects.creation_timestamp(pod))
    return began + _RETRY_SECONDS


def _without_node(sync: Sync) -> list[JSON]:
    """Pods that wait for a node which is no more: nobody else would remove them."""
    return [
        pod
        for name, present in sorted(sync.by_node.items())
        if name not in sync.fits
        for pod in present
        if not pod["spec"].get("nodeName") and not objects.is_terminating(pod)
    ]
