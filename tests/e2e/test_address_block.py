import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from seatrial.base.errors import ToolError
from seatrial.cluster import address_block
from seatrial.cluster.address_block import BLOCKS, AddressBlock
from seatrial.node import network_namespace

pytestmark = pytest.mark.e2e

HOLD = """
from seatrial.cluster import address_block
block = address_block.claim(privileged=False)
print(block.number, flush=True)
input()
"""


@pytest.fixture(autouse=True)
def _network_of_our_own() -> Iterator[None]:
    """Blocks belong to a network namespace: in one of our own nobody else's claims interfere."""
    if not address_block.may_make_networks():
        yield
        return
    namespace = network_namespace.create()
    with network_namespace.inside(namespace):
        os.close(namespace)
        yield


def test_two_clusters_in_one_process_have_different_addresses() -> None:
    one, other = address_block.claim(privileged=False), address_block.claim(privileged=False)
    try:
        assert one.number != other.number
        assert not one.services.overlaps(other.services)
        assert not one.pods.overlaps(other.pods)
        assert str(one.services) == f"127.96.{16 * one.number}.0/20"
        assert str(one.pods) == f"127.244.{16 * one.number}.0/20"
        assert one.kubernetes_ip == f"127.96.{16 * one.number}.1"
    finally:
        one.release()
        other.release()


def test_a_block_is_free_again_when_its_process_was_killed() -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdin is not None
    number = int(holder.stdout.readline())
    held = claim_until(number)
    assert number not in [block.number for block in held]
    holder.kill()
    holder.wait()
    holder.stdin.close()
    holder.stdout.close()
    again = address_block.claim(privileged=False)
    assert again.number == number
    for block in [*held, again]:
        block.release()


def claim_until(number: int) -> list[AddressBlock]:
    """All the free blocks below `number`, and one above it."""
    held = [address_block.claim(privileged=False)]
    while held[-1].number < number:
        held.append(address_block.claim(privileged=False))
    return held


def test_when_all_blocks_are_taken_it_says_what_to_do() -> None:
    held: list[AddressBlock] = []
    try:
        with pytest.raises(ToolError, match=f"all {BLOCKS} address blocks .* stop a cluster first"):
            take_all(held)
    finally:
        for block in held:
            block.release()
    assert len(held) <= BLOCKS


def take_all(held: list[AddressBlock]) -> None:
    while True:
        held.append(address_block.claim(privileged=False))
