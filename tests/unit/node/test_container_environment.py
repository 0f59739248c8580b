"""Environment variables of containers."""

import pytest

from seatrial.base.errors import RuntimeFailure
from seatrial.base.types import JSON
from seatrial.node import environment
from seatrial.node.environment import Material

POD: JSON = {
    "metadata": {
        "name": "web-1",
        "namespace": "shop",
        "uid": "u-1",
        "labels": {"app": "web", "tier": 'a"b'},
        "annotations": {},
    },
    "spec": {"nodeName": "node-1", "serviceAccountName": "default", "containers": []},
}
CONFIG_MAP: JSON = {"kind": "ConfigMap", "metadata": {"name": "cm"}, "data": {"colour": "blue", "1 bad": "x"}}
SECRET: JSON = {"kind": "Secret", "metadata": {"name": "s"}, "data": {"password": "aHVudGVyMg=="}}
FOUND: dict[tuple[str, str], JSON | None] = {
    ("ConfigMap", "cm"): CONFIG_MAP,
    ("Secret", "s"): SECRET,
    ("ConfigMap", "gone"): None,
}


def build(env: list[JSON], *, env_from: list[JSON] | None = None, services: tuple[JSON, ...] = ()) -> dict[str, str]:
    container = {"name": "c", "env": env, "envFrom": env_from or [], "resources": {"limits": {"cpu": "1500m"}}}
    material = Material(services, FOUND, "10.0.0.7", "192.0.2.1", {"memory": "1Gi"})
    return dict(environment.build(POD, container, material))


def service(name: str, ip: str, *ports: JSON, namespace: str = "shop") -> JSON:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"clusterIP": ip, "ports": list(ports)}}


def test_every_container_knows_its_path_its_host_and_its_home() -> None:
    assert build([]) == {"PATH": environment.PATH, "HOSTNAME": "web-1", "HOME": "/root"}


def test_literals_refer_to_variables_before_them() -> None:
    values = build([
        {"name": "A", "value": "1"},
        {"name": "B", "value": "$(A)2"},
        {"name": "C", "value": "$(LATER) $$(A)"},
        {"name": "LATER", "value": "x"},
    ])  # fmt: skip
    assert (values["B"], values["C"]) == ("12", "$(LATER) $(A)")


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$(A)", "1"), ("$(A)$(A)", "11"), ("$A", "$A"), ("$$(A)", "$(A)"), ("$(A", "$(A"), ("$(NO)", "$(NO)"),
        ("100%$", "100%$"), ("$$", "$"), ("a$(A)b", "a1b"),
    ],
    ids=str,
)  # fmt: skip
def test_expansion(text: str, expanded: str) -> None:
    assert environment.expand(text, {"A": "1"}) == expanded


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "web-1"), ("metadata.namespace", "shop"), ("metadata.uid", "u-1"),
        ("metadata.labels['app']", "web"), ("metadata.annotations['none']", ""), ("spec.nodeName", "node-1"),
        ("status.podIP", "10.0.0.7"), ("status.hostIP", "192.0.2.1"), ("spec.serviceAccountName", "default"),
    ],
    ids=str,
)  # fmt: skip
def test_fields_of_the_pod(path: str, value: str) -> None:
    assert build([{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": path}}}])["X"] == value


def test_labels_as_a_file_are_quoted() -> None:
    assert environment.format_map(POD["metadata"]["labels"]) == 'app="web"\ntier="a\\"b"'


@pytest.mark.parametrize(
    ("resource", "divisor", "value"),
    [
        ("limits.cpu", "1", "2"),
        ("limits.cpu", "1m", "1500"),
        ("limits.memory", "1Mi", "1024"),
        ("requests.cpu", "1", "0"),
    ],
)
def test_resources_are_rounded_up_and_a_missing_limit_is_the_nodes(resource: str, divisor: str, value: str) -> None:
    origin = {"resourceFieldRef": {"resource": resource, "divisor": divisor}}
    assert build([{"name": "X", "valueFrom": origin}])["X"] == value


def test_keys_of_config_maps_and_secrets() -> None:
    values = build([
        {"name": "COLOUR", "valueFrom": {"configMapKeyRef": {"name": "cm", "key": "colour"}}},
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "s", "key": "password"}}},
        {"name": "NOT", "valueFrom": {"configMapKeyRef": {"name": "gone", "key": "k", "optional": True}}},
    ])  # fmt: skip
    assert (values["COLOUR"], values["PASSWORD"]) == ("blue", "hunter2")
    assert "NOT" not in values


@pytest.mark.parametrize(
    ("name", "key", "message"),
    [("gone", "k", 'configmap "gone" not found'), ("cm", "k", "couldn't find key k in ConfigMap shop/cm")],
)
def test_what_is_not_there_is_a_configuration_error(name: str, key: str, message: str) -> None:
    with pytest.raises(RuntimeFailure) as caught:
        build([{"name": "X", "valueFrom": {"configMapKeyRef": {"name": name, "key": key}}}])
    assert (caught.value.reason, caught.value.message) == ("CreateContainerConfigError", message)


def test_whole_objects_come_with_a_prefix_and_without_names_that_are_none() -> None:
    values = build([], env_from=[{"prefix": "P_", "configMapRef": {"name": "cm"}}])
    assert values["P_colour"] == "blue"
    assert "P_1 bad" not in values


def test_services_of_the_namespace_and_the_api_are_announced() -> None:
    values = build(
        [],
        services=(
            service("kubernetes", "10.96.0.1", {"name": "https", "port": 443}, namespace="default"),
            service("my-db", "10.96.7.7", {"port": 5432}),
            service("headless", "None", {"port": 1}),
            service("other", "10.96.8.8", {"port": 1}, namespace="elsewhere"),
        ),
    )
    assert values["KUBERNETES_SERVICE_HOST"] == "10.96.0.1"
    assert values["KUBERNETES_SERVICE_PORT_HTTPS"] == "443"
    assert {name: value for name, value in values.items() if name.startswith("MY_DB")} == {
        "MY_DB_SERVICE_HOST": "10.96.7.7",
        "MY_DB_SERVICE_PORT": "5432",
        "MY_DB_PORT": "tcp://10.96.7.7:5432",
        "MY_DB_PORT_5432_TCP": "tcp://10.96.7.7:5432",
        "MY_DB_PORT_5432_TCP_PROTO": "tcp",
        "MY_DB_PORT_5432_TCP_PORT": "5432",
        "MY_DB_PORT_5432_TCP_ADDR": "10.96.7.7",
    }
    assert not [name for name in values if name.startswith(("HEADLESS", "OTHER"))]


def test_the_containers_own_value_wins_over_a_services() -> None:
    values = build([{"name": "DB_PORT", "value": "1"}], services=(service("db", "10.96.7.7", {"port": 5432}),))
    assert values["DB_PORT"] == "1"
