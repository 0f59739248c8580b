"""The changes that can be rehearsed do what kubectl does, and refuse what kubectl refuses: never silently nothing."""

import pytest

from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.rehearse.changes.change import Change, Restart
from seatrial.rehearse.changes.set_image import SetImage
from seatrial.rehearse.rehearsal import Plan, rehearse
from seatrial.rehearse.result import Result
from seatrial.rehearse.snapshots.snapshot import of_manifests
from simulation.worlds import deployment

INIT = {"name": "migrate", "image": "migrate:1"}


def outcome(change: Change, *manifests: JSON) -> Result:
    return rehearse(Plan(of_manifests(manifests), [change]))


def with_pod(**spec: object) -> JSON:
    web = deployment("web", 1)
    web["spec"]["template"]["spec"] |= spec
    return web


def controller() -> JSON:
    labels = {"app": "old"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "app:1"}]}}
    spec = {"replicas": 1, "selector": labels, "template": template}
    return {"apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": "old"}, "spec": spec}


def new_versions(result: Result) -> set[str]:
    return {pod.version for pod in result.pods if pod.updated}


def test_an_image_of_a_container_that_is_not_there_is_refused() -> None:
    with pytest.raises(ToolError, match='unable to find container named "nope"'):
        outcome(SetImage("deployment/web", [("nope", "x:1")]), deployment("web", 1))


def test_a_bare_image_is_that_of_the_only_container_not_of_an_init_container() -> None:
    change = SetImage("", [("", "nginx:2")])
    result = outcome(change, with_pod(initContainers=[INIT]))
    assert new_versions(result) == {"nginx:2"}
    assert change.told == "set image nginx:2"
    assert not [each for each in result.assumptions if "nginx:2" in each and "init" in each]


def test_a_bare_image_needs_one_container() -> None:
    two = [{"name": name, "image": "nginx:1"} for name in ("a", "b")]
    with pytest.raises(ToolError, match="name the container, as in CONTAINER=nginx:2: there are several"):
        outcome(SetImage("", [("", "nginx:2")]), with_pod(containers=two))


def test_an_image_may_be_that_of_an_init_container() -> None:
    assert outcome(SetImage("", [("migrate", "migrate:2")]), with_pod(initContainers=[INIT])).duration_seconds > 0


def test_a_replication_controller_is_rolled_to_one_image() -> None:
    with pytest.raises(ToolError, match="is rolled to one image at a time; got 2"):
        outcome(SetImage("rc/old", [("*", "app:2"), ("c", "app:3")]), controller())


@pytest.mark.parametrize(
    ("workload", "told"),
    [
        (controller(), 'replicationcontrollers "old" restarting is not supported'),
        (deployment("web", 1, paused=True), "can't restart paused deployment"),
    ],
    ids=["a ReplicationController", "a paused Deployment"],
)
def test_a_restart_is_refused_as_by_kubectl(workload: JSON, told: str) -> None:
    with pytest.raises(ToolError, match=told):
        outcome(Restart(""), workload)
