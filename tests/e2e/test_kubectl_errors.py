"""What kubectl shows when something is wrong: the words of Kubernetes."""

import pytest

from e2e.kubectl_world import JSON, Kubectl, config_map, deployment, pod

pytestmark = pytest.mark.e2e


def rejected(kubectl: Kubectl, manifest: JSON, *arguments: str) -> str:
    return kubectl.fails("create", "-f", kubectl.write("f.yaml", manifest), *arguments)


def test_unknown_kinds(kubectl: Kubectl) -> None:
    manifest = {"apiVersion": "example.com/v1", "kind": "Gadget", "metadata": {"name": "x"}}
    assert rejected(kubectl, manifest) == (
        'error: resource mapping not found for name: "x" namespace: "" from "f.yaml": no matches for kind "Gadget" '
        'in version "example.com/v1"\nensure CRDs are installed first\n'
    )


def test_unknown_fields_are_refused_when_strict(kubectl: Kubectl) -> None:
    manifest = deployment()
    manifest["spec"]["replcas"] = 3
    manifest["spec"]["template"]["spec"]["containers"][0]["imagee"] = "x"
    assert rejected(kubectl, manifest) == (
        'Error from server (BadRequest): error when creating "f.yaml": Deployment in version "v1" cannot be handled as '
        'a Deployment: strict decoding error: unknown field "spec.replcas", '
        'unknown field "spec.template.spec.containers[0].imagee"\n'
    )


def test_unknown_fields_are_warned_of_or_ignored_on_request(kubectl: Kubectl) -> None:
    manifest = config_map("settings")
    manifest["dtaa"] = {}
    name = kubectl.write("f.yaml", manifest)
    done = kubectl.run("create", "-f", name, "--validate=warn")
    assert (done.stdout, done.stderr) == ("configmap/settings created\n", 'Warning: unknown field "dtaa"\n')
    done = kubectl.run(
        "apply", "-f", kubectl.write("g.yaml", {**manifest, "metadata": {"name": "x"}}), "--validate=false"
    )
    assert (done.stdout, done.stderr) == ("configmap/x created\n", "")


def test_wrong_types(kubectl: Kubectl) -> None:
    manifest = deployment()
    manifest["spec"]["replicas"] = "many"
    assert rejected(kubectl, manifest) == (
        'Error from server (BadRequest): error when creating "f.yaml": Deployment in version "v1" cannot be handled as '
        "a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32\n"
    )


def test_malformed_files(kubectl: Kubectl) -> None:
    (kubectl.folder / "bad.yaml").write_text("apiVersion: v1\nkind: ConfigMap\n  metadata: x\n")
    assert kubectl.fails("create", "-f", "bad.yaml") == (
        "error: error parsing bad.yaml: error converting YAML to JSON: yaml: line 3: "
        "mapping values are not allowed in this context\n"
    )
    (kubectl.folder / "bad.json").write_text('{"apiVersion": "v1", "kind": "ConfigMap",, }')
    assert "error parsing bad.json" in kubectl.fails("create", "-f", "bad.json")
    assert kubectl.fails("create", "-f", "absent.yaml") == 'error: the path "absent.yaml" does not exist\n'


def test_malformed_bodies_reach_the_server(kubectl: Kubectl) -> None:
    (kubectl.folder / "bad.json").write_text('{"apiVersion": "v1", "kind": ')
    path = f"/api/v1/namespaces/{kubectl.namespace}/configmaps"
    refused = kubectl.fails("create", "--raw", path, "-f", "bad.json")
    assert refused.startswith(
        "Error from server (BadRequest): the object provided is unrecognized (must be of type ConfigMap): couldn't get "
        "version/kind; json parse error: "
    )


def wrong_selector() -> JSON:
    manifest = deployment()
    manifest["spec"]["selector"]["matchLabels"] = {"app": "other"}
    return manifest


def no_containers() -> JSON:
    manifest = pod("x")
    manifest["spec"]["containers"] = []
    return manifest


def bad_port() -> JSON:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"ports": [{"port": 70000}]},
    }


def two_mistakes() -> JSON:
    manifest = pod("x")
    manifest["spec"]["containers"][0] |= {"name": "Not_Valid", "imagePullPolicy": "Sometimes"}
    return manifest


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        pytest.param(
            wrong_selector(),
            'The Deployment "web" is invalid: spec.template.metadata.labels: Invalid value: '
            'map[string]string{"app":"web"}: '
            "`selector` does not match template `labels`\n",
            id="selector-that-does-not-match",
        ),
        pytest.param(
            no_containers(), 'The Pod "x" is invalid: spec.containers: Required value\n', id="pod-without-containers"
        ),
        pytest.param(
            bad_port(),
            'The Service "web" is invalid: \n'
            "* spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive\n"
            "* spec.ports[0].targetPort: Invalid value: 70000: must be between 1 and 65535, inclusive\n",
            id="port-out-of-range",
        ),
        pytest.param(
            config_map("Not_Valid"),
            'The ConfigMap "Not_Valid" is invalid: metadata.name: Invalid value: "Not_Valid": a lowercase RFC 1123 '
            "subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an "
            "alphanumeric character (e.g. 'example.com', regex used for validation is "
            "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')\n",
            id="bad-name",
        ),
        pytest.param(
            two_mistakes(),
            'The Pod "x" is invalid: \n'
            '* spec.containers[0].name: Invalid value: "Not_Valid": a lowercase RFC 1123 label must consist of lower '
            "case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. "
            "'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')\n"
            '* spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", '
            '"IfNotPresent", "Never"\n',
            id="several-mistakes",
        ),
    ],
)
def test_invalid_objects(kubectl: Kubectl, manifest: JSON, message: str) -> None:
    assert rejected(kubectl, manifest) == message


def test_what_may_not_change(kubectl: Kubectl) -> None:
    kubectl.create(deployment(replicas=0), pod("x", "sleep", "60"))
    selector = (
        '{"spec":{"selector":{"matchLabels":{"app":"other"}},"template":{"metadata":{"labels":{"app":"other"}}}}}'
    )
    assert kubectl.fails("patch", "deployment", "web", "--type=merge", "-p", selector) == (
        'The Deployment "web" is invalid: spec.selector: Invalid value: '
        'v1.LabelSelector{MatchLabels:map[string]string{"app":"other"}, '
        "MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: field is immutable\n"
    )
    node = kubectl.fails("patch", "pod", "x", "-p", '{"spec":{"dnsPolicy":"Default"}}')
    assert node.startswith('The Pod "x" is invalid: spec: Forbidden: pod updates may not change fields other than ')


def test_namespaces_that_are_not_there(kubectl: Kubectl) -> None:
    name = kubectl.write("f.yaml", config_map("settings"))
    done = kubectl.run("create", "-f", name, "-n", "absent")
    assert done.stderr == 'Error from server (NotFound): error when creating "f.yaml": namespaces "absent" not found\n'


def test_manifests_of_another_namespace(kubectl: Kubectl) -> None:
    manifest = config_map("settings")
    manifest["metadata"]["namespace"] = "default"
    assert rejected(kubectl, manifest) == (
        f'error: the namespace from the provided object "default" does not match the namespace '
        f"\"{kubectl.namespace}\". You must pass '--namespace=default' to perform this operation.\n"
    )


def test_verbs_that_a_resource_lacks(kubectl: Kubectl) -> None:
    assert kubectl.fails("get", "--raw", "/api/v1/nonsense") == (
        "Error from server (NotFound): the server could not find the requested resource\n"
    )
    assert kubectl.fails("delete", "--raw", "/api/v1").startswith("Error from server (")
