"""Steady HTTP traffic to a URL, in which every request is accounted for.

With a rate the loop is open: requests are due at fixed times, however slow the answers are, and the wait for a free
connection counts as latency (no coordinated omission). With rate 0 every connection sends as fast as it is answered.
By default each request has a connection of its own, as most of a Service's clients look to a proxy.

A request failed when it got no whole answer in time, or a status of 400 or more. Nothing is tried again.
"""

import asyncio
import math
import ssl
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from seatrial.base.env import Env
from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.rollout import load_client
from seatrial.rollout.latencies import Latencies
from seatrial.rollout.load_client import NO_ANSWER, Answer, LoadConnection, Target

MAX_FAILURES = 1000
"""So many failures are kept with their details; all are counted."""
SAMPLE_SECONDS = 0.25
SWEEP_SECONDS = 0.1
UNKNOWN_VERSION = "(no Server header)"


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What to send. `rate` 0: as fast as the answers come. `duration` None: until told to stop."""

    url: str
    rate: float = 100.0
    connections: int = 16
    duration: float | None = None
    keep_alive: bool = False
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    timeout: float = 10.0
    verify: bool = True
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that failed: `at` seconds after the start (and `time`, since 1970), where, why, and whose answer."""

    at: float
    time: float
    address: str
    reason: str
    status: int
    backend: str
    version: str

    def as_json(self) -> JSON:
        return {
            "at": round(self.at, 4),
            "time": round(self.time, 4),
            "address": self.address,
            "reason": self.reason,
            "status": self.status,
            "backend": self.backend,
            "version": self.version,
        }


@dataclass(slots=True)
class Second:
    """What came back within one second of the run."""

    versions: dict[str, int] = field(default_factory=dict)
    failed: int = 0
    latencies: Latencies = field(default_factory=Latencies)


@dataclass(frozen=True, slots=True)
class Sample:
    """How it goes: totals so far, and what came back since the last sample (`versions`, `p50`, `p99`)."""

    elapsed: float
    requests: int
    failed: int
    versions: Mapping[str, int]
    p50: float
    p99: float
    in_flight: int
    waiting: int


@dataclass(slots=True)
class LoadResult:
    """All that happened. `unsent`: requests that were due but found no free connection before the end."""

    options: LoadOptions
    started_at: float
    seconds: float = 0.0
    requests: int = 0
    failed: int = 0
    unsent: int = 0
    failures: list[Failure] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)
    statuses: dict[int, int] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    backends: dict[str, int] = field(default_factory=dict)
    timeline: list[Second] = field(default_factory=list)
    latencies: Latencies = field(default_factory=Latencies)

    @property
    def rate(self) -> float:
        """Requests per second that came back."""
        return self.requests / self.seconds if self.seconds else 0.0

    def latency_seconds(self) -> Mapping[str, float]:
        return self.latencies.summary()


OnSample = Callable[[Sample], None]


async def run(
    options: LoadOptions, env: Env, stop: asyncio.Event | None = None, on_sample: OnSample | None = None
) -> LoadResult:
    """Send until the duration is over or `stop` is set, then wait for the answers that are due."""
    target, request = await _target(options)
    generator = _Generator(options, env, target, request)
    sampling = asyncio.ensure_future(_sample(generator, on_sample)) if on_sample else None
    try:
        generator.start()
        try:
            async with asyncio.timeout(options.duration):
                await (stop or asyncio.Event()).wait()
        except TimeoutError:
            pass
        return await generator.finish()
    finally:
        generator.close()
        if sampling:
            sampling.cancel()


async def _sample(generator: "_Generator", on_sample: OnSample) -> None:
    while True:
        await asyncio.sleep(SAMPLE_SECONDS)
        on_sample(generator.sample())


class _Slot:
    """One of the connections that may be open at a time."""

    __slots__ = ("_generator", "_task", "begun", "connection", "sent_at")

    def __init__(self, generator: "_Generator") -> None:
        self._generator = generator
        self._task: asyncio.Task[None] | None = None
        self.connection: LoadConnection | None = None
        self.begun = 0.0
        self.sent_at = math.inf

    def begin(self, begun: float, now: float) -> None:
        """`begun`: when the request was due."""
        self.begun, self.sent_at = begun, now
        connection = self.connection
        if connection is not None and connection.usable:
            connection.send(self, self._generator.request)
        else:
            self._task = asyncio.get_running_loop().create_task(self._connect_and_send())

    def answered(self, answer: Answer, reusable: bool) -> None:
        connection = self.connection
        if connection is not None and not (reusable and self._generator.options.keep_alive):
            connection.leave()
            self._generator.leaving.add(connection)
            self.connection = None
        self._generator.finished(self, answer)

    def failed(self, reason: str, answer: Answer) -> None:
        address = self.connection.address if self.connection else self._generator.address
        self.connection = None
        self._generator.finished(self, answer, reason, address)

    def time_out(self) -> None:
        reason = "no answer in time" if self.connection else "no connection in time"
        connection = self.connection
        self.close()
        self.connection = connection
        self.failed(reason, NO_ANSWER)

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
        if self.connection is not None:
            self.connection.give_up()

    async def _connect_and_send(self) -> None:
        generator = self._generator
        self.connection = None
        try:
            self.connection = await load_client.connect(generator.target, generator.method)
        except OSError as error:
            self.failed(load_client.reason_of(error), NO_ANSWER)
            return
        finally:
            self._task = None
        self.connection.send(self, generator.request)


class _Generator:
    def __init__(self, options: LoadOptions, env: Env, target: Target, request: bytes) -> None:
        self.options, self.target, self.request = options, target, request
        self.method = options.method.upper().encode()
        host, port = target.addresses[0]
        self.address = f"{host}:{port}"
        self.result = LoadResult(options, env.now())
        self._env = env
        self._clock = env.monotonic
        self._started = 0.0
        self._issued = 0
        self._slots = [_Slot(self) for _ in range(options.connections)]
        self._free = list(reversed(self._slots))
        self._due: deque[float] = deque()
        self._window = Second()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._stopping = False
        self._idle = asyncio.Event()
        self.leaving: weakref.WeakSet[load_client.LoadConnection] = weakref.WeakSet()
        """Connections that wait for the server to close first."""

    def start(self) -> None:
        self._started = self._clock()
        self._sweep()
        if self.options.rate:
            self._pace()
        else:
            for slot in self._slots:
                self._free.remove(slot)
                slot.begin(self._started, self._started)

    async def finish(self) -> LoadResult:
        """Nothing new is sent; what is under way is waited for (each request at most its timeout)."""
        self._stopping = True
        if pacing := self._timers.pop("pace", None):
            pacing.cancel()
        self.result.unsent = len(self._due)
        self._due.clear()
        self._look_if_idle()
        await self._idle.wait()
        self.result.seconds = self._clock() - self._started
        return self.result

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        for slot in self._slots:
            slot.close()
        for connection in list(self.leaving):
            connection.give_up()

    def sample(self) -> Sample:
        window, self._window = self._window, Second()
        result = self.result
        return Sample(
            elapsed=self._clock() - self._started,
            requests=result.requests,
            failed=result.failed,
            versions=window.versions,
            p50=window.latencies.percentile(0.5),
            p99=window.latencies.percentile(0.99),
            in_flight=len(self._slots) - len(self._free),
            waiting=len(self._due),
        )

    def finished(self, slot: _Slot, answer: Answer, reason: str = "", address: str = "") -> None:
        """A request came back, or did not."""
        now = self._clock()
        if not reason and answer.status >= 400:
            reason = f"status {answer.status}"
        if reason:
            self._count_failure(now, answer, reason, address or (slot.connection or self).address)
        self._count(now, answer, now - slot.begun, failed=bool(reason))
        slot.sent_at = math.inf
        if self._due:
            slot.begin(self._due.popleft(), now)
        elif not self.options.rate and not self._stopping:
            if reason:  # a target that refuses at once must not make us spin
                asyncio.get_running_loop().call_later(0.01, self._begin_again, slot)
            else:
                slot.begin(now, now)
        else:
            self._free.append(slot)
            self._look_if_idle()

    def _begin_again(self, slot: _Slot) -> None:
        if self._stopping:
            self._free.append(slot)
            self._look_if_idle()
        else:
            now = self._clock()
            slot.begin(now, now)

    def _look_if_idle(self) -> None:
        if self._stopping and len(self._free) == len(self._slots):
            self._idle.set()

    def _count(self, now: float, answer: Answer, latency: float, failed: bool) -> None:
        result = self.result
        result.requests += 1
        second = self._second(now)
        if answer.status:
            result.statuses[answer.status] = result.statuses.get(answer.status, 0) + 1
        if answer.backend:
            result.backends[answer.backend] = result.backends.get(answer.backend, 0) + 1
        if failed:
            second.failed += 1
            return
        version = answer.version or UNKNOWN_VERSION
        for versions in (result.versions, second.versions, self._window.versions):
            versions[version] = versions.get(version, 0) + 1
        for latencies in (result.latencies, second.latencies, self._window.latencies):
            latencies.record(latency)

    def _count_failure(self, now: float, answer: Answer, reason: str, address: str) -> None:
        result = self.result
        result.failed += 1
        result.reasons[reason] = result.reasons.get(reason, 0) + 1
        if len(result.failures) < MAX_FAILURES:
            at = now - self._started
            result.failures.append(
                Failure(at, self._env.now(), address, reason, answer.status, answer.backend, answer.version)
            )

    def _second(self, now: float) -> Second:
        timeline, index = self.result.timeline, int(now - self._started)
        while len(timeline) <= index:
            timeline.append(Second())
        return timeline[index]

    def _pace(self) -> None:
        """Send what is due. A timer that fires late delays a request, but is not counted as the server's latency."""
        now = self._clock()
        rate = self.options.rate
        due = int((now - self._started) * rate) + 1
        while self._issued < due:
            if self._free:
                self._free.pop().begin(now, now)
            else:
                self._due.append(self._started + self._issued / rate)
            self._issued += 1
        delay = self._started + self._issued / rate - now
        self._timers["pace"] = asyncio.get_running_loop().call_later(max(delay, 0.0005), self._pace)

    def _sweep(self) -> None:
        overdue = self._clock() - self.options.timeout
        for slot in self._slots:
            if slot.sent_at < overdue:
                slot.time_out()
        self._timers["sweep"] = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)


async def _target(options: LoadOptions) -> tuple[Target, bytes]:
    """Where the URL is, and the bytes of the request; the name is looked up once."""
    url = urlsplit(options.url if "://" in options.url else f"http://{options.url}")
    try:
        port = url.port
    except ValueError as error:
        raise ToolError(f"{options.url}: {error}") from error
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ToolError(f"{options.url} is not an HTTP URL; give one like http://10.96.0.10:80/")
    default = 443 if url.scheme == "https" else 80
    addresses = await _addresses(url.hostname, port or default)
    tls = _tls(options) if url.scheme == "https" else None
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    host = url.netloc.rpartition("@")[2]
    return Target(addresses, url.hostname, tls), _request(options, path, host)


async def _addresses(host: str, port: int) -> tuple[tuple[str, int], ...]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=1)
    except OSError as error:
        raise ToolError(f"{host}: {error.strerror or error}") from error
    return tuple(dict.fromkeys((str(entry[4][0]), port) for entry in found))


def _tls(options: LoadOptions) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=options.ca_file)
    except OSError as error:
        raise ToolError(f"{options.ca_file}: {error.strerror or error}") from error
    if not options.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _request(options: LoadOptions, path: str, host: str) -> bytes:
    given = {name.lower() for name in options.headers}
    lines = [f"{options.method.upper()} {path} HTTP/1.1"]
    for name, value in (("Host", host), ("User-Agent", "seatrial"), ("Accept", "*/*")):
        if name.lower() not in given:
            lines.append(f"{name}: {value}")
    lines += [f"{name}: {value}" for name, value in options.headers.items()]
    if options.body or options.method.upper() in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(options.body)}")
    if not options.keep_alive:
        lines.append("Connection: close")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + options.body
