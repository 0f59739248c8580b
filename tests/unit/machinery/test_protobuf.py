"""Kubernetes' protobuf encoding, read. The bodies are what kubectl 1.32 sends."""

import pytest

from seatrial.api import protobuf_fields
from seatrial.machinery import protobuf
from seatrial.machinery.protobuf import ProtobufError

FIELDS = {
    "Thing": (
        "1:name 2:count:int 3:wanted:*int 4:labels:map 5:parts:[]Part 6:secret:map:bytes 7:at:Time 8:port:IntOrString "
        "10:+:Part 11:data:raw 12:extra:map:strings"
    ),
    "Part": "1:words:[] 2:on:bool 3:sizes:map:Quantity",
}


def field(number: int, value: "int | bytes | str") -> bytes:
    if isinstance(value, int):
        return bytes([number << 3]) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return bytes([number << 3 | 2]) + varint(len(data)) + data


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"", {}, id="nothing"),
        pytest.param(field(1, "a") + field(2, 300), {"name": "a", "count": 300}, id="scalars"),
        pytest.param(field(2, -5), {"count": -5}, id="negative"),
        pytest.param(field(1, "") + field(2, 0), {}, id="empty is absent"),
        pytest.param(field(3, 0), {"wanted": 0}, id="but not for pointers"),
        pytest.param(field(4, field(1, "k") + field(2, "v")), {"labels": {"k": "v"}}, id="map"),
        pytest.param(field(6, field(1, "k") + field(2, b"\xff")), {"secret": {"k": "/w=="}}, id="bytes"),
        pytest.param(field(7, field(1, 86400)), {"at": "1970-01-02T00:00:00Z"}, id="time"),
        pytest.param(field(7, b""), {}, id="no time"),
        pytest.param(field(8, field(1, 1) + field(3, "http")), {"port": "http"}, id="port name"),
        pytest.param(field(8, field(1, 0) + field(2, 80)), {"port": 80}, id="port number"),
        pytest.param(
            field(5, field(1, "a") + field(1, "b") + field(2, 1)) + field(5, b""),
            {"parts": [{"words": ["a", "b"], "on": True}, {}]},
            id="repeated messages",
        ),
        pytest.param(
            field(5, field(3, field(1, "cpu") + field(2, field(1, "100m")))),
            {"parts": [{"sizes": {"cpu": "100m"}}]},
            id="quantities",
        ),
        pytest.param(field(9, field(1, "")), {}, id="unknown but empty"),
        pytest.param(field(10, field(2, 1)), {"on": True}, id="inline"),
        pytest.param(field(11, field(1, '{"a": 1}')), {"data": {"a": 1}}, id="JSON"),
        pytest.param(
            field(12, field(1, "k") + field(2, field(1, "a") + field(1, "b"))), {"extra": {"k": ["a", "b"]}}, id="lists"
        ),
    ],
)
def test_a_message_becomes_json_data(data: bytes, expected: dict[str, object]) -> None:
    assert protobuf.decode(data, "Thing", FIELDS) == expected


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        pytest.param(field(9, "content"), "field 9 of Thing is not understood", id="unknown field"),
        pytest.param(field(1, "abc")[:-1], "unexpected end", id="cut short"),
        pytest.param(b"\x08", "unexpected end", id="no value"),
        pytest.param(b"\x08" + b"\xff" * 11, "too long", id="endless number"),
        pytest.param(b"\x0b", "unknown wire type", id="groups"),
        pytest.param(field(1, b"\xff"), "not UTF-8", id="no text"),
        pytest.param(field(1, 5), "expected a string", id="number for text"),
        pytest.param(field(2, "x"), "expected a number", id="text for number"),
    ],
)
def test_what_is_no_such_message_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(ProtobufError, match=problem):
        protobuf.decode(data, "Thing", FIELDS)


def test_the_envelope_names_the_object() -> None:
    data = protobuf.MAGIC + field(1, field(1, "v1") + field(2, "Namespace")) + field(2, b"raw") + field(3, "")
    assert protobuf.open_envelope(data) == ("v1", "Namespace", b"raw")
    with pytest.raises(ProtobufError, match="magic number"):
        protobuf.open_envelope(b"{}")


def test_every_message_that_a_table_names_is_described() -> None:
    fields = protobuf_fields.load()
    known = {"string", "int", "bool", "bytes", "Time", "MicroTime", "Quantity", "IntOrString", "raw", "strings", "map"}
    for message, text in fields.items():
        parts = [part.split(":", 2) for part in text.split()]
        numbers = [int(number) for number, *_ in parts]
        assert numbers == sorted(set(numbers)), message
        types = {rest[0].lstrip("*").removeprefix("[]").removeprefix("map:") for _, _, *rest in parts if rest}
        assert types - {""} <= known | set(fields), message


@pytest.mark.parametrize(
    ("api_version", "kind", "message"),
    [
        ("v1", "Pod", "core.v1.Pod"),
        ("apps/v1", "Deployment", "apps.v1.Deployment"),
        ("authorization.k8s.io/v1", "SelfSubjectAccessReview", "authorization.v1.SelfSubjectAccessReview"),
        ("apps/v1", "DeleteOptions", "meta.v1.DeleteOptions"),
        ("policy/v1beta1", "Eviction", "policy.v1.Eviction"),
        ("example.com/v1", "Gadget", None),
    ],
)
def test_the_message_of_a_kind(api_version: str, kind: str, message: str | None) -> None:
    assert protobuf_fields.message(api_version, kind) == message
