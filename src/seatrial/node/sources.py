"""What containers are made of besides their spec: Services, ConfigMaps, Secrets, and the files of their volumes.

Runtimes without processes only ask whether all of it is there. Services come from the shared informer, ConfigMaps and
Secrets are read when a container starts, as a kubelet without a cache does.
"""

from collections.abc import Sequence
from pathlib import Path

from seatrial.api.registry import CONFIG_MAPS, SECRETS, SERVICES
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.client.base import Client
from seatrial.node import environment, pod_volumes
from seatrial.node.environment import Material
from seatrial.node.pod_network import PodAddress
from seatrial.node.runtimes.base import ContainerConfig, Mount
from seatrial.reconcile.informer import Informers


class Sources:
    """See the module. `directory` None: nothing is ever mounted (simulated nodes)."""

    def __init__(
        self,
        client: Client,
        informers: Informers,
        directory: Path | None,
        *,
        lowest_host_port: int = 1024,
        allocatable: JSON | None = None,
    ) -> None:
        self._client = client
        self._directory = directory
        self._services = informers.informer(SERVICES) if directory else None
        self.lowest_host_port = lowest_host_port
        self._allocatable = allocatable or {}

    def pod_directory(self, pod: JSON) -> Path:
        assert self._directory is not None
        return self._directory / str(pod["metadata"]["uid"])

    async def mount(self, pod: JSON, address: PodAddress, mounted: Sequence[JSON]) -> None:
        """Make the files of the Pod's volumes, but for those that are mounted. Raises VolumeError."""
        volumes = [volume for volume in pod["spec"].get("volumes") or () if volume not in mounted]
        if volumes:
            material = await self._material(pod, address, pod_volumes.references(pod))
            await pod_volumes.write(self.pod_directory(pod), pod, volumes, material, self._client)

    async def check_volumes(self, pod: JSON, address: PodAddress) -> None:
        """Of a Pod without files: what its volumes name is there. Raises VolumeError."""
        references = pod_volumes.references(pod)
        if references:
            pod_volumes.check(pod, await self._material(pod, address, references))

    async def check_configuration(self, pod: JSON, container: JSON, address: PodAddress) -> None:
        """Of a container without a process: what its environment names is there. Raises RuntimeFailure."""
        references = environment.references(pod, container)
        if references:
            environment.build(pod, container, await self._material(pod, address, references))

    async def unmount(self, pod: JSON) -> None:
        """Remove the files of the volumes, but for what belongs to the host."""
        pod_volumes.remove(self.pod_directory(pod))

    async def configuration(self, pod: JSON, container: JSON, address: PodAddress) -> ContainerConfig:
        """Raises RuntimeFailure("CreateContainerConfigError", …)."""
        material = await self._material(pod, address, environment.references(pod, container))
        variables = environment.build(pod, container, material)
        lookup = dict(variables)
        mounts: tuple[Mount, ...] = ()
        if container.get("volumeMounts"):
            mounts = pod_volumes.mounts(self.pod_directory(pod), pod, container, lookup)
        return ContainerConfig(
            environment=tuple(variables),
            command=tuple(environment.expand(text, lookup) for text in container.get("command") or ()),
            arguments=tuple(environment.expand(text, lookup) for text in container.get("args") or ()),
            mounts=mounts,
            hostname=environment.hostname(pod),
            termination_log=container.get("terminationMessagePath") or "/dev/termination-log",
        )

    async def _material(
        self, pod: JSON, address: PodAddress, references: tuple[environment.Reference, ...]
    ) -> Material:
        namespace = pod["metadata"]["namespace"]
        found: dict[environment.Reference, JSON | None] = {}
        for reference in references:
            resource = CONFIG_MAPS if reference[0] == "ConfigMap" else SECRETS
            try:
                found[reference] = await self._client.get(resource, reference[1], namespace)
            except StatusError as error:
                if error.reason != "NotFound":
                    raise
                found[reference] = None
        return Material(self._service_list(), found, address.ip, address.host_ip, self._allocatable)

    def _service_list(self) -> tuple[JSON, ...]:
        return tuple(self._services.cache.list()) if self._services else ()
