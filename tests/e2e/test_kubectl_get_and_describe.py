"""kubectl get in all its forms, describe, events, explain, and what it says about the cluster."""

import json
import re

import pytest
import yaml

from e2e.kubectl_world import Kubectl, config_map, deployment, lines_of, pod

pytestmark = pytest.mark.e2e


@pytest.fixture
def served(kubectl: Kubectl) -> Kubectl:
    """A Deployment of two available Pods and its Service."""
    kubectl.create(deployment())
    kubectl("expose", "deployment", "web", "--port=80")
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    return kubectl


def test_tables_have_kubernetes_columns(served: Kubectl) -> None:
    deployments = lines_of(served("get", "deployments"))
    assert deployments[0] == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert deployments[1][:4] == ["web", "2/2", "2", "2"]
    assert served("get", "pods").splitlines()[0].split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    for row in lines_of(served("get", "pods", "--no-headers")):
        assert row[1:4] == ["1/1", "Running", "0"]
    wide = served("get", "pods", "-o", "wide").splitlines()
    assert re.split(r"\s{2,}", wide[0]) == [
        "NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE", "NOMINATED NODE", "READINESS GATES",
    ]  # fmt: skip
    assert re.split(r"\s{2,}", wide[1])[6] in ("node-1", "node-2")
    assert lines_of(served("get", "rs", "-o", "wide"))[0] == (
        ["NAME", "DESIRED", "CURRENT", "READY", "AGE", "CONTAINERS", "IMAGES", "SELECTOR"]
    )
    service = lines_of(served("get", "svc", "-o", "wide"))
    assert service[0] == ["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE", "SELECTOR"]
    assert (service[1][1], service[1][3:5], service[1][-1]) == ("ClusterIP", ["<none>", "80/TCP"], "app=web")
    assert re.match(r"NAME +ENDPOINTS +AGE\nweb +\S+:80,\S+:80 ", served("get", "endpoints"))
    nodes = lines_of(served("get", "nodes"))
    assert nodes[0] == ["NAME", "STATUS", "ROLES", "AGE", "VERSION"]
    assert [row[:3] for row in nodes[1:]] == [["node-1", "Ready", "<none>"], ["node-2", "Ready", "<none>"]]


def test_get_all_shows_every_workload(served: Kubectl) -> None:
    shown = served("get", "all")
    for start in ("pod/web-", "service/web ", "deployment.apps/web ", "replicaset.apps/web-"):
        assert f"\n{start}" in f"\n{shown}"


def test_get_of_one_object_in_json_yaml_and_name(served: Kubectl) -> None:
    as_json = json.loads(served("get", "deployment", "web", "-o", "json"))
    as_yaml = yaml.safe_load(served("get", "deployment", "web", "-o", "yaml"))
    assert as_json == as_yaml
    assert list(as_json) == ["apiVersion", "kind", "metadata", "spec", "status"]
    assert served("get", "deployment/web", "service/web", "-o", "name") == "deployment.apps/web\nservice/web\n"
    items = json.loads(served("get", "pods", "-o", "json"))
    assert (items["kind"], len(items["items"])) == ("List", 2)


def test_get_by_jsonpath_columns_and_templates(served: Kubectl) -> None:
    assert served("get", "deployment", "web", "-o", "jsonpath={.spec.template.spec.containers[*].image}") == (
        "nginx:1.10.1"
    )
    assert lines_of(served("get", "deployments", "-o", "custom-columns=NAME:.metadata.name,WANT:.spec.replicas")) == [
        ["NAME", "WANT"],
        ["web", "2"],
    ]
    template = "{{range .items}}{{.metadata.name}} {{end}}"
    assert served("get", "deployments", "-o", f"go-template={template}") == "web "


def test_get_by_labels_and_fields(kubectl: Kubectl) -> None:
    for name, tier in (("a", "front"), ("b", "back"), ("c", "back")):
        kubectl.create({**config_map(name), "metadata": {"name": name, "labels": {"tier": tier}}})
    assert kubectl.names("configmaps", "-l", "tier=back") == ["configmap/b", "configmap/c"]
    assert kubectl.names("configmaps", "-l", "tier notin (back),tier") == ["configmap/a"]
    assert kubectl.names("configmaps", "-l", "!tier") == ["configmap/kube-root-ca.crt"]
    assert kubectl.names("configmaps", "--field-selector", "metadata.name=b") == ["configmap/b"]
    assert kubectl.names("configmaps", "-l", "tier", "--sort-by={.metadata.labels.tier}")[-1] == "configmap/a"
    rows = lines_of(kubectl("get", "configmaps", "-l", "tier", "--show-labels", "-L", "tier"))
    assert rows[0] == ["NAME", "DATA", "AGE", "TIER", "LABELS"]
    assert rows[1][3:] == ["front", "tier=front"]
    wrong = kubectl.fails("get", "configmaps", "--field-selector", "data.a=b")
    assert wrong == (
        'Error from server (BadRequest): Unable to find "/v1, Resource=configmaps" that match label selector "", '
        'field selector "data.a=b": field label not supported: data.a\n'
    )


def test_pods_by_phase_and_by_node(kubectl: Kubectl) -> None:
    kubectl.create(pod("done", "true", restartPolicy="Never"), pod("stays", "sleep", "600", nodeName="node-2"))
    kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/done", "--timeout=20s")
    kubectl("wait", "--for=condition=Ready", "pod/stays", "--timeout=20s")
    assert kubectl.names("pods", "--field-selector", "status.phase=Succeeded") == ["pod/done"]
    assert kubectl.names("pods", "--field-selector", "spec.nodeName=node-2,status.phase!=Succeeded") == ["pod/stays"]
    assert lines_of(kubectl("get", "pod", "done", "--no-headers"))[0][1:3] == ["0/1", "Completed"]


def test_all_namespaces_and_chunks(served: Kubectl) -> None:
    rows = lines_of(served("get", "pods", "-A", "--chunk-size=1"))
    assert rows[0][0] == "NAMESPACE"
    assert len([row for row in rows if row[0] == served.namespace]) == 2


def test_get_of_nothing(kubectl: Kubectl) -> None:
    done = kubectl.run("get", "pods")
    assert (done.returncode, done.stderr) == (0, f"No resources found in {kubectl.namespace} namespace.\n")
    assert kubectl.fails("get", "pod", "absent") == 'Error from server (NotFound): pods "absent" not found\n'
    assert kubectl.run("get", "pod", "absent", "--ignore-not-found").returncode == 0


def test_a_watch_tells_every_change(kubectl: Kubectl) -> None:
    columns = "custom-columns=TYPE:.type,NAME:.object.metadata.name"
    kubectl.create({**config_map("first"), "metadata": {"name": "first", "labels": {"watched": "yes"}}})
    arguments = ("get", "configmaps", "-w", "-l", "watched", "--output-watch-events", "--no-headers", "-o", columns)
    with kubectl.started(*arguments) as watch:
        assert watch.stdout is not None
        assert watch.stdout.readline().split() == ["ADDED", "first"]
        kubectl.create({**config_map("second"), "metadata": {"name": "second", "labels": {"watched": "yes"}}})
        assert watch.stdout.readline().split() == ["ADDED", "second"]
        kubectl("annotate", "configmap", "second", "a=b")
        assert watch.stdout.readline().split() == ["MODIFIED", "second"]
        kubectl("label", "configmap", "first", "watched-")
        assert watch.stdout.readline().split() == ["DELETED", "first"]
        kubectl("delete", "configmap", "second")
        assert watch.stdout.readline().split() == ["DELETED", "second"]


def test_watch_only_shows_no_old_state(kubectl: Kubectl) -> None:
    kubectl.create(deployment(replicas=0))
    with kubectl.started("get", "pods", "--watch-only") as watch:
        assert watch.stdout is not None
        while not kubectl.names("pods"):
            kubectl("scale", "deployment", "web", "--replicas=1")
        states = []
        while "Running" not in states:
            states.append(watch.stdout.readline().split()[2])
    assert [state for state in states if state != "STATUS"][-1] == "Running"


def test_describe_deployment(served: Kubectl) -> None:
    text = served("describe", "deployment", "web")
    for line in (
        r"Name: +web",
        rf"Namespace: +{served.namespace}",
        r"Labels: +app=web",
        r"Annotations: +deployment\.kubernetes\.io/revision: 1",
        r"Selector: +app=web",
        r"Replicas: +2 desired \| 2 updated \| 2 total \| 2 available \| 0 unavailable",
        r"StrategyType: +RollingUpdate",
        r"RollingUpdateStrategy: +25% max unavailable, 25% max surge",
        r"    Image: +nginx:1\.10\.1",
        r"  Available +True +MinimumReplicasAvailable",
        r"  Progressing +True +NewReplicaSetAvailable",
        r"OldReplicaSets: +<none>",
        r"NewReplicaSet: +web-[a-z0-9]+ \(2/2 replicas created\)",
        r"  Normal +ScalingReplicaSet +\S+ +deployment-controller +Scaled up replica set web-\S+ from 0 to 2",
    ):
        assert re.search(f"^{line} *$", text, re.MULTILINE), f"{line}\n{text}"


def test_describe_pod(served: Kubectl) -> None:
    [first, _] = served.names("pods")
    text = served("describe", first)
    for line in (
        r"Status: +Running",
        r"Node: +node-[12]/\S+",
        r"Controlled By: +ReplicaSet/web-\S+",
        r"    State: +Running",
        r"    Ready: +True",
        r"    Restart Count: +0",
        r"  ContainersReady +True",
        r"QoS Class: +BestEffort",
        r"  Normal +Scheduled +\S+ +default-scheduler +Successfully assigned \S+ to node-[12]",
        r"  Normal +Pulled +\S+ +kubelet +Container image \"nginx:1\.10\.1\" already present on machine",
        r"  Normal +Created +\S+ +kubelet +Created container: web",
        r"  Normal +Started +\S+ +kubelet +Started container web",
    ):
        assert re.search(f"^{line} *$", text, re.MULTILINE), f"{line}\n{text}"


def test_describe_replica_set_service_and_node(served: Kubectl) -> None:
    rs = served("describe", "rs")
    assert re.search(r"^Controlled By: +Deployment/web$", rs, re.MULTILINE), rs
    assert re.search(r"^Replicas: +2 current / 2 desired$", rs, re.MULTILINE), rs
    assert re.search(r"^Pods Status: +2 Running / 0 Waiting / 0 Succeeded / 0 Failed$", rs, re.MULTILINE), rs
    assert rs.count("SuccessfulCreate") == 2
    service = served("describe", "service", "web")
    assert re.search(r"^Type: +ClusterIP$", service, re.MULTILINE), service
    assert re.search(r"^Endpoints: +\S+:80,\S+:80$", service, re.MULTILINE), service
    node = served("describe", "node", "node-1")
    assert re.search(r"^  Ready +True .* KubeletReady +kubelet is posting ready status", node, re.MULTILINE), node
    pods_here = served("get", "pods", "-o", "name", "--field-selector", "spec.nodeName=node-1").split()
    for name in pods_here:
        assert f"{served.namespace} " in node
        assert name.removeprefix("pod/") in node


def test_events(served: Kubectl) -> None:
    text = served("events", "--for", "deployment/web")
    assert re.search(r"Normal +ScalingReplicaSet +Deployment/web +Scaled up replica set web-\S+ from 0 to 2", text)
    rows = lines_of(served("get", "events", "--field-selector", "reason=Scheduled"))
    assert rows[0] == ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    assert len(rows) == 3


def test_an_impossible_pod_says_why_it_is_pending(kubectl: Kubectl) -> None:
    kubectl.create(pod("stuck", "sleep", "1", nodeSelector={"disk": "ssd"}))
    kubectl("wait", "--for=condition=PodScheduled=false", "pod/stuck", "--timeout=20s")
    text = kubectl("describe", "pod", "stuck")
    assert "Warning  FailedScheduling" in text
    assert "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector." in text
    kubectl("label", "node", "node-2", "disk=ssd")
    try:
        kubectl("wait", "--for=condition=PodScheduled", "pod/stuck", "--timeout=30s")
    finally:
        kubectl("label", "node", "node-2", "disk-")


def test_explain(kubectl: Kubectl) -> None:
    text = kubectl("explain", "deployment.spec.strategy.rollingUpdate")
    assert text.startswith("GROUP:      apps\nKIND:       Deployment\nVERSION:    v1\n\n")
    assert "FIELD: rollingUpdate <RollingUpdateDeployment>" in text
    assert "  maxSurge\t<IntOrString>" in text
    recursive = kubectl("explain", "pod.spec.containers.livenessProbe", "--recursive")
    assert "  initialDelaySeconds\t<integer>" in recursive
    assert kubectl.fails("explain", "pod.spec.nonsense") == 'error: field "nonsense" does not exist\n'


def test_what_the_server_serves(kubectl: Kubectl) -> None:
    rows = {tuple(row) for row in lines_of(kubectl("api-resources"))}
    assert ("pods", "po", "v1", "true", "Pod") in rows
    assert ("deployments", "deploy", "apps/v1", "true", "Deployment") in rows
    assert ("nodes", "no", "v1", "false", "Node") in rows
    assert {"v1", "apps/v1", "discovery.k8s.io/v1", "coordination.k8s.io/v1"} <= set(kubectl("api-versions").split())
    assert set(kubectl("api-resources", "--api-group=apps", "-o", "name").split()) >= {
        "deployments.apps",
        "replicasets.apps",
    }
    pods = next(line for line in kubectl("api-resources", "-o", "wide").splitlines() if line.startswith("pods "))
    assert "create,delete,deletecollection,get,list,patch,update,watch" in pods


def test_version_and_cluster_info(kubectl: Kubectl) -> None:
    version = json.loads(kubectl("version", "-o", "json"))["serverVersion"]
    assert (version["major"], version["minor"]) == ("1", "32")
    assert "Kubernetes control plane is running at" in kubectl("cluster-info")
    assert kubectl("get", "--raw", "/readyz") == "ok"


def test_auth(kubectl: Kubectl) -> None:
    assert kubectl("auth", "can-i", "create", "deployments") == "yes\n"
    assert "kubernetes-admin" in kubectl("auth", "whoami")
    assert "*.*" in kubectl("auth", "can-i", "--list")


def test_what_is_not_there_says_so(kubectl: Kubectl) -> None:
    assert kubectl.fails("top", "pods") == "error: Metrics API not available\n"
    assert kubectl.fails("get", "gadgets") == 'error: the server doesn\'t have a resource type "gadgets"\n'


def test_a_wrong_token_is_refused(kubectl: Kubectl) -> None:
    refused = kubectl.fails("get", "pods", "--token=wrong")
    assert "error: You must be logged in to the server" in refused


def test_a_cluster_that_is_not_there_refuses_connections(kubectl: Kubectl) -> None:
    assert kubectl.fails("get", "pods", "--server=https://127.0.0.1:1").endswith(
        "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?\n"
    )
