"""What `seatrial rbd` prints, held against what rbd 16.2 printed."""

import pytest

from seatrial.cli import rbd_output
from seatrial.volumes.rbd.images import Image, ImageName, Lock, Snapshot, Watcher

GIB = 1 << 30
IMAGE = Image(ImageName("mioss", "index-api-image"), "1031c995c8f3", 2 * GIB, ("layering",), 1_795_788_244.0)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0 B"),
        (512, "512 B"),
        (4 << 20, "4 MiB"),
        (2 * GIB, "2 GiB"),
        (3 * GIB // 2, "1.5 GiB"),
        (168 << 20, "168 MiB"),
    ],
)
def test_sizes(amount: int, text: str) -> None:
    assert rbd_output.size(amount) == text


@pytest.mark.parametrize(("text", "amount"), [("2G", 2 * GIB), ("10", 10 << 20), ("512M", 512 << 20), ("1GiB", GIB)])
def test_sizes_are_read(text: str, amount: int) -> None:
    assert rbd_output.parse_size(text) == amount


@pytest.mark.parametrize("text", ["", "much", "-1G", "G"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is invalid"):
        rbd_output.parse_size(text)


def test_info() -> None:
    lines, data = rbd_output.info(IMAGE, 0)
    assert lines == [
        "rbd image 'index-api-image':",
        "\tsize 2 GiB in 512 objects",
        "\torder 22 (4 MiB objects)",
        "\tsnapshot_count: 0",
        "\tid: 1031c995c8f3",
        "\tblock_name_prefix: rbd_data.1031c995c8f3",
        "\tformat: 2",
        "\tfeatures: layering",
        "\top_features: ",
        "\tflags: ",
        "\tcreate_timestamp: Fri Nov 27 14:04:04 2026",
        "\taccess_timestamp: Fri Nov 27 14:04:04 2026",
        "\tmodify_timestamp: Fri Nov 27 14:04:04 2026",
    ]
    assert rbd_output.as_json(data) == (
        '{"name":"index-api-image","id":"1031c995c8f3","size":2147483648,"objects":512,"order":22,"object_size":4194304,'
        '"snapshot_count":0,"block_name_prefix":"rbd_data.1031c995c8f3","format":2,"features":["layering"],'
        '"op_features":[],"flags":[],"create_timestamp":"Fri Nov 27 14:04:04 2026",'
        '"access_timestamp":"Fri Nov 27 14:04:04 2026","modify_timestamp":"Fri Nov 27 14:04:04 2026"}'
    )


def test_usage() -> None:
    lines, data = rbd_output.usage([(IMAGE, 0)])
    assert lines == ["NAME             PROVISIONED  USED", "index-api-image        2 GiB   0 B"]
    assert rbd_output.as_json(data) == (
        '{"images":[{"name":"index-api-image","id":"1031c995c8f3","provisioned_size":2147483648,"used_size":0}]}'
    )


def test_locks() -> None:
    assert rbd_output.locks([]) == ([], [])
    lines, data = rbd_output.locks([Lock("kubelet_lock_magic_node1", "client.4203", "127.0.0.1:0/2176774856")])
    assert lines == [
        "There is 1 exclusive lock on this image.",
        "Locker       ID                        Address               ",
        "client.4203  kubelet_lock_magic_node1  127.0.0.1:0/2176774856",
    ]
    assert rbd_output.as_json(data) == (
        '[{"id":"kubelet_lock_magic_node1","locker":"client.4203","address":"127.0.0.1:0/2176774856"}]'
    )


def test_snapshots_and_watchers() -> None:
    lines, _ = rbd_output.snapshots([Snapshot(4, "s1", GIB, False, 1_795_788_245.0)])
    assert lines == [
        "SNAPID  NAME  SIZE   PROTECTED  TIMESTAMP               ",
        "     4  s1    1 GiB             Fri Nov 27 14:04:05 2026",
    ]
    assert rbd_output.watchers([]) == (["Watchers: none"], {"watchers": []})
    lines, _ = rbd_output.watchers([Watcher("127.0.0.1:0/408", 4203, 1398)])
    assert lines == ["Watchers:", "\twatcher=127.0.0.1:0/408 client.4203 cookie=1398"]
