from ipaddress import IPv4Network
from typing import Any

import pytest

from seatrial.base.types import JSON
from seatrial.proxy import decide
from seatrial.proxy.decide import Endpoint, HostAddresses

ROOT = HostAddresses(0, 0, node_addresses=("127.0.0.1", "10.244.0.1"))
USER = HostAddresses(1024, 1024)


def service(*ports: JSON, **spec: Any) -> JSON:
    return {
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "default", "uid": "u"},
        "spec": {"type": "ClusterIP", "clusterIP": "10.96.0.9", "ports": list(ports), **spec},
    }


def slice_of(*endpoints: JSON, port: int = 8080, name: str = "") -> JSON:
    return {
        "metadata": {"name": "web-x", "namespace": "default"},
        "addressType": "IPv4",
        "ports": [{"name": name, "port": port, "protocol": "TCP"}],
        "endpoints": list(endpoints),
    }


def pod(ip: str, **conditions: bool) -> JSON:
    return {"addresses": [ip], "conditions": conditions, "targetRef": {"kind": "Pod", "uid": f"uid-{ip}"}}


@pytest.mark.parametrize(
    ("conditions", "ready", "draining"),
    [
        pytest.param({}, True, False, id="no conditions mean ready"),
        pytest.param({"ready": True, "serving": True, "terminating": False}, True, False, id="ready"),
        pytest.param({"ready": False, "serving": False, "terminating": False}, False, False, id="not ready"),
        pytest.param({"ready": False, "serving": True, "terminating": True}, False, True, id="serving to its end"),
        pytest.param({"ready": False, "serving": False, "terminating": True}, False, False, id="ending, not serving"),
        pytest.param({"ready": True, "serving": True, "terminating": True}, True, False, id="published though ending"),
    ],
)
def test_conditions_decide_whether_an_endpoint_takes_traffic(
    conditions: dict[str, bool], ready: bool, draining: bool
) -> None:
    one = decide.decide(service({"port": 80}), [slice_of(pod("10.244.0.2", **conditions))], ROOT).ports[0]
    endpoint = (Endpoint("10.244.0.2", 8080, "uid-10.244.0.2"),)
    assert one.ready == (endpoint if ready else ())
    assert one.draining == (endpoint if draining else ())


def test_endpoints_of_all_slices_come_in_order_and_once() -> None:
    slices = [slice_of(pod("10.244.0.3"), pod("10.244.0.2")), slice_of(pod("10.244.0.3"))]
    one = decide.decide(service({"port": 80}), slices, ROOT).ports[0]
    assert [endpoint.ip for endpoint in one.ready] == ["10.244.0.2", "10.244.0.3"]


def test_a_port_takes_the_targets_of_its_own_name() -> None:
    table = decide.decide(
        service({"name": "web", "port": 80}, {"name": "admin", "port": 81}),
        [slice_of(pod("10.244.0.2"), port=8080, name="web"), slice_of(pod("10.244.0.2"), port=9090, name="admin")],
        ROOT,
    )
    assert [(one.port, one.ready[0].port) for one in table.ports] == [(80, 8080), (81, 9090)]


def test_without_privileges_low_ports_move_by_10000_here_and_in_pods_but_not_elsewhere() -> None:
    elsewhere: JSON = {"addresses": ["192.0.2.1"], "conditions": {"ready": True}}
    table = decide.decide(service({"port": 80}), [slice_of(pod("127.244.0.2"), elsewhere, port=80)], USER)
    one = table.ports[0]
    assert (one.port, one.service_port, one.remapped) == (10080, 80, True)
    assert [(endpoint.ip, endpoint.port) for endpoint in one.ready] == [("127.244.0.2", 10080), ("192.0.2.1", 80)]
    assert [notice.reason for notice in table.notices] == ["PortRemapped"]
    assert "10.96.0.9:10080" in table.notices[0].message


@pytest.mark.parametrize("order", [[80, 10080], [10080, 80]])
def test_a_port_asked_for_by_its_number_goes_before_one_moved_there(order: list[int]) -> None:
    ports = [{"name": f"p{number}", "port": number} for number in order]
    table = decide.decide(service(*ports), [], USER)
    assert [(one.port, one.service_port) for one in table.ports] == [(10080, 10080)]
    assert [notice.reason for notice in table.notices] == ["PortNotAvailable"]


def test_node_ports_listen_on_the_hosts_addresses() -> None:
    table = decide.decide(service({"port": 80, "nodePort": 30080}, type="NodePort"), [], ROOT)
    assert [(one.address, one.port) for one in table.ports] == [
        ("10.244.0.1", 30080), ("10.96.0.9", 80), ("127.0.0.1", 30080),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"clusterIP": "None"}, id="headless"),
        pytest.param({"type": "ExternalName", "clusterIP": ""}, id="external name"),
        pytest.param({"clusterIP": "fd00::1"}, id="IPv6"),
    ],
)
def test_services_without_an_address_of_this_host_are_not_served(spec: JSON) -> None:
    assert decide.decide(service({"port": 80}, **spec), [], ROOT).ports == ()


def test_addresses_outside_of_the_service_block_are_left_alone() -> None:
    host = HostAddresses(0, 0, IPv4Network("10.96.16.0/20"))
    assert decide.decide(service({"port": 80}), [], host).ports == ()


def test_udp_is_said_to_be_unsupported() -> None:
    table = decide.decide(service({"port": 53, "protocol": "UDP"}, {"port": 53, "name": "tcp"}), [], ROOT)
    assert [notice.reason for notice in table.notices] == ["UnsupportedProtocol"]
    assert len(table.ports) == 1


@pytest.mark.parametrize(
    ("port", "http"),
    [
        pytest.param({}, False, id="unnamed"),
        pytest.param({"name": "http"}, True, id="http"),
        pytest.param({"name": "http-web"}, True, id="http-web"),
        pytest.param({"name": "https"}, False, id="https"),
        pytest.param({"name": "http2"}, False, id="http2"),
        pytest.param({"name": "web", "appProtocol": "HTTP"}, True, id="appProtocol http"),
        pytest.param({"name": "http", "appProtocol": "kubernetes.io/h2c"}, False, id="appProtocol decides"),
        pytest.param({"appProtocol": "kubernetes.io/ws"}, True, id="websockets begin as HTTP"),
    ],
)
def test_a_port_is_http_if_it_says_so(port: JSON, http: bool) -> None:
    assert decide.speaks_http(port) is http


def test_session_affinity_has_its_default_timeout() -> None:
    def seconds(**spec: Any) -> float | None:
        return decide.decide(service({"port": 80}, **spec), [], ROOT).ports[0].affinity_seconds

    assert seconds() is None
    assert seconds(sessionAffinity="ClientIP") == 10800
    assert seconds(sessionAffinity="ClientIP", sessionAffinityConfig={"clientIP": {"timeoutSeconds": 5}}) == 5


def test_a_service_that_is_gone_needs_nothing() -> None:
    assert decide.decide(None, [slice_of(pod("10.244.0.2"))], ROOT) == decide.NOTHING
