"""Causes in words."""

import copy
from typing import Any

import pytest

from seatrial.base.types import JSON
from seatrial.workloads import change_cause
from seatrial.workloads.change_cause import Author

SET_IMAGE = Author("PATCH", "alice", "kubectl set image", "kubectl-set", "kubectl")


def a_template(*containers: JSON, **metadata: Any) -> JSON:
    found = list(containers) or [a_container()]
    return {"metadata": {"labels": {"app": "web", "version": "v0.1"}, **metadata}, "spec": {"containers": found}}


def a_container(name: str = "nginx", image: str = "nginx:1.10.1", **fields: Any) -> JSON:
    return {"name": name, "image": image, **fields}


@pytest.mark.parametrize(
    ("author", "told"),
    [
        (SET_IMAGE, "kubectl set image (alice)"),
        (Author("PATCH", "alice", "", "kubectl-set", "kubectl"), "kubectl set (alice)"),
        (Author("PATCH", "alice", "", "kubectl-client-side-apply", "kubectl"), "kubectl apply (alice)"),
        (Author("PATCH", "alice", "", "", "kubectl"), "PATCH by kubectl"),
        (Author("PATCH", "alice", "", "", "curl"), "PATCH by curl"),
        (Author("PUT", "alice", "", "argocd-controller", "argocd"), "PUT by argocd-controller"),
        (Author("POST", "alice"), "POST by alice"),
        (Author("PUT", "system:x", "", "", "kube-controller-manager", 3), "rollback to revision 3"),
        (Author("PUT", "system:x", "", "", "kube-controller-manager", 0), "rollback to the last revision"),
    ],
    ids=["header", "manager", "apply", "old kubectl", "curl", "manager of others", "user", "rollback", "rollback to 0"],
)
def test_who_did_it(author: Author, told: str) -> None:
    assert str(author) == told


def test_a_new_image() -> None:
    before, after = a_template(), a_template(a_container(image="nginx:1.11.9"))
    cause = change_cause.text(SET_IMAGE, after, before)
    assert cause == "kubectl set image (alice): nginx nginx:1.10.1 → nginx:1.11.9"


def test_the_first_revision_tells_its_images() -> None:
    template = a_template(a_container(), a_container("log", "busybox"))
    assert (
        change_cause.text(Author("POST", "alice"), template, None) == "POST by alice: nginx nginx:1.10.1, log busybox"
    )


ENV = [{"name": "VERSION", "value": "v0.1"}]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (
            a_template(a_container(env=ENV)),
            a_template(a_container(env=[{"name": "VERSION", "value": "v0.2"}])),
            "env VERSION v0.1 → v0.2",
        ),
        (a_template(a_container(env=ENV)), a_template(a_container(env=[])), "removed env VERSION"),
        (a_template(a_container(env=[])), a_template(a_container(env=ENV)), "added env VERSION v0.1"),
        (
            a_template(),
            a_template(labels={"app": "web", "version": "v0.2"}),
            "label version v0.1 → v0.2",
        ),
        (a_template(), a_template(annotations={change_cause.RESTARTED_AT: "2026-01-01T00:00:00Z"}), "restarted"),
        (
            a_template(annotations={change_cause.RESTARTED_AT: "2026-01-01T00:00:00Z"}),
            a_template(annotations={change_cause.RESTARTED_AT: "2026-01-02T00:00:00Z"}),
            "restarted",
        ),
        (
            a_template(annotations={change_cause.RESTARTED_AT: "2026-01-01T00:00:00Z"}),
            a_template(),
            f"removed annotation {change_cause.RESTARTED_AT}",
        ),
        (a_template(), a_template(a_container(), a_container("log", "busybox")), "added container log busybox"),
        (a_template(a_container(), a_container("log", "busybox")), a_template(), "removed container log"),
        (
            a_template(a_container(resources={"limits": {"cpu": "1"}})),
            a_template(a_container(resources={"limits": {"cpu": "2"}})),
            "resources.limits.cpu 1 → 2",
        ),
        (
            a_template(a_container(command=["a"]), a_container("log", "busybox")),
            a_template(a_container(command=["b"]), a_container("log", "busybox")),
            'nginx command ["a"] → ["b"]',
        ),
        (
            a_template(),
            {**a_template(), "spec": {**a_template()["spec"], "hostNetwork": True}},
            "added spec.hostNetwork true",
        ),
    ],
    ids=[
        "env",
        "env removed",
        "env added",
        "label",
        "first restart",
        "restart",
        "restart undone",
        "container added",
        "container removed",
        "resources",
        "one of several containers",
        "other",
    ],
)
def test_what_became_of_the_template(before: JSON, after: JSON, told: str) -> None:
    given = copy.deepcopy((before, after))
    assert change_cause.text(Author("PATCH", agent="curl"), after, before) == f"PATCH by curl: {told}"
    assert (before, after) == given


def test_images_come_first_and_much_is_cut_short() -> None:
    labels = {f"l{number}": "x" * 200 for number in range(6)}
    after = a_template(a_container(image="nginx:2"), labels={"app": "web", "version": "v0.1", **labels})
    cause = change_cause.text(SET_IMAGE, after, a_template())
    assert cause.startswith("kubectl set image (alice): nginx nginx:1.10.1 → nginx:2, added label l0 xxx")
    assert cause.endswith("…, and 2 more")
    assert len(cause) < 500


@pytest.mark.parametrize(
    ("cause", "computed"),
    [
        ("kubectl set image (alice): nginx a → b", True),
        ("kubectl rollout restart (alice): restarted", True),
        ("PATCH by curl: restarted", True),
        ("rollback to revision 3: nginx a → b", True),
        ("kubectl create --filename=deployment-demo-v0.1.yaml --record=true", False),
        ("deployment-demo v0.1: nginx 1.10.1", False),
        ("", False),
    ],
)
def test_computed_causes_are_known_by_their_form(cause: str, computed: bool) -> None:
    assert change_cause.is_computed(cause) is computed
