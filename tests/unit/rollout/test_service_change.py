"""Which image goes where, which workloads stand behind a Service, how each kind is told to stop, and the traffic."""

from typing import Any

import pytest

from seatrial.api.registry import DEPLOYMENTS, REPLICATION_CONTROLLERS
from seatrial.base.errors import ToolError
from seatrial.rollout.service import change, levers, members
from seatrial.rollout.service.change import Image, Target
from seatrial.rollout.service.traffic import Traffic
from seatrial.rollout.workload import Workload

WEB = Workload(DEPLOYMENTS, "web", "default")


def obj(**images: str) -> dict[str, Any]:
    containers = [{"name": name, "image": image} for name, image in images.items()]
    return {"metadata": {"name": "web"}, "spec": {"template": {"spec": {"containers": containers}}}}


def images_of(target: Target) -> dict[str, str]:
    return {each["name"]: each["image"] for each in target.template["spec"]["containers"]}


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("nginx:1.11.9", Image("nginx:1.11.9")),
        ("web=nginx:1.11.9", Image("nginx:1.11.9", "web")),
        ("example:5000/a/b@sha256:aa", Image("example:5000/a/b@sha256:aa")),
        ("web=example:5000/a@sha256:aa", Image("example:5000/a@sha256:aa", "web")),
    ],
)
def test_an_image_is_read(text: str, image: Image) -> None:
    assert change.parse_image(text) == image


@pytest.mark.parametrize("text", ["", "web=", "a b", "=nginx"])
def test_what_is_no_image_is_refused(text: str) -> None:
    with pytest.raises(ToolError, match="give an image, or CONTAINER=IMAGE"):
        change.parse_image(text)


def test_an_image_without_a_name_is_for_the_only_container_or_that_of_its_repository() -> None:
    [one] = change.by_images([(WEB, obj(web="nginx:1"))], [Image("other:2")])
    assert images_of(one) == {"web": "other:2"}
    two = obj(web="example:5000/nginx:1", log="fluentd@sha256:aa")
    [one] = change.by_images([(WEB, two)], [Image("example:5000/nginx:2"), Image("fluentd:3")])
    assert images_of(one) == {"web": "example:5000/nginx:2", "log": "fluentd:3"}


def test_an_image_that_could_be_for_several_containers_has_to_say_which() -> None:
    for found in (obj(a="nginx:1", b="nginx:1"), obj(a="x:1", b="y:1")):
        with pytest.raises(ToolError, match=r"deployment\.apps/web has 2 containers \(a, b\): say which, as in"):
            change.by_images([(WEB, found)], [Image("nginx:2")])


def test_an_image_that_fits_nowhere_is_refused() -> None:
    with pytest.raises(ToolError, match=r"no container x in deployment\.apps/web"):
        change.by_images([(WEB, obj(web="nginx:1"))], [Image("nginx:2", "x")])


def test_a_file_s_other_changes_are_part_of_the_target() -> None:
    before = {"spec": {"replicas": 1, "template": {"a": 1}, "minReadySeconds": 5, "selector": {}}}
    after = {"spec": {"replicas": 2, "template": {"a": 2}, "selector": {}}}
    target = change.by_result(WEB, before, after)
    assert (target.template, target.fields) == ({"a": 2}, {"minReadySeconds": None, "replicas": 2})
    assert change.has_fields(target, after)
    assert not change.has_fields(target, before)


SERVICE = {"metadata": {"name": "web", "namespace": "default"}, "spec": {"selector": {"app": "web"}}}


def rc(name: str, app: str = "web", **annotations: str) -> dict[str, Any]:
    prefixed = {f"kubectl.kubernetes.io/{key.replace('_', '-')}": value for key, value in annotations.items()}
    template = {"metadata": {"labels": {"app": app, "more": "x"}}}
    return {"metadata": {"name": name, "annotations": prefixed}, "spec": {"template": template}}


def names(*found: dict[str, Any]) -> list[tuple[str, str]]:
    """(name that counts, the object's)."""
    behind = members.behind(SERVICE, REPLICATION_CONTROLLERS, found)
    return [(workload.name, each["metadata"]["name"]) for workload, each in behind]


def test_the_selector_takes_the_template_s_labels() -> None:
    assert names(rc("a"), rc("b", "other")) == [("a", "a")]


def test_a_controller_that_an_update_has_begun_counts_under_the_name_it_replaces() -> None:
    assert names(rc("a", next_controller_id="a-2"), rc("a-2", update_source_id="a:u")) == [("a", "a")]
    assert names(rc("a-2", update_source_id="a:u")) == [("a", "a-2")]
    back = rc("a", next_controller_id="a-2", update_source_id="a-2:u")
    assert names(back, rc("a-2", update_source_id="a:u")) == [("a", "a")]


@pytest.mark.parametrize(
    ("kind", "spec", "wanted", "rolling"),
    [
        ("Deployment", {}, 1, {"maxUnavailable": 1}),
        ("Deployment", {"maxSurge": 0, "maxUnavailable": 1}, 0, {"maxSurge": 1, "maxUnavailable": 0}),
        ("StatefulSet", {"partition": 2}, "50%", {"partition": 2, "maxUnavailable": "50%"}),
        ("DaemonSet", {"maxSurge": 1, "maxUnavailable": 0}, 2, {"maxSurge": 0, "maxUnavailable": 2}),
        ("DaemonSet", {}, 0, {"maxSurge": 1, "maxUnavailable": 0}),
    ],
)
def test_max_unavailable_makes_a_strategy_that_the_server_takes(
    kind: str, spec: dict[str, Any], wanted: int | str, rolling: dict[str, Any]
) -> None:
    field = "strategy" if kind == "Deployment" else "updateStrategy"
    made = levers.go_on({field: {"type": "RollingUpdate", "rollingUpdate": spec}}, kind, {}, wanted)
    assert made == {field: {"type": "RollingUpdate", "rollingUpdate": rolling}}


@pytest.mark.parametrize(
    ("kind", "spec", "says"),
    [
        ("Deployment", {"paused": True}, "is paused"),
        ("Deployment", {"strategy": {"type": "Recreate"}}, "takes no steps"),
        ("StatefulSet", {"updateStrategy": {"type": "OnDelete"}}, "OnDelete"),
        ("ReplicationController", {}, "--max-unavailable can't be used"),
        ("DaemonSet", {}, ""),
    ],
)
def test_what_can_t_be_rolled_says_why(kind: str, spec: dict[str, Any], says: str) -> None:
    why = levers.refusal({"spec": spec}, kind, canary=True, max_unavailable=1)
    assert says in why
    assert bool(why) == bool(says)


def test_the_share_of_the_last_requests_decides_when_there_are_enough() -> None:
    traffic = Traffic(threshold=0.01)
    traffic.sample(1, 15, 5)
    assert traffic.problem() == ""
    traffic.sample(2, 100, 5)
    assert "5 of the last requests (100) failed: 5.0%, and 1.0% may" in traffic.problem()


def test_failures_of_long_ago_count_for_the_whole_and_late_ones_by_themselves() -> None:
    traffic = Traffic(threshold=0.01)
    for second in range(1, 100):
        traffic.sample(second, 100 * second, 9 if second > 1 else 0)
    assert traffic.problem() == ""
    traffic.sample(100, 10_000, 30)
    assert "21 of the last requests" in traffic.problem()
