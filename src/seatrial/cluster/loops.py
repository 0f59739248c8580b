"""All that works on a cluster's objects: controllers, scheduler, node agent, proxy; started and stopped together."""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from seatrial.base.env import Env
from seatrial.cluster import components
from seatrial.cluster.addresses import Addresses
from seatrial.cluster.config import ClusterConfig
from seatrial.cluster.control_plane import ControlPlane
from seatrial.cluster.provisioning import Provisioning
from seatrial.node.agent import NodeAgent
from seatrial.node.images import Catalogue
from seatrial.node.registration import NodeOptions
from seatrial.node.runtimes.base import Runtime
from seatrial.node.runtimes.simulated import Model, SimulatedRuntime
from seatrial.node.volume_wording import Classic, Current
from seatrial.proxy.agent import ProxyAgent
from seatrial.reconcile.informer import Informers
from seatrial.reconcile.recorder import Recorder
from seatrial.volumes.base import Plugins, Provisioner
from seatrial.volumes.rbd.images import ImageStore
from seatrial.workloads.load import Load


class Loops:
    """After `start`, `agent` drives the nodes."""

    def __init__(self, plane: ControlPlane, hosted: Addresses, env: Env, load: Load) -> None:
        self._plane, self._hosted, self._env, self._load = plane, hosted, env, load
        self._informers = Informers(plane.client("seatrial"), env)
        self.agent: NodeAgent | None = None

    async def start(
        self,
        config: ClusterConfig,
        model: Model | None,
        machines: Sequence[NodeOptions],
        pods: Path,
        plugins: Plugins,
        ca: str,
        stack: AsyncExitStack,
    ) -> None:
        """Returns when all caches are filled. `pods`: where Pods' files are; `ca` (PEM) goes into every namespace."""
        stack.push_async_callback(self._informers.stop)
        await components.start(self._plane, self._informers, self._env, self._load, config, ca, stack)
        await self._hosted.network.start()
        stack.push_async_callback(self._hosted.network.close)
        proxy = None if config.simulated else await self._start_proxy(config, stack)
        agent = self.agent = NodeAgent(
            self._plane.client("kubelet"),
            self._informers,
            self._env,
            self._runtime(config, model, pods),
            self._hosted.network,
            [*(NodeOptions(f"node-{number}") for number in range(1, config.nodes + 1)), *machines],
            directory=pods,
            plugins=plugins,
            wording=Classic() if config.classic_messages else Current(),
            withdrawn=proxy.withdrawn if proxy and not config.endpoint_lag else None,
        )
        stack.push_async_callback(agent.stop)
        await agent.start()
        self._informers.start()
        await self._informers.synced()

    def provision(
        self, provisioners: Mapping[str, Provisioner], any_other: Provisioner | None, stack: AsyncExitStack
    ) -> None:
        """Make volumes for the claims of these provisioners' classes; `any_other` for those of all others."""
        client = self._plane.client("provisioner")
        provisioning = Provisioning(client, self._informers, self._env, provisioners, any_other)
        provisioning.start()
        stack.push_async_callback(provisioning.stop)

    def heal_volumes(self, store: ImageStore, stack: AsyncExitStack) -> None:
        """Run Rescue as a control loop."""
        from seatrial.rescue.healer import Healer
        from seatrial.rescue.image_access import StoreImages
        from seatrial.rescue.steps import COMPONENT, Rescuer

        healer = Healer(self._informers, Rescuer(self._plane.client(COMPONENT), StoreImages(store), self._env))
        healer.start()
        stack.push_async_callback(healer.stop)

    async def _start_proxy(self, config: ClusterConfig, stack: AsyncExitStack) -> ProxyAgent:
        recorder = Recorder(self._plane.client("kube-proxy"), self._env, "kube-proxy")
        stack.push_async_callback(recorder.stop)
        proxy = ProxyAgent(
            self._informers, self._hosted.host, self._env, on_event=recorder.event, lag=config.endpoint_lag
        )
        stack.push_async_callback(proxy.close)
        await proxy.start()
        return proxy

    def _runtime(self, config: ClusterConfig, model: Model | None, pods: Path) -> Runtime:
        if config.simulated:
            return SimulatedRuntime(self._env, model or Model())
        from seatrial.node.runtimes.process import ProcessRuntime

        return ProcessRuntime(self._env, Catalogue(config.images), pods)
