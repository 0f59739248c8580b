"""What is refused, and in which words."""

from typing import Any

import pytest

from seatrial.base.errors import StatusError, ToolError
from seatrial.base.types import JSON
from seatrial.rollout.rolling_update import manifest, next_controller, resume, validation
from seatrial.rollout.rolling_update.validation import Request, UsageError


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Request(["a"], image="x", deployment_label_key=""), "--deployment-label-key can not be empty"),
        (Request(["a"], ["x", "y"]), "May only specify a single filename for new controller"),
        (Request(["a"]), "Must specify --filename or --image for new controller"),
        (Request([]), "Must specify --filename or --image for new controller"),
        (Request(["a"], ["f"], image="x"), "--filename and --image can not both be specified"),
        (Request(["a"], ["f"], rollback=True), "Don't specify --filename or --image on rollback"),
        (Request(["a"], image="x", rollback=True), "Don't specify --filename or --image on rollback"),
        (Request([], ["f"]), "Must specify the controller to update"),
        (Request([], rollback=True), "Must specify the controller to update"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_arguments_that_can_not_be_right(request_: Request, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        validation.check_request(request_)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("request_", "keeps"),
    [
        (Request(["a"], image="x"), True),
        (Request(["a", "b"], image="x"), False),
        (Request(["a"], ["f"]), False),
        (Request(["a"], rollback=True), False),
    ],
    ids=["image", "image and name", "file", "rollback"],
)
def test_the_old_name_is_kept_only_by_image(request_: Request, keeps: bool) -> None:
    validation.check_request(request_)
    assert request_.keeps_name is keeps


def rc(name: str = "old", containers: int = 1, **selector: str) -> JSON:
    return {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {"name": name, "namespace": "n", "uid": "u", "resourceVersion": "5"},
        "spec": {
            "replicas": 3,
            "selector": selector or {"app": "web"},
            "template": {
                "metadata": {"labels": selector or {"app": "web"}},
                "spec": {"containers": [{"name": f"c{number}", "image": "web:1"} for number in range(containers)]},
            },
        },
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            rc("a"),
            rc("a", app="x"),
            "f.yaml cannot have the same name as the existing ReplicationController a",
        ),
        (
            rc("a", app="web"),
            rc("b", ver="2"),
            "f.yaml must specify a matching key with non-equal value in Selector for a",
        ),
        (
            rc("a", app="web"),
            rc("b", app="web", ver="2"),
            "f.yaml must specify a matching key with non-equal value in Selector for a",
        ),
    ],
    ids=["same name", "no common key", "common key has the same value"],
)
def test_pairs_that_can_not_be_told_apart(old: JSON, new: JSON, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        validation.check_pair("f.yaml", old, new)
    assert str(caught.value) == message


def test_one_key_of_many_is_enough() -> None:
    validation.check_pair("f.yaml", rc("a", app="web", ver="1"), rc("b", app="web", ver="2"))


def test_the_next_controller_differs_in_name_image_and_one_label() -> None:
    old = resume.annotated(rc(), {resume.NEXT_CONTROLLER_ID: "x", resume.ORIGINAL_REPLICAS: "9", "mine": "1"})
    made = next_controller.from_current(old, "", Request(["old"], image="web:2"))
    digest = made["spec"]["selector"]["deployment"]
    assert made["metadata"] == {"name": f"old-{digest}", "namespace": "n", "annotations": {"mine": "1"}}
    assert len(digest) == 32
    assert made["spec"]["selector"] == made["spec"]["template"]["metadata"]["labels"]
    assert made["spec"]["template"]["spec"]["containers"] == [{"name": "c0", "image": "web:2"}]
    assert old["spec"]["template"]["spec"]["containers"] == [{"name": "c0", "image": "web:1"}]
    validation.check_pair("", next_controller.told_apart(old, "deployment", "x-orig"), made)


def test_the_same_update_done_later_has_another_hash() -> None:
    request = Request(["old", "next"], image="web:2", deployment_label_key="k")
    later = rc() | {"metadata": {**rc()["metadata"], "resourceVersion": "6"}}
    first, second = (next_controller.from_current(old, request.new, request) for old in (rc(), later))
    assert first["metadata"]["name"] == second["metadata"]["name"] == "next"
    assert first["spec"]["selector"]["k"] != second["spec"]["selector"]["k"]


@pytest.mark.parametrize(
    ("old", "request_", "message"),
    [
        (
            rc(),
            Request(["old"], image="web:1"),
            "--image-pull-policy (Always|Never|IfNotPresent) must be provided when --image is the same as existing "
            "container image",
        ),
        (rc(), Request(["old"], image="web:2", container="x"), "container x not found in pod"),
        (
            rc(containers=2),
            Request(["old"], image="web:2"),
            "must specify container to update when updating a multi-container pod",
        ),
        (rc(containers=0), Request(["old"], image="web:2"), "pod has no containers! (old)"),
    ],
    ids=["same image", "no such container", "which container", "no container"],
)
def test_images_that_can_not_be_set(old: JSON, request_: Request, message: str) -> None:
    with pytest.raises(ToolError) as caught:
        next_controller.from_current(old, "", request_)
    assert str(caught.value) == message


def test_the_same_image_again_takes_a_pull_policy() -> None:
    request = Request(["old"], image="web:1", container="c1", image_pull_policy="Always")
    made = next_controller.from_current(rc(containers=2), "", request)
    assert made["spec"]["template"]["spec"]["containers"] == [
        {"name": "c0", "image": "web:1"},
        {"name": "c1", "image": "web:1", "imagePullPolicy": "Always"},
    ]


SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}}
DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}}


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ([rc(), rc()], "f.yaml specifies multiple items"),
        ([], "please make sure f.yaml exists and is not empty"),
        ([SERVICE], "f.yaml contains a /v1, Kind=Service not a ReplicationController"),
        ([DEPLOYMENT], "f.yaml contains a apps/v1, Kind=Deployment not a ReplicationController"),
    ],
    ids=["two", "none", "core kind", "other kind"],
)
def test_files_that_hold_no_one_controller(found: list[JSON], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        manifest.only_controller(found, "f.yaml", "n", True)
    assert str(caught.value) == message


def test_another_namespace_is_refused() -> None:
    with pytest.raises(ToolError) as caught:
        manifest.only_controller([rc()], "f.yaml", "b", True)
    assert str(caught.value) == (
        'the namespace from the provided object "n" does not match the namespace "b". '
        "You must pass '--namespace=n' to perform this operation."
    )
    with pytest.raises(StatusError, match="does not match the namespace sent on the request"):
        manifest.defaulted(manifest.only_controller([rc()], "f.yaml", "b", False), "b", 1)


@pytest.mark.parametrize(
    ("spec", "replicas", "selector"),
    [
        ({"replicas": 2, "selector": {"a": "b"}}, 2, {"a": "b"}),
        ({}, 7, {"l": "1"}),
        ({"replicas": 0}, 0, {"l": "1"}),
    ],
    ids=["all given", "nothing given", "none wanted"],
)
def test_what_a_file_leaves_out(spec: JSON, replicas: int, selector: dict[str, str]) -> None:
    rc_ = {"metadata": {"name": "x"}, "spec": {"template": {"metadata": {"labels": {"l": "1"}}}, **spec}}
    made = manifest.defaulted(rc_, "n", 7)["spec"]
    assert (made["replicas"], made["selector"]) == (replicas, selector)


def changed(path: tuple[Any, ...], value: Any) -> JSON:
    obj: Any = rc()
    inner = obj
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return obj  # type: ignore[no-any-return]


SPEC = "io.k8s.api.core.v1.ReplicationControllerSpec"
CONTAINERS = ("spec", "template", "spec", "containers")


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        (
            changed(("spec", "replica"), 3),
            f'ValidationError(ReplicationController.spec): unknown field "replica" in {SPEC}',
        ),
        (
            changed(("spec", "replicas"), "3"),
            f"ValidationError(ReplicationController.spec.replicas): invalid type for {SPEC}.replicas: "
            'got "string", expected "integer"',
        ),
        (
            changed((*CONTAINERS, 0), {"image": "x", "imagee": "y"}),
            "[ValidationError(ReplicationController.spec.template.spec.containers[0]): unknown field "
            '"imagee" in io.k8s.api.core.v1.Container, '
            "ValidationError(ReplicationController.spec.template.spec.containers[0]): missing required field "
            '"name" in io.k8s.api.core.v1.Container]',
        ),
        (
            changed(CONTAINERS, {}),
            "ValidationError(ReplicationController.spec.template.spec.containers): invalid type for "
            'io.k8s.api.core.v1.PodSpec.containers: got "map", expected "array"',
        ),
    ],
    ids=["unknown field", "wrong type", "two errors", "no list"],
)
def test_what_the_schema_does_not_allow(obj: JSON, message: str) -> None:
    with pytest.raises(ToolError) as caught:
        manifest.check_schema(obj, "f.yaml")
    assert str(caught.value) == (
        f'error validating "f.yaml": error validating data: {message}; if you choose to ignore these errors, '
        "turn validation off with --validate=false"
    )


def test_what_the_schema_allows() -> None:
    resources = {"limits": {"cpu": 1, "memory": "1Gi"}}
    ports = [{"containerPort": 80}]
    probe = {"httpGet": {"port": "http"}}
    container = {"name": "c", "image": "x", "ports": ports, "resources": resources, "livenessProbe": probe}
    manifest.check_schema(changed((*CONTAINERS, 0), container), "f.yaml")
