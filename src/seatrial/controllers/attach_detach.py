"""Attaches volumes to the nodes whose Pods need them, and detaches them when nobody does.

Mirrors pkg/controller/volume/attachdetach of release 1.32, for the volumes of CSI drivers, disks of in-tree kinds that
they serve included, and those of fc and iscsi: a VolumeAttachment says that a volume is to be on a node, its status
that it is.

- A volume that one node at a time may have is attached to another only when it is detached from the first: until then
  the Pod is told of a Multi-Attach error.
- Pods that are being deleted use their volumes until they are gone. A node that is ready has unmounted them by then.
  One that is not can't say so: it is given six minutes from when the last Pod was gone, and none at all with the taint
  out-of-service.
- differs: that a volume of fc or iscsi is attached is a VolumeAttachment, too, instead of a line in the Node's status.
- differs: there are no attachers beside it, so it marks attachments as attached itself; when it began to wait is an
  annotation of the attachment, and survives a restart.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from seatrial.api.registry import (
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    VOLUME_ATTACHMENTS,
)
from seatrial.base.types import JSON, Key
from seatrial.client.base import MERGE_PATCH
from seatrial.machinery import conditions, objects, times
from seatrial.reconcile.controller import CacheReader, Controller, Watch
from seatrial.reconcile.decision import Action, Create, Decision, Delete, Event, Patch
from seatrial.volumes.assumed import ATTACHED
from seatrial.workloads import claims, taints
from seatrial.workloads.csi_migration import csi_source

FORCED_DETACH_SECONDS = 360.0
REQUESTED_AT = "seatrial.dev/detach-requested-at"
_MANY = frozenset({"ReadOnlyMany", "ReadWriteMany"})


@dataclass(frozen=True)
class View:
    """A volume to be attached, the Pods on nodes that use its claim, its attachments, and their nodes by name."""

    volume: JSON
    pods: tuple[JSON, ...]
    attachments: tuple[JSON, ...]
    nodes: dict[str, JSON]


async def gather(key: Key, cache: CacheReader) -> View | None:
    volume = cache.get(PERSISTENT_VOLUMES, key)
    if volume is None or _attacher(volume) is None:
        return None
    reference = volume["spec"].get("claimRef") or {}
    users = (
        claims.users(cache.list(PODS, reference.get("namespace", "")), reference.get("name", "")) if reference else []
    )
    mine = [each for each in cache.list(VOLUME_ATTACHMENTS) if _volume_of(each) == key[1]]
    names = {*map(_node_of, mine), *(pod["spec"].get("nodeName", "") for pod in users)}
    nodes = {name: node for name in names if name and (node := cache.get(NODES, ("", name)))}
    return View(volume, tuple(pod for pod in users if pod["spec"].get("nodeName")), tuple(mine), nodes)


def _attacher(volume: JSON) -> tuple[str, str] | None:
    """(attacher, handle); None for what is never attached."""
    source = csi_source(volume["spec"])
    if source is not None:
        return str(source["driver"]), str(source["volumeHandle"])
    kind = next((kind for kind in ATTACHED if volume["spec"].get(kind)), None)
    return (f"kubernetes.io/{kind}", objects.name(volume)) if kind else None


def _volume_of(attachment: JSON) -> str:
    return str(objects.get(attachment, "spec", "source", "persistentVolumeName", default=""))


def _node_of(attachment: JSON) -> str:
    return str(attachment["spec"]["nodeName"])


def decide(view: View, now: float) -> Decision:
    wanted = {str(pod["spec"]["nodeName"]) for pod in view.pods}
    lost = {node for node in map(_node_of, view.attachments) if _is_lost(view, node)}
    actions: list[Action] = []
    again: list[float] = []
    for attachment in view.attachments:
        node = _node_of(attachment)
        if node in lost:
            actions.append(_detach(attachment, "its node is out of service"))
        elif node in wanted:
            actions += _wanted_again(attachment)
        elif conditions.is_true(view.nodes[node], "Ready"):
            actions.append(_detach(attachment, "no Pod on the node uses it"))
        else:
            left = FORCED_DETACH_SECONDS - (now - _requested_at(attachment, now))
            actions += _forced_in(attachment, left, now)
            again += [left] if left > 0 else []
    taken = {_node_of(each) for each in view.attachments}
    for node in sorted(wanted - lost):
        present = [each for each in view.attachments if _node_of(each) == node]
        if present:
            actions += _attach(view, present[0])
        elif _is_exclusive(view.volume) and taken:
            actions += _refusals(view, node, taken)
        else:
            made = new_attachment(view.volume, node)
            actions.append(Create(VOLUME_ATTACHMENTS, made, because=f"a Pod on {node} needs it"))
            taken.add(node)
    return Decision(tuple(actions), requeue_after=min(again, default=None))


def _requested_at(attachment: JSON, now: float) -> float:
    """Since when nobody uses it; from now on, if that was not noted yet."""
    noted = objects.annotations(attachment).get(REQUESTED_AT)
    return times.parse_time(noted) if noted else now


def _forced_in(attachment: JSON, left: float, now: float) -> Iterable[Action]:
    """From a node that can't say whether it is unmounted (SetDetachRequestTime of the actual state of the world)."""
    if left <= 0:
        yield _detach(attachment, "its node did not unmount it for six minutes")
    elif REQUESTED_AT not in objects.annotations(attachment):
        yield _annotated(attachment, times.format_time(now), "no Pod uses it, and its node does not report")


def _wanted_again(attachment: JSON) -> Iterable[Action]:
    if REQUESTED_AT in objects.annotations(attachment):
        yield _annotated(attachment, None, "a Pod on its node uses it again")


def _annotated(attachment: JSON, value: str | None, because: str) -> Patch:
    body = {"metadata": {"uid": objects.uid(attachment), "annotations": {REQUESTED_AT: value}}}
    return Patch(VOLUME_ATTACHMENTS, objects.key(attachment), body, because, patch_type=MERGE_PATCH)


def _is_exclusive(volume: JSON) -> bool:
    return not _MANY & set(volume["spec"].get("accessModes") or ())


def _is_lost(view: View, name: str) -> bool:
    """Its node is gone, or somebody has said that it will not come back, and no Pod on it is to live."""
    node = view.nodes.get(name)
    if node is None:
        return True
    pods = [pod for pod in view.pods if pod["spec"]["nodeName"] == name]
    out = any(taint["key"] == taints.OUT_OF_SERVICE for taint in taints.of_node(node))
    return out and all(objects.is_terminating(pod) for pod in pods)


def _detach(attachment: JSON, because: str) -> Delete:
    return Delete(VOLUME_ATTACHMENTS, objects.key(attachment), objects.uid(attachment), because)


def _attach(view: View, attachment: JSON) -> Iterable[Action]:
    """What an attacher would do, and the events of its success."""
    if (attachment.get("status") or {}).get("attached") or objects.is_terminating(attachment):
        return
    body = {"metadata": {"uid": objects.uid(attachment)}, "status": {"attached": True}}
    key = objects.key(attachment)
    yield Patch(VOLUME_ATTACHMENTS, key, body, "it is free", patch_type=MERGE_PATCH, subresource="status")
    text = f'AttachVolume.Attach succeeded for volume "{objects.name(view.volume)}" '
    for pod in view.pods:
        if pod["spec"]["nodeName"] == _node_of(attachment) and not objects.is_terminating(pod):
            yield Event(pod, "Normal", "SuccessfulAttachVolume", text)


def new_attachment(volume: JSON, node: str) -> JSON:
    """Named as the CSI attacher does: a hash of handle, driver and node (pkg/volume/csi getAttachmentName)."""
    attacher, handle = _attacher(volume) or ("", "")
    digest = hashlib.sha256(f"{handle}{attacher}{node}".encode()).hexdigest()
    spec = {"attacher": attacher, "nodeName": node, "source": {"persistentVolumeName": objects.name(volume)}}
    metadata = {"name": f"csi-{digest}"}
    return {"apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment", "metadata": metadata, "spec": spec}


def _refusals(view: View, node: str, taken: set[str]) -> Iterable[Event]:
    """Multi-Attach errors (reconciler.go reportMultiAttachError)."""
    head = f'Multi-Attach error for volume "{objects.name(view.volume)}" '
    holders = sorted(objects.name(pod) for pod in view.pods if pod["spec"]["nodeName"] in taken)
    if holders:
        text = f"{head}Volume is already used by pod(s) {', '.join(holders)}"
    else:
        text = f"{head}Volume is already exclusively attached to one node and can't be attached to another"
    for pod in view.pods:
        if pod["spec"]["nodeName"] == node and not objects.is_terminating(pod):
            yield Event(pod, "Warning", "FailedAttachVolume", text)


# --- what wakes it ---


def _own_key(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    return () if new is None else (objects.key(new),)


def _of_attachment(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    name = _volume_of(new or old or {})
    return (("", name),) if name else ()


def _of_pod(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    pod = new or old or {}
    for name in claims.names_of(pod):
        claim = cache.get(PERSISTENT_VOLUME_CLAIMS, (objects.namespace(pod), name))
        if claim is not None and claim["spec"].get("volumeName"):
            yield "", claim["spec"]["volumeName"]


def _matters(old: JSON | None, new: JSON | None) -> bool:
    """Where a Pod is, and whether it has ended or is to end."""
    pod = new or old or {}
    if not pod["spec"].get("volumes"):
        return False
    if old is None or new is None:
        return True
    placed = [
        (each["spec"].get("nodeName"), claims.has_ended(each), objects.is_terminating(each)) for each in (old, new)
    ]
    return placed[0] != placed[1]


def _of_node(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    name = objects.name(new or old or {})
    for attachment in cache.list(VOLUME_ATTACHMENTS):
        if _node_of(attachment) == name:
            yield "", _volume_of(attachment)


def _changed(old: JSON | None, new: JSON | None) -> bool:
    """A node's taints and whether it is ready, not each of its heartbeats."""
    if old is None or new is None:
        return True
    return taints.of_node(old) != taints.of_node(new) or [conditions.is_true(each, "Ready") for each in (old, new)] != [
        True,
        True,
    ]


CONTROLLER = Controller(
    name="attach_detach",
    primary=PERSISTENT_VOLUMES,
    watches=(
        Watch(PERSISTENT_VOLUMES, _own_key),
        Watch(VOLUME_ATTACHMENTS, _of_attachment),
        Watch(PODS, _of_pod, interesting=_matters),
        Watch(NODES, _of_node, interesting=_changed),
    ),
    reads=(PERSISTENT_VOLUME_CLAIMS,),
    gather=gather,
    decide=decide,
    event_source="attachdetach-controller",
)
