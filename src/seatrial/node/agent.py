"""The node agent: registers nodes, keeps them alive, and gives every Pod bound to one of them a worker.

One agent drives any number of nodes: Pods come from the one shared informer and are routed by spec.nodeName, so that a
simulated node costs a few hundred bytes. Follows pkg/kubelet/kubelet.go in what a client can observe.

Faults on demand: `crash`, `partition`, `pause` and `heal` of one node. A node that is cut off or paused hears nothing
that the informer tells; `heal` tells it all at once.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from seatrial.aio.tasks import Supervisor
from seatrial.api.registry import NODES, PODS
from seatrial.base.env import Env
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.client.base import Client
from seatrial.client.client import ApiClient
from seatrial.machinery import objects
from seatrial.node import csi_nodes, registration
from seatrial.node.access import Access
from seatrial.node.context import NodeContext
from seatrial.node.heartbeat import RENEW_SECONDS, Heartbeats
from seatrial.node.link import Link
from seatrial.node.pod_network import PodNetwork
from seatrial.node.pod_worker import PodWorker
from seatrial.node.refusals import Refusals
from seatrial.node.registration import Machine, NodeOptions
from seatrial.node.runtimes.base import Runtime
from seatrial.node.sources import Sources
from seatrial.node.volume_mounts import VolumeMounts
from seatrial.node.volume_wording import Current, Wording
from seatrial.reconcile.informer import Informers
from seatrial.reconcile.recorder import Recorder
from seatrial.volumes.base import NO_PLUGINS, NodeIdentity, Plugins


@dataclass(slots=True)
class _Node:
    options: NodeOptions
    link: Link
    context: NodeContext
    refusals: Refusals
    uid: str = ""
    recorder: Recorder | None = None
    workers: dict[str, PodWorker] = field(default_factory=dict)


class NodeAgent:
    """See the module.

    `directory`: where Pods' files are, for runtimes that run processes. `plugins`: of volumes; `wording`: of what is
    told of them. `withdrawn(pod)` returns when no proxy sends anything to the terminating Pod any more. The agent
    closes the runtime when it stops; the network is its maker's.
    """

    def __init__(
        self,
        client: Client,
        informers: Informers,
        env: Env,
        runtime: Runtime,
        network: PodNetwork,
        nodes: Sequence[NodeOptions] = (),
        *,
        directory: Path | None = None,
        plugins: Plugins = NO_PLUGINS,
        wording: Wording | None = None,
        withdrawn: Callable[[JSON], Awaitable[None]] | None = None,
        renew_seconds: float = RENEW_SECONDS,
    ) -> None:
        self._client, self._informers, self._env = client, informers, env
        self._runtime, self._network, self._withdrawn = runtime, network, withdrawn
        self._directory = directory
        self._plugins = plugins
        self._wording = wording or Current()
        self._wanted = tuple(nodes)
        self._nodes: dict[str, _Node] = {}
        self._crashed: dict[str, NodeOptions] = {}
        self._waiting: dict[str, dict[str, JSON]] = {}
        """Pods bound to nodes that are not here (yet): node name → uid → Pod."""
        self._heartbeats = Heartbeats(client, env, renew_seconds)
        self._supervisor = Supervisor("node")
        self._machine: Machine = registration.SIMULATED
        self._stopped = False

    @property
    def node_names(self) -> tuple[str, ...]:
        """All nodes, those that have crashed included."""
        return (*self._nodes, *self._crashed)

    async def start(self) -> None:
        """Register all nodes and begin with their Pods."""
        if self._runtime.runs_processes:
            assert self._directory is not None
            self._directory.mkdir(parents=True, exist_ok=True)
            self._machine = registration.this_host(self._directory)
        self._informers.informer(PODS).add_handler(self._on_pod)
        self._informers.informer(NODES).add_handler(self._on_node)
        for options in self._wanted:
            await self.add_node(options)
        self._supervisor.spawn(self._heartbeats.run(), "heartbeats")

    async def stop(self) -> None:
        """Stop working, end all containers; nothing is written to the API any more, but for events that wait."""
        self._stopped = True
        for node in self._nodes.values():
            for worker in node.workers.values():
                worker.abandon()
        await self._runtime.aclose()
        unheard = [node.recorder for node in self._nodes.values() if node.recorder and not node.link.is_whole]
        for recorder in unheard:
            await recorder.abandon()
        for node in self._nodes.values():
            node.link.wake()
            await node.context.volumes.close()
        await self._supervisor.stop()
        for node in self._nodes.values():
            if node.recorder is not None:
                await node.recorder.stop()

    async def add_node(self, options: NodeOptions) -> None:
        """Register the node, or take over the one of this name that is there."""
        link = Link(self._client, options.name)
        context = self._context(options, ApiClient(link), link)
        nodes = self._informers.informer(NODES).cache
        node = _Node(options, link, context, Refusals(context, lambda: nodes.get(("", options.name))))
        node.uid = await self._register(options)
        self._nodes[options.name] = node
        self._heartbeats.add(options.name, node.uid)
        if not options.as_is:
            self._supervisor.spawn(csi_nodes.publish(node.context.client, options.name, node.uid), "csi-node")
        if self._runtime.runs_processes:
            self._announce(node)
        for pod in self._waiting.pop(options.name, {}).values():
            self._on_pod(None, pod)

    # --- faults on demand ---

    async def crash(self, name: str) -> None:
        """The node loses power: no heartbeat, no status, its containers are gone; what it holds elsewhere stays held.

        Returns when no process of its Pods is left. Does nothing if it has crashed already. Raises KeyError.
        """
        if name in self._crashed:
            return
        node = self._nodes.pop(name)
        self._crashed[name] = replace(node.options, as_is=False)
        self._heartbeats.remove(name)
        if node.recorder is not None:
            await node.recorder.abandon()
        for worker in list(node.workers.values()):
            await worker.lose_power()
            await self._network.release(worker.pod["metadata"]["uid"])
        await node.context.volumes.abandon()
        for uid, pod in self._pods_of(name).items():
            self._put_aside(name, uid, pod)

    def partition(self, name: str) -> None:
        """The node's Pods live on, and nobody hears of them. Raises KeyError for a node that has crashed."""
        self._nodes[name].link.cut()
        self._heartbeats.remove(name)

    def pause(self, name: str) -> None:
        """The agent of the node stands still; its Pods' processes don't. Raises KeyError for a node that has crashed.

        What it is doing goes on when it wakes up, in the belief that no time has passed: it hears the news afterwards.
        """
        self._nodes[name].link.pause()
        self._heartbeats.remove(name)

    async def heal(self, name: str) -> None:
        """All is well again: what was cut off is heard, what had crashed starts as after a reboot. Raises KeyError."""
        if name in self._crashed:
            await self.add_node(self._crashed.pop(name))
            return
        node = self._nodes[name]
        if node.link.is_whole:
            return
        was_paused = node.link.is_paused
        node.link.mend()
        if was_paused:
            await asyncio.sleep(0)  # whatever stood still goes on before it hears anything
        self._heartbeats.add(name, node.uid)
        self._catch_up(node)

    async def end_writers(self, name: str, volume: str) -> None:
        """The volume was taken away from the node: its Pods that have it are ended. They are started anew, if the node
        hears anything, or when it does again."""
        node = self._nodes.get(name) if not self._stopped else None
        for uid in node.context.volumes.lose(volume) if node else ():
            worker = node.workers.pop(uid, None) if node else None
            if worker is not None:
                await worker.lose_power()
                await self._network.release(uid)
        if node is not None and node.link.is_whole:
            self._catch_up(node)

    def condition(self, name: str) -> str:
        """`well`, `crashed`, `partitioned`, `paused`. Raises KeyError."""
        if name in self._crashed:
            return "crashed"
        link = self._nodes[name].link
        return "paused" if link.is_paused else "partitioned" if link.is_cut else "well"

    def _catch_up(self, node: _Node) -> None:
        """Tell the node all that it has not heard of."""
        pods = self._pods_of(node.options.name)
        for uid, worker in list(node.workers.items()):
            if uid not in pods:
                worker.removed()
        for pod in pods.values():
            self._on_pod(None, pod)
        known = self._informers.informer(NODES).cache.get(("", node.options.name))
        if known is not None:
            self._on_node(None, known)

    def _pods_of(self, name: str) -> dict[str, JSON]:
        pods = self._informers.informer(PODS).cache.list()
        return {pod["metadata"]["uid"]: pod for pod in pods if pod["spec"].get("nodeName") == name}

    def access(self, name: str) -> Access | None:
        """Logs and exec of the node's Pods (the API server's NodeAccess); None when the node can't be reached."""
        node = self._nodes.get(name)
        return Access(node.workers, self._runtime) if node and node.link.is_whole else None

    def _context(self, options: NodeOptions, client: Client, link: Link) -> NodeContext:
        capacity = {**self._machine.capacity, **options.capacity}
        lowest = 0 if not self._runtime.runs_processes else _lowest_port()
        directory = self._directory if self._runtime.runs_processes else None
        return NodeContext(
            name=options.name,
            client=client,
            link=link,
            env=self._env,
            runtime=self._runtime,
            network=self._network,
            supervisor=self._supervisor,
            sources=Sources(client, self._informers, directory, lowest_host_port=lowest, allocatable=capacity),
            record=lambda regarding, type, reason, message, *, field_path="": self._record(
                options.name, regarding, type, reason, message, field_path
            ),
            volumes=VolumeMounts(
                NodeIdentity(options.name, self._network.host_ip),
                link,
                self._plugins,
                self._informers,
                self._env,
                self._supervisor,
                lambda pod, reason, message: self._record(options.name, pod, "Warning", reason, message, ""),
                self._wording,
                directory,
            ),
            withdrawn=self._withdrawn,
            forget=lambda uid: self._forget(options.name, uid),
            resumes=options.as_is,
        )

    def _record(self, name: str, regarding: JSON, type: str, reason: str, message: str, field_path: str) -> None:
        node = self._nodes.get(name)
        if node is None or self._stopped:
            return
        if node.recorder is None:
            node.recorder = Recorder(node.context.client, self._env, "kubelet", name)
        node.recorder.event(regarding, type, reason, message, field_path=field_path)

    def _forget(self, name: str, uid: str) -> None:
        node = self._nodes.get(name)
        if node is not None:
            node.workers.pop(uid, None)

    async def _register(self, options: NodeOptions) -> str:
        if options.as_is:
            return objects.uid(await self._client.get(NODES, options.name))
        scheme = f"{self._runtime.name}://{self._runtime.version}"
        node = registration.node_object(options, self._machine, self._network.host_ip, scheme, self._env.now())
        try:
            created = await self._client.create(NODES, node)
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise
        else:
            return str(created["metadata"]["uid"])
        metadata = {key: node["metadata"][key] for key in ("labels", "annotations")}
        await self._client.patch(NODES, options.name, "", {"metadata": metadata})
        known = await self._client.patch(NODES, options.name, "", {"status": node["status"]}, subresource="status")
        return str(known["metadata"]["uid"])

    def _announce(self, node: _Node) -> None:
        """The events of a kubelet that starts; they regard the node by its name, as the kubelet's do."""
        name = node.options.name
        about = {"kind": "Node", "apiVersion": "", "metadata": {"name": name, "uid": name}}
        node.context.record(about, "Normal", "Starting", "Starting kubelet.")
        for reason in ("NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID", "NodeReady"):
            node.context.record(about, "Normal", reason, f"Node {name} status is now: {reason}")

    # --- what the informers tell ---

    def _on_pod(self, old: JSON | None, new: JSON | None) -> None:
        pod = new if new is not None else old
        assert pod is not None
        name = pod["spec"].get("nodeName")
        if not name or self._stopped:
            return
        node = self._nodes.get(name)
        uid = pod["metadata"]["uid"]
        if node is None:
            self._put_aside(name, uid, new)
            return
        if not node.link.is_whole:
            return
        worker = node.workers.get(uid)
        if new is None:
            if worker is not None:
                worker.removed()
            node.refusals.forget(uid)
        elif worker is not None:
            worker.update(new)
        elif node.refusals.takes(new, (other.pod for other in node.workers.values())):
            worker = node.workers[uid] = PodWorker(node.context, new)
            worker.begin()

    def _put_aside(self, name: str, uid: str, pod: JSON | None) -> None:
        if pod is None:
            self._waiting.get(name, {}).pop(uid, None)
        else:
            self._waiting.setdefault(name, {})[uid] = pod

    def _on_node(self, old: JSON | None, new: JSON | None) -> None:
        if new is None or self._stopped:
            return
        node = self._nodes.get(new["metadata"]["name"])
        if node is not None and node.link.is_whole:
            self._heartbeats.differs(new)


def _lowest_port() -> int:
    """The lowest port that a Pod on the host's network may bind."""
    if os.geteuid() == 0:
        return 0
    try:
        return int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    except (OSError, ValueError):
        return 1024
