"""What every Pod network promises, asked of each; devices are made only where the machine lets us."""

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from seatrial.base.errors import RuntimeFailure, ToolError
from seatrial.cluster import address_block
from seatrial.node import network_namespace
from seatrial.node.netlink import Netlink
from seatrial.node.pod_network import (
    LoopbackNetwork,
    NamespaceNetwork,
    PodAddress,
    PodNetwork,
    SimulatedNetwork,
)

privileged = pytest.mark.skipif(not address_block.may_make_networks(), reason="needs CAP_NET_ADMIN and CAP_SYS_ADMIN")
Made = tuple[PodNetwork, IPv4Network]


@asynccontextmanager
async def simulated() -> AsyncIterator[Made]:
    yield SimulatedNetwork(), IPv4Network("10.244.0.0/14")


@asynccontextmanager
async def loopback() -> AsyncIterator[Made]:
    block = address_block.claim(privileged=False)
    yield LoopbackNetwork(block.pods), block.pods
    block.release()


@asynccontextmanager
async def namespaces() -> AsyncIterator[Made]:
    block = address_block.claim(privileged=True)
    network = NamespaceNetwork(block.number, block.pods, block.services)
    await network.start()
    try:
        yield network, block.pods
    finally:
        await network.close()
        block.release()


NETWORKS = [
    pytest.param(simulated, id="simulated"),
    pytest.param(loopback, id="loopback"),
    pytest.param(namespaces, id="namespaces", marks=privileged),
]
Open = Callable[[], Any]


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(main)


@pytest.mark.parametrize("opened", NETWORKS)
def test_every_pod_has_an_address_of_its_own_in_the_block(opened: Open) -> None:
    async def main() -> None:
        async with opened() as (network, block):
            addresses = [await network.attach(f"uid-{number}", "pod") for number in range(4)]
            assert len({address.ip for address in addresses}) == 4
            assert all(IPv4Address(address.ip) in block for address in addresses)
            assert {address.host_ip for address in addresses} == {network.host_ip}

    run(main())


@pytest.mark.parametrize("opened", NETWORKS)
def test_attaching_again_gives_the_same_address_and_releasing_again_is_fine(opened: Open) -> None:
    async def main() -> None:
        async with opened() as (network, _):
            first = await network.attach("uid", "pod")
            assert await network.attach("uid", "pod") == first
            await network.release("uid")
            await network.release("uid")
            await network.release("another")

    run(main())


@pytest.mark.parametrize("opened", NETWORKS)
def test_a_released_address_is_not_used_again_at_once(opened: Open) -> None:
    async def main() -> None:
        async with opened() as (network, _):
            first = await network.attach("a", "pod")
            await network.release("a")
            assert (await network.attach("b", "pod")).ip != first.ip

    run(main())


def test_a_full_block_says_so_and_a_release_makes_room() -> None:
    async def main() -> None:
        network = LoopbackNetwork(IPv4Network("127.244.240.0/29"))
        addresses = [await network.attach(str(number), "pod") for number in range(5)]
        with pytest.raises(RuntimeFailure, match="no free address: all 5 Pod addresses") as caught:
            await network.attach("one too many", "pod")
        assert caught.value.reason == "FailedCreatePodSandBox"
        await network.release("3")
        assert (await network.attach("another", "pod")).ip == addresses[3].ip

    run(main())


def inside(address: PodAddress, call: Callable[[], Any]) -> Any:
    """Run `call` in the Pod's network namespace, in a thread of its own."""
    outcome: list[Any] = []

    def enter() -> None:
        assert address.netns is not None
        with network_namespace.inside(address.netns):
            outcome.append(call())

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    return outcome[0]


def talk(listening: socket.socket, connect: Callable[[], socket.socket]) -> str:
    """The address that a connection comes from."""
    with listening, connect():
        accepted, peer = listening.accept()
        accepted.close()
        return str(peer[0])


@privileged
def test_pods_reach_one_another_the_host_and_service_addresses() -> None:
    async def main() -> None:
        block = address_block.claim(privileged=True)
        network = NamespaceNetwork(block.number, block.pods, block.services)
        await network.start()
        try:
            a, b = await network.attach("a", "a"), await network.attach("b", "b")
            service = str(block.services.network_address + 9)

            def dial(ip: str) -> Callable[[], socket.socket]:
                return lambda: socket.create_connection((ip, 80), timeout=5)

            in_b = inside(b, lambda: socket.create_server((b.ip, 80)))
            assert talk(in_b, lambda: inside(a, dial(b.ip))) == a.ip
            in_b = inside(b, lambda: socket.create_server((b.ip, 80)))
            assert talk(in_b, dial(b.ip)) == network.host_ip
            assert talk(socket.create_server((service, 80)), lambda: inside(a, dial(service))) == a.ip
            assert talk(
                inside(a, lambda: socket.create_server(("127.0.0.1", 80))), lambda: inside(a, dial("127.0.0.1"))
            )
        finally:
            await network.close()
            block.release()

    run(main())


def ours(number: int) -> list[str]:
    with Netlink() as netlink:
        return [link.name for link in netlink.links() if link.name.startswith(f"str{number}")]


@privileged
def test_close_takes_everything_away_again() -> None:
    async def main() -> None:
        async with namespaces() as (network, _):
            await network.attach("a", "a")
            with Netlink() as netlink:
                before = len(netlink.routes())
            name = next(iter(network._pods.values()))[1]
            number = int(name[3 : name.index("p")])
            assert len(ours(number)) == 2
        assert ours(number) == []
        with Netlink() as netlink:
            assert len(netlink.routes()) < before

    run(main())


@privileged
def test_what_a_cluster_that_was_killed_left_behind_is_taken_over() -> None:
    async def main() -> None:
        block = address_block.claim(privileged=True)
        await asyncio.to_thread(_start_and_be_killed, block)
        assert f"str{block.number}" in ours(block.number)
        network = NamespaceNetwork(block.number, block.pods, block.services)
        await network.start()
        await network.attach("a", "a")
        await network.close()
        assert ours(block.number) == []
        block.release()

    run(main())


def _start_and_be_killed(block: address_block.AddressBlock) -> None:
    program = (
        "import asyncio, os, sys; from ipaddress import IPv4Network as N\n"
        "from seatrial.node.pod_network import NamespaceNetwork\n"
        "async def main():\n"
        "    network = NamespaceNetwork(int(sys.argv[1]), N(sys.argv[2]), N(sys.argv[3]))\n"
        "    await network.start(); await network.attach('a', 'a'); os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())"
    )
    arguments = [str(block.number), str(block.pods), str(block.services)]
    assert subprocess.run([sys.executable, "-c", program, *arguments], check=False).returncode == -9


@privileged
def test_a_device_of_that_name_that_is_not_ours_is_left_alone() -> None:
    async def main() -> None:
        block = address_block.claim(privileged=True)
        with Netlink() as netlink:
            netlink.add_bridge(f"str{block.number}", b"\x0a\x58\x0a\x0a\x0a\x0a")
            try:
                with pytest.raises(ToolError, match="is not Seatrial's"):
                    await NamespaceNetwork(block.number, block.pods, block.services).start()
                assert ours(block.number) == [f"str{block.number}"]
            finally:
                netlink.delete_link(socket.if_nametoindex(f"str{block.number}"))
                block.release()

    run(main())
