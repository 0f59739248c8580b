"""Plans that bring a revision back."""

from typing import Any

import pytest

from seatrial.rollout import configuration, undoing

ONE = {"spec": {"containers": [{"name": "c", "image": "n:1", "imagePullPolicy": "Always", "env": [{"name": "A"}]}]}}
TWO = {"spec": {"containers": [{"name": "c", "image": "n:2", "imagePullPolicy": "Always"}, {"name": "d"}]}}


@pytest.mark.parametrize(
    ("applied", "mended"),
    [
        (
            {"spec": {"containers": [{"name": "c", "image": "n:2"}, {"name": "d"}]}},
            {"spec": {"containers": [{"name": "c", "image": "n:1", "env": [{"name": "A"}]}]}},
        ),
        ({"spec": {"containers": []}}, {"spec": {"containers": []}}),
    ],
    ids=["changes only, no defaults", "what was never applied"],
)
def test_last_applied_gets_the_changes_of_the_template(applied: dict[str, Any], mended: dict[str, Any]) -> None:
    result = undoing.mend(applied, TWO, ONE)
    if applied["spec"]["containers"]:
        assert result == mended
    else:
        assert [each["name"] for each in result["spec"]["containers"]] == ["c"]


@pytest.mark.parametrize(
    ("metadata", "tool"),
    [
        ({}, ""),
        ({"labels": {"argocd.argoproj.io/instance": "x"}}, "Argo CD"),
        ({"annotations": {"argocd.argoproj.io/tracking-id": "x"}}, "Argo CD"),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "x"}}, "Flux"),
        ({"managedFields": [{"manager": "kubectl"}, {"manager": "helm-controller"}]}, "Flux"),
        (
            {
                "labels": {"kustomize.toolkit.fluxcd.io/name": "x"},
                "annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"},
            },
            "",
        ),
    ],
    ids=["nobody", "argo label", "argo annotation", "flux label", "flux manager", "flux switched off"],
)
def test_tools_that_will_revert_it_are_known(metadata: dict[str, Any], tool: str) -> None:
    assert undoing.gitops_owner({"metadata": metadata}) == tool


def test_all_references_of_a_template_are_found() -> None:
    container = {
        "envFrom": [{"configMapRef": {"name": "a"}}, {"secretRef": {"name": "b"}}],
        "env": [{"valueFrom": {"secretKeyRef": {"name": "c"}}}, {"name": "X", "value": "1"}],
    }
    volumes = [
        {"configMap": {"name": "d"}},
        {"secret": {"secretName": "e"}},
        {"projected": {"sources": [{"secret": {"name": "f"}}, {"configMap": {"name": "g"}}]}},
        {"emptyDir": {}},
    ]
    found = configuration.references({"spec": {"initContainers": [container], "volumes": volumes}})
    assert found == [*(f"configmap/{name}" for name in "adg"), *(f"secret/{name}" for name in "bcef")]
