"""Makes volumes for claims, lets them grow, and deletes them again: what an external provisioner and resizer do.

Follows sig-storage-lib-external-provisioner and external-resizer in what can be seen. A loop beside the controllers and
not one of them, because it works on disks.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from seatrial.aio.tasks import Supervisor
from seatrial.api.core_v1 import persistent_volume_claim
from seatrial.api.registry import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES
from seatrial.base.env import Env
from seatrial.base.errors import StatusError, VolumeError
from seatrial.base.types import JSON
from seatrial.client.base import MERGE_PATCH, Client
from seatrial.machinery import objects, quantity
from seatrial.reconcile.informer import Informers
from seatrial.reconcile.recorder import Recorder
from seatrial.volumes.base import Provisioner
from seatrial.workloads import claims

log = logging.getLogger(__name__)
RETRY_SECONDS = 15.0


class Provisioning:
    """`provisioners`: by the name that classes have; `any_other`: makes volumes for those of all other names.

    `start`, then `await stop()`.
    """

    def __init__(
        self,
        client: Client,
        informers: Informers,
        env: Env,
        provisioners: Mapping[str, Provisioner],
        any_other: Provisioner | None = None,
    ) -> None:
        self._client, self._provisioners, self._any_other = client, provisioners, any_other
        self._claims = informers.informer(PERSISTENT_VOLUME_CLAIMS)
        self._volumes = informers.informer(PERSISTENT_VOLUMES)
        self._classes = informers.informer(STORAGE_CLASSES)
        self._informers = informers
        self._recorder = Recorder(client, env, "seatrial-provisioner")
        self._changed = asyncio.Event()
        self._supervisor = Supervisor("provisioning")

    def start(self) -> None:
        for informer in (self._claims, self._volumes, self._classes):
            informer.add_handler(lambda old, new: self._changed.set())
        self._supervisor.spawn(self._run(), "loop")

    async def stop(self) -> None:
        await self._supervisor.stop()
        await self._recorder.stop()

    async def _run(self) -> None:
        await self._informers.synced()
        while True:
            self._changed.clear()
            failed = await self._look()
            try:
                async with asyncio.timeout(RETRY_SECONDS if failed else None):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def _look(self) -> bool:
        """Whether something has to be tried again."""
        failed = False
        work: list[tuple[JSON, Callable[[JSON], Awaitable[None]]]]
        work = [(claim, self._serve) for claim in self._claims.cache.list()]
        work += [(volume, self._reclaim) for volume in self._volumes.cache.list()]
        for obj, step in work:
            try:
                await step(obj)
            except (VolumeError, StatusError, ConnectionError) as error:
                failed = True
                log.info("%s: %s", "/".join(objects.key(obj)), error)
        return failed

    # --- claims ---

    async def _serve(self, claim: JSON) -> None:
        if objects.is_terminating(claim):
            return
        if not claim["spec"].get("volumeName"):
            await self._provision(claim)
        elif objects.get(claim, "status", "phase") == "Bound":
            await self._grow(claim)

    async def _provision(self, claim: JSON) -> None:
        wanted = objects.annotations(claim).get(claims.PROVISIONER_ANNOTATIONS[1], "")
        provisioner = self._named(wanted)
        found = self._classes.cache.get(("", persistent_volume_claim.class_of(claim)))
        name = f"pvc-{objects.uid(claim)}"
        if provisioner is None or found is None or self._volumes.cache.get(("", name)) is not None:
            return
        text = f'External provisioner is provisioning volume for claim "{"/".join(objects.key(claim))}"'
        self._recorder.event(claim, "Normal", "Provisioning", text)
        try:
            source = await provisioner.provision(claim, found, name)
        except VolumeError as error:
            text = f'failed to provision volume with StorageClass "{objects.name(found)}": {error}'
            self._recorder.event(claim, "Warning", "ProvisioningFailed", text)
            raise
        await self._client.create(PERSISTENT_VOLUMES, _volume(name, claim, found, source))
        self._recorder.event(claim, "Normal", "ProvisioningSucceeded", f"Successfully provisioned volume {name}")

    async def _grow(self, claim: JSON) -> None:
        volume = self._volumes.cache.get(("", claim["spec"]["volumeName"]))
        asked = str(objects.get(claim, "spec", "resources", "requests", "storage", default="0"))
        granted = str(objects.get(claim, "status", "capacity", "storage", default="0"))
        provisioner = self._maker_of(volume)
        if volume is None or provisioner is None or quantity.parse(asked) <= quantity.parse(granted):
            return
        try:
            await provisioner.resize(volume, asked)
        except VolumeError as error:
            text = f'resize volume "{objects.name(volume)}" failed: {error}'
            self._recorder.event(claim, "Warning", "VolumeResizeFailed", text)
            raise
        capacity = {"spec": {"capacity": {"storage": asked}}}
        await self._client.patch(PERSISTENT_VOLUMES, objects.name(volume), "", capacity, patch_type=MERGE_PATCH)
        namespace, name = objects.key(claim)
        body = {"status": {"capacity": {"storage": asked}}}
        await self._client.patch(
            PERSISTENT_VOLUME_CLAIMS, name, namespace, body, patch_type=MERGE_PATCH, subresource="status"
        )
        self._recorder.event(claim, "Normal", "VolumeResizeSuccessful", "Resize volume succeeded")

    def _maker_of(self, volume: JSON | None) -> Provisioner | None:
        return self._named(objects.annotations(volume or {}).get(claims.PROVISIONED_BY, ""))

    def _named(self, name: str) -> Provisioner | None:
        return self._provisioners.get(name, self._any_other) if name else None

    # --- volumes whose claim is gone ---

    async def _reclaim(self, volume: JSON) -> None:
        provisioner = self._maker_of(volume)
        released = objects.get(volume, "status", "phase") == "Released"
        is_for_us = volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete" and not objects.is_terminating(
            volume
        )
        if provisioner is None or not released or not is_for_us:
            return
        try:
            await provisioner.delete(volume)
        except VolumeError as error:
            self._recorder.event(volume, "Warning", "VolumeFailedDelete", str(error))
            raise
        await self._client.delete(PERSISTENT_VOLUMES, objects.name(volume), uid=objects.uid(volume))


def _volume(name: str, claim: JSON, storage_class: JSON, source: JSON) -> JSON:
    spec: JSON = {
        "capacity": {"storage": objects.get(claim, "spec", "resources", "requests", "storage")},
        "accessModes": claim["spec"]["accessModes"],
        "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy") or "Delete",
        "storageClassName": objects.name(storage_class),
        "volumeMode": claim["spec"].get("volumeMode") or "Filesystem",
        "claimRef": claims.reference(claim),
        **source,
    }
    if storage_class.get("mountOptions"):
        spec["mountOptions"] = storage_class["mountOptions"]
    annotations = {claims.PROVISIONED_BY: storage_class["provisioner"]}
    metadata = {"name": name, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec}
