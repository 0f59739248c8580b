"""Endpoints."""

import pytest

from seatrial.api.core_v1 import endpoints
from seatrial.api.registry import ENDPOINTS


def subset(count, *ports):
    return {"addresses": [{"ip": f"10.0.0.{n}"} for n in range(1, count + 1)], "ports": list(ports)}


@pytest.mark.parametrize(
    ("subsets", "expected"),
    [
        ([], "<none>"),
        ([subset(2, {"port": 80})], "10.0.0.1:80,10.0.0.2:80"),
        ([subset(3, {"port": 80})], "10.0.0.1:80,10.0.0.2:80,10.0.0.3:80"),
        ([subset(4, {"port": 80})], "10.0.0.1:80,10.0.0.2:80,10.0.0.3:80 + 1 more..."),
        (
            [subset(2, {"port": 80, "name": "a"}, {"port": 81, "name": "b"})],
            "10.0.0.1:80,10.0.0.2:80,10.0.0.1:81 + 1 more...",
        ),
        ([subset(1)], "10.0.0.1"),
        ([{"notReadyAddresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}], ""),
        ([{"addresses": [{"ip": "fd00::1"}], "ports": [{"port": 80}]}], "[fd00::1]:80"),
    ],
    ids=["none", "two", "three", "four", "two ports", "no port", "only waiting", "IPv6"],
)
def test_the_text_shows_at_most_three(subsets, expected):
    assert endpoints.text({"subsets": subsets}) == expected


def test_the_text_can_be_of_one_port():
    obj = {"subsets": [subset(1, {"port": 80, "name": "a"}, {"port": 81, "name": "b"})]}
    assert endpoints.text(obj, "b") == "10.0.0.1:81"


def test_the_rules_have_kubernetes_words():
    obj = {
        "subsets": [
            {"ports": [{"port": 1, "protocol": "TCP"}]},
            {
                "addresses": [{"ip": "10.0"}, {"ip": "0.0.0.0"}, {"ip": "127.0.0.9"}],
                "ports": [{"port": 0, "protocol": "TCP"}, {"port": 2, "name": "b", "protocol": "X"}],
            },
        ]
    }
    assert [str(error) for error in ENDPOINTS.validate(obj)] == [
        "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`",
        'subsets[1].addresses[0].ip: Invalid value: "10.0": '
        "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
        'subsets[1].addresses[1].ip: Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0)',
        "subsets[1].ports[0].name: Required value",
        "subsets[1].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
        'subsets[1].ports[1].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"',
    ]
