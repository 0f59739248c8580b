"""Addresses and node ports of Services (spec: controllers.md §11)."""

import pytest

from seatrial.api.registry import SERVICES
from seatrial.apiserver.service_network import ServiceNetwork, Supply
from seatrial.base.env import SimulatedEnv
from seatrial.base.types import JSON
from seatrial.machinery import objects
from unit.apiserver.registry_world import World, refused, service, tell


def spec(obj: JSON) -> JSON:
    found: JSON = obj["spec"]
    return found


def test_a_service_gets_an_address_of_its_own() -> None:
    async def story(world: World) -> None:
        one, two = await world.make(SERVICES, service("a")), await world.make(SERVICES, service("b"))
        assert spec(one)["clusterIP"] != spec(two)["clusterIP"]
        assert spec(one)["clusterIPs"] == [spec(one)["clusterIP"]]
        last = int(spec(one)["clusterIP"].removeprefix("10.96.0."))
        assert 17 <= last <= 254

    tell(story)


def test_an_address_can_be_chosen_and_is_free_again_after_deletion() -> None:
    async def story(world: World) -> None:
        wanted = service("a", clusterIP="10.96.0.9")
        assert spec(await world.make(SERVICES, wanted))["clusterIP"] == "10.96.0.9"
        error = await refused(world.make(SERVICES, service("b", clusterIP="10.96.0.9")))
        assert (error.code, error.message) == (
            422,
            'Service "b" is invalid: spec.clusterIPs: Invalid value: []string{"10.96.0.9"}: '
            "failed to allocate IP 10.96.0.9: provided IP is already allocated",
        )
        await world.registry.delete(SERVICES, "default", "a")
        await world.make(SERVICES, service("b", clusterIP="10.96.0.9"))

    tell(story)


@pytest.mark.parametrize("address", ["10.96.1.1", "10.96.0.0", "10.96.0.255"])
def test_an_address_outside_the_range_is_refused(address: str) -> None:
    async def story(world: World) -> None:
        error = await refused(world.make(SERVICES, service("a", clusterIP=address)))
        assert error.message.endswith(
            f"failed to allocate IP {address}: the provided IP ({address}) is not in the valid range. "
            "The range of valid IPs is 10.96.0.0/24"
        )

    tell(story)


def test_the_first_address_is_the_api_servers() -> None:
    async def story(world: World) -> None:
        assert world.network.api_address == "10.96.0.1"
        await refused(world.make(SERVICES, service("a", clusterIP="10.96.0.1")))
        api = service("kubernetes", clusterIP="10.96.0.1")
        await world.make(SERVICES, api)
        await world.registry.delete(SERVICES, "default", "kubernetes")
        await refused(world.make(SERVICES, service("a", clusterIP="10.96.0.1")))

    tell(story)


def test_headless_and_external_services_get_none() -> None:
    async def story(world: World) -> None:
        headless = await world.make(SERVICES, service("a", clusterIP="None"))
        assert spec(headless)["clusterIPs"] == ["None"]
        external: JSON = {"metadata": {"name": "b"}, "spec": {"type": "ExternalName", "externalName": "example.com"}}
        assert "clusterIP" not in spec(await world.make(SERVICES, external))

    tell(story)


def test_node_ports_are_given_kept_and_given_back() -> None:
    async def story(world: World) -> None:
        made = await world.make(SERVICES, service("a", type="NodePort", ports=[{"port": 80, "nodePort": 30005}]))
        assert spec(made)["ports"][0]["nodePort"] == 30005
        error = await refused(
            world.make(SERVICES, service("b", type="NodePort", ports=[{"port": 80, "nodePort": 30005}]))
        )
        assert error.message == (
            'Service "b" is invalid: spec.ports[0].nodePort: Invalid value: 30005: provided port is already allocated'
        )
        error = await refused(
            world.make(SERVICES, service("b", type="NodePort", ports=[{"port": 80, "nodePort": 31000}]))
        )
        assert error.message.endswith(
            "provided port is not in the valid range. The range of valid ports is 30000-30009"
        )
        moved = objects.copy(made)
        moved["spec"]["ports"][0]["nodePort"] = 30006
        moved = await world.put(SERVICES, moved)
        taken = await world.make(SERVICES, service("b", type="NodePort", ports=[{"port": 80, "nodePort": 30005}]))
        assert spec(taken)["ports"][0]["nodePort"] == 30005
        plain = objects.copy(moved)
        plain["spec"]["type"] = "ClusterIP"
        assert "nodePort" not in spec(await world.put(SERVICES, plain))["ports"][0]
        await world.make(SERVICES, service("c", type="NodePort", ports=[{"port": 80, "nodePort": 30006}]))

    tell(story)


def test_the_same_port_over_two_protocols_has_one_node_port() -> None:
    async def story(world: World) -> None:
        ports = [{"name": "t", "port": 53}, {"name": "u", "port": 53, "protocol": "UDP"}]
        made = await world.make(SERVICES, service("dns", type="NodePort", ports=ports))
        numbers = {port["nodePort"] for port in spec(made)["ports"]}
        assert len(numbers) == 1

    tell(story)


def test_all_node_ports_can_be_given_and_then_no_more() -> None:
    async def story(world: World) -> None:
        numbers = set()
        for number in range(10):
            made = await world.make(SERVICES, service(f"s{number}", type="NodePort"))
            numbers.add(spec(made)["ports"][0]["nodePort"])
        assert numbers == set(range(30000, 30010))
        error = await refused(world.make(SERVICES, service("more", type="NodePort")))
        assert (error.code, error.message) == (
            500,
            "Internal error occurred: failed to allocate a nodePort: range is full",
        )
        await world.registry.delete(SERVICES, "default", "s3")
        await world.make(SERVICES, service("more", type="NodePort"))

    tell(story)


def test_writes_that_fail_or_only_try_take_nothing() -> None:
    async def story(world: World) -> None:
        ports = [{"port": 80, "nodePort": 30005}]
        wanted = service("a", type="NodePort", clusterIP="10.96.0.9", ports=ports)
        await world.make(SERVICES, wanted, dry_run=True)
        both = service("b", clusterIP="10.96.0.9", type="NodePort", ports=[{"port": 80, "nodePort": 31000}])
        await refused(world.make(SERVICES, both))
        await world.make(SERVICES, service("taken"))
        await refused(world.make(SERVICES, {**wanted, "metadata": {"name": "taken"}}))
        await world.make(SERVICES, wanted)

    tell(story)


def test_what_stored_services_have_is_taken() -> None:
    network = ServiceNetwork("10.96.0.0/24", SimulatedEnv(lambda: 0.0), (30000, 30009))
    stored = {
        "metadata": {"name": "a", "namespace": "default"},
        "spec": {"type": "NodePort", "clusterIP": "10.96.0.9", "ports": [{"port": 80, "nodePort": 30005}]},
    }
    network.restore([stored])
    new = {"metadata": {"name": "b", "namespace": "default"}, "spec": {**stored["spec"], "clusterIP": "10.96.0.10"}}
    with pytest.raises(Exception, match="provided port is already allocated"):
        network.claim(SERVICES, new, None, dry_run=False)
    network.release(stored)
    network.claim(SERVICES, new, None, dry_run=False)


def test_a_supply_gives_every_number_once_the_low_ones_last() -> None:
    chance = SimulatedEnv(lambda: 0.0, seed=3).random
    supply = Supply(10, 4)
    given = []
    while (number := supply.pick(chance)) is not None:
        supply.take(number)
        given.append(number)
    assert sorted(given) == list(range(10))
    assert set(given[:6]) == {4, 5, 6, 7, 8, 9}
