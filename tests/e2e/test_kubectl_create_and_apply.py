"""kubectl create, apply, diff, replace, edit, run and expose."""

import json

import pytest

from e2e.kubectl_world import Kubectl, config_map, deployment, pod

pytestmark = pytest.mark.e2e

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def test_create_from_a_file_says_what_it_made(kubectl: Kubectl) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"ports": [{"port": 80}], "selector": {"app": "web"}},
    }
    assert kubectl("create", "-f", kubectl.write("all.yaml", deployment(), service)) == (
        "deployment.apps/web created\nservice/web created\n"
    )
    again = kubectl.fails("create", "-f", "all.yaml")
    assert again == (
        'Error from server (AlreadyExists): error when creating "all.yaml": deployments.apps "web" already exists\n'
        'Error from server (AlreadyExists): error when creating "all.yaml": services "web" already exists\n'
    )


@pytest.mark.parametrize(
    ("arguments", "made"),
    [
        (("deployment", "web", "--image=nginx:1.10", "--replicas=2", "--port=80"), "deployment.apps/web created\n"),
        (("configmap", "settings", "--from-literal=a=b"), "configmap/settings created\n"),
        (("secret", "generic", "keys", "--from-literal=a=b"), "secret/keys created\n"),
        (("service", "clusterip", "web", "--tcp=80:8080"), "service/web created\n"),
        (("service", "nodeport", "web", "--tcp=80"), "service/web created\n"),
        (("serviceaccount", "robot"), "serviceaccount/robot created\n"),
        (("namespace", "made-by-generator"), "namespace/made-by-generator created\n"),
    ],
    ids=lambda value: "-".join(value[:2]) if isinstance(value, tuple) else "",
)
def test_generators_create(kubectl: Kubectl, arguments: tuple[str, ...], made: str) -> None:
    assert kubectl("create", *arguments) == made


def test_a_generated_deployment_is_what_was_asked_for(kubectl: Kubectl) -> None:
    kubectl("create", "deployment", "web", "--image=nginx:1.10", "--replicas=3", "--port=80")
    made = kubectl.json("get", "deployment", "web")
    assert made["spec"]["replicas"] == 3
    assert made["spec"]["selector"] == {"matchLabels": {"app": "web"}}
    [container] = made["spec"]["template"]["spec"]["containers"]
    assert (container["name"], container["image"]) == ("nginx", "nginx:1.10")
    assert container["ports"] == [{"containerPort": 80, "protocol": "TCP"}]


def test_generated_data_arrives_whole(kubectl: Kubectl) -> None:
    (kubectl.folder / "binary").write_bytes(bytes(range(256)))
    kubectl("create", "configmap", "settings", "--from-literal=mode=fast", "--from-file=binary")
    settings = kubectl.json("get", "configmap", "settings")
    assert settings["data"] == {"mode": "fast"}
    assert settings["binaryData"]["binary"].startswith("AAECAwQF")
    kubectl("create", "secret", "generic", "keys", "--from-literal=password=hunter2")
    keys = kubectl.json("get", "secret", "keys")
    assert keys["data"] == {"password": "aHVudGVyMg=="}
    assert keys["type"] == "Opaque"


def test_run_and_expose(kubectl: Kubectl) -> None:
    assert kubectl("run", "web", "--image=nginx:1.10", "--port=80", "--env=A=B", "--labels=app=web") == (
        "pod/web created\n"
    )
    assert kubectl("expose", "pod", "web", "--port=8080", "--target-port=80") == "service/web exposed\n"
    service = kubectl.json("get", "service", "web")
    assert service["spec"]["selector"] == {"app": "web"}
    assert service["spec"]["ports"] == [{"port": 8080, "protocol": "TCP", "targetPort": 80}]
    assert kubectl("create", "deployment", "back", "--image=nginx:1.10") == "deployment.apps/back created\n"
    assert kubectl("expose", "deployment/back", "--port=80", "--name=front") == "service/front exposed\n"


def test_apply_creates_configures_and_leaves_alone(kubectl: Kubectl) -> None:
    name = kubectl.write("web.yaml", deployment())
    assert kubectl("apply", "-f", name) == "deployment.apps/web created\n"
    assert kubectl("apply", "-f", name) == "deployment.apps/web unchanged\n"
    kubectl.write("web.yaml", deployment(replicas=3))
    assert kubectl("apply", "-f", name) == "deployment.apps/web configured\n"
    live = kubectl.json("get", "deployment", "web")
    assert live["spec"]["replicas"] == 3
    assert json.loads(live["metadata"]["annotations"][LAST_APPLIED])["spec"]["replicas"] == 3


def test_apply_takes_away_what_the_file_no_longer_says(kubectl: Kubectl) -> None:
    kubectl.apply(config_map("settings", a="1", b="2"))
    kubectl("label", "configmap", "settings", "by=hand")
    kubectl.apply(config_map("settings", a="1", c="3"))
    live = kubectl.json("get", "configmap", "settings")
    assert live["data"] == {"a": "1", "c": "3"}
    assert live["metadata"]["labels"] == {"by": "hand"}


def test_apply_merges_containers_by_name_and_prunes_their_fields(kubectl: Kubectl) -> None:
    first = deployment()
    [container] = first["spec"]["template"]["spec"]["containers"]
    container["env"] = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    kubectl.apply(first)
    kubectl("set", "env", "deployment/web", "C=3")
    container["env"] = [{"name": "B", "value": "4"}]
    kubectl.apply(first)
    live = kubectl.json("get", "deployment", "web")["spec"]["template"]["spec"]["containers"][0]
    assert {entry["name"]: entry["value"] for entry in live["env"]} == {"B": "4", "C": "3"}


def test_apply_prune_deletes_what_is_no_longer_in_the_set(kubectl: Kubectl) -> None:
    labelled = [config_map(name, a="1") for name in ("kept", "dropped")]
    for manifest in labelled:
        manifest["metadata"]["labels"] = {"set": "mine"}
    kubectl.apply(*labelled)
    kubectl.write("kept.yaml", labelled[0])
    said = kubectl("apply", "-f", "kept.yaml", "--prune", "-l", "set=mine", "--prune-allowlist=core/v1/ConfigMap")
    assert said == "configmap/kept unchanged\nconfigmap/dropped pruned\n"


def test_apply_warns_of_an_object_that_was_not_applied_before(kubectl: Kubectl) -> None:
    kubectl.create(config_map("settings", a="1"))
    done = kubectl.run("apply", "-f", kubectl.write("s.yaml", config_map("settings", a="2")))
    assert done.stdout == "configmap/settings configured\n"
    assert "resource configmaps/settings is missing the kubectl.kubernetes.io/last-applied-configuration" in done.stderr


def test_server_side_apply_and_its_conflicts(kubectl: Kubectl) -> None:
    kubectl.write("mine.yaml", config_map("settings", a="1"))
    kubectl.write("yours.yaml", config_map("settings", a="2"))
    assert kubectl("apply", "--server-side", "--field-manager=me", "-f", "mine.yaml") == (
        "configmap/settings serverside-applied\n"
    )
    refused = kubectl.fails("apply", "--server-side", "--field-manager=you", "-f", "yours.yaml")
    assert refused.startswith('error: Apply failed with 1 conflict: conflict with "me": .data.a\n')
    assert "Please review the fields above--they currently have other managers." in refused
    kubectl("apply", "--server-side", "--field-manager=you", "--force-conflicts", "-f", "yours.yaml")
    shown = json.loads(kubectl("get", "configmap", "settings", "-o", "json", "--show-managed-fields"))
    assert shown["data"] == {"a": "2"}
    managers = {entry["manager"]: entry for entry in shown["metadata"]["managedFields"]}
    assert managers["you"]["operation"] == "Apply"
    assert "f:data" in managers["you"]["fieldsV1"]


def test_server_side_apply_removes_what_its_manager_no_longer_wants(kubectl: Kubectl) -> None:
    kubectl("apply", "--server-side", "-f", kubectl.write("s.yaml", config_map("settings", a="1", b="2")))
    kubectl("apply", "--server-side", "-f", kubectl.write("s.yaml", config_map("settings", b="2")))
    assert kubectl.json("get", "configmap", "settings")["data"] == {"b": "2"}


def test_diff_shows_what_apply_would_change(kubectl: Kubectl) -> None:
    name = kubectl.write("web.yaml", deployment(image="nginx:1.10.1"))
    kubectl("apply", "-f", name)
    assert kubectl("diff", "-f", name) == ""
    kubectl.write("web.yaml", deployment(image="nginx:1.11.9"))
    done = kubectl.run("diff", "-f", name)
    assert done.returncode == 1
    changed = [line for line in done.stdout.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert "-      - image: nginx:1.10.1" in changed
    assert "+      - image: nginx:1.11.9" in changed
    assert kubectl.json("get", "deployment", "web")["spec"]["template"]["spec"]["containers"][0]["image"].endswith(
        "10.1"
    )


def test_replace_and_replace_by_force(kubectl: Kubectl) -> None:
    kubectl.create(config_map("settings", a="1"))
    before = kubectl.json("get", "configmap", "settings")["metadata"]["uid"]
    name = kubectl.write("s.yaml", config_map("settings", b="2"))
    assert kubectl("replace", "-f", name) == "configmap/settings replaced\n"
    replaced = kubectl.json("get", "configmap", "settings")
    assert (replaced["data"], replaced["metadata"]["uid"]) == ({"b": "2"}, before)
    assert kubectl("replace", "--force", "-f", name) == ('configmap "settings" deleted\nconfigmap/settings replaced\n')
    assert kubectl.json("get", "configmap", "settings")["metadata"]["uid"] != before
    missing = kubectl.fails("replace", "-f", kubectl.write("x.yaml", config_map("absent")))
    assert missing == 'Error from server (NotFound): error when replacing "x.yaml": configmaps "absent" not found\n'


def test_replace_with_an_old_version_is_a_conflict(kubectl: Kubectl) -> None:
    kubectl.create(config_map("settings", a="1"))
    old = kubectl.json("get", "configmap", "settings")
    kubectl("label", "configmap", "settings", "x=y")
    assert kubectl.fails("replace", "-f", kubectl.write("old.yaml", old)) == (
        'Error from server (Conflict): error when replacing "old.yaml": Operation cannot be fulfilled on configmaps '
        '"settings": the object has been modified; please apply your changes to the latest version and try again\n'
    )


def test_edit_saves_what_the_editor_wrote(kubectl: Kubectl) -> None:
    kubectl.create(config_map("settings", a="before"))
    editor = kubectl.folder / "editor"
    editor.write_text('#!/bin/sh\nsed -i s/before/after/ "$1"\n')
    editor.chmod(0o755)
    assert kubectl("edit", "configmap", "settings", KUBE_EDITOR=str(editor)) == "configmap/settings edited\n"
    assert kubectl.json("get", "configmap", "settings")["data"] == {"a": "after"}
    done = kubectl.run("edit", "configmap", "settings", KUBE_EDITOR="true")
    assert done.stderr == "Edit cancelled, no changes made.\n"


def test_dry_runs_store_nothing(kubectl: Kubectl) -> None:
    name = kubectl.write("web.yaml", deployment())
    assert kubectl("apply", "-f", name, "--dry-run=client") == "deployment.apps/web created (dry run)\n"
    assert kubectl("apply", "-f", name, "--dry-run=server") == "deployment.apps/web created (server dry run)\n"
    shown = json.loads(kubectl("create", "-f", name, "--dry-run=server", "-o", "json"))
    assert shown["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": "25%", "maxUnavailable": "25%"}
    assert kubectl.names("deployments") == []
    generated = kubectl("create", "deployment", "x", "--image=nginx", "--dry-run=client", "-o", "yaml")
    assert generated.startswith("apiVersion: apps/v1\nkind: Deployment\n")
    kubectl("apply", "-f", name)
    assert kubectl("delete", "-f", name, "--dry-run=server") == 'deployment.apps "web" deleted (server dry run)\n'
    assert kubectl.names("deployments") == ["deployment.apps/web"]


def test_config_maps_and_secrets_reach_the_environment_of_a_pod(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "settings", "--from-literal=mode=fast", "--from-literal=COLOUR=red")
    kubectl("create", "secret", "generic", "keys", "--from-literal=password=hunter2")
    manifest = pod("reader", "sleep", "600")
    manifest["spec"]["containers"][0] |= {
        "envFrom": [{"configMapRef": {"name": "settings"}}, {"prefix": "S_", "secretRef": {"name": "keys"}}],
        "env": [
            {"name": "MODE", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "mode"}}},
            {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "password"}}},
            {"name": "WHO", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "BOTH", "value": "$(MODE)-$(WHO)"},
        ],
    }
    kubectl.create(manifest)
    kubectl("wait", "--for=condition=Ready", "pod/reader", "--timeout=20s")
    environment = dict(line.split("=", 1) for line in kubectl("exec", "reader", "--", "env").splitlines())
    expected = {"MODE": "fast", "PASSWORD": "hunter2", "WHO": "reader", "BOTH": "fast-reader", "COLOUR": "red"}
    assert expected.items() <= environment.items()
    assert environment["S_password"] == "hunter2"


def test_a_pod_waits_for_the_config_map_that_it_names(kubectl: Kubectl) -> None:
    manifest = pod("reader", "sleep", "600")
    manifest["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "late"}}]
    kubectl.create(manifest)
    kubectl(
        "wait", "pod/reader", "--timeout=20s",
        "--for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=CreateContainerConfigError",
    )  # fmt: skip
    waiting = kubectl.json("get", "pod", "reader")["status"]["containerStatuses"][0]["state"]["waiting"]
    assert waiting["message"] == 'configmap "late" not found'
    kubectl("create", "configmap", "late", "--from-literal=a=b")
    kubectl("wait", "--for=condition=Ready", "pod/reader", "--timeout=60s")


def test_kustomizations_are_applied(kubectl: Kubectl) -> None:
    folder = kubectl.folder / "kustom"
    folder.mkdir()
    kubectl.write("kustom/web.yaml", deployment(replicas=0))
    (folder / "kustomization.yaml").write_text("resources: [web.yaml]\nnamePrefix: my-\n")
    assert kubectl("apply", "-k", "kustom") == "deployment.apps/my-web created\n"
