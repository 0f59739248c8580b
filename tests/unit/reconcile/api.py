"""The real API over a store in memory, for loops that are tried one by one."""

from seatrial.aio import clock
from seatrial.base.env import Env
from seatrial.client.client import ApiClient
from seatrial.cluster import addresses, control_plane
from seatrial.cluster.config import ClusterConfig
from seatrial.store.memory import MemoryStore


async def start(seed: int = 0) -> tuple[ApiClient, Env, MemoryStore]:
    """A client, the simulated world it lives in, and the store behind."""
    env = clock.simulated_env(seed)
    store = MemoryStore()
    config, hosted = ClusterConfig(serve=False), addresses.simulated()
    plane = await control_plane.make(store, env, config, hosted, lambda name: None, no_faults)
    return plane.client("test"), env, store


async def no_faults(name: str, fault: str) -> str:
    raise AssertionError(f"{fault} of {name}: these tests have no nodes")
