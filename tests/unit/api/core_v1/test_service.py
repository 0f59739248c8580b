"""Services: defaults, rules, updates, columns."""

import pytest

from seatrial.api.core_v1 import service
from seatrial.api.registry import SERVICES
from seatrial.machinery import objects

CREATED = {"creationTimestamp": "1970-01-01T00:00:00Z", "name": "web", "namespace": "d"}


def made(**spec):
    """A defaulted Service with one port, as it is before addresses are given."""
    obj = {"metadata": dict(CREATED), "spec": {"ports": [{"port": 80}], "selector": {"app": "web"}, **spec}}
    SERVICES.default(obj)
    SERVICES.prepare_for_create(obj)
    return obj


def stored(**spec):
    """A Service as the server keeps it."""
    return made(**{"clusterIP": "10.96.0.5", "clusterIPs": ["10.96.0.5"], **spec})


def updated(old, **spec):
    """What becomes of `old` when a client sends back `spec` in place of its own."""
    new = {"metadata": dict(CREATED), "spec": {"ports": [{"port": 80}], "selector": {"app": "web"}, **spec}}
    SERVICES.default(new)
    SERVICES.prepare_for_update(new, old)
    return new


def texts(obj):
    return [str(error) for error in SERVICES.validate(obj)]


def test_a_new_service_is_filled_in():
    assert made()["spec"] == {
        "type": "ClusterIP",
        "selector": {"app": "web"},
        "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
        "sessionAffinity": "None",
        "internalTrafficPolicy": "Cluster",
        "ipFamilyPolicy": "SingleStack",
        "ipFamilies": ["IPv4"],
    }
    assert made()["status"] == {"loadBalancer": {}}
    assert made(sessionAffinity="ClientIP")["spec"]["sessionAffinityConfig"] == {"clientIP": {"timeoutSeconds": 10800}}
    assert made(type="NodePort")["spec"]["externalTrafficPolicy"] == "Cluster"
    assert made(type="LoadBalancer")["spec"]["allocateLoadBalancerNodePorts"] is True
    assert made(clusterIP="None")["spec"]["clusterIPs"] == ["None"]
    assert "ipFamilies" not in made(type="ExternalName", externalName="x.io")["spec"]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, []),
        ({"ports": []}, ["spec.ports: Required value"]),
        ({"ports": [], "clusterIP": "None"}, []),
        ({"ports": [], "type": "ExternalName", "externalName": "x.io."}, []),
        ({"type": "ExternalName"}, ["spec.externalName: Required value"]),
        (
            {"type": "Odd"},
            [
                'spec.type: Unsupported value: "Odd": supported values: '
                '"ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'
            ],
        ),
        (
            {"ports": [{"port": 0}]},
            [
                "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
                "spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive",
            ],
        ),
        (
            {"ports": [{"port": 80}, {"port": 81, "name": "b"}]},
            ["spec.ports[0].name: Required value"],
        ),
        (
            {"ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "a"}]},
            ['spec.ports[1].name: Duplicate value: "a"'],
        ),
        (
            {"ports": [{"port": 80, "name": "a"}, {"port": 80, "name": "b"}]},
            [
                'spec.ports[1]: Duplicate value: core.ServicePort{Name:"", Protocol:"TCP", '
                'AppProtocol:(*string)(nil), Port:80, TargetPort:intstr.IntOrString{Type:0, IntVal:0, StrVal:""}, '
                "NodePort:0}"
            ],
        ),
        ({"ports": [{"port": 80, "name": "a"}, {"port": 80, "name": "b", "protocol": "UDP"}]}, []),
        (
            {"ports": [{"port": 80, "protocol": "ICMP"}]},
            ['spec.ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"'],
        ),
        ({"ports": [{"port": 80, "targetPort": "http"}]}, []),
        (
            {"ports": [{"port": 80, "targetPort": "80a--"}]},
            [
                'spec.ports[0].targetPort: Invalid value: "80a--": must not contain consecutive hyphens',
                'spec.ports[0].targetPort: Invalid value: "80a--": must not begin or end with a hyphen',
            ],
        ),
        (
            {"ports": [{"port": 80, "nodePort": 30080}]},
            ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
        ),
        (
            {
                "type": "NodePort",
                "ports": [{"port": 80, "name": "a", "nodePort": 30080}, {"port": 81, "name": "b", "nodePort": 30080}],
            },
            ["spec.ports[1].nodePort: Duplicate value: 30080"],
        ),
        (
            {"type": "NodePort", "clusterIP": "None"},
            ["spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services"],
        ),
        (
            {"sessionAffinity": "Cookie"},
            ['spec.sessionAffinity: Unsupported value: "Cookie": supported values: "ClientIP", "None"'],
        ),
        (
            {"clusterIP": "10.0.0"},
            [
                'spec.clusterIPs[0]: Invalid value: "10.0.0": '
                "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
            ],
        ),
        (
            {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.2"]},
            ['spec.clusterIPs: Invalid value: []string{"10.0.0.2"}: element [0] must match clusterIP'],
        ),
        (
            {"externalTrafficPolicy": "Local"},
            ['spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'],
        ),
        (
            {"internalTrafficPolicy": "Near"},
            ['spec.internalTrafficPolicy: Unsupported value: "Near": supported values: "Cluster", "Local"'],
        ),
    ],
)
def test_the_rules_have_kubernetes_words(spec, expected):
    assert texts(made(**spec)) == expected


def test_a_bad_selector_is_told():
    (error,) = SERVICES.validate(made(selector={"app": "-"}))
    assert error.field == "spec.selector"


def test_an_update_that_leaves_addresses_out_keeps_them():
    new = updated(stored())
    assert new["spec"]["clusterIP"] == "10.96.0.5"
    assert new["spec"]["clusterIPs"] == ["10.96.0.5"]
    assert SERVICES.validate_update(new, stored()) == []


def test_an_address_may_not_change_once_set():
    new = updated(stored(), clusterIP="10.96.0.6", clusterIPs=["10.96.0.5"])
    assert [str(error) for error in SERVICES.validate_update(new, stored())] == [
        'spec.clusterIPs[0]: Invalid value: []string{"10.96.0.6"}: may not change once set'
    ]


def test_node_ports_are_kept_by_port_name():
    old = stored(type="NodePort", ports=[{"port": 80, "name": "a", "nodePort": 30001}])
    new = updated(old, type="NodePort", ports=[{"port": 90, "name": "a"}, {"port": 91, "name": "b"}])
    assert [port.get("nodePort") for port in new["spec"]["ports"]] == [30001, None]


def test_becoming_a_cluster_ip_service_drops_node_ports_and_the_external_policy():
    old = stored(type="NodePort", ports=[{"port": 80, "nodePort": 30001}])
    sent = objects.copy(old["spec"]) | {"type": "ClusterIP"}
    new = updated(old, **sent)
    assert "nodePort" not in new["spec"]["ports"][0]
    assert "externalTrafficPolicy" not in new["spec"]
    assert texts(new) == []


def test_becoming_an_external_name_drops_the_address():
    sent = objects.copy(stored()["spec"]) | {"type": "ExternalName", "externalName": "x.io"}
    new = updated(stored(), **sent)
    assert "clusterIP" not in new["spec"]
    assert texts(new) == []
    assert SERVICES.validate_update(new, stored()) == []


@pytest.mark.parametrize(
    ("spec", "status", "cells"),
    [
        ({}, {}, ["web", "ClusterIP", "10.96.0.5", "<none>", "80/TCP", "90s", "app=web"]),
        (
            {"type": "NodePort", "ports": [{"port": 80, "name": "a", "nodePort": 30080}, {"port": 53, "name": "b"}]},
            {},
            ["web", "NodePort", "10.96.0.5", "<none>", "80:30080/TCP,53/TCP", "90s", "app=web"],
        ),
        (
            {"type": "LoadBalancer"},
            {},
            ["web", "LoadBalancer", "10.96.0.5", "<pending>", "80/TCP", "90s", "app=web"],
        ),
        (
            {"type": "LoadBalancer", "externalIPs": ["9.9.9.9"]},
            {"loadBalancer": {"ingress": [{"ip": "2.2.2.2"}, {"hostname": "1.io"}]}},
            ["web", "LoadBalancer", "10.96.0.5", "1.io,2.2.2.2,9.9.9.9", "80/TCP", "90s", "app=web"],
        ),
        (
            {"clusterIP": "None", "clusterIPs": ["None"], "ports": [], "selector": {}},
            {},
            ["web", "ClusterIP", "None", "<none>", "<none>", "90s", "<none>"],
        ),
    ],
    ids=["plain", "node ports", "waiting", "balanced", "headless"],
)
def test_the_row_shows_addresses_and_ports(spec, status, cells):
    obj = stored(**spec) | {"status": status}
    assert list(service.row(obj, 90.0)) == cells
