"""Images with something wrong: what a user is told, and that nothing is lost by it."""

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import yaml

from e2e.conftest import Shell
from e2e.kubectl_world import run_kubectl
from e2e.test_rescue import eventually
from seatrial.base.env import SystemEnv
from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.cluster import image_storage
from seatrial.cluster.config import ClusterConfig
from seatrial.volumes.rbd import mounting

pytestmark = pytest.mark.e2e
ENOENT = 2


def with_image(name: str, image: str, script: str) -> JSON:
    """A Pod that runs the script with the image of pool rbd at /data."""
    rbd = {"monitors": ["127.0.0.1:6789"], "pool": "rbd", "image": image, "fsType": "ext4"}
    container = {
        "name": "c",
        "image": "busybox",
        "command": ["sh", "-c", script],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    spec = {"containers": [container], "volumes": [{"name": "data", "rbd": rbd}], "terminationGracePeriodSeconds": 1}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {**spec, "restartPolicy": "Never"},
    }


@pytest.fixture
def kubectl(shell: Shell) -> Callable[..., str]:
    shell.up("--nodes", "1")
    config = json.loads(shell.run("status", "--name", "test", "-o", "json").stdout)["kubeconfig"]

    def call(*arguments: str, stdin: str = "") -> str:
        return run_kubectl(config, *arguments, stdin=stdin)

    return call


def test_what_is_wrong_with_an_image_is_told_and_the_others_stay_whole(
    shell: Shell, kubectl: Callable[..., str]
) -> None:
    shell.run("rbd", "--name", "test", "create", "--size", "16M", "small")
    kubectl("apply", "-f", "-", stdin=yaml.safe_dump(with_image("lost", "nope", "true")))
    events = ("get", "events", "--field-selector", "involvedObject.name=lost", "-o", "jsonpath={.items[*].message}")
    eventually(lambda: kubectl(*events), lambda text: "error opening image nope: (2) No such file or directory" in text)

    done = shell.run(
        "rbd", "--name", "test", "lock", "remove", "small", "kubelet_lock_magic_node-1", "client.1", check=False
    )
    assert done.returncode == ENOENT
    assert "(2) No such file or directory" in done.stderr

    if mounting.choose() == "folder":
        pytest.skip("this host mounts no file systems for us: images are folders here, and as large as its disk")
    fill = "cat /dev/zero > /data/fill; echo $?; rm /data/fill; echo kept > /data/kept && cat /data/kept"
    kubectl("apply", "-f", "-", stdin=yaml.safe_dump(with_image("writer", "small", fill)))
    phase = ("get", "pod", "writer", "-o", "jsonpath={.status.phase}")
    eventually(lambda: kubectl(*phase), lambda text: text == "Succeeded")
    told = kubectl("logs", "writer").splitlines()
    assert "No space left on device" in told[0]
    assert told[1:] == ["1", "kept"]

    kubectl("delete", "pod", "writer", "lost")
    shell.run("down", "--name", "test")
    index = next(Path(shell.environment["SEATRIAL_STATE_DIR"]).glob("test/**/images/index.db"))
    good = index.read_bytes()
    index.write_bytes(b"this is no database, but it is long enough to be looked at" * 40)
    refused = shell.run("up", "--name", "test", "--detach", check=False)
    assert refused.returncode == 1
    assert "the images beside it are untouched" in refused.stderr
    assert "Traceback" not in refused.stderr
    index.write_bytes(good)
    for leftover in index.parent.glob("index.db-*"):
        leftover.unlink()
    shell.up("--nodes", "1")
    kubectl("apply", "-f", "-", stdin=yaml.safe_dump(with_image("reader", "small", "cat /data/kept")))
    eventually(lambda: kubectl("logs", "reader", "--ignore-errors"), lambda text: text == "kept\n")


def test_a_folder_of_images_is_one_cluster_s_at_a_time(tmp_path: Path) -> None:
    async def story() -> None:
        async with AsyncExitStack() as stack:
            await image_storage.open_storage(ClusterConfig(), SystemEnv(), tmp_path, stack)
            with pytest.raises(ToolError, match="are in use by another cluster"):
                await image_storage.open_storage(ClusterConfig(), SystemEnv(), tmp_path, stack)
        async with AsyncExitStack() as stack:
            await image_storage.open_storage(ClusterConfig(), SystemEnv(), tmp_path, stack)

    asyncio.run(story())
