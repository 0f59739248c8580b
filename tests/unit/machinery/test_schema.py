"""Decoding objects in the words of Kubernetes' decoder."""

from typing import Any

import orjson
import pytest

from seatrial.api import schema_set
from seatrial.base.types import JSON
from seatrial.machinery import go_time, strict_json
from seatrial.machinery.schema import DecodeError

POD: JSON = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p", "labels": {"a": "b"}, "creationTimestamp": "2026-01-02T03:04:05Z"},
    "spec": {
        "containers": [
            {
                "name": "c",
                "image": "i",
                "ports": [{"containerPort": 80}],
                "resources": {"limits": {"cpu": "1", "memory": "64Mi"}},
                "livenessProbe": {"httpGet": {"port": "http"}, "timeoutSeconds": 1},
            }
        ]
    },
}


def pod(*path: str | int, value: Any) -> JSON:
    """The pod above with another value somewhere."""
    obj: JSON = orjson.loads(orjson.dumps(POD))
    inner: Any = obj
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return obj


def decode(obj: JSON, kind: tuple[str, str, str] = ("", "v1", "Pod")) -> JSON:
    return schema_set.load().validator(*kind).decode(obj).object


def test_what_needs_no_decoding_comes_back_as_it_is() -> None:
    decoded = schema_set.load().validator("", "v1", "Pod").decode(POD)
    assert decoded.object is POD
    assert decoded.unknown == []


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        (("spec",), "x", "cannot unmarshal string into Go struct field Pod.spec of type v1.PodSpec"),
        (
            ("spec", "containers"),
            {},
            "cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container",
        ),
        (
            ("spec", "containers", 0),
            [],
            "cannot unmarshal array into Go struct field PodSpec.spec.containers of type v1.Container",
        ),
        (
            ("spec", "containers", 0, "ports"),
            "x",
            "cannot unmarshal string into Go struct field Container.spec.containers.ports of type []v1.ContainerPort",
        ),
        (
            ("spec", "containers", 0, "ports", 0, "containerPort"),
            1.5,
            "cannot unmarshal number 1.5 into Go struct field ContainerPort.spec.containers.ports.containerPort "
            "of type int32",
        ),
        (
            ("spec", "priority"),
            2**31,
            "cannot unmarshal number 2147483648 into Go struct field PodSpec.spec.priority of type int32",
        ),
        (
            ("spec", "priority"),
            True,
            "cannot unmarshal bool into Go struct field PodSpec.spec.priority of type int32",
        ),
        (
            ("spec", "hostNetwork"),
            "true",
            "cannot unmarshal string into Go struct field PodSpec.spec.hostNetwork of type bool",
        ),
        (
            ("spec", "restartPolicy"),
            1,
            "cannot unmarshal number into Go struct field PodSpec.spec.restartPolicy of type v1.RestartPolicy",
        ),
        (
            ("metadata", "labels", "a"),
            1,
            "cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
        ),
        (
            ("metadata", "labels"),
            "a=b",
            "cannot unmarshal string into Go struct field ObjectMeta.metadata.labels of type map[string]string",
        ),
        (
            ("metadata", "creationTimestamp"),
            5,
            "cannot unmarshal number into Go struct field ObjectMeta.metadata.creationTimestamp of type string",
        ),
        (
            ("spec", "containers", 0, "resources", "limits"),
            "x",
            "cannot unmarshal string into Go struct field ResourceRequirements.spec.containers.resources.limits "
            "of type v1.ResourceList",
        ),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else None,
)
def test_a_wrong_type_is_told_as_go_tells_it(path: tuple[str | int, ...], value: Any, text: str) -> None:
    with pytest.raises(DecodeError) as error:
        decode(pod(*path, value=value))
    assert str(error.value) == f"json: {text}"


def test_a_list_item_deep_in_a_template_names_the_whole_path() -> None:
    deployment = {"spec": {"template": {"spec": {"containers": [{"ports": "x"}]}}}}
    with pytest.raises(DecodeError, match=r"Container\.spec\.template\.spec\.containers\.ports of type \[\]v1\.Cont"):
        decode(deployment, ("apps", "v1", "Deployment"))


def test_unknown_fields_are_dropped_and_named_with_their_index() -> None:
    obj = pod("spec", "containers", 0, "foo", value=1)
    obj["spec"]["bar"] = {"x": 1}
    decoded = schema_set.load().validator("", "v1", "Pod").decode(obj)
    assert decoded.unknown == ["spec.containers[0].foo", "spec.bar"]
    assert decoded.object == POD
    assert obj["spec"]["bar"] == {"x": 1}


def test_at_most_a_hundred_unknown_fields_are_named() -> None:
    decoded = schema_set.load().validator("", "v1", "Pod").decode({"spec": {f"x{i}": 1 for i in range(150)}})
    assert len(decoded.unknown) == 100


@pytest.mark.parametrize(
    ("path", "given"),
    [
        (("spec", "nodeName"), None),
        (("spec", "volumes"), []),
        (("spec", "nodeSelector"), {}),
        (("metadata", "annotations"), None),
    ],
    ids=str,
)
def test_nulls_and_empty_optional_lists_and_maps_are_not_kept(path: tuple[str, ...], given: Any) -> None:
    assert decode(pod(*path, value=given)) == POD


def test_an_empty_struct_is_kept() -> None:
    assert decode(pod("spec", "securityContext", value={}))["spec"]["securityContext"] == {}


def test_a_null_in_a_list_is_the_zero_value() -> None:
    assert decode(pod("spec", "containers", 0, "args", value=["a", None]))["spec"]["containers"][0]["args"] == ["a", ""]


@pytest.mark.parametrize(
    ("given", "kept"),
    [("1000m", "1"), (0.5, "500m"), (2, "2"), ("1024Mi", "1Gi"), ("100m", "100m")],
)
def test_quantities_become_canonical_text(given: Any, kept: str) -> None:
    obj = decode(pod("spec", "containers", 0, "resources", "limits", "cpu", value=given))
    assert obj["spec"]["containers"][0]["resources"]["limits"]["cpu"] == kept


def test_a_bad_quantity_is_refused() -> None:
    with pytest.raises(DecodeError, match="quantities must match the regular expression"):
        decode(pod("spec", "containers", 0, "resources", "limits", "cpu", value="a lot"))


def test_int_or_string_takes_both_and_nothing_else() -> None:
    path = ("spec", "containers", 0, "livenessProbe", "httpGet", "port")
    assert decode(pod(*path, value=80)) == pod(*path, value=80)
    with pytest.raises(
        DecodeError, match=r"cannot unmarshal bool into Go struct field HTTPGetAction\..* of type int32"
    ):
        decode(pod(*path, value=True))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("2026-01-31T00:00:00Z", "2026-01-31T00:00:00Z"),
        ("2026-01-02T03:04:05.999Z", "2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05Z"),
    ],
)
def test_times_are_written_in_utc_and_whole_seconds(given: str, kept: str) -> None:
    assert decode(pod("metadata", "creationTimestamp", value=given))["metadata"]["creationTimestamp"] == kept


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("abc", 'parsing time "abc" as "2006-01-02T15:04:05Z07:00": cannot parse "abc" as "2006"'),
        ("2026-01-02", 'parsing time "2026-01-02" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "T"'),
        ("2026-13-02T00:00:00Z", 'parsing time "2026-13-02T00:00:00Z": month out of range'),
        ("2026-02-30T00:00:00Z", 'parsing time "2026-02-30T00:00:00Z": day out of range'),
        ("2026-01-02T00:00:00Zx", 'parsing time "2026-01-02T00:00:00Zx": extra text: "x"'),
    ],
)
def test_a_bad_time_is_told_as_go_tells_it(given: str, text: str) -> None:
    with pytest.raises(DecodeError) as error:
        decode(pod("metadata", "creationTimestamp", value=given))
    assert str(error.value) == text


def test_micro_times_have_exactly_six_decimals() -> None:
    assert go_time.canonical("2026-01-02T03:04:05.000001+01:00", micro=True) == "2026-01-02T02:04:05.000001Z"
    with pytest.raises(ValueError, match=r'cannot parse "Z" as ".000000"'):
        go_time.canonical("2026-01-02T03:04:05Z", micro=True)


def test_bytes_are_checked_and_written_without_line_breaks() -> None:
    secret = ("", "v1", "Secret")
    assert decode({"data": {"a": "aGFs\nbG8="}}, secret) == {"data": {"a": "aGFsbG8="}}
    with pytest.raises(DecodeError, match="illegal base64 data at input byte 4"):
        decode({"data": {"a": "aGFs*"}}, secret)


def test_every_release_knows_pods_and_deployments() -> None:
    assert schema_set.releases()[0] == "1.25"
    for release in schema_set.releases():
        schemas = schema_set.load(release)
        assert schemas.knows("apps", "v1", "Deployment")
        assert schemas.validator("", "v1", "Pod").decode(POD).object is POD


def test_a_release_that_is_not_there_is_named() -> None:
    with pytest.raises(LookupError, match=r"no schemas for Kubernetes 1\.5"):
        schema_set.load("1.5")


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        (b'{"spec":{"replicas":1,"replicas":2}}', ["spec.replicas"]),
        (b'{"a":[{"b":1},{"b":1,"b":2}],"a2":1,"a2":1}', ["a2", "a[1].b"]),
        (b'{"a":{"a":1}}', []),
    ],
)
def test_duplicate_keys_are_found_with_their_paths(body: bytes, paths: list[str]) -> None:
    assert strict_json.find_duplicates(body) == paths
