"""A cluster: everything put together, started in order, stopped in the reverse order.

    async with Cluster(nodes=2) as cluster:
        print(cluster.url, cluster.kubeconfig)

Start: store, API, listeners, informers, loops, nodes, proxy. Each part registers how it stops; when a later part can't
start, the earlier ones are stopped again.
"""

import asyncio
import dataclasses
import importlib
import os
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from seatrial.base.env import Env, SystemEnv
from seatrial.client import kubeconfig
from seatrial.client.client import ApiClient
from seatrial.cluster import addresses, api_service, config, control_plane
from seatrial.cluster.addresses import Addresses
from seatrial.cluster.config import ClusterConfig
from seatrial.cluster.control_plane import ControlPlane, Served
from seatrial.cluster.state import ClusterState, StateLock
from seatrial.machinery import times
from seatrial.store.base import Store
from seatrial.store.open import open_store
from seatrial.workloads.load import Load, no_load

if TYPE_CHECKING:
    from seatrial.apiserver.admission.base import Plugin
    from seatrial.client.paced import Pace
    from seatrial.cluster.image_storage import ImageStorage
    from seatrial.cluster.loops import Loops
    from seatrial.cluster.nodes import Nodes
    from seatrial.node.agent import NodeAgent
    from seatrial.node.registration import NodeOptions
    from seatrial.node.runtimes.simulated import Model
    from seatrial.volumes.rbd.images import ImageStore


class Cluster:
    """One cluster in this process. Options are ClusterConfig's; `model` says how simulated containers behave.

    `store` and `image_store` (of simulated nodes): what it works on, instead of its own; `machines`: nodes beside
    node-1 to node-N; `load`: how much work its workloads have, which autoscalers follow; `admission`: who else may
    refuse a write; `pace`: how long writes in this process take (in virtual time; none by default).

    After start: `url`, `kubeconfig`, `client` (in-process), `nodes` (by name, see nodes.py), `env`.
    """

    def __init__(
        self,
        config: ClusterConfig | None = None,
        *,
        env: Env | None = None,
        model: "Model | None" = None,
        store: Store | None = None,
        image_store: "ImageStore | None" = None,
        machines: "Sequence[NodeOptions]" = (),
        load: Load = no_load,
        admission: "Sequence[Plugin]" = (),
        pace: "Pace | None" = None,
        **options: Any,
    ) -> None:
        self.config = config if config is not None else ClusterConfig(**options)
        self.env: Env = env if env is not None else SystemEnv()
        self._model, self._store, self._image_store, self._machines = model, store, image_store, machines
        self._load, self._pace, self._admission = load, pace, tuple(admission)
        self._stack: AsyncExitStack | None = None
        self._served = Served("", "", 0)
        self._plane: ControlPlane | None = None
        self._agent: NodeAgent | None = None
        self.kubeconfig = Path()
        self.images: ImageStorage | None = None
        self.lowest_bindable_port = 0

    @property
    def url(self) -> str:
        """https://HOST:PORT of the API; "" when the cluster does not serve."""
        return self._served.url

    @property
    def insecure_url(self) -> str:
        """http://HOST:PORT without credentials; "" unless asked for."""
        return self._served.insecure_url

    @property
    def nodes(self) -> "Nodes":
        """Name → node; faults on demand are its methods: `await cluster.nodes["node-1"].crash()`."""
        from seatrial.cluster.nodes import Nodes

        return Nodes(self._agent)

    def reach_api(self, *, reachable: bool) -> None:
        """A fault on demand: whether requests in this process get to the API server."""
        assert self._plane is not None, "the cluster has not been started"
        self._plane.handlers.is_reachable = reachable

    async def add_node(self, options: "NodeOptions") -> None:
        """One more node; the cluster has to be running."""
        assert self._agent is not None, "add_node: the cluster is not running"
        await self._agent.add_node(options)

    @property
    def client(self) -> ApiClient:
        """The API without the network. Objects that it returns must not be changed."""
        assert self._plane is not None, "the cluster has not been started"
        return self._plane.client("seatrial")

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Returns when the API serves and all loops run. Raises ToolError with what is in the way."""
        async with AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()

    async def stop(self) -> None:
        """Stop everything; no process of a Pod is left. Idempotent."""
        stack, self._stack = self._stack, None
        if stack is not None:
            await stack.aclose()

    async def _start(self, stack: AsyncExitStack) -> None:
        folder = self._folder(stack)
        lock = self._lock(folder, stack)
        hosted = self._addresses()
        stack.callback(hosted.release)
        self.lowest_bindable_port = hosted.host.lowest_bindable_port
        store = self._store if self._store is not None else open_store(self.config.data_dir)
        stack.push_async_callback(store.close)
        made = await control_plane.make(
            store, self.env, self.config, hosted, self._find_node, self._inflict, self._admission
        )
        plane = self._plane = dataclasses.replace(made, pace=self._pace)
        ca = await self._serve(plane, hosted, folder, stack)
        loops = await self._start_loops(plane, hosted, folder, ca, stack)
        self._agent = loops.agent
        if lock is not None:
            lock.publish(self._state())

    def _folder(self, stack: AsyncExitStack) -> Path:
        """Where this cluster's files are; a nameless one's go with it."""
        if not self.config.serve and self.config.simulated:
            return Path()
        if self.config.name:
            return config.state_dir(self.config.name)
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seatrial-")))

    def _lock(self, folder: Path, stack: AsyncExitStack) -> StateLock | None:
        if not self.config.serve:
            return None
        lock = StateLock(folder, self.config.name)
        stack.callback(lock.release)
        return lock

    def _addresses(self) -> Addresses:
        if self.config.simulated:
            return addresses.simulated()
        return addresses.of_this_host(self.config.privileged)

    def _find_node(self, name: str) -> Any:
        return self._agent.access(name) if self._agent else None

    async def _inflict(self, name: str, fault: str) -> str:
        return await self.nodes.inflict(name, fault)

    async def _serve(self, plane: ControlPlane, hosted: Addresses, folder: Path, stack: AsyncExitStack) -> str:
        """Listen and write the kubeconfig; returns the CA (PEM)."""
        if not self.config.serve:
            return ""
        from seatrial.cluster import certificates

        api_address = str(hosted.services.network_address + 1)
        hosts = [self.config.host, api_address]
        credentials = certificates.ensure(folder / "pki", self.env.now(), hosts)
        self._served = await control_plane.serve(plane, self.config, credentials, stack)
        self.kubeconfig = self.config.kubeconfig or folder / "kubeconfig"
        context = f"seatrial-{self.config.name}" if self.config.name else "seatrial"
        kubeconfig.write_context(self.kubeconfig, context, self.url, credentials.ca_data, credentials.token)
        if self.config.kubeconfig:
            stack.callback(kubeconfig.remove_context, self.kubeconfig, context)
        await api_service.publish(plane.client("kube-apiserver"), api_address, self.config.host, self._served.port)
        return credentials.ca_data.decode()

    async def _start_loops(
        self, plane: ControlPlane, hosted: Addresses, folder: Path, ca: str, stack: AsyncExitStack
    ) -> "Loops":
        # The API answers while the loops are still being loaded, as a kube-apiserver does before its controllers are
        # there: loading them takes as long as all that came before.
        if self.config.serve:
            await asyncio.to_thread(importlib.import_module, "seatrial.cluster.loops")
        from seatrial.cluster import image_storage
        from seatrial.cluster.loops import Loops
        from seatrial.volumes import registry
        from seatrial.volumes.csi_provisioner import CsiProvisioner

        self.images = await image_storage.open_storage(self.config, self.env, folder, stack, self._image_store)
        load = self._load
        if self.config.load_curve is not None:
            from seatrial.cluster import load_file

            load = load_file.read(self.config.load_curve, self.env.now())
        loops = Loops(plane, hosted, self.env, load)
        plugins = registry.plugins(self.images.plugin, simulated=self.config.simulated)
        await loops.start(self.config, self._model, self._machines, folder / "pods", plugins, ca, stack)
        made_here = None if self.config.simulated else (self.config.data_dir or folder) / "volumes"
        own = registry.provisioners(self.images.store, self.env, made_here)
        loops.provision(own, CsiProvisioner() if self.config.simulated else None, stack)
        if loops.agent is not None:
            self.images.plugin.end_writers = loops.agent.end_writers
        if self.config.heal_volumes:
            loops.heal_volumes(self.images.store, stack)
        return loops

    def _state(self) -> ClusterState:
        return ClusterState(
            name=self.config.name,
            pid=os.getpid(),
            url=self.url,
            insecure_url=self.insecure_url,
            kubeconfig=str(self.kubeconfig),
            nodes=list(self.nodes),
            runtime="simulated" if self.config.simulated else "process",
            data_dir=str(self.config.data_dir or ""),
            kubernetes_version=self.config.kubernetes_version,
            images=self.images.shown if self.images else "",
            started_at=times.format_time(self.env.now()),
        )
