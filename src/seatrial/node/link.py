"""What lies between one node's agent and the API: the place where partitions and pauses happen.

Everything that the agent asks of the API in the node's name goes through here, so that the faults are the same for
processes and for simulated nodes. A request is held up while the node is paused, on its way out and on its way back; it
fails while the node is cut off, even if the API has already done what was asked, as a lost answer would.
"""

import asyncio
from collections.abc import AsyncIterator

from seatrial.client.base import Client, Request, Response
from seatrial.machinery.watch import WatchEvent


class Link:
    """A transport over the agent's client, for one node."""

    def __init__(self, client: Client, node: str) -> None:
        self._client, self._node = client, node
        self._awake = asyncio.Event()
        self._awake.set()
        self.is_cut = False

    @property
    def is_paused(self) -> bool:
        return not self._awake.is_set()

    @property
    def is_whole(self) -> bool:
        """The node hears of what happens, and is heard."""
        return not self.is_cut and not self.is_paused

    def cut(self) -> None:
        self.is_cut = True

    def pause(self) -> None:
        self._awake.clear()

    def wake(self) -> None:
        """What was held up goes on."""
        self._awake.set()

    def mend(self) -> None:
        """Not paused, not cut off."""
        self.is_cut = False
        self._awake.set()

    async def awake(self) -> None:
        """Returns when the agent is not, or no longer, paused."""
        await self._awake.wait()

    async def request(self, request: Request) -> Response:
        await self._awake.wait()
        self._check()
        response = await self._client.raw(request)
        await self._awake.wait()
        self._check()
        return response

    async def watch(self, request: Request) -> AsyncIterator[WatchEvent]:
        raise NotImplementedError("the agent watches for all its nodes at once")
        yield

    async def stream(self, request: Request) -> AsyncIterator[bytes]:
        raise NotImplementedError("an agent reads no logs of the API")
        yield

    async def aclose(self) -> None:
        """The client is the agent's."""

    def _check(self) -> None:
        if self.is_cut:
            raise ConnectionError(f"node {self._node} is cut off from the API")
