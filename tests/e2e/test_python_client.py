"""The official Python client: the typed API, watches, logs, exec over a WebSocket, and an informer's loop."""

import gc
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from e2e import kubectl_world
from seatrial import RunningCluster

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # it leaves sockets to the collector
]

pytest.importorskip("kubernetes")

from kubernetes import client, config, stream, utils, watch  # noqa: E402
from kubernetes.client.exceptions import ApiException  # noqa: E402
from kubernetes.dynamic import DynamicClient  # noqa: E402

ApiClient = Any


@pytest.fixture(scope="module")
def api(two_nodes: RunningCluster) -> Iterator[ApiClient]:
    """Logged in with the cluster's kubeconfig."""
    with config.new_client_from_config(two_nodes.kubeconfig) as made:
        yield made
        made.rest_client.pool_manager.clear()  # the client itself leaves its connections to the garbage collector


@pytest.fixture
def core(api: ApiClient) -> Any:
    return client.CoreV1Api(api)


@pytest.fixture
def apps(api: ApiClient) -> Any:
    return client.AppsV1Api(api)


@pytest.fixture
def namespace(kubectl: kubectl_world.Kubectl) -> str:
    return kubectl.namespace


def config_map(name: str, **data: str) -> Any:
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels={"app": "test"}), data=data)


def wait_until_running(core: Any, name: str, namespace: str) -> None:
    for event in watch.Watch().stream(
        core.list_namespaced_pod, namespace, field_selector=f"metadata.name={name}", timeout_seconds=20
    ):
        if event["object"].status.phase == "Running":
            return
    raise AssertionError(f"{name} does not run")


def test_the_life_of_an_object(core: Any, namespace: str) -> None:
    made = core.create_namespaced_config_map(namespace, config_map("settings", a="1"))
    assert made.metadata.uid
    assert core.read_namespaced_config_map("settings", namespace).data == {"a": "1"}
    patched = core.patch_namespaced_config_map("settings", namespace, {"data": {"b": "2"}})
    assert patched.data == {"a": "1", "b": "2"}
    patched.data = {"c": "3"}
    replaced = core.replace_namespaced_config_map("settings", namespace, patched)
    assert replaced.data == {"c": "3"}
    listed = core.list_namespaced_config_map(namespace, label_selector="app=test")
    assert [one.metadata.name for one in listed.items] == ["settings"]
    assert core.delete_namespaced_config_map("settings", namespace)["status"] == "Success"
    with pytest.raises(ApiException) as refused:
        core.read_namespaced_config_map("settings", namespace)
    assert (refused.value.status, refused.value.reason) == (404, "Not Found")


def test_conflicts_and_patch_types(core: Any, namespace: str) -> None:
    old = core.create_namespaced_config_map(namespace, config_map("settings", a="1"))
    operations = [{"op": "replace", "path": "/data/a", "value": "2"}]
    assert core.patch_namespaced_config_map("settings", namespace, operations).data == {"a": "2"}
    with pytest.raises(ApiException) as refused:
        core.replace_namespaced_config_map("settings", namespace, old)
    assert refused.value.status == 409
    assert "the object has been modified" in refused.value.body


def test_lists_come_in_chunks(core: Any, namespace: str) -> None:
    for number in range(7):
        core.create_namespaced_config_map(namespace, config_map(f"part-{number}"))
    names, token = [], None
    while True:
        part = core.list_namespaced_config_map(namespace, label_selector="app=test", limit=3, _continue=token)
        names += [one.metadata.name for one in part.items]
        token = part.metadata._continue
        if not token:
            break
    assert names == [f"part-{number}" for number in range(7)]


def test_a_watch_resumes_where_it_ended(core: Any, namespace: str) -> None:
    core.create_namespaced_config_map(namespace, config_map("first"))
    listed = core.list_namespaced_config_map(namespace, label_selector="app=test")
    core.create_namespaced_config_map(namespace, config_map("second"))
    core.delete_namespaced_config_map("first", namespace)
    watcher, seen = watch.Watch(), []
    for event in watcher.stream(
        core.list_namespaced_config_map,
        namespace,
        label_selector="app=test",
        resource_version=listed.metadata.resource_version,
        timeout_seconds=20,
    ):
        seen.append((event["type"], event["object"].metadata.name))
        if len(seen) == 2:
            watcher.stop()
    assert seen == [("ADDED", "second"), ("DELETED", "first")]


def test_a_deployment_rolls(apps: Any, core: Any, namespace: str) -> None:
    apps.create_namespaced_deployment(namespace, kubectl_world.deployment(replicas=2))
    wait_for_rollout(apps, "web", namespace)
    apps.patch_namespaced_deployment(
        "web", namespace, {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "nginx:1.11.9"}]}}}}
    )
    wait_for_rollout(apps, "web", namespace)
    running = core.list_namespaced_pod(namespace, label_selector="app=web").items
    alive = [one for one in running if one.metadata.deletion_timestamp is None]
    assert {one.spec.containers[0].image for one in alive} == {"nginx:1.11.9"}
    apps.patch_namespaced_deployment_scale("web", namespace, {"spec": {"replicas": 1}})
    assert apps.read_namespaced_deployment_scale("web", namespace).spec.replicas == 1
    apps.delete_namespaced_deployment("web", namespace, propagation_policy="Foreground")
    events = watch.Watch().stream(apps.list_namespaced_deployment, namespace, timeout_seconds=20)
    assert next(event for event in events if event["type"] == "DELETED")["object"].metadata.name == "web"
    assert apps.list_namespaced_replica_set(namespace).items == []


def wait_for_rollout(apps: Any, name: str, namespace: str) -> None:
    for event in watch.Watch().stream(
        apps.list_namespaced_deployment, namespace, field_selector=f"metadata.name={name}", timeout_seconds=30
    ):
        deployment = event["object"]
        want, status = deployment.spec.replicas, deployment.status
        if (
            (status.observed_generation or 0) >= deployment.metadata.generation
            and status.updated_replicas == status.available_replicas == status.replicas == want
        ):
            return
    raise AssertionError(f"{name} does not get through")


def test_logs_are_followed(core: Any, namespace: str) -> None:
    script = "for i in 1 2 3; do echo line $i; sleep 0.1; done"
    core.create_namespaced_pod(namespace, kubectl_world.pod("talker", "sh", "-c", script, restartPolicy="Never"))
    wait_until_started(core, "talker", namespace)
    followed = watch.Watch().stream(core.read_namespaced_pod_log, "talker", namespace, follow=True)
    assert list(followed) == ["line 1", "line 2", "line 3"]
    assert core.read_namespaced_pod_log("talker", namespace, tail_lines=1) == "line 3\n"


def wait_until_started(core: Any, name: str, namespace: str) -> None:
    for event in watch.Watch().stream(core.list_namespaced_pod, namespace, timeout_seconds=20):
        status = event["object"].status
        if event["object"].metadata.name == name and status.phase in ("Running", "Succeeded"):
            return
    raise AssertionError(f"{name} does not start")


@pytest.fixture
def left_sockets_collected() -> Iterator[None]:
    """The client never closes a socket whose other side closed first: its garbage is to warn here, in no later test."""
    yield
    gc.collect()


@pytest.mark.usefixtures("left_sockets_collected")
def test_exec_over_a_websocket(core: Any, namespace: str) -> None:
    core.create_namespaced_pod(namespace, kubectl_world.pod("shell", "sleep", "600"))
    wait_until_running(core, "shell", namespace)
    arguments = {"stderr": True, "stdin": False, "stdout": True, "tty": False}
    said = stream.stream(
        core.connect_get_namespaced_pod_exec, "shell", namespace, command=["sh", "-c", "echo $0 $HOSTNAME"], **arguments
    )
    assert said == "sh shell\n"

    session = stream.stream(
        core.connect_get_namespaced_pod_exec, "shell", namespace,
        command=["sh", "-c", "read word; echo got $word; echo oops >&2; exit 3"],
        **{**arguments, "stdin": True}, _preload_content=False,
    )  # fmt: skip
    session.write_stdin("hello\n")
    session.run_forever(timeout=20)
    assert session.read_stdout() == "got hello\n"
    assert session.read_stderr() == "oops\n"
    assert session.returncode == 3
    session.close()


def test_manifests_are_created_from_dictionaries(api: ApiClient, core: Any, namespace: str) -> None:
    made = utils.create_from_dict(api, kubectl_world.config_map("settings", a="1"), namespace=namespace)
    assert made[0].metadata.name == "settings"
    applied = core.list_namespaced_config_map(namespace, field_selector="metadata.name=settings")
    assert applied.items[0].data == {"a": "1"}


def test_the_dynamic_client_applies_on_the_servers_side(api: ApiClient, namespace: str) -> None:
    dynamic = DynamicClient(api)
    deployments = dynamic.resources.get(api_version="apps/v1", kind="Deployment")
    applied = deployments.server_side_apply(
        body=kubectl_world.deployment(replicas=0), namespace=namespace, field_manager="dynamic"
    )
    assert applied.metadata.managedFields[0].manager == "dynamic"
    assert deployments.get(name="web", namespace=namespace).spec.replicas == 0
    names = [one.metadata.name for one in deployments.get(namespace=namespace).items]
    assert names == ["web"]


class Informer:
    """A cache that follows a namespace's ConfigMaps: list, watch from there, list again when that is too old."""

    def __init__(self, core: Any, namespace: str) -> None:
        self.cache: dict[str, dict[str, str]] = {}
        self.changed = threading.Condition()
        self._core, self._namespace, self._watch = core, namespace, watch.Watch()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Informer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def wait(self, expected: dict[str, dict[str, str]]) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.cache == expected, timeout=20), self.cache

    def _run(self) -> None:
        while not self._stopped.is_set():
            listed = self._core.list_namespaced_config_map(self._namespace, label_selector="app=test")
            with self.changed:
                self.cache = {one.metadata.name: one.data or {} for one in listed.items}
                self.changed.notify_all()
            self._follow(listed.metadata.resource_version)

    def _follow(self, version: str) -> None:
        try:
            for event in self._watch.stream(
                self._core.list_namespaced_config_map,
                self._namespace,
                label_selector="app=test",
                resource_version=version,
                timeout_seconds=1,
            ):
                self._take(event["type"], event["object"])
        except ApiException as error:
            if error.status != 410:
                raise

    def _take(self, kind: str, config_map: Any) -> None:
        with self.changed:
            if kind == "DELETED":
                self.cache.pop(config_map.metadata.name, None)
            else:
                self.cache[config_map.metadata.name] = config_map.data or {}
            self.changed.notify_all()


def test_an_informer_keeps_up(core: Any, namespace: str) -> None:
    core.create_namespaced_config_map(namespace, config_map("old", a="1"))
    with Informer(core, namespace) as informer:
        informer.wait({"old": {"a": "1"}})
        core.create_namespaced_config_map(namespace, config_map("new", b="2"))
        core.patch_namespaced_config_map("old", namespace, {"data": {"a": "3"}})
        informer.wait({"old": {"a": "3"}, "new": {"b": "2"}})
        core.delete_namespaced_config_map("old", namespace)
        informer.wait({"new": {"b": "2"}})
