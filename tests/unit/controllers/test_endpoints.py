"""Endpoints and EndpointSlices of a Service."""

from typing import Any

import pytest

from seatrial.controllers import endpoint_slice, endpoints
from seatrial.reconcile.decision import NOTHING, Create, Decision, Delete, Update
from unit.controllers.caches import lister, meta, node, pod, run, service

KEY = ("ns", "web")
GONE = {"deletionTimestamp": "2025-01-01T00:01:00Z"}


def desired(*standing: dict[str, Any]) -> Decision:
    view = run(endpoints.gather(KEY, lister(*standing)))
    return endpoints.decide(view, 0.0) if view else NOTHING


def slices(*standing: dict[str, Any]) -> Decision:
    view = run(endpoint_slice.gather(KEY, lister(node("n1"), *standing)))
    return endpoint_slice.decide(view, 0.0) if view else NOTHING


def made(decision: Decision) -> dict[str, Any]:
    (action,) = decision.actions
    assert isinstance(action, (Create, Update))
    return action.object


def test_ready_pods_are_addresses_and_others_not_ready_ones_sorted_as_text() -> None:
    standing = [service(), pod("a", "172.30.0.9"), pod("b", "172.30.0.10"), pod("c", "172.30.0.11", ready=False)]
    obj = made(desired(*standing))
    assert obj["subsets"] == [
        {
            "addresses": [
                {"ip": "172.30.0.10", "nodeName": "n1", "targetRef": ref("b")},
                {"ip": "172.30.0.9", "nodeName": "n1", "targetRef": ref("a")},
            ],
            "notReadyAddresses": [{"ip": "172.30.0.11", "nodeName": "n1", "targetRef": ref("c")}],
            "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        }
    ]
    assert obj["metadata"]["labels"] == {"team": "a"}
    assert obj["metadata"]["annotations"] == {
        "endpoints.kubernetes.io/last-change-trigger-time": "2025-01-01T00:00:00Z"
    }


def ref(name: str) -> dict[str, str]:
    return {"kind": "Pod", "name": name, "namespace": "ns", "uid": f"uid-{name}"}


@pytest.mark.parametrize(
    ("spec", "each", "addresses"),
    [
        pytest.param({}, pod("a", "10.0.0.1", **GONE), 0, id="terminating is left out"),
        pytest.param({"publishNotReadyAddresses": True}, pod("a", "10.0.0.1", **GONE), 1, id="unless published"),
        pytest.param({"publishNotReadyAddresses": True}, pod("a", "10.0.0.1", ready=False), 1, id="published unready"),
        pytest.param({}, pod("a"), 0, id="no address yet"),
        pytest.param({"ports": [{"port": 80, "targetPort": "other"}]}, pod("a", "10.0.0.1"), 0, id="no such port"),
        pytest.param({"ports": [], "clusterIP": "None"}, pod("a", "10.0.0.1"), 1, id="headless without ports"),
    ],
)
def test_who_stands_in_the_endpoints(spec: dict[str, Any], each: dict[str, Any], addresses: int) -> None:
    obj = made(desired(service(**spec), each))
    assert sum(len(subset.get("addresses", ())) for subset in obj.get("subsets", ())) == addresses


def test_nothing_is_written_when_nothing_changed() -> None:
    standing = [service(), pod("a", "10.0.0.1")]
    known = {**made(desired(*standing))}
    known["metadata"] = {**known["metadata"], "uid": "u", "resourceVersion": "5"}
    assert desired(*standing, known) == NOTHING


def test_endpoints_go_with_their_service_and_services_without_selector_are_left_alone() -> None:
    known = {"apiVersion": "v1", "kind": "Endpoints", "metadata": meta("web")}
    (action,) = desired(known).actions
    assert isinstance(action, Delete)
    assert desired(service(selector=None), known) == NOTHING


def test_ports_of_the_same_pods_share_a_subset_and_others_do_not() -> None:
    ports = [{"name": "http", "port": 80, "targetPort": "web"}, {"name": "dns", "port": 53, "targetPort": 5353}]
    other = pod("b", "10.0.0.2")
    other["spec"]["containers"] = [{"name": "c"}]
    obj = made(desired(service(ports=ports), pod("a", "10.0.0.1"), other))
    assert [[port["name"] for port in subset["ports"]] for subset in obj["subsets"]] == [["dns"], ["http"]]
    together = made(desired(service(ports=ports), pod("a", "10.0.0.1")))
    assert [[port["name"] for port in subset["ports"]] for subset in together["subsets"]] == [["dns", "http"]]


def test_a_thousand_addresses_are_kept_ready_ones_first() -> None:
    pods = [pod(f"p{i}", f"10.0.{i // 250}.{i % 250 + 1}", ready=i % 2 == 0) for i in range(1200)]
    obj = made(desired(service(), *pods))
    (subset,) = obj["subsets"]
    assert (len(subset["addresses"]), len(subset["notReadyAddresses"])) == (600, 400)
    assert obj["metadata"]["annotations"]["endpoints.kubernetes.io/over-capacity"] == "truncated"


def test_a_slice_tells_ready_serving_and_terminating() -> None:
    each = made(
        slices(service(), pod("a", "10.0.0.1"), pod("b", "10.0.0.2", **GONE), pod("c", "10.0.0.3", ready=False))
    )
    told = {endpoint["addresses"][0]: endpoint["conditions"] for endpoint in each["endpoints"]}
    assert told == {
        "10.0.0.1": {"ready": True, "serving": True, "terminating": False},
        "10.0.0.2": {"ready": False, "serving": True, "terminating": True},
        "10.0.0.3": {"ready": False, "serving": False, "terminating": False},
    }
    assert each["metadata"]["generateName"] == "web-"
    assert each["metadata"]["labels"] == {
        "team": "a",
        "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    }
    assert each["metadata"]["ownerReferences"][0]["uid"] == "uid-web"


def stored(decision: Decision) -> list[dict[str, Any]]:
    """The slices as the server would keep them after these creations."""
    created = [action.object for action in decision.actions if isinstance(action, Create)]
    return [
        {**obj, "metadata": {**obj["metadata"], "name": f"web-{i}", "uid": f"s{i}", "resourceVersion": "2"}}
        for i, obj in enumerate(created)
    ]


def test_slices_hold_a_hundred_endpoints_and_one_change_writes_one_slice() -> None:
    pods = [pod(f"p{i:03}", f"10.0.0.{i + 1}") for i in range(230)]
    known = stored(slices(service(), *pods))
    assert sorted(len(each["endpoints"]) for each in known) == [30, 100, 100]
    assert slices(service(), *pods, *known).actions == ()
    fewer = slices(service(), *pods[1:], *known)
    assert [type(action) for action in fewer.actions] == [Update]
    more = made(slices(service(), *pods, pod("new", "10.0.1.1"), *known))
    assert len(more["endpoints"]) == 31


def test_a_service_without_pods_has_one_empty_slice() -> None:
    known = stored(slices(service()))
    assert [(each["endpoints"], each["ports"]) for each in known] == [([], [])]
    assert slices(service(), *known).actions == ()
    first = made(slices(service(), pod("a", "10.0.0.1"), *known))
    assert first["metadata"]["name"] == "web-0"
    assert len(first["endpoints"]) == 1


def test_a_pod_on_a_node_that_is_gone_waits() -> None:
    lost = pod("a", "10.0.0.1")
    lost["spec"] = {**lost["spec"], "nodeName": "lost"}
    decision = slices(service(), lost)
    assert made(decision)["endpoints"] == []
    assert decision.requeue_after == 1.0
