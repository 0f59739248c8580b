"""Which images nodes have without pulling them."""

import pytest

from seatrial.base.types import JSON
from seatrial.rehearse.behaviour import pulling


def node(*images: str) -> JSON:
    return {"metadata": {"name": "node-1"}, "status": {"images": [{"names": [each]} for each in images]}}


def pod(image: str, policy: str = "Never") -> JSON:
    container = {"name": "app", "image": image, "imagePullPolicy": policy}
    return {"metadata": {"name": "web"}, "spec": {"nodeName": "node-1", "containers": [container]}}


@pytest.mark.parametrize("image", ["nginx:1.12", "docker.io/library/nginx:1.12", "docker.io/nginx:1.12"])
def test_a_node_has_what_it_lists_however_that_is_written(image: str) -> None:
    assert pulling.has(node("docker.io/library/nginx:1.12"), image)


def test_a_node_that_lists_its_images_has_no_others() -> None:
    assert pulling.has(node("nginx:1.12"), "nginx:1.13") is False


@pytest.mark.parametrize("unsure", [None, node(), node(*(f"image-{number}" for number in range(50)))])
def test_of_a_node_that_lists_none_or_only_the_largest_nothing_is_known(unsure: JSON | None) -> None:
    assert pulling.has(unsure, "nginx:1.13") is None


def test_what_is_never_pulled_and_not_known_to_be_there_is_told() -> None:
    assert pulling.assumptions([], [pod("web:2")], [node()]) == [
        "imagePullPolicy Never: nodes are assumed to have web:2"
    ]


@pytest.mark.parametrize(
    ("before", "made", "there"),
    [
        ([pod("web:2")], pod("web:2"), node()),
        ([], pod("web:2"), node("web:2")),
        ([], pod("web:2"), node("web:1")),
        ([], pod("web:2", "IfNotPresent"), node()),
    ],
)
def test_what_is_known_or_pulled_needs_no_assumption(before: list[JSON], made: JSON, there: JSON) -> None:
    assert pulling.assumptions(before, [made], [there]) == []
