"""The article's fourth part: rolling with curl and the API of extensions/v1beta1, on the insecure port."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e import article_world
from e2e.article_world import eventually, history, replica_sets, sizes_become
from e2e.kubectl_world import Kubectl
from seatrial import RunningCluster

pytestmark = pytest.mark.e2e

CREATED = "kubectl create --filename=deployment-demo-v0.1.yaml --record=true"
OLD, NEW = "nginx:1.10.1", "nginx:1.11.9"
STRATEGIC, MERGE = "application/strategic-merge-patch+json", "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"


class Api:
    """The article's curl, word for word but for the port."""

    def __init__(self, cluster: RunningCluster, folder: Path, version: str = "extensions/v1beta1") -> None:
        self.folder = folder
        self.url = f"{cluster.insecure_url}/apis/{version}/namespaces/default/deployments/deployment-demo"

    def patch(self, content_type: str, data: str) -> str:
        kind = f"Content-Type:{content_type}"
        return article_world.curl(self.folder, "-H", kind, "-X", "PATCH", "--data", data, self.url)

    def rollback(self, data: str, *more: str) -> str:
        kind = "Content-Type:application/json"
        url = f"{self.url}/rollback"
        return article_world.curl(self.folder, "-H", kind, "-X", "POST", "--data", data, *more, url)


@pytest.fixture(scope="module")
def cluster() -> Iterator[RunningCluster]:
    with RunningCluster(nodes=2, insecure_port=0, runtime="simulated") as running:
        yield running


@pytest.fixture
def kubectl(cluster: RunningCluster, tmp_path: Path) -> Iterator[Kubectl]:
    """kubectl, and the Deployment of version 0.1."""
    it = article_world.kubectl_on(cluster, tmp_path)
    it("create", "-f", "deployment-demo-v0.1.yaml", "--record")
    sizes_become(it, {OLD: (4, 4)})
    yield it
    it("delete", "deployment", "deployment-demo", "--cascade=foreground")


def pretty(text: str) -> Any:
    """The JSON in an answer that is indented by two blanks and ends without a line feed, as curl gets it."""
    value = json.loads(text)
    assert text == json.dumps(value, indent=2, ensure_ascii=False)
    return value


def rolls_to(kubectl: Kubectl, image: str) -> None:
    eventually(lambda: replica_sets(kubectl), lambda found: found.get(image, (0, 0))[1] > 0)


@pytest.mark.parametrize("content_type", [STRATEGIC, MERGE], ids=["strategic merge", "merge"])
def test_the_whole_manifest_as_a_patch_rolls(cluster: RunningCluster, kubectl: Kubectl, content_type: str) -> None:
    deployment = pretty(Api(cluster, kubectl.folder).patch(content_type, "@deployment-demo-v0.2.json"))
    assert (deployment["kind"], deployment["apiVersion"]) == ("Deployment", "extensions/v1beta1")
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == NEW
    assert container["env"] == [{"name": "DEPLOYMENT_DEMO_VER", "value": "v0.2"}]
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 1, "maxSurge": 1}
    sizes_become(kubectl, {OLD: (3, 3), NEW: (2, 2)})
    told = "deployment-demo nginx:1.10.1 → nginx:1.11.9, label version v0.1 → v0.2, env DEPLOYMENT_DEMO_VER v0.1 → v0.2"
    assert history(kubectl) == [(1, CREATED), (2, f"PATCH by curl: {told}")]


def test_a_manifest_is_no_json_patch(cluster: RunningCluster, kubectl: Kubectl) -> None:
    """The article met code 500 here; today it is 400."""
    answer = pretty(Api(cluster, kubectl.folder).patch(JSON_PATCH, "@deployment-demo-v0.2.json"))
    assert answer == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
        "reason": "BadRequest",
        "code": 400,
    }
    assert set(replica_sets(kubectl)) == {OLD}


def test_a_json_patch_rolls(cluster: RunningCluster, kubectl: Kubectl) -> None:
    path = "/spec/template/spec/containers/0/image"
    operations = json.dumps([{"op": "replace", "path": path, "value": NEW}])
    pretty(Api(cluster, kubectl.folder).patch(JSON_PATCH, operations))
    rolls_to(kubectl, NEW)
    assert history(kubectl)[-1] == (2, "PATCH by curl: deployment-demo nginx:1.10.1 → nginx:1.11.9")


@pytest.mark.parametrize("version", ["extensions/v1beta1", "apps/v1beta1"])
def test_rollback(cluster: RunningCluster, kubectl: Kubectl, version: str) -> None:
    """The article met `"status": "Failure"` with code 200 here."""
    api = Api(cluster, kubectl.folder, version)
    manifest = (kubectl.folder / "deployment-demo-v0.2.json").read_text()
    assert pretty(api.patch(STRATEGIC, manifest.replace("extensions/v1beta1", version)))["apiVersion"] == version
    rolls_to(kubectl, NEW)
    answer = api.rollback("@deployment-demo-rollback.json", "--write-out", "%{http_code}")
    assert answer.endswith("}200")
    assert pretty(answer.removesuffix("200")) == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "message": 'rollback request for deployment "deployment-demo" succeeded',
        "code": 200,
    }
    rolled_back = 'Rolled back deployment "deployment-demo" to revision 1'
    eventually(
        lambda: kubectl("describe", "deployment/deployment-demo"),
        lambda text: "DeploymentRollback" in text and rolled_back in text,
    )
    eventually(lambda: history(kubectl), lambda rows: rows[-1][0] == 3)
    assert [number for number, _ in history(kubectl)] == [2, 3]
    assert history(kubectl)[-1] == (3, CREATED)
    assert "deprecated.deployment.rollback.to" not in kubectl("get", "deployment", "deployment-demo", "-o", "yaml")


@pytest.mark.parametrize(
    ("revision", "reason", "message"),
    [
        (7, "DeploymentRollbackRevisionNotFound", "Unable to find the revision to rollback to."),
        (
            1,
            "DeploymentRollbackTemplateUnchanged",
            'The rollback revision contains the same template as current deployment "deployment-demo"',
        ),
    ],
    ids=["unknown", "unchanged"],
)
def test_rollbacks_that_come_to_nothing(
    cluster: RunningCluster, kubectl: Kubectl, revision: int, reason: str, message: str
) -> None:
    """The request is taken all the same; an event tells."""
    data = json.dumps({"name": "deployment-demo", "rollbackTo": {"revision": revision}})
    assert pretty(Api(cluster, kubectl.folder).rollback(data))["status"] == "Success"
    shown = eventually(
        lambda: kubectl("get", "events", "--field-selector", f"reason={reason}"), lambda text: message in text
    )
    assert "Warning" in shown
    assert history(kubectl) == [(1, CREATED)]


def test_rollback_of_nothing_is_not_found(cluster: RunningCluster, tmp_path: Path) -> None:
    answer = pretty(Api(cluster, tmp_path).rollback('{"name": "deployment-demo"}'))
    assert (answer["code"], answer["message"]) == (404, 'deployments.extensions "deployment-demo" not found')
    assert answer["details"] == {"name": "deployment-demo", "group": "extensions", "kind": "deployments"}
