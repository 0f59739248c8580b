"""Reads all that a diagnosis of one Pod looks at: through a client, and from the image store."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from seatrial.api.registry import (
    EVENTS,
    JOBS,
    LEASES,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    STORAGE_CLASSES,
    VOLUME_ATTACHMENTS,
)
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON, Key
from seatrial.client.base import Reader
from seatrial.machinery import objects, times
from seatrial.machinery.gvk import ResourceRef
from seatrial.rescue.evidence import Evidence, ImageState, VolumeEvidence
from seatrial.rescue.image_access import Images
from seatrial.volumes import base
from seatrial.workloads import claims

LEASE_NAMESPACE = "kube-node-lease"
CSI_RBD = "rbd.csi.ceph.com"
T = TypeVar("T")


@dataclass(frozen=True)
class Gatherer:
    """`powered_off`: nodes of which the user says so."""

    reader: Reader
    images: Images
    powered_off: frozenset[str] = frozenset()
    unread: set[str] = field(default_factory=set)
    """Resources (plurals) that may not be read; it fills while evidence is gathered."""

    async def evidence(self, pod_key: Key) -> Evidence | None:
        """None: there is no such Pod. What else may not be read is left out, and told in `unread`."""
        try:
            pod = await self.reader.get(PODS, pod_key[1], pod_key[0])
        except StatusError as error:
            if error.reason != "NotFound":
                raise
            return None
        namespace = pod_key[0]
        pods = await self._list(PODS, namespace)
        attachments = await self._list(VOLUME_ATTACHMENTS)
        found = Evidence(
            pod=pod,
            events=await self._events(namespace, pod),
            volumes=[await self._volume(pod, volume, pods, attachments) for volume in pod["spec"].get("volumes") or ()],
            nodes={objects.name(node): node for node in await self._list(NODES)},
            leases={objects.name(each): each for each in await self._list(LEASES, LEASE_NAMESPACE)},
            powered_off=self.powered_off,
            owner=await self._owner(pod),
        )
        return replace(found, unread=frozenset(self.unread))

    async def check_nodes(self, names: Sequence[str]) -> None:
        """Raises StatusError (NotFound) for a node that is none: a slip must not count as proof."""
        for name in names:
            await self.reader.get(NODES, name)

    async def pods(self, namespace: str = "") -> list[JSON]:
        """All Pods there, in order of namespace and name."""
        listed = (await self.reader.list(PODS, namespace))["items"]
        return sorted(listed, key=objects.key)

    async def _volume(
        self, pod: JSON, volume: JSON, pods: Sequence[JSON], attachments: Sequence[JSON]
    ) -> VolumeEvidence:
        name, claim_name = str(volume["name"]), claims.name_of(pod, volume)
        if claim_name is None:
            return VolumeEvidence(name, image=await self._image("rbd", volume["rbd"]) if volume.get("rbd") else None)
        namespace = objects.namespace(pod)
        claim = await self._get(PERSISTENT_VOLUME_CLAIMS, claim_name, namespace)
        bound = (claim or {}).get("spec", {}).get("volumeName")
        persistent = await self._get(PERSISTENT_VOLUMES, bound) if bound else None
        class_name = (claim or {}).get("spec", {}).get("storageClassName")
        return VolumeEvidence(
            pod_volume=name,
            claim_name=claim_name,
            claim=claim,
            claim_events=await self._events(namespace, claim) if claim is not None else (),
            storage_class=await self._get(STORAGE_CLASSES, class_name) if class_name else None,
            volume=persistent,
            attachments=[each for each in attachments if persistent is not None and _is_of(each, persistent)],
            image=await self._image(*base.source_of(persistent)) if persistent is not None else None,
            users=[each for each in claims.users(pods, claim_name) if objects.uid(each) != objects.uid(pod)],
        )

    async def _image(self, kind: str, source: JSON) -> ImageState | None:
        """The image behind an rbd volume, in-tree or of ceph-csi."""
        if kind == "rbd":
            return await self.images.state(source.get("pool") or "rbd", source["image"])
        attributes = source.get("volumeAttributes") or {}
        if kind == "csi" and source.get("driver") == CSI_RBD and attributes.get("imageName"):
            return await self.images.state(attributes.get("pool") or "rbd", attributes["imageName"])
        return None

    async def _owner(self, pod: JSON) -> JSON | None:
        """The Job of a Job's Pod; other controllers' objects decide nothing."""
        reference = objects.controller_of(pod)
        if reference is None or reference["kind"] != "Job":
            return None
        job = await self._get(JOBS, reference["name"], objects.namespace(pod))
        return job if job is not None and objects.uid(job) == reference["uid"] else None

    async def _events(self, namespace: str, about: JSON) -> list[JSON]:
        selector = f"involvedObject.uid={objects.uid(about)}"
        return sorted(await self._list(EVENTS, namespace, selector), key=_seen_at)

    async def _get(self, resource: ResourceRef, name: str, namespace: str = "") -> JSON | None:
        return await self._read(resource, lambda: self.reader.get(resource, name, namespace))

    async def _list(self, resource: ResourceRef, namespace: str = "", field_selector: str = "") -> list[JSON]:
        """Nothing where the cluster is too old to know the resource, or keeps it from us."""
        listed = await self._read(
            resource, lambda: self.reader.list(resource, namespace, field_selector=field_selector)
        )
        return list(listed["items"]) if listed else []

    async def _read(self, resource: ResourceRef, call: Callable[[], Awaitable[T]]) -> T | None:
        try:
            return await call()
        except StatusError as error:
            if error.reason == "Forbidden":
                self.unread.add(resource.plural)
            elif error.reason != "NotFound":
                raise
            return None


def _is_of(attachment: JSON, volume: JSON) -> bool:
    return bool(objects.get(attachment, "spec", "source", "persistentVolumeName") == objects.name(volume))


def _seen_at(event: JSON) -> tuple[float, int]:
    text = event.get("lastTimestamp") or event.get("eventTime") or objects.creation_timestamp(event)
    return (times.parse_time(text) if text else 0.0, objects.resource_version(event))
