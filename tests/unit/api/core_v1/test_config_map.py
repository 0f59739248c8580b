"""ConfigMaps and Secrets."""

import base64

import pytest

from seatrial.api.registry import CONFIG_MAPS, SECRETS

BIG = "x" * (1024 * 1024)


def texts(errors):
    return [str(error) for error in errors]


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        ({"data": {"a.b-c_d": "1"}}, []),
        ({"data": {"..": "1"}}, ["data[..]: Invalid value: \"..\": must not be '..'"]),
        (
            {"data": {"a": "1"}, "binaryData": {"a": "MQ=="}},
            ['data[a]: Invalid value: "a": duplicate of key present in binaryData'],
        ),
        ({"data": {"a": BIG}}, []),
        ({"data": {"a": BIG, "b": "1"}}, [": Too long: may not be more than 1048576 bytes"]),
    ],
    ids=["good", "key", "twice", "full", "too long"],
)
def test_config_maps_are_checked(obj, expected):
    assert texts(CONFIG_MAPS.validate(obj)) == expected


def test_immutable_config_maps_and_secrets_stay():
    for resource in (CONFIG_MAPS, SECRETS):
        old = {"data": {"a": "MQ=="}, "immutable": True}
        new = {"data": {"a": "Mg=="}}
        assert texts(resource.validate_update(new, old)) == [
            "immutable: Forbidden: field is immutable when `immutable` is set",
            "data: Forbidden: field is immutable when `immutable` is set",
        ]
        assert resource.validate_update(dict(old), old) == []


def test_string_data_becomes_data():
    secret = {"data": {"a": "MQ==", "b": "MQ=="}, "stringData": {"b": "zwei"}}
    SECRETS.default(secret)
    assert secret == {"type": "Opaque", "data": {"a": "MQ==", "b": base64.b64encode(b"zwei").decode()}}


@pytest.mark.parametrize(
    ("secret_type", "data", "expected"),
    [
        ("kubernetes.io/tls", {"tls.crt": ""}, ["data[tls.key]: Required value"]),
        ("kubernetes.io/basic-auth", {}, ["data[username]: Required value", "data[password]: Required value"]),
        ("kubernetes.io/basic-auth", {"password": ""}, []),
        ("kubernetes.io/dockerconfigjson", {}, ["data[.dockerconfigjson]: Required value"]),
        ("kubernetes.io/dockerconfigjson", {".dockerconfigjson": "e30="}, []),
        (
            "kubernetes.io/service-account-token",
            {},
            ["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
        ),
    ],
)
def test_secrets_have_what_their_type_needs(secret_type, data, expected):
    assert texts(SECRETS.validate({"type": secret_type, "data": data})) == expected


def test_a_broken_docker_configuration_is_not_shown():
    (error,) = SECRETS.validate({"type": "kubernetes.io/dockercfg", "data": {".dockercfg": "e3s="}})
    assert error.body.startswith('Invalid value: "<secret contents redacted>"')


def test_the_type_of_a_secret_stays():
    (error,) = SECRETS.validate_update({"type": "a"}, {"type": "Opaque"})
    assert str(error) == 'type: Invalid value: "a": field is immutable'


def test_rows_count_keys():
    metadata = {"name": "c", "creationTimestamp": "1970-01-01T00:00:00Z"}
    data = {"metadata": metadata, "data": {"a": "1", "b": "2"}}
    assert list(CONFIG_MAPS.row({**data, "binaryData": {"c": ""}}, 1)) == ["c", 3, "1s"]
    assert list(SECRETS.row({**data, "type": "Opaque"}, 1)) == ["c", "Opaque", 2, "1s"]
