"""A cluster for code that is not asynchronous: it runs on an event loop in a thread of its own.

with RunningCluster(nodes=2) as cluster:
    subprocess.run(["kubectl", "--kubeconfig", cluster.kubeconfig, "get", "nodes"], check=True)
"""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from seatrial.aio import loops
from seatrial.client.base import Client
from seatrial.cluster.cluster import Cluster

if TYPE_CHECKING:
    from seatrial.cluster.nodes import Nodes

T = TypeVar("T")


class RunningCluster:
    """The synchronous face of `Cluster`; takes the same options. Ready when the `with` block begins."""

    def __init__(self, **options: Any) -> None:
        self._cluster = Cluster(**options)
        self._ready: Future[asyncio.AbstractEventLoop] = Future()
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._main, name="seatrial-cluster", daemon=True)

    @property
    def url(self) -> str:
        """The API server's address, https://HOST:PORT."""
        return self._cluster.url

    @property
    def insecure_url(self) -> str:
        """Where the API answers without credentials, http://127.0.0.1:PORT; "" if it was not asked to."""
        return self._cluster.insecure_url

    @property
    def kubeconfig(self) -> str:
        """Path of a kubeconfig for this cluster."""
        return str(self._cluster.kubeconfig)

    @property
    def client(self) -> Client:
        """The in-process client; its coroutines go through `call`."""
        return self._cluster.client

    @property
    def nodes(self) -> "Nodes":
        """Name → node; faults on demand go through `call`: `cluster.call(cluster.nodes["node-1"].crash())`."""
        return self._cluster.nodes

    def call(self, coroutine: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Run a coroutine on the cluster's loop and return its result: `cluster.call(cluster.client.list(PODS))`."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._ready.result()).result(timeout)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.result()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._stop is not None
        self._ready.result().call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _main(self) -> None:
        try:
            loops.run(self._serve())
        except BaseException as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        async with self._cluster:
            self._ready.set_result(asyncio.get_running_loop())
            await self._stop.wait()
