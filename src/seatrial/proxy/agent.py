"""The proxy of this host: keeps its listeners as the Services and EndpointSlices say (after pkg/proxy/userspace).

It reads through informers and writes nothing but sockets; what owners of Services should know goes to `on_event`.
`withdrawn` is its promise to the node agent: a Pod that is about to end gets no new connection, and no request that
is on its way to it is lost.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from seatrial.aio.sync import Pulse
from seatrial.aio.tasks import Supervisor
from seatrial.api.registry import ENDPOINT_SLICES, SERVICES
from seatrial.base.env import Env
from seatrial.base.types import JSON, Key
from seatrial.machinery import objects
from seatrial.proxy import decide
from seatrial.proxy.connections import Withdrawal
from seatrial.proxy.decide import HostAddresses, Notice, ServedPort, ServiceTable
from seatrial.proxy.listeners import Listeners, Place
from seatrial.reconcile.informer import Informers

SERVICE_LABEL = "kubernetes.io/service-name"
BY_SERVICE = "service"
RETRY_SECONDS = 2.0
"""How soon a port that could not be had is tried again."""
TOLD_SECONDS = 5.0
"""How long the EndpointSlices may lag behind the end of a Pod that nobody can replace yet."""
MAX_WITHDRAWN = 10_000

OnEvent = Callable[[JSON, Literal["Normal", "Warning"], str, str], None]


@dataclass(frozen=True, slots=True)
class Listening:
    """A port as it is served, for people to see."""

    service: Key
    port_name: str
    service_port: int
    address: str
    port: int
    endpoints: int
    listening: bool


class ProxyAgent:
    """Serves every Service's cluster IP and node ports on this host.

    With a `lag` it learns of every change of EndpointSlices so many seconds late, and does without all that spares
    clients the consequences: no second try, no connection that moves. That is what kube-proxy offers.
    """

    def __init__(
        self,
        informers: Informers,
        host: HostAddresses,
        env: Env,
        *,
        on_event: OnEvent | None = None,
        lag: float = 0.0,
    ) -> None:
        self._services = informers.informer(SERVICES)
        self._slices = informers.informer(ENDPOINT_SLICES)
        self._host = host
        self._on_event = on_event
        self._lag = lag
        self._learned: dict[str, dict[str, JSON]] = {}
        self._listeners = Listeners(env, retries=not lag)
        self._tables: dict[Key, ServiceTable] = {}
        self._told: dict[Key, set[Notice]] = {}
        self._failed: dict[Key, None] = {}
        self._dirty: dict[Key, None] = {}
        self._wake = asyncio.Event()
        self._applied = Pulse()
        self._busy = False
        self._supervisor = Supervisor("proxy")

    async def start(self) -> None:
        """Begin to follow the informers."""
        self._slices.add_index(BY_SERVICE, _service_of)
        self._slices.add_handler(self._on_slice)
        self._services.add_handler(self._on_service)
        self._supervisor.spawn(self._run(), "reconcile")

    async def close(self) -> None:
        """Stop serving; connections are reset."""
        await self._supervisor.stop()
        self._listeners.abort()

    async def applied(self) -> None:
        """Wait until everything that the informers have told is in force."""
        await self._applied.until(lambda: not self._dirty and not self._busy)

    def listening(self) -> list[Listening]:
        """Every port of every Service, as it is served now."""
        return [
            Listening(
                one.served.service,
                one.served.port_name,
                one.served.service_port,
                one.served.address,
                one.served.port,
                len(one.served.ready),
                one.listening,
            )
            for one in self._listeners.all()
        ]

    def connections(self, pod: JSON) -> int:
        """How many connections are with this Pod."""
        return self._listeners.connections.count(objects.uid(pod))

    async def withdrawn(self, pod: JSON) -> None:
        """Return when nothing would be lost if this Pod ended now, at the latest after half of its grace period.

        No listener picks it any more; connections on which nothing was said, and quiet HTTP ones, have moved;
        requests under way have been answered.
        """
        uid, seconds = objects.uid(pod), _grace_seconds(pod) / 2
        try:
            async with asyncio.timeout(min(seconds, TOLD_SECONDS)):
                await self._applied.until(lambda: self._listeners.can_spare(uid))
        except TimeoutError:
            pass
        self._listeners.withdraw(uid)
        while len(self._listeners.withdrawn) > MAX_WITHDRAWN:
            del self._listeners.withdrawn[next(iter(self._listeners.withdrawn))]
        await Withdrawal().wait(self._listeners.connections.of(uid), seconds)

    def _on_service(self, old: JSON | None, new: JSON | None) -> None:
        self._mark(objects.key(new or old or {}))

    def _on_slice(self, old: JSON | None, new: JSON | None) -> None:
        if self._lag:
            asyncio.get_running_loop().call_later(self._lag, self._learn, old, new)
        else:
            self._mark_service_of(old, new)

    def _learn(self, old: JSON | None, new: JSON | None) -> None:
        """What came in `lag` seconds ago."""
        for piece in (old, new):
            for name in _service_of(piece) if piece is not None else ():
                learned = self._learned.setdefault(name, {})
                learned.pop(objects.name(piece or {}), None)
                if piece is new and piece is not None:
                    learned[objects.name(piece)] = piece
                if not learned:
                    del self._learned[name]
        self._mark_service_of(old, new)

    def _mark_service_of(self, old: JSON | None, new: JSON | None) -> None:
        for piece in (old, new):
            name = objects.labels(piece).get(SERVICE_LABEL) if piece is not None else None
            if piece is not None and name:
                self._mark((objects.namespace(piece), name))

    def _mark(self, key: Key) -> None:
        self._dirty[key] = None
        self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._woken()
            self._wake.clear()
            keys, self._dirty, self._failed = sorted({**self._dirty, **self._failed}), {}, {}
            self._busy = True
            await self._reconcile(keys)
            self._busy = False
            self._applied.beat()

    async def _woken(self) -> None:
        """Until something changed, or a port that failed is due."""
        try:
            async with asyncio.timeout(RETRY_SECONDS if self._failed else None):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _reconcile(self, keys: list[Key]) -> None:
        """First give up the places that are wanted no more, for others may want them."""
        for key in keys:
            before = self._tables.pop(key, decide.NOTHING)
            table = self._decide(key)
            if table.ports or table.notices:
                self._tables[key] = table
            kept = {_place(one) for one in table.ports}
            for place in [_place(one) for one in before.ports]:
                listener = self._listeners.at(place)
                if place not in kept and listener is not None and listener.served.service == key:
                    self._listeners.drop(place)
        for key in keys:
            await self._serve(key, self._tables.get(key, decide.NOTHING))

    def _decide(self, key: Key) -> ServiceTable:
        service = self._services.cache.get(key)
        return decide.decide(service, self._slices_of("/".join(key)), self._host)

    def _slices_of(self, name: str) -> Sequence[JSON]:
        if not self._lag:
            return self._slices.cache.by_index(BY_SERVICE, name)
        return [piece for _, piece in sorted(self._learned.get(name, {}).items())]

    async def _serve(self, key: Key, table: ServiceTable) -> None:
        notices = list(table.notices)
        for one in table.ports:
            try:
                await self._listeners.serve(one)
            except OSError as error:
                self._failed[key] = None
                notices.append(_unavailable(one, error))
        self._tell(key, notices)

    def _tell(self, key: Key, notices: list[Notice]) -> None:
        """Every notice once, for as long as it holds."""
        told = self._told.pop(key, set())
        if notices:
            self._told[key] = set(notices)
        service = self._services.cache.get(key)
        if service is None or self._on_event is None:
            return
        for notice in notices:
            if notice not in told:
                kind: Literal["Normal", "Warning"] = "Normal" if notice.reason == "PortRemapped" else "Warning"
                self._on_event(service, kind, notice.reason, notice.message)


def _place(one: ServedPort) -> Place:
    return one.address, one.port


def _service_of(piece: JSON) -> tuple[str, ...]:
    name = objects.labels(piece).get(SERVICE_LABEL)
    return (f"{objects.namespace(piece)}/{name}",) if name else ()


def _unavailable(one: ServedPort, error: OSError) -> Notice:
    return Notice(
        "PortNotAvailable", f"port {one.service_port} is not served: {one.address}:{one.port}: {error.strerror}"
    )


def _grace_seconds(pod: JSON) -> float:
    metadata, spec = pod["metadata"], pod.get("spec") or {}
    seconds = metadata.get("deletionGracePeriodSeconds", spec.get("terminationGracePeriodSeconds", 30))
    return float(seconds)
