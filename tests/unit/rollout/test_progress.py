# ruff: noqa: E501
"""kubectl's messages about a rollout."""

from typing import Any

import pytest

from seatrial.rollout import progress


def obj(spec: dict[str, Any], **status: Any) -> dict[str, Any]:
    metadata = {"name": "x", "generation": 2, "annotations": {"deployment.kubernetes.io/revision": "4"}}
    return {"metadata": metadata, "spec": spec, "status": {"observedGeneration": 2, **status}}


ROLLING = {"updateStrategy": {"type": "RollingUpdate"}}
LATE = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]


@pytest.mark.parametrize(
    ("kind", "it", "message", "done"),
    [
        ("Deployment", obj({"replicas": 3}, observedGeneration=1), "Waiting for deployment spec update to be observed...", False),
        ("Deployment", obj({"replicas": 3}, updatedReplicas=1), 'Waiting for deployment "x" rollout to finish: 1 out of 3 new replicas have been updated...', False),
        ("Deployment", obj({"replicas": 3}, updatedReplicas=3, replicas=4), 'Waiting for deployment "x" rollout to finish: 1 old replicas are pending termination...', False),
        ("Deployment", obj({"replicas": 3}, updatedReplicas=3, replicas=3, availableReplicas=2), 'Waiting for deployment "x" rollout to finish: 2 of 3 updated replicas are available...', False),
        ("Deployment", obj({"replicas": 3}, updatedReplicas=3, replicas=3, availableReplicas=3), 'deployment "x" successfully rolled out', True),
        ("DaemonSet", obj(ROLLING, observedGeneration=1), "Waiting for daemon set spec update to be observed...", False),
        ("DaemonSet", obj(ROLLING, desiredNumberScheduled=2, updatedNumberScheduled=1), 'Waiting for daemon set "x" rollout to finish: 1 out of 2 new pods have been updated...', False),
        ("DaemonSet", obj(ROLLING, desiredNumberScheduled=2, updatedNumberScheduled=2, numberAvailable=1), 'Waiting for daemon set "x" rollout to finish: 1 of 2 updated pods are available...', False),
        ("DaemonSet", obj(ROLLING), 'daemon set "x" successfully rolled out', True),
        ("StatefulSet", obj({**ROLLING, "replicas": 3}, observedGeneration=1), "Waiting for statefulset spec update to be observed...", False),
        ("StatefulSet", obj({**ROLLING, "replicas": 3}, readyReplicas=1), "Waiting for 2 pods to be ready...", False),
        ("StatefulSet", obj({**ROLLING, "replicas": 3}, readyReplicas=3, updatedReplicas=1, updateRevision="x-b", currentRevision="x-a"), "waiting for statefulset rolling update to complete 1 pods at revision x-b...", False),
        ("StatefulSet", obj({**ROLLING, "replicas": 3}, readyReplicas=3, currentReplicas=3, updateRevision="x-b", currentRevision="x-b"), "statefulset rolling update complete 3 pods at revision x-b...", True),
        ("StatefulSet", obj({"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}, "replicas": 3}, readyReplicas=3), "Waiting for partitioned roll out to finish: 0 out of 1 new pods have been updated...", False),
        ("StatefulSet", obj({"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}, "replicas": 3}, readyReplicas=3, updatedReplicas=1), "partitioned roll out complete: 1 new pods have been updated...", True),
    ],
)  # fmt: skip
def test_messages_are_kubectl_s(kind: str, it: dict[str, Any], message: str, done: bool) -> None:
    found = progress.of(it, kind)
    assert (found.message, found.done, found.error) == (message, done, "")


@pytest.mark.parametrize(
    ("kind", "it", "revision", "error"),
    [
        ("Deployment", obj({"replicas": 3}, conditions=LATE), 0, 'deployment "x" exceeded its progress deadline'),
        ("Deployment", obj({"replicas": 3}), 3, "desired revision (3) is different from the running revision (4)"),
        ("DaemonSet", obj({"updateStrategy": {"type": "OnDelete"}}), 0, "rollout status is only available for RollingUpdate strategy type"),
        ("StatefulSet", obj({"updateStrategy": {"type": "OnDelete"}}), 0, "rollout status is only available for RollingUpdate strategy type"),
    ],
    ids=["late", "revision", "daemon set", "stateful set"],
)  # fmt: skip
def test_errors_are_kubectl_s(kind: str, it: dict[str, Any], revision: int, error: str) -> None:
    assert progress.of(it, kind, revision).error == error
