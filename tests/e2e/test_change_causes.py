"""The history of a Deployment as kubectl shows it: every revision's cause is its own, recorded or not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e import article_world, kubectl_world
from e2e.article_world import history
from e2e.kubectl_world import Kubectl
from seatrial import RunningCluster

pytestmark = pytest.mark.e2e

CREATED = "kubectl create --filename=deployment-demo-v0.1.yaml --record=true"
FILE = "deployment-demo-v0.1.yaml"
NAME = "deployment/deployment-demo"


@pytest.fixture(scope="module")
def cluster() -> Iterator[RunningCluster]:
    with RunningCluster(nodes=2, runtime="simulated") as running:
        yield running


@pytest.fixture
def kubectl(cluster: RunningCluster, tmp_path: Path) -> Iterator[Kubectl]:
    it = article_world.kubectl_on(cluster, tmp_path)
    it("create", "-f", FILE, "--record")
    await_revision(it, 1)
    yield it
    it("delete", "deployment", "deployment-demo", "--cascade=foreground")


def await_revision(kubectl: Kubectl, number: int) -> str:
    """The cause of the newest revision, once it is this one and its ReplicaSet has heard of it."""

    def is_there(rows: list[tuple[int, str]]) -> bool:
        return bool(rows) and rows[-1] == (number, cause_of(kubectl))

    return article_world.eventually(lambda: history(kubectl), is_there)[-1][1]


def cause_of(kubectl: Kubectl) -> str:
    path = r"jsonpath={.metadata.annotations.kubernetes\.io/change-cause}"
    return kubectl("get", NAME, "-o", path)


def edit_file(kubectl: Kubectl, old: str, new: str) -> None:
    path = kubectl.folder / FILE
    path.write_text(path.read_text().replace(old, new))


def test_commands_without_record_are_told_as_they_were(kubectl: Kubectl) -> None:
    container = "deployment-demo"
    kubectl("set", "image", NAME, f"{container}=nginx:1.11.9")
    told = f"kubectl set image (kubernetes-admin): {container} nginx:1.10.1 → nginx:1.11.9"
    assert await_revision(kubectl, 2) == told
    kubectl("set", "env", NAME, "DEPLOYMENT_DEMO_VER=v0.2")
    assert await_revision(kubectl, 3) == "kubectl set env (kubernetes-admin): env DEPLOYMENT_DEMO_VER v0.1 → v0.2"
    kubectl("set", "resources", NAME, "--limits=cpu=1")
    assert await_revision(kubectl, 4) == 'kubectl set resources (kubernetes-admin): added resources.limits {"cpu":"1"}'
    kubectl("rollout", "restart", NAME)
    assert await_revision(kubectl, 5) == "kubectl rollout restart (kubernetes-admin): restarted"
    kubectl("patch", NAME, "-p", '{"spec":{"template":{"metadata":{"labels":{"version":"v0.2"}}}}}')
    assert await_revision(kubectl, 6) == "kubectl patch (kubernetes-admin): label version v0.1 → v0.2"
    kubectl("edit", NAME, KUBE_EDITOR="sed -i s/nginx:1.11.9/nginx:1.12.0/")
    told = f"kubectl edit (kubernetes-admin): {container} nginx:1.11.9 → nginx:1.12.0"
    assert await_revision(kubectl, 7) == told
    assert [number for number, _ in history(kubectl)] == [1, 2, 3, 4, 5, 6, 7]
    assert history(kubectl)[0] == (1, CREATED)


def test_a_recorded_command_is_recorded(kubectl: Kubectl) -> None:
    kubectl("set", "image", NAME, "deployment-demo=nginx:1.11.9", "--record")
    told = "kubectl set image deployment/deployment-demo deployment-demo=nginx:1.11.9 --record=true"
    assert await_revision(kubectl, 2) == told


def test_the_same_command_recorded_again_is_recorded_again(kubectl: Kubectl) -> None:
    """kubectl sends no annotation that is there already, but its own notes of what was applied tell."""
    applied = f"kubectl apply --filename={FILE} --record=true"
    for number, version in ((2, "1.11"), (3, "1.12")):
        edit_file(kubectl, "nginx:1.1" if number == 2 else "nginx:1.11", f"nginx:{version}")
        kubectl("apply", "-f", FILE, "--record")
        assert await_revision(kubectl, number) == applied


def test_apply_without_record_after_one_with(kubectl: Kubectl) -> None:
    edit_file(kubectl, "nginx:1.10.1", "nginx:1.11")
    kubectl("apply", "-f", FILE, "--record")
    await_revision(kubectl, 2)
    edit_file(kubectl, "nginx:1.11", "nginx:1.12")
    kubectl("apply", "-f", FILE)
    assert await_revision(kubectl, 3) == "kubectl apply (kubernetes-admin): deployment-demo nginx:1.11 → nginx:1.12"
    edit_file(kubectl, "nginx:1.12", "nginx:1.13")
    kubectl("apply", "-f", FILE)
    assert await_revision(kubectl, 4) == "kubectl apply (kubernetes-admin): deployment-demo nginx:1.12 → nginx:1.13"


def test_a_cause_in_the_manifest_stands(kubectl: Kubectl) -> None:
    manifest = kubectl_world.deployment("web")
    for number, image in ((1, "nginx:1.10"), (2, "nginx:1.11")):
        manifest["metadata"]["annotations"] = {"kubernetes.io/change-cause": f"release {number}"}
        manifest["spec"]["template"]["spec"]["containers"][0]["image"] = image
        kubectl.apply(manifest)
    path = r"jsonpath={.metadata.annotations.kubernetes\.io/change-cause}"
    assert kubectl("get", "deployment/web", "-o", path) == "release 2"
    kubectl("delete", "deployment", "web")


def test_annotating_a_revision_afterwards(kubectl: Kubectl) -> None:
    kubectl("set", "image", NAME, "deployment-demo=nginx:1.11.9")
    await_revision(kubectl, 2)
    kubectl("annotate", NAME, "kubernetes.io/change-cause=the fix for the leak", "--overwrite")
    assert await_revision(kubectl, 2) == "the fix for the leak"


def test_an_undo_of_what_nobody_recorded(kubectl: Kubectl) -> None:
    for number, image in ((2, "nginx:1.11"), (3, "nginx:1.12")):
        kubectl("set", "image", NAME, f"deployment-demo={image}")
        await_revision(kubectl, number)
    kubectl("rollout", "undo", NAME)
    told = "kubectl rollout undo (kubernetes-admin): deployment-demo nginx:1.12 → nginx:1.11"
    assert await_revision(kubectl, 4) == told
    assert [number for number, _ in history(kubectl)] == [1, 3, 4]


def test_a_diff_shows_only_what_its_user_changes(kubectl: Kubectl) -> None:
    edit_file(kubectl, "nginx:1.10.1", "nginx:1.11")
    difference = kubectl.run("diff", "-f", FILE).stdout
    assert "+        image: nginx:1.11" in difference.splitlines() or "+      - image: nginx:1.11" in difference
    assert "kubectl diff" not in difference
