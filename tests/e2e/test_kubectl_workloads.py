"""kubectl scale, set, rollout, wait, label, annotate, patch and delete."""

import json
import time

import pytest

from e2e.kubectl_world import Kubectl, config_map, deployment, lines_of, pod

pytestmark = pytest.mark.e2e


def image_of(kubectl: Kubectl, name: str = "deployment/web") -> str:
    image: str = kubectl("get", name, "-o", "jsonpath={.spec.template.spec.containers[0].image}")
    return image


def roll(kubectl: Kubectl, image: str, cause: str = "") -> None:
    kubectl("set", "image", "deployment/web", f"web={image}")
    if cause:
        kubectl("annotate", "deployment/web", f"kubernetes.io/change-cause={cause}", "--overwrite")
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")


@pytest.fixture
def rolled(kubectl: Kubectl) -> Kubectl:
    """A Deployment with two revisions, each with its cause."""
    kubectl.create(deployment(image="nginx:1.10.1"))
    kubectl("annotate", "deployment/web", "kubernetes.io/change-cause=first")
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    roll(kubectl, "nginx:1.11.9", "second")
    return kubectl


def test_scale(kubectl: Kubectl) -> None:
    kubectl.create(deployment(replicas=1))
    assert kubectl("scale", "deployment", "web", "--replicas=3") == "deployment.apps/web scaled\n"
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    assert len(kubectl.names("pods", "--field-selector", "status.phase=Running")) == 3
    assert kubectl.fails("scale", "deployment", "web", "--replicas=5", "--current-replicas=2") == (
        "error: Expected replicas to be 2, was 3\n"
    )
    assert kubectl("scale", "deployment", "web", "--replicas=0", "--current-replicas=3") == (
        "deployment.apps/web scaled\n"
    )
    kubectl("wait", "--for=delete", "pod", "-l", "app=web", "--timeout=40s")
    assert kubectl.names("pods") == []
    assert kubectl.fails("scale", "deployment", "web", "--replicas=-1") == (
        "error: The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0\n"
    )


def test_replica_sets_and_controllers_scale_too(kubectl: Kubectl) -> None:
    manifest = deployment("rc", replicas=1)
    labels = manifest["spec"]["selector"]["matchLabels"]
    rc = {**manifest, "apiVersion": "v1", "kind": "ReplicationController"}
    rc["spec"] = {**manifest["spec"], "selector": labels}
    kubectl.create(rc)
    assert kubectl("scale", "rc", "rc", "--replicas=2") == "replicationcontroller/rc scaled\n"
    kubectl("wait", "rc/rc", "--for=jsonpath={.status.readyReplicas}=2", "--timeout=30s")
    rs = {**deployment("rs", replicas=1), "kind": "ReplicaSet"}
    kubectl.create(rs)
    assert kubectl("scale", "rs", "rs", "--replicas=2") == "replicaset.apps/rs scaled\n"
    kubectl("wait", "rs/rs", "--for=jsonpath={.status.readyReplicas}=2", "--timeout=30s")


def test_set_image_env_and_resources(kubectl: Kubectl) -> None:
    kubectl.create(deployment(replicas=0))
    assert kubectl("set", "image", "deployment/web", "web=nginx:1.11.9") == "deployment.apps/web image updated\n"
    assert image_of(kubectl) == "nginx:1.11.9"
    assert kubectl("set", "env", "deployment/web", "MODE=fast", "X=1") == "deployment.apps/web env updated\n"
    assert kubectl("set", "env", "deployment/web", "X-") == "deployment.apps/web env updated\n"
    assert kubectl("set", "env", "deployment/web", "--list").splitlines()[1:] == ["MODE=fast"]
    assert kubectl("set", "resources", "deployment/web", "--requests=cpu=10m,memory=16Mi", "--limits=cpu=0.5") == (
        "deployment.apps/web resource requirements updated\n"
    )
    [container] = kubectl.json("get", "deployment", "web")["spec"]["template"]["spec"]["containers"]
    assert container["resources"] == {"limits": {"cpu": "500m"}, "requests": {"cpu": "10m", "memory": "16Mi"}}
    assert kubectl.fails("set", "image", "deployment/web", "absent=nginx:1") == (
        'error: unable to find container named "absent"\n'
    )


def test_rollout_status_tells_the_steps(kubectl: Kubectl) -> None:
    kubectl.create(deployment(replicas=3))
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    kubectl("set", "image", "deployment/web", "web=nginx:1.11.9")
    told = kubectl("rollout", "status", "deployment/web", "--timeout=30s").splitlines()
    assert told[-1] == 'deployment "web" successfully rolled out'
    steps = [
        'Waiting for deployment "web" rollout to finish: ',
        "Waiting for deployment spec update to be observed...",
        'Waiting for deployment "web" spec update to be observed...',
    ]
    assert all(line.startswith(tuple(steps)) for line in told[:-1]), told


def test_rollout_history(rolled: Kubectl) -> None:
    assert rolled("rollout", "history", "deployment/web") == (
        "deployment.apps/web \nREVISION  CHANGE-CAUSE\n1         first\n2         second\n\n"
    )
    detail = rolled("rollout", "history", "deployment/web", "--revision=1")
    assert detail.startswith("deployment.apps/web with revision #1\nPod Template:\n  Labels:\tapp=web\n")
    assert "    Image:\tnginx:1.10.1\n" in detail
    assert rolled.fails("rollout", "history", "deployment/web", "--revision=7") == (
        "error: unable to find the specified revision\n"
    )


def test_rollout_undo(rolled: Kubectl) -> None:
    assert rolled("rollout", "undo", "deployment/web") == "deployment.apps/web rolled back\n"
    assert image_of(rolled) == "nginx:1.10.1"
    rolled("rollout", "status", "deployment/web", "--timeout=30s")
    history = lines_of(rolled("rollout", "history", "deployment/web"))
    assert [row for row in history[2:] if row] == [["2", "second"], ["3", "first"]]
    assert rolled("rollout", "undo", "deployment/web", "--to-revision=2") == "deployment.apps/web rolled back\n"
    assert image_of(rolled) == "nginx:1.11.9"
    assert rolled.fails("rollout", "undo", "deployment/web", "--to-revision=99") == (
        "error: unable to find specified revision 99 in history\n"
    )


def test_undo_uses_the_old_replica_set_again(rolled: Kubectl) -> None:
    before = set(rolled.names("rs"))
    rolled("rollout", "undo", "deployment/web")
    rolled("rollout", "status", "deployment/web", "--timeout=30s")
    assert set(rolled.names("rs")) == before
    assert len(before) == 2


def test_pause_and_resume(kubectl: Kubectl) -> None:
    kubectl.create(deployment())
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    assert kubectl("rollout", "pause", "deployment/web") == "deployment.apps/web paused\n"
    kubectl("set", "image", "deployment/web", "web=nginx:1.11.9")
    kubectl("set", "env", "deployment/web", "A=B")
    generation = kubectl.json("get", "deployment", "web")["metadata"]["generation"]
    kubectl("wait", "deployment/web", f"--for=jsonpath={{.status.observedGeneration}}={generation}", "--timeout=20s")
    assert len(kubectl.names("rs")) == 1, "a paused Deployment makes no ReplicaSet"
    assert kubectl.fails("rollout", "restart", "deployment/web") == (
        'error: deployments.apps "web" can\'t restart paused deployment (run rollout resume first)\n'
    )
    assert kubectl("rollout", "resume", "deployment/web") == "deployment.apps/web resumed\n"
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    assert len(kubectl.names("rs")) == 2, "both changes are one revision"


def test_a_paused_deployment_is_not_undone(rolled: Kubectl) -> None:
    rolled("rollout", "pause", "deployment/web")
    assert rolled.fails("rollout", "undo", "deployment/web") == (
        "error: you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again\n"
    )


def test_restart_replaces_every_pod(kubectl: Kubectl) -> None:
    kubectl.create(deployment())
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    before = set(kubectl.names("pods"))
    assert kubectl("rollout", "restart", "deployment/web") == "deployment.apps/web restarted\n"
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    running = kubectl.json("get", "pods")["items"]
    alive = {f"pod/{one['metadata']['name']}" for one in running if "deletionTimestamp" not in one["metadata"]}
    assert len(alive) == 2
    assert not alive & before


def test_a_stuck_rollout_is_reported(kubectl: Kubectl) -> None:
    kubectl.create(deployment(progressDeadlineSeconds=2))
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    kubectl("set", "image", "deployment/web", "web=nobody/knows:1")
    assert kubectl.fails("rollout", "status", "deployment/web", "--timeout=30s") == (
        'error: deployment "web" exceeded its progress deadline\n'
    )
    reasons = {row[2] for row in lines_of(kubectl("get", "pods", "--no-headers"))}
    assert reasons & {"ErrImagePull", "ImagePullBackOff"}
    assert "Running" in reasons, "the old Pods still serve"
    kubectl("rollout", "undo", "deployment/web")
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")


def test_recreate_never_mixes_versions(kubectl: Kubectl) -> None:
    kubectl.create(deployment(strategy={"type": "Recreate"}))
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    roll(kubectl, "nginx:1.11.9")
    events = kubectl("events", "--for", "deployment/web")
    assert events.index("Scaled down") < events.rindex("Scaled up")


def test_wait(kubectl: Kubectl) -> None:
    kubectl.create(pod("one", "sleep", "600"))
    assert kubectl("wait", "--for=condition=Ready", "pod/one", "--timeout=20s") == "pod/one condition met\n"
    assert kubectl("wait", "--for=jsonpath={.status.phase}=Running", "pod/one") == "pod/one condition met\n"
    assert kubectl.fails("wait", "--for=condition=Ready=false", "pod/one", "--timeout=200ms") == (
        "error: timed out waiting for the condition on pods/one\n"
    )
    with kubectl.started("wait", "--for=delete", "pod/one", "--timeout=30s", "-v=6") as waiting:
        assert waiting.stdout is not None
        assert any("/pods" in line and " 200 OK" in line for line in waiting.stdout)  # it has seen the Pod
        kubectl("delete", "pod", "one", "--wait=false")
        assert waiting.wait(timeout=30) == 0
        assert waiting.stdout.read().endswith("pod/one condition met\n")
    with kubectl.started("wait", "--for=create", "configmap/late", "--timeout=30s") as waiting:
        kubectl.create(config_map("late"))
        assert waiting.wait(timeout=30) == 0


def test_label_and_annotate(kubectl: Kubectl) -> None:
    kubectl.create(config_map("settings"))
    assert kubectl("label", "configmap", "settings", "tier=front") == "configmap/settings labeled\n"
    assert kubectl("label", "configmap", "settings", "tier=front") == "configmap/settings not labeled\n"
    assert kubectl.fails("label", "configmap", "settings", "tier=back") == (
        "error: 'tier' already has a value (front), and --overwrite is false\n"
    )
    assert kubectl("label", "configmap", "settings", "tier=back", "--overwrite") == "configmap/settings labeled\n"
    assert kubectl("label", "configmap", "settings", "tier-") == "configmap/settings unlabeled\n"
    assert kubectl("annotate", "configmap", "settings", "note=any text") == "configmap/settings annotated\n"
    assert kubectl("label", "configmaps", "--all", "seen=yes").endswith("configmap/settings labeled\n")
    assert kubectl.fails("label", "configmap", "settings", "bad=a b").startswith("error: invalid label value")


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        ("json", [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "nginx:1.11.9"}]),
        ("strategic", {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "nginx:1.11.9"}]}}}}),
        (
            "merge",
            {
                "spec": {
                    "template": {
                        "spec": {
                            "containers": [{"name": "web", "image": "nginx:1.11.9", "ports": [{"containerPort": 80}]}]
                        }
                    }
                }
            },
        ),
    ],
    ids=["json", "strategic", "merge"],
)
def test_the_three_types_of_patch(kubectl: Kubectl, kind: str, patch: object) -> None:
    kubectl.create(deployment(replicas=0))
    arguments = ("patch", "deployment", "web", f"--type={kind}", "-p", json.dumps(patch))
    assert kubectl(*arguments) == "deployment.apps/web patched\n"
    [container] = kubectl.json("get", "deployment", "web")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "nginx:1.11.9"
    assert container["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
    assert kubectl(*arguments) == "deployment.apps/web patched (no change)\n"


def test_a_strategic_patch_deletes_by_directive(kubectl: Kubectl) -> None:
    manifest = deployment(replicas=0)
    manifest["spec"]["template"]["spec"]["containers"].append({"name": "side", "image": "busybox"})
    kubectl.create(manifest)
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "side", "$patch": "delete"}]}}}}
    kubectl("patch", "deployment", "web", "-p", json.dumps(patch))
    containers = kubectl.json("get", "deployment", "web")["spec"]["template"]["spec"]["containers"]
    assert [container["name"] for container in containers] == ["web"]


def test_a_json_patch_can_test_and_remove(kubectl: Kubectl) -> None:
    kubectl.create(config_map("settings", a="1", b="2"))
    good = [{"op": "test", "path": "/data/a", "value": "1"}, {"op": "remove", "path": "/data/b"}]
    kubectl("patch", "configmap", "settings", "--type=json", "-p", json.dumps(good))
    assert kubectl.json("get", "configmap", "settings")["data"] == {"a": "1"}
    wrong = [{"op": "test", "path": "/data/a", "value": "7"}]
    refused = kubectl.fails("patch", "configmap", "settings", "--type=json", "-p", json.dumps(wrong))
    assert refused == "The request is invalid: the server rejected our request due to an error in our request\n"


def test_a_json_patch_that_is_no_list_is_refused_clearly(kubectl: Kubectl) -> None:
    kubectl.create(config_map("settings"))
    refused = kubectl.fails("patch", "configmap", "settings", "--type=json", "-p", '{"data":{"a":"b"}}')
    assert refused == (
        "Error from server (BadRequest): error decoding patch: json: cannot unmarshal object into Go value of type "
        "[]handlers.jsonPatchOp\n"
    )


def test_patch_of_subresources(kubectl: Kubectl) -> None:
    kubectl.create(deployment(replicas=0))
    kubectl("patch", "deployment", "web", "--subresource=scale", "--type=merge", "-p", '{"spec":{"replicas":1}}')
    assert kubectl.json("get", "deployment", "web")["spec"]["replicas"] == 1
    scale = kubectl.json("get", "deployment", "web", "--subresource=scale")
    assert (scale["kind"], scale["spec"]) == ("Scale", {"replicas": 1})


def owned_by(kubectl: Kubectl, name: str) -> list[str]:
    """Names of ReplicaSets and Pods with this app label."""
    return kubectl.names("rs,pods", "-l", f"app={name}")


def gone(kubectl: Kubectl, name: str) -> None:
    kubectl("wait", "--for=delete", "rs,pods", "-l", f"app={name}", "--timeout=40s")
    assert owned_by(kubectl, name) == []


@pytest.fixture
def available(kubectl: Kubectl) -> Kubectl:
    kubectl.create(deployment(replicas=1))
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    return kubectl


def test_delete_in_the_background(available: Kubectl) -> None:
    assert available("delete", "deployment", "web") == 'deployment.apps "web" deleted\n'
    gone(available, "web")


def test_delete_in_the_foreground_waits_for_the_dependents(available: Kubectl) -> None:
    assert available("delete", "deployment", "web", "--cascade=foreground") == 'deployment.apps "web" deleted\n'
    assert owned_by(available, "web") == []


def test_delete_leaves_orphans(available: Kubectl) -> None:
    assert available("delete", "deployment", "web", "--cascade=orphan") == 'deployment.apps "web" deleted\n'
    rs, running = owned_by(available, "web")
    assert "ownerReferences" not in available.json("get", rs)["metadata"]
    assert available("delete", rs, "--cascade=orphan").startswith("replicaset.apps ")
    assert owned_by(available, "web") == [running]
    assert "ownerReferences" not in available.json("get", running)["metadata"]


def test_orphans_are_adopted_again(available: Kubectl) -> None:
    available("delete", "deployment", "web", "--cascade=orphan")
    before = owned_by(available, "web")
    available.create(deployment(replicas=1))
    available("rollout", "status", "deployment/web", "--timeout=30s")
    assert owned_by(available, "web") == before


def test_delete_by_force_and_by_selector(kubectl: Kubectl) -> None:
    kubectl.create(pod("stubborn", "sh", "-c", "trap '' TERM; while :; do sleep 1; done"))
    kubectl.create(pod("other", "sleep", "600"))
    kubectl("wait", "--for=condition=Ready", "pods", "--all", "--timeout=20s")
    started = time.monotonic()
    done = kubectl.run("delete", "pod", "stubborn", "--grace-period=0", "--force")
    assert done.stdout == 'pod "stubborn" force deleted\n'
    assert done.stderr.startswith("Warning: Immediate deletion does not wait for confirmation")
    assert time.monotonic() - started < 10
    assert kubectl("delete", "pods", "-l", "run=other", "--now") == 'pod "other" deleted\n'
    assert kubectl("delete", "pods", "--all", "--ignore-not-found") == "No resources found\n"
    assert kubectl.fails("delete", "pod", "other") == 'Error from server (NotFound): pods "other" not found\n'


def test_a_deleted_namespace_takes_everything_with_it(kubectl: Kubectl) -> None:
    assert kubectl("create", "namespace", "doomed") == "namespace/doomed created\n"
    kubectl("wait", "--for=create", "serviceaccount/default", "-n", "doomed")
    kubectl("create", "deployment", "web", "--image=nginx:1.10", "-n", "doomed")
    kubectl("create", "configmap", "settings", "-n", "doomed")
    kubectl("rollout", "status", "deployment/web", "-n", "doomed", "--timeout=30s")
    assert kubectl("delete", "namespace", "doomed") == 'namespace "doomed" deleted\n'
    assert (
        kubectl.fails("get", "namespace", "doomed") == 'Error from server (NotFound): namespaces "doomed" not found\n'
    )
    assert kubectl("get", "all,configmaps", "-n", "doomed", "-o", "name") == ""


def test_cordon_drain_and_taint(kubectl: Kubectl) -> None:
    kubectl.create(deployment(replicas=2))
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    try:
        assert kubectl("cordon", "node-1") == "node/node-1 cordoned\n"
        assert lines_of(kubectl("get", "node", "node-1", "--no-headers"))[0][1] == "Ready,SchedulingDisabled"
        assert kubectl("drain", "node-1", "--force", "--ignore-daemonsets").endswith("node/node-1 drained\n")
        kubectl("rollout", "status", "deployment/web", "--timeout=30s")
        nodes = kubectl("get", "pods", "-o", "jsonpath={.items[*].spec.nodeName}").split()
        assert set(nodes) == {"node-2"}
    finally:
        assert kubectl("uncordon", "node-1") == "node/node-1 uncordoned\n"
    assert kubectl("taint", "node", "node-1", "a=b:PreferNoSchedule") == "node/node-1 tainted\n"
    assert kubectl("taint", "node", "node-1", "a-") == "node/node-1 untainted\n"
