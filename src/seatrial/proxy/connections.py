"""Which relayed connections are with which Pod, and waiting until a Pod can go without breaking one of them."""

import asyncio
from typing import Protocol


class Relayed(Protocol):
    """A client's connection while it is with an endpoint."""

    def withdraw(self, withdrawal: "Withdrawal") -> bool:
        """Its Pod is about to end. True: nothing would be lost. False: it will call `withdrawal.settled` later."""
        ...


class Withdrawal:
    """The connections that a Pod has to finish before it may end."""

    def __init__(self) -> None:
        self._open: dict[Relayed, None] = {}
        self._done = asyncio.Event()

    def settled(self, relay: Relayed) -> None:
        """This connection needs the Pod no more."""
        self._open.pop(relay, None)
        if not self._open:
            self._done.set()

    async def wait(self, relays: list[Relayed], seconds: float) -> int:
        """Tell them, wait until all are settled; how many were not when the time was over."""
        for relay in relays:
            self._open[relay] = None
        for relay in relays:
            if relay.withdraw(self):
                self._open.pop(relay, None)
        if self._open:
            try:
                async with asyncio.timeout(seconds):
                    await self._done.wait()
            except TimeoutError:
                pass
        return len(self._open)


class Connections:
    """All connections of the proxy, by the Pod they are with."""

    def __init__(self) -> None:
        self._by_pod: dict[str, dict[Relayed, None]] = {}

    def enter(self, pod_uid: str, relay: Relayed) -> None:
        pod = self._by_pod.get(pod_uid)
        if pod is None:
            pod = self._by_pod[pod_uid] = {}
        pod[relay] = None

    def leave(self, pod_uid: str, relay: Relayed) -> None:
        pod = self._by_pod.get(pod_uid)
        if pod is not None:
            pod.pop(relay, None)
            if not pod:
                del self._by_pod[pod_uid]

    def of(self, pod_uid: str) -> list[Relayed]:
        """The connections that are with this Pod."""
        return list(self._by_pod.get(pod_uid, ()))

    def count(self, pod_uid: str) -> int:
        return len(self._by_pod.get(pod_uid, ()))
