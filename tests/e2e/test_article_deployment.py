"""The article's third part, command by command: a Deployment that rolls, with the kubectl of today.

Where today's kubectl prints or takes another form than the one of then, the test says so.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e import article_world
from e2e.article_world import DEPRECATED, eventually, replica_sets, sizes_become, table
from e2e.kubectl_world import Kubectl
from seatrial import RunningCluster

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CREATED = "kubectl create --filename=deployment-demo-v0.1.yaml --record=true"
APPLIED = "kubectl apply --filename=deployment-demo-v0.2.yaml --record=true"
OLD, NEW = "nginx:1.10.1", "nginx:1.11.9"


@pytest.fixture(scope="module")
def cluster() -> Iterator[RunningCluster]:
    with RunningCluster(nodes=2) as running:
        yield running


def test_the_article(cluster: RunningCluster, tmp_path: Path) -> None:
    kubectl = article_world.kubectl_on(cluster, tmp_path)
    create(kubectl)
    look_at_the_pods(kubectl)
    expose(kubectl, cluster)
    apply(kubectl)
    look_while_it_rolls(kubectl)
    look_at_the_end(kubectl)
    look_at_the_history(kubectl)
    undo(kubectl)


def create(kubectl: Kubectl) -> None:
    """Today's kubectl warns that --record will go."""
    done = kubectl.run("create", "-f", "deployment-demo-v0.1.yaml", "--record")
    assert (done.stdout, done.stderr) == ("deployment.extensions/deployment-demo created\n", DEPRECATED)
    shown = eventually(lambda: kubectl("get", "deployments"), lambda text: "4/4" in text)
    assert table(shown) == [
        ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"],
        ["deployment-demo", "4/4", "4", "0", "AGE"],
    ]
    assert table(kubectl("get", "rs")) == [
        ["NAME", "DESIRED", "CURRENT", "READY", "AGE"],
        ["deployment-demo-HASH", "4", "4", "4", "AGE"],
    ]


def look_at_the_pods(kubectl: Kubectl) -> None:
    head, *rows = table(kubectl("get", "pods", "-o", "wide"))
    assert head[:7] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE"]
    assert [row[:5] for row in rows] == [["deployment-demo-HASH-POD", "1/1", "Running", "0", "AGE"]] * 4
    assert len({row[5] for row in rows}) == 4
    assert sorted(row[6] for row in rows) == ["node-1", "node-1", "node-2", "node-2"]
    assert environment_of(kubectl, kubectl.names("pods")[0])["DEPLOYMENT_DEMO_VER"] == "v0.1"


def environment_of(kubectl: Kubectl, pod: str) -> dict[str, str]:
    """The article's `kubectl exec POD env`; today there has to be `--` in between."""
    name = pod.removeprefix("pod/")
    refused = kubectl.fails("exec", name, "env")
    assert refused.startswith("error: exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND]")
    return dict(line.split("=", 1) for line in kubectl("exec", name, "--", "env").splitlines() if "=" in line)


def expose(kubectl: Kubectl, cluster: RunningCluster) -> None:
    assert kubectl("create", "-f", "deployment-demo-svc.yaml") == "service/deployment-demo-svc created\n"
    head, service, kubernetes = table(kubectl("get", "service"))
    assert head == ["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE"]
    assert (service[0], service[1], *service[3:]) == ("deployment-demo-svc", "ClusterIP", "<none>", "80/TCP", "AGE")
    assert (kubernetes[0], *kubernetes[3:]) == ("kubernetes", "<none>", "443/TCP", "AGE")

    def describe() -> str:
        return kubectl("describe", "service/deployment-demo-svc")

    described = eventually(describe, lambda text: "more..." in text)
    told = {line.partition(":")[0]: line.partition(":")[2].strip() for line in described.splitlines()}
    assert told["Name"] == "deployment-demo-svc"
    assert told["Namespace"] == "default"
    assert told["Labels"] == "<none>"
    assert told["Selector"] == "app=deployment-demo-nginx"
    assert told["Type"] == "ClusterIP"
    assert told["IP"] == service[2]
    assert told["Port"] == "<unset>  80/TCP"
    assert told["Endpoints"].count(":80,") == 2
    assert told["Endpoints"].endswith(":80 + 1 more...")
    assert told["Session Affinity"] == "None"
    assert versions_served(kubectl) == {"nginx/1.10.1"}


def versions_served(kubectl: Kubectl, requests: int = 8) -> set[str]:
    """What `curl -I` of the Service says in `Server:`. Without root the port may be another one; an event says so."""
    address = kubectl("get", "service", "deployment-demo-svc", "-o", "jsonpath={.spec.clusterIP}")
    moved = "10080" in kubectl("get", "events", "--field-selector", "involvedObject.name=deployment-demo-svc")
    url = f"http://{address}:{10080 if moved else 80}"
    answers = [article_world.curl(kubectl.folder, "-I", url) for _ in range(requests)]
    assert all(answer.startswith("HTTP/1.1 200 OK") for answer in answers)
    lines = [line for answer in answers for line in answer.splitlines()]
    return {line.partition(": ")[2] for line in lines if line.lower().startswith("server: ")}


def apply(kubectl: Kubectl) -> None:
    """Today's kubectl also tells of the annotation that `create` did not leave."""
    eventually(lambda: kubectl("get", "deployments"), lambda text: table(text)[1][3] == "4")
    done = kubectl.run("apply", "-f", "deployment-demo-v0.2.yaml", "--record")
    assert done.stdout == "deployment.extensions/deployment-demo configured\n"
    assert done.stderr.startswith(DEPRECATED + "Warning: resource deployments/deployment-demo is missing the kubectl")


def look_while_it_rolls(kubectl: Kubectl) -> None:
    """One more than four at most, three available at least; both versions answer."""
    sizes_become(kubectl, {OLD: (3, 3), NEW: (2, 2)})
    assert versions_served(kubectl, 40) == {"nginx/1.10.1", "nginx/1.11.9"}
    described = kubectl("describe", "deployment", "deployment-demo")
    words = [" ".join(row) for row in table(described)]
    assert "Name: deployment-demo" in words
    assert "Replicas: 4 desired | 2 updated | 5 total | 3 available | 2 unavailable" in words
    assert "StrategyType: RollingUpdate" in words
    assert "MinReadySeconds: 10" in words
    assert "RollingUpdateStrategy: 1 max unavailable, 1 max surge" in words
    assert "Available True MinimumReplicasAvailable" in words
    assert "OldReplicaSets: deployment-demo-HASH (3/3 replicas created)" in words
    assert "NewReplicaSet: deployment-demo-HASH (2/2 replicas created)" in words
    scaled = [
        " ".join(row[row.index("deployment-controller") + 1 :])
        for row in table(described)
        if "ScalingReplicaSet" in row
    ]
    assert scaled == [
        "Scaled up replica set deployment-demo-HASH from 0 to 4",
        "Scaled up replica set deployment-demo-HASH from 0 to 1",
        "Scaled down replica set deployment-demo-HASH from 4 to 3",
        "Scaled up replica set deployment-demo-HASH from 1 to 2",
    ]


def look_at_the_end(kubectl: Kubectl) -> None:
    said = kubectl("rollout", "status", "deployment/deployment-demo")
    assert said.splitlines()[0].startswith('Waiting for deployment "deployment-demo" rollout to finish: ')
    assert said.splitlines()[-1] == 'deployment "deployment-demo" successfully rolled out'
    assert replica_sets(kubectl) == {OLD: (0, 0), NEW: (4, 4)}
    eventually(lambda: kubectl("get", "pods"), lambda text: len(text.splitlines()) == 5)
    assert environment_of(kubectl, kubectl.names("pods")[0])["DEPLOYMENT_DEMO_VER"] == "v0.2"
    assert versions_served(kubectl) == {"nginx/1.11.9"}


def look_at_the_history(kubectl: Kubectl) -> None:
    """Flags are written out today: `--filename=…`, not `-f …`."""
    assert kubectl("rollout", "history", "deployment", "deployment-demo") == (
        f"deployment.apps/deployment-demo \nREVISION  CHANGE-CAUSE\n1         {CREATED}\n2         {APPLIED}\n\n"
    )
    shown = kubectl("rollout", "history", "deployment", "deployment-demo", "--revision=1")
    assert shown.startswith("deployment.apps/deployment-demo with revision #1\nPod Template:\n")
    assert "Image:\tnginx:1.10.1" in shown
    assert f"kubernetes.io/change-cause: {CREATED}" in shown
    unknown = kubectl.fails("rollout", "history", "deployment", "deployment-demo", "--revision=7")
    assert unknown == "error: unable to find the specified revision\n"


def undo(kubectl: Kubectl) -> None:
    """The revisions are numbered anew, their causes come along."""
    unknown = kubectl.fails("rollout", "undo", "deployment", "deployment-demo", "--to-revision=7")
    assert unknown == "error: unable to find specified revision 7 in history\n"
    assert (
        kubectl("rollout", "undo", "deployment", "deployment-demo") == "deployment.apps/deployment-demo rolled back\n"
    )
    kubectl("rollout", "status", "deployment/deployment-demo")
    assert replica_sets(kubectl) == {OLD: (4, 4), NEW: (0, 0)}
    assert article_world.history(kubectl) == [(2, APPLIED), (3, CREATED)]
    again = kubectl("rollout", "undo", "deployment", "deployment-demo", "--to-revision=3")
    assert again == ("deployment.apps/deployment-demo skipped rollback (current template already matches revision 3)\n")
    assert versions_served(kubectl) == {"nginx/1.10.1"}
