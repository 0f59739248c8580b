"""The volumes of one node's Pods that have to be mounted: which are wanted, which are there, what is tried again.

Follows pkg/kubelet/volumemanager and pkg/volume/util/operationexecutor (1.32) in what can be seen: one operation at a
time for each volume, again after a back-off of 0.5 s that doubles up to 2 m 2 s; Pods of one node share a mount; what
no Pod wants any more is unmounted before its last Pod may go.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from seatrial.aio.tasks import Supervisor
from seatrial.api.registry import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, VOLUME_ATTACHMENTS
from seatrial.base.env import Env
from seatrial.base.errors import VolumeError
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.node.link import Link
from seatrial.node.volume_wording import Wording
from seatrial.reconcile.informer import Informers
from seatrial.volumes import base
from seatrial.volumes.base import NodeIdentity, Plugin, Plugins, VolumeSpec

log = logging.getLogger("seatrial.kubelet")
FIRST_BACK_OFF_SECONDS, LONGEST_BACK_OFF_SECONDS = 0.5, 122.0
ATTACHED_LOOK_SECONDS = 0.3
IN_POD = frozenset({"configMap", "downwardAPI", "emptyDir", "hostPath", "projected", "secret", "image", "gitRepo"})
"""Volumes that stand in the Pod and are files of the node: not mounted here."""

Tell = Callable[[JSON, str, str], None]
"""(Pod, reason, message) of a warning event."""


@dataclass(eq=False)
class _Volume:
    """One mount. `users`: uid → (Pod, what wakes its worker)."""

    key: str
    spec: VolumeSpec
    plugin: Plugin
    users: dict[str, tuple[JSON, Callable[[], None]]] = field(default_factory=dict)
    path: Path | None = None
    mounted: bool = False
    attached: bool = True
    task: asyncio.Task[None] | None = None
    retry: asyncio.Event = field(default_factory=asyncio.Event)


class VolumeMounts:
    """See the module. `directory` None: simulated nodes, nothing of the host is touched."""

    def __init__(
        self,
        node: NodeIdentity,
        link: Link,
        plugins: Plugins,
        informers: Informers,
        env: Env,
        supervisor: Supervisor,
        tell: Tell,
        wording: Wording,
        directory: Path | None,
    ) -> None:
        self._node, self._to_api, self._plugins, self._env, self._supervisor = node, link, plugins, env, supervisor
        self._tell, self._wording, self._directory = tell, wording, directory
        self._claims = informers.informer(PERSISTENT_VOLUME_CLAIMS).cache
        self._persistent = informers.informer(PERSISTENT_VOLUMES).cache
        self._attachments = informers.informer(VOLUME_ATTACHMENTS).cache
        self._volumes: dict[str, _Volume] = {}
        self._of_pod: dict[str, dict[str, str]] = {}
        """Pod uid → name of the volume in the Pod → key."""

    # --- what a Pod worker asks ---

    def ready(self, pod: JSON, wake: Callable[[], None]) -> bool:
        """Whether all is mounted; what is not begins to be, and `wake` is called when there is news."""
        wanted = self.managed(pod)
        if not wanted:
            return True
        known = self._of_pod.setdefault(objects.uid(pod), {})
        for volume in wanted:
            if volume["name"] not in known:
                self._begin(pod, volume, known, wake)
        return len(known) == len(wanted) and all(self._volumes[key].mounted for key in known.values())

    def managed(self, pod: JSON) -> list[JSON]:
        """The Pod's volumes that are mounted here."""
        return [each for each in pod["spec"].get("volumes") or () if not IN_POD & each.keys()]

    def timed_out(self, pod: JSON) -> list[tuple[str, str]]:
        """(reason, message) of the events that tell of volumes that are not there after all that time."""
        known = self._of_pod.get(objects.uid(pod), {})
        unmounted, unattached, problems = [], [], []
        for volume in self.managed(pod):
            key = known.get(volume["name"])
            if key is None or not self._volumes[key].mounted:
                unmounted.append(str(volume["name"]))
            if key is not None and not self._volumes[key].attached:
                unattached.append(str(volume["name"]))
            if key is None:
                problems.append((str(volume["name"]), self._problem(pod, volume)))
        return self._wording.timed_out(pod, unmounted, unattached, problems)

    async def release(self, pod: JSON) -> None:
        """The Pod wants nothing any more; returns when what nobody else wants is unmounted."""
        uid = objects.uid(pod)
        for key in self._of_pod.pop(uid, {}).values():
            volume = self._volumes[key]
            volume.users.pop(uid, None)
            volume.retry.set()
            if not volume.users and volume.task is not None:
                await asyncio.wait([volume.task])

    async def close(self) -> None:
        """The agent ends, and no Pod runs any more: unmount everything."""
        for volume in list(self._volumes.values()):
            volume.users.clear()
            volume.retry.set()
        tasks = [volume.task for volume in self._volumes.values() if volume.task is not None]
        if tasks:
            await asyncio.wait(tasks)

    def lose(self, key: str) -> list[str]:
        """The volume was taken away from the node: forget it. Returns the uids of the Pods that have it."""
        volume = self._volumes.pop(key, None)
        if volume is None:
            return []
        if volume.task is not None:
            volume.task.cancel()
        users = list(volume.users)
        for uid in users:
            self._of_pod.pop(uid, None)
        return users

    async def abandon(self) -> None:
        """The node has lost power."""
        for volume in self._volumes.values():
            if volume.task is not None:
                volume.task.cancel()
        self._volumes.clear()
        self._of_pod.clear()
        for plugin in self._plugins.values():
            await plugin.abandon(self._node)

    # --- one volume ---

    def _problem(self, pod: JSON, volume: JSON) -> str:
        try:
            self._resolve(pod, volume)
        except VolumeError as error:
            return str(error)
        return ""

    def _resolve(self, pod: JSON, volume: JSON) -> tuple[VolumeSpec, Plugin]:
        namespace = objects.namespace(pod)
        spec = base.resolve(
            pod, volume, lambda name: self._claims.get((namespace, name)), lambda name: self._persistent.get(("", name))
        )
        plugin = self._plugins.get(spec.kind)
        if plugin is None:
            raise VolumeError(f'no volume plugin matched for volume "{spec.name}" ({spec.kind or "no source"})')
        return spec, plugin

    def _begin(self, pod: JSON, volume: JSON, known: dict[str, str], wake: Callable[[], None]) -> None:
        try:
            spec, plugin = self._resolve(pod, volume)
        except VolumeError:
            asyncio.get_running_loop().call_later(1.0, wake)
            return
        key = plugin.unique_name(spec, objects.uid(pod))
        shared = self._volumes.get(key)
        if shared is None or (not shared.users and shared.task is not None):
            if shared is not None:
                # It is being unmounted for a Pod before this one.
                asyncio.get_running_loop().call_later(ATTACHED_LOOK_SECONDS, wake)
                return
            shared = self._volumes[key] = _Volume(key, spec, plugin)
        shared.users[objects.uid(pod)] = (pod, wake)
        known[str(volume["name"])] = key
        self._link(pod, str(volume["name"]), shared)
        if shared.task is None:
            log.info(self._wording.started(key, spec, pod))
            shared.task = self._supervisor.spawn(self._serve(shared), f"volume {key}")

    async def _serve(self, volume: _Volume) -> None:
        """From the first Pod that wants it to the last."""
        try:
            await self._mount(volume)
            while volume.users:
                volume.retry.clear()
                await volume.retry.wait()
            await self._unmount(volume)
        finally:
            volume.task = None
            if self._volumes.get(volume.key) is volume:
                del self._volumes[volume.key]

    async def _mount(self, volume: _Volume) -> None:
        back_off = FIRST_BACK_OFF_SECONDS
        while volume.users and not volume.mounted:
            await self._attached(volume)
            await self._to_api.awake()
            if not volume.users:
                return
            try:
                volume.path = await volume.plugin.mount(volume.spec, self._node, self._where(volume))
                volume.mounted = True
            except VolumeError as error:
                self._failed(volume, str(error), back_off)
                await self._rest(volume, back_off)
                back_off = min(back_off * 2.0, LONGEST_BACK_OFF_SECONDS)
        for pod, wake in list(volume.users.values()):
            self._link(pod, volume.spec.pod_volume, volume)
            wake()

    async def _attached(self, volume: _Volume) -> None:
        """Until the attach/detach controller has done its part."""
        while volume.plugin.attachable and volume.spec.persistent and volume.users:
            volume.attached = self._to_api.is_whole and any(
                each["spec"]["nodeName"] == self._node.name
                and objects.get(each, "spec", "source", "persistentVolumeName") == volume.spec.name
                and (each.get("status") or {}).get("attached")
                for each in self._attachments.list()
            )
            if volume.attached:
                return
            await self._rest(volume, ATTACHED_LOOK_SECONDS)

    def _failed(self, volume: _Volume, error: str, back_off: float) -> None:
        for pod, _ in volume.users.values():
            message = self._wording.failed(volume.key, volume.spec, pod, error)
            log.error(
                self._wording.no_retries(volume.key, volume.spec, pod, self._env.now() + back_off, back_off, message)
            )
            self._tell(pod, "FailedMount", message)

    async def _rest(self, volume: _Volume, seconds: float) -> None:
        volume.retry.clear()
        try:
            async with asyncio.timeout(seconds):
                while volume.users:
                    await volume.retry.wait()
                    volume.retry.clear()
        except TimeoutError:
            pass

    async def _unmount(self, volume: _Volume) -> None:
        back_off = FIRST_BACK_OFF_SECONDS
        while volume.mounted:
            await self._to_api.awake()
            try:
                await volume.plugin.unmount(volume.spec, self._node, self._where(volume))
                volume.mounted = False
            except VolumeError as error:
                log.error(f'UnmountVolume.TearDown failed for volume "{volume.spec.name}" : {error}')
                await asyncio.sleep(back_off)
                back_off = min(back_off * 2.0, LONGEST_BACK_OFF_SECONDS)

    # --- where it is ---

    def _where(self, volume: _Volume) -> Path | None:
        if self._directory is None:
            return None
        return self._directory / "mounts" / self._node.name / volume.key.replace("/", "~")

    def _link(self, pod: JSON, name: str, volume: _Volume) -> None:
        """In the Pod's own folder a link leads to the mount."""
        if self._directory is None or not volume.mounted or volume.path is None:
            return
        link = self._directory / objects.uid(pod) / "volumes" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(volume.path, target_is_directory=True)
