"""Which command an image name stands for."""

import signal
from pathlib import Path

import pytest

from seatrial.base.errors import RuntimeFailure, ToolError
from seatrial.node import images
from seatrial.node.images import Catalogue


@pytest.mark.parametrize(
    ("image", "stand_in", "tag"),
    [
        ("nginx", "nginx", "latest"),
        ("nginx:1.10.1", "nginx", "1.10.1"),
        ("docker.io/library/nginx:1.11.9", "nginx", "1.11.9"),
        ("index.docker.io/nginx:1", "nginx", "1"),
        ("nginx:1.27@sha256:" + "a" * 64, "nginx", "1.27"),
        ("registry.k8s.io/pause:3.9", "pause", "3.9"),
        ("registry.k8s.io/e2e-test-images/agnhost:2.40", "echo", "2.40"),
        ("echo", "echo", "latest"),
    ],
)
def test_built_in_stand_ins(image: str, stand_in: str, tag: str) -> None:
    found = Catalogue().find(image)
    assert (found.stand_in, found.tag) == (stand_in, tag)


def test_shell_images_are_the_hosts_tools() -> None:
    found = Catalogue().find("busybox:1.36")
    assert (found.stand_in, found.entrypoint, found.default_arguments) == ("", (), ("sh",))


@pytest.mark.parametrize("image", ["shop:2", "example.com/team/nginx:1", "library/unknown"])
def test_an_unknown_image_says_how_to_map_it(image: str) -> None:
    with pytest.raises(RuntimeFailure) as caught:
        Catalogue().find(image)
    assert caught.value.reason == "ErrImagePull"
    assert f"seatrial up --image {image}=COMMAND" in caught.value.message


@pytest.mark.parametrize("image", ["Shop:1", "a b", "x:", ""])
def test_a_name_that_is_none_is_refused(image: str) -> None:
    with pytest.raises(RuntimeFailure) as caught:
        Catalogue().find(image)
    assert caught.value.reason == "InvalidImageName"


def test_a_name_in_capitals_is_told_what_is_wrong_as_a_kubelet_does() -> None:
    with pytest.raises(RuntimeFailure) as caught:
        Catalogue().find("Web:2")
    assert caught.value.message == (
        'Failed to apply default image tag "Web:2": couldn\'t parse image name "Web:2": '
        "invalid reference format: repository name must be lowercase"
    )


def test_a_mapped_name_with_a_tag_wins_over_the_bare_name_and_both_over_the_stand_ins(tmp_path: Path) -> None:
    catalogue = Catalogue({"nginx": "./any.sh", "nginx:2": "run --port '8 0'"}, tmp_path)
    assert catalogue.find("docker.io/library/nginx:2").entrypoint == ("run", "--port", "8 0")
    assert catalogue.find("nginx:3").entrypoint == (str(tmp_path / "any.sh"),)
    assert catalogue.find("nginx:3").directory == tmp_path


@pytest.mark.parametrize(("name", "command"), [("x", ""), ("x", "'open"), ("NOT OK", "run")])
def test_a_mapping_that_cant_be_read_is_one_line(name: str, command: str) -> None:
    with pytest.raises(ToolError) as caught:
        Catalogue({name: command})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("image", "number"),
    [("nginx:1.10.1", signal.SIGTERM), ("nginx:1.19.3-alpine", signal.SIGQUIT), ("nginx", signal.SIGQUIT)],
)
def test_the_stop_signal_is_that_of_the_real_image(image: str, number: int) -> None:
    assert Catalogue().find(image).stop_signal == number


def test_versions_are_read_off_tags() -> None:
    assert images.version_of("v1.2.3-rc1") == (1, 2, 3)
