"""EndpointSlices."""

import pytest

from seatrial.api.registry import ENDPOINT_SLICES


def made(**fields):
    obj = {
        "metadata": {"name": "web-x", "creationTimestamp": "1970-01-01T00:00:00Z"},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.0.0.1"]}],
        "ports": [{"port": 80}],
        **fields,
    }
    ENDPOINT_SLICES.default(obj)
    return obj


def test_ports_are_unnamed_tcp_by_default():
    assert made()["ports"] == [{"port": 80, "name": "", "protocol": "TCP"}]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"addressType": ""}, ["addressType: Required value"]),
        (
            {"addressType": "IPv5"},
            ['addressType: Unsupported value: "IPv5": supported values: "FQDN", "IPv4", "IPv6"'],
        ),
        (
            {"endpoints": [{"addresses": []}]},
            ["endpoints[0].addresses: Required value: must contain at least 1 address"],
        ),
        (
            {"endpoints": [{"addresses": ["fd00::1"]}]},
            ['endpoints[0].addresses[0]: Invalid value: "fd00::1": must be a valid IPv4 address'],
        ),
        ({"ports": [{"port": 80}, {"port": 81}]}, ['ports[1].name: Duplicate value: ""']),
        (
            {"endpoints": [{"addresses": ["10.0.0.1"]}] * 1001},
            ["endpoints: Too many: 1001: must have at most 1000 items"],
        ),
    ],
    ids=["good", "no type", "unknown type", "no address", "wrong family", "port names", "too many"],
)
def test_the_rules_have_kubernetes_words(fields, expected):
    assert [str(error) for error in ENDPOINT_SLICES.validate(made(**fields))] == expected


def test_the_address_type_stays():
    (error,) = ENDPOINT_SLICES.validate_update(made(addressType="IPv6"), made())
    assert str(error) == 'addressType: Invalid value: "IPv6": field is immutable'


def test_the_row_shows_at_most_three_addresses():
    some = made(endpoints=[{"addresses": [f"10.0.0.{n}"]} for n in range(5)])
    assert list(ENDPOINT_SLICES.row(some, 5)) == [
        "web-x",
        "IPv4",
        "80",
        "10.0.0.0,10.0.0.1,10.0.0.2 + 2 more...",
        "5s",
    ]
    assert list(ENDPOINT_SLICES.row(made(endpoints=[], ports=[]), 5))[2:4] == ["<unset>", "<unset>"]


def test_the_generation_follows_the_endpoints_not_the_annotations():
    before, noted = made(), made()
    noted["metadata"] = {**noted["metadata"], "annotations": {"a": "b"}}
    assert ENDPOINT_SLICES.generation_fields(before) == ENDPOINT_SLICES.generation_fields(noted)
    assert ENDPOINT_SLICES.generation_fields(before) != ENDPOINT_SLICES.generation_fields(made(endpoints=[]))
