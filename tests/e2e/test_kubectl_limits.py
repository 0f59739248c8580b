"""kubectl with quotas, limit ranges, priority classes and autoscalers."""

import pytest
import yaml

from e2e.kubectl_world import Kubectl, deployment, pod

pytestmark = pytest.mark.e2e


def words(line: str) -> list[str]:
    return line.split()


def test_quotas_and_limits_are_shown_where_they_count(kubectl: Kubectl) -> None:
    assert kubectl("create", "quota", "q", "--hard=pods=2,requests.cpu=1") == "resourcequota/q created\n"
    item = {"type": "Container", "max": {"cpu": "500m"}, "default": {"cpu": "200m"}}
    kubectl.create({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "l"}, "spec": {"limits": [item]}})
    kubectl("wait", "quota/q", "--for=jsonpath={.status.hard.pods}=2", "--timeout=30s")
    kubectl.create(pod("one"))
    described = [words(line) for line in kubectl("describe", "quota", "q").splitlines()]
    assert ["pods", "1", "2"] in described
    assert ["requests.cpu", "200m", "1"] in described
    limits = kubectl("describe", "limits", "l")
    assert words(limits.splitlines()[-1]) == ["Container", "cpu", "-", "500m", "200m", "200m", "-"]
    namespace = kubectl("describe", "namespace", kubectl.namespace)
    assert "Resource Quotas" in namespace
    assert "Resource Limits" in namespace
    kubectl.create(pod("two"))
    assert kubectl.fails("create", "-f", "-", stdin=yaml.safe_dump(pod("three"))) == (
        'Error from server (Forbidden): error when creating "STDIN": pods "three" is forbidden: exceeded quota: q, '
        "requested: pods=1, used: pods=2, limited: pods=2\n"
    )
    header, row = kubectl("get", "quota").splitlines()
    assert words(header) == ["NAME", "REQUEST", "LIMIT", "AGE"]
    assert "pods: 2/2, requests.cpu: 400m/1" in row


def test_a_replica_set_tells_that_a_quota_refuses_its_pods(kubectl: Kubectl) -> None:
    kubectl("create", "quota", "q", "--hard=pods=1")
    kubectl("wait", "quota/q", "--for=jsonpath={.status.hard.pods}=1", "--timeout=30s")
    kubectl.create(deployment(replicas=2))
    condition = "jsonpath={.status.conditions[?(@.type=='ReplicaFailure')].reason}"
    kubectl("wait", "deployment/web", f"--for={condition}=FailedCreate", "--timeout=30s")
    [replica_set] = kubectl.names("replicasets")
    described = kubectl("describe", replica_set)
    assert "FailedCreate" in described
    assert "is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1" in described


def test_priority_classes(kubectl: Kubectl) -> None:
    name = f"{kubectl.namespace}-high"
    created = kubectl("create", "priorityclass", name, "--value=1000", "--description=for tests")
    assert created == f"priorityclass.scheduling.k8s.io/{name} created\n"
    header, *rows = kubectl("get", "pc").splitlines()
    assert words(header) == ["NAME", "VALUE", "GLOBAL-DEFAULT", "AGE", "PREEMPTIONPOLICY"]
    assert {words(row)[0]: words(row)[1:3] for row in rows}["system-node-critical"] == ["2000001000", "false"]
    manifest = pod("p")
    manifest["spec"]["priorityClassName"] = name
    kubectl.create(manifest)
    assert kubectl("get", "pod", "p", "-o", "jsonpath={.spec.priority}") == "1000"
    kubectl("delete", "priorityclass", name)


def test_autoscale_and_what_it_tells(kubectl: Kubectl) -> None:
    kubectl.create(deployment(replicas=1))
    made = kubectl("autoscale", "deployment", "web", "--min=1", "--max=3", "--cpu-percent=50")
    assert made == "horizontalpodautoscaler.autoscaling/web autoscaled\n"
    header, row = kubectl("get", "hpa").splitlines()
    assert words(header) == ["NAME", "REFERENCE", "TARGETS", "MINPODS", "MAXPODS", "REPLICAS", "AGE"]
    assert words(row)[:6] == ["web", "Deployment/web", "cpu:", "<unknown>/50%", "1", "3"]
    reason = "jsonpath={.status.conditions[?(@.type=='ScalingActive')].reason}"
    kubectl("wait", "hpa/web", f"--for={reason}=FailedGetResourceMetric", "--timeout=60s")
    described = kubectl("describe", "hpa", "web")
    assert "resource cpu on pods  (as a percentage of request):  <unknown> / 50%" in described
    assert "FailedGetResourceMetric" in described
    assert (
        kubectl(
            "get",
            "horizontalpodautoscalers.v1.autoscaling",
            "web",
            "-o",
            "jsonpath={.spec.targetCPUUtilizationPercentage}",
        )
        == "50"
    )
