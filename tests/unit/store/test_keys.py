"""Keys lie where Kubernetes has them."""

import pytest

from seatrial.machinery.gvk import ResourceRef
from seatrial.store import keys

CASES = {
    "core": (ResourceRef("", "v1", "Pod", "pods"), "/registry/pods/team/x"),
    "services": (ResourceRef("", "v1", "Service", "services"), "/registry/services/specs/team/x"),
    "endpoints": (ResourceRef("", "v1", "Endpoints", "endpoints"), "/registry/services/endpoints/team/x"),
    "nodes": (ResourceRef("", "v1", "Node", "nodes", namespaced=False), "/registry/minions/x"),
    "controllers": (
        ResourceRef("", "v1", "ReplicationController", "replicationcontrollers"),
        "/registry/controllers/team/x",
    ),
    "apps": (ResourceRef("apps", "v1", "Deployment", "deployments"), "/registry/deployments/team/x"),
    "k8s.io": (ResourceRef("coordination.k8s.io", "v1", "Lease", "leases"), "/registry/leases/team/x"),
    "custom": (ResourceRef("example.com", "v1", "Roll", "rolls"), "/registry/example.com/rolls/team/x"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_key_is_kubernetes_own(name: str) -> None:
    resource, expected = CASES[name]
    namespace = "team" if resource.namespaced else ""
    key = keys.key(resource, namespace, "x")
    assert key == expected
    assert keys.split(resource, key) == (namespace, "x")
    assert key.startswith(keys.prefix(resource))
    assert key.startswith(keys.prefix(resource, namespace))


def test_the_prefix_of_one_resource_is_not_that_of_another() -> None:
    prefixes = [keys.prefix(resource) for resource, _ in CASES.values()]
    assert not [(a, b) for a in prefixes for b in prefixes if a != b and a.startswith(b)]
