"""What is assumed to exist where nothing of its kind is known."""

import pytest

from seatrial.base.types import JSON
from seatrial.rehearse.snapshots import assuming

NAMED = {"serviceAccountName": "shop", "priorityClassName": "high", "runtimeClassName": "kata"}


def workload(**spec: object) -> JSON:
    return {"kind": "Deployment", "metadata": {"name": "web", "namespace": "a"}, "spec": {"template": {"spec": spec}}}


def test_accounts_and_classes_that_pods_name_are_made_up_and_told() -> None:
    made, told = assuming.missing([workload(**NAMED)])
    assert [(obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"]) for obj in made] == [
        ("PriorityClass", "", "high"),
        ("RuntimeClass", "", "kata"),
        ("ServiceAccount", "a", "shop"),
    ]
    assert told == [
        "no ServiceAccount is known: shop assumed to exist",
        "no PriorityClass is known: high (0) assumed to exist",
        "no RuntimeClass is known: kata assumed to exist",
    ]


def test_a_class_has_the_priority_that_pods_have_of_it() -> None:
    pod = {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"priorityClassName": "high", "priority": 700}}
    made, _ = assuming.missing([workload(priorityClassName="high"), pod])
    assert [obj["value"] for obj in made] == [700]


def test_where_a_kind_is_known_what_is_missing_is_missing() -> None:
    other = {"kind": "ServiceAccount", "metadata": {"name": "other", "namespace": "a"}}
    assert assuming.missing([workload(serviceAccountName="shop"), other]) == ([], [])


def test_what_every_cluster_has_needs_no_assumption() -> None:
    spec = {"serviceAccountName": "default", "priorityClassName": "system-node-critical"}
    assert assuming.missing([workload(**spec)]) == ([], [])


def secret(name: str, namespace: str = "a") -> JSON:
    return {"kind": "Secret", "metadata": {"name": name, "namespace": namespace}}


def test_missing_secrets_for_pulling_images_are_told_where_secrets_are_known() -> None:
    user = workload(imagePullSecrets=[{"name": "registry"}, {"name": "tls"}])
    told = "imagePullSecrets that are not there: registry; images are assumed to be pulled without them"
    assert assuming.missing([user, secret("tls"), secret("registry", "b")]) == ([], [told])
    assert assuming.missing([user]) == ([], [])


def custom(kind: str, name: str, **spec: object) -> JSON:
    return {"apiVersion": "x.io/v1", "kind": kind, "metadata": {"name": name, "namespace": "a"}, "spec": spec}


def role(verb: str, **rule: object) -> JSON:
    rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": [verb], **rule}]
    return {"kind": "Role", "metadata": {"name": "web", "namespace": "a"}, "rules": rules}


@pytest.mark.parametrize(
    ("maker", "by"),
    [
        (custom("Certificate", "web", secretName="tls"), "Certificate web"),
        (custom("SealedSecret", "tls"), "SealedSecret tls"),
        (custom("ExternalSecret", "web", target={"name": "tls"}), "ExternalSecret web"),
        (role("create"), "Role web"),
        (role("*", resourceNames=["tls"]), "Role web"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_what_something_else_makes_is_assumed_to_exist(maker: JSON, by: str) -> None:
    pods = workload(volumes=[{"name": "tls", "secret": {"secretName": "tls"}}])
    made, told = assuming.missing([pods, secret("other"), maker])
    assert [(obj["kind"], obj["metadata"]["name"]) for obj in made] == [("Secret", "tls")]
    assert told == [f"Secret tls is not there, and {by} may make it: assumed to exist"]


@pytest.mark.parametrize("other", [role("get"), role("create", resourceNames=["x"]), custom("Certificate", "web")])
def test_what_nothing_makes_is_missing(other: JSON) -> None:
    pods = workload(volumes=[{"name": "tls", "secret": {"secretName": "tls"}}])
    assert assuming.missing([pods, secret("other"), secret("tls", "b"), other]) == ([], [])


def test_the_certificate_of_the_cluster_is_in_every_namespace() -> None:
    sources = [{"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}}]
    pods = workload(volumes=[{"name": "api", "projected": {"sources": sources}}])
    config = {"kind": "ConfigMap", "metadata": {"name": "web", "namespace": "a"}}
    for known in ([pods], [pods, config]):
        [made], told = assuming.missing(known)
        assert (made["metadata"]["name"], list(made["data"]), told) == ("kube-root-ca.crt", ["ca.crt"], [])
