"""Images that a node has already: what that is worth."""

from typing import Any

import pytest

from seatrial.scheduler.image_locality import image_locality, normalized
from seatrial.scheduler.snapshot import PodInfo, Snapshot
from unit.scheduler.builders import node, pod

MIB = 2**20


def having(name: str, **sizes: int) -> dict[str, Any]:
    """A node with images of these sizes in MiB."""
    made = node(name)
    listed = [{"names": [f"{image}:1"], "sizeBytes": size * MIB} for image, size in sizes.items()]
    return {**made, "status": {**made["status"], "images": listed}}


def of(*images: str, **spec: Any) -> dict[str, Any]:
    return pod("p", containers=[{"name": image, "image": image} for image in images], **spec)


def scored(made: Snapshot, each: dict[str, Any]) -> list[int] | None:
    return image_locality(PodInfo(each), made.nodes, made)


@pytest.mark.parametrize(
    ("nodes", "each", "scores"),
    [
        pytest.param([having("a", web=500), having("b")], of("web:1"), [23, 0], id="half of the nodes: half its size"),
        pytest.param([having("a", web=500), having("b", web=500)], of("web:1"), [48, 48], id="all nodes: all of it"),
        pytest.param([having("a", web=40), having("b")], of("web:1"), [0, 0], id="too small to matter"),
        pytest.param([having("a", web=4000), having("b")], of("web:1"), [100, 0], id="no more than the most"),
        pytest.param([having("a", web=4000), having("b")], of("web:1", "db:1"), [100, 0], id="the most for two"),
        pytest.param([having("a", web=1000), having("b")], of("web:1", "db:1"), [24, 0], id="one of two"),
        pytest.param([having("a", web=500), having("b")], of("web:2"), None, id="another version"),
        pytest.param([having("a"), having("b")], of("web:1"), None, id="nodes that list none"),
    ],
)
def test_a_node_with_the_images_is_better(
    nodes: list[dict[str, Any]], each: dict[str, Any], scores: list[int] | None
) -> None:
    made = Snapshot()
    for one in nodes:
        made.put_node(one)
    assert scored(made, each) == scores


def test_images_go_with_their_node_and_when_it_has_them_no_more() -> None:
    made = Snapshot()
    for each in (having("a", web=4000), having("b", web=4000)):
        made.put_node(each)
    made.drop_node("b")
    assert scored(made, of("web:1")) == [100]
    made.put_node(having("a"))
    assert scored(made, of("web:1")) is None


@pytest.mark.parametrize(
    ("image", "name"),
    [("nginx", "nginx:latest"), ("nginx:1", "nginx:1"), ("host:5000/nginx", "host:5000/nginx:latest")],
    ids=["no tag", "a tag", "a port is no tag"],
)
def test_an_image_without_a_tag_is_the_latest(image: str, name: str) -> None:
    assert normalized(image) == name
