"""The HTTP side of the API: codes, headers, forms of answers, discovery, WebSockets."""

import asyncio
import gzip
import json
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
import yaml
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedOK, InvalidStatus

from contract.api_world import Api, config_map, https, pod
from seatrial.api.registry import CONFIG_MAPS, PODS
from seatrial.apiserver import listing
from seatrial.apiserver.http.app import App
from seatrial.apiserver.http.auth import TokenAuthenticator
from seatrial.apiserver.http.metrics import Metrics
from seatrial.apiserver.http.server import Listener
from seatrial.base.errors import ToolError
from seatrial.base.types import JSON

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
CONFIG_MAPS_PATH = "/api/v1/namespaces/default/configmaps"
PODS_PATH = "/api/v1/namespaces/default/pods"


def run(scenario: Callable[[Api, httpx.AsyncClient], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(30), https() as api, client(api) as http:
            await scenario(api, http)

    asyncio.run(main())


def client(api: Api, **headers: str) -> httpx.AsyncClient:
    assert api.credentials is not None
    headers = {"Authorization": f"Bearer {api.credentials.token}", **headers}
    return httpx.AsyncClient(base_url=api.url, verify=_trust(api), headers=headers)


def _trust(api: Api) -> ssl.SSLContext:
    assert api.credentials is not None
    return ssl.create_default_context(cadata=api.credentials.ca_data.decode())


def http_test(scenario: Callable[[Api, httpx.AsyncClient], Awaitable[None]]) -> Callable[[], None]:
    def check() -> None:
        run(scenario)

    check.__name__ = scenario.__name__  # type: ignore[attr-defined]
    return check


def status_of(answer: httpx.Response) -> tuple[int, str, str]:
    body = answer.json()
    assert body["kind"] == "Status"
    assert body["code"] == answer.status_code
    return answer.status_code, body.get("reason", ""), body["message"]


@http_test
async def test_without_the_token_the_answer_is_401(api: Api, http: httpx.AsyncClient) -> None:
    async with httpx.AsyncClient(base_url=api.url, verify=_trust(api)) as nobody:
        assert status_of(await nobody.get(PODS_PATH)) == (401, "Unauthorized", "Unauthorized")
        wrong = await nobody.get(PODS_PATH + "/p", headers={"Authorization": "Bearer wrong"})
        assert wrong.status_code == 401
        assert (await nobody.get("/readyz")).text == "ok"
        assert (await nobody.get("/version")).json()["minor"] == "32"
        assert (await nobody.get("/metrics")).status_code == 401


@http_test
async def test_answers_carry_the_headers_of_the_api(api: Api, http: httpx.AsyncClient) -> None:
    await api.client.create(CONFIG_MAPS, config_map("a"))
    first, second = [await http.get(CONFIG_MAPS_PATH + "/a") for _ in range(2)]
    assert first.headers["content-type"] == "application/json"
    assert first.headers["cache-control"] == "no-cache, private"
    assert first.headers["audit-id"] != second.headers["audit-id"]


@http_test
async def test_list_items_have_no_kind_of_their_own(api: Api, http: httpx.AsyncClient) -> None:
    await api.client.create(CONFIG_MAPS, config_map("a", x="1"))
    listed = (await http.get(CONFIG_MAPS_PATH)).json()
    assert list(listed) == ["kind", "apiVersion", "metadata", "items"]
    assert list(listed["items"][0]) == ["metadata", "data"]
    one = (await http.get(CONFIG_MAPS_PATH + "/a")).json()
    assert list(one) == ["kind", "apiVersion", "metadata", "data"]


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "expected"),
    [
        pytest.param("GET", CONFIG_MAPS_PATH, {"Accept": "text/html"}, b"", (406, "NotAcceptable"), id="accept"),
        pytest.param("POST", CONFIG_MAPS_PATH, {"Content-Type": "text/plain"}, b"{}",
                     (415, "UnsupportedMediaType"), id="body type"),
        pytest.param("PATCH", CONFIG_MAPS_PATH + "/a", {"Content-Type": "application/json"}, b"{}",
                     (415, "UnsupportedMediaType"), id="patch type"),
        pytest.param("PUT", CONFIG_MAPS_PATH, {}, b"{}", (405, "MethodNotAllowed"), id="method"),
        pytest.param("POST", CONFIG_MAPS_PATH, {}, b"{nonsense", (400, "BadRequest"), id="malformed JSON"),
        pytest.param("POST", CONFIG_MAPS_PATH, {}, b"", (400, "BadRequest"), id="no body"),
        pytest.param("POST", CONFIG_MAPS_PATH, {}, b"x" * ((3 << 20) + 1),
                     (413, "RequestEntityTooLarge"), id="too large"),
        pytest.param("GET", CONFIG_MAPS_PATH + "?limit=many", {}, b"", (400, "BadRequest"), id="limit"),
        pytest.param("GET", CONFIG_MAPS_PATH + "?labelSelector=a,,b%3D", {}, b"", (400, "BadRequest"), id="selector"),
        pytest.param("GET", CONFIG_MAPS_PATH + "?watch=1&includeObject=Half", {"Accept": TABLE}, b"",
                     (400, "BadRequest"), id="includeObject"),
        pytest.param("POST", CONFIG_MAPS_PATH + "?dryRun=some", {}, b"{}", (422, "Invalid"), id="dryRun"),
        pytest.param("GET", CONFIG_MAPS_PATH + "?resourceVersionMatch=Exact", {}, b"", (422, "Invalid"), id="match"),
    ],
)  # fmt: skip
def test_a_request_that_can_not_be_served_is_refused_in_kubernetes_form(
    method: str, path: str, headers: dict[str, str], body: bytes, expected: tuple[int, str]
) -> None:
    async def scenario(api: Api, http: httpx.AsyncClient) -> None:
        answer = await http.request(method, path, headers=headers, content=body)
        assert status_of(answer)[:2] == expected

    run(scenario)


@http_test
async def test_refusals_word_the_limits(api: Api, http: httpx.AsyncClient) -> None:
    large = await http.post(CONFIG_MAPS_PATH, content=b"x" * (4 << 20))
    assert large.json()["message"] == "Request entity too large: limit is 3145728"
    accept = await http.get(CONFIG_MAPS_PATH, headers={"Accept": "text/html"})
    assert accept.json()["message"] == (
        "only the following media types are accepted: "
        "application/json, application/yaml, application/vnd.kubernetes.protobuf"
    )
    broken = await http.post(CONFIG_MAPS_PATH, content=b"{nonsense")
    assert broken.json()["message"].startswith(
        "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: "
    )
    assert broken.json()["message"].endswith("({nonsense)")
    assert "line 1 column 2" in broken.json()["message"]


@http_test
async def test_a_path_that_is_not_there_is_a_plain_404(api: Api, http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/v1/unheard")
    assert (answer.status_code, answer.text) == (404, "404 page not found\n")
    assert answer.headers["content-type"].startswith("text/plain")


@http_test
async def test_yaml_goes_in_and_out(api: Api, http: httpx.AsyncClient) -> None:
    text = "metadata: {name: a}\ndata: {when: '2026-01-01', 8080: 'yes'}\n"
    created = await http.post(CONFIG_MAPS_PATH, content=text, headers={"Content-Type": "application/yaml"})
    assert created.status_code == 201
    answer = await http.get(CONFIG_MAPS_PATH + "/a", headers={"Accept": "application/yaml"})
    assert answer.headers["content-type"] == "application/yaml"
    assert yaml.safe_load(answer.text)["data"] == {"when": "2026-01-01", "8080": "yes"}


@http_test
async def test_broken_yaml_says_where(api: Api, http: httpx.AsyncClient) -> None:
    answer = await http.post(
        CONFIG_MAPS_PATH, content="metadata: {name: a\n", headers={"Content-Type": "application/yaml"}
    )
    assert status_of(answer)[:2] == (400, "BadRequest")
    assert "line 2, column 1" in answer.json()["message"]


@http_test
async def test_people_get_it_pretty_and_programs_do_not(api: Api, http: httpx.AsyncClient) -> None:
    await api.client.create(CONFIG_MAPS, config_map("a"))
    path = CONFIG_MAPS_PATH + "/a"
    assert "\n" not in (await http.get(path)).text
    curl = {"User-Agent": "curl/8.0"}
    assert (await http.get(path, headers=curl)).text.startswith('{\n  "kind": "ConfigMap",\n')
    assert "\n" not in (await http.get(path + "?pretty=false", headers=curl)).text
    assert "\n" in (await http.get(path + "?pretty=true")).text
    assert "\n" in (await http.get(CONFIG_MAPS_PATH + "/none", headers=curl)).text


@http_test
async def test_kubectl_get_gets_a_table(api: Api, http: httpx.AsyncClient) -> None:
    await api.client.create(PODS, pod("p"))
    table = (await http.get(PODS_PATH, headers={"Accept": TABLE})).json()
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert [column["name"] for column in table["columnDefinitions"]][:5] == [
        "Name", "Ready", "Status", "Restarts", "Age",
    ]  # fmt: skip
    [row] = table["rows"]
    assert row["cells"][:3] == ["p", "0/1", "Pending"]
    assert row["object"]["kind"] == "PartialObjectMetadata"
    assert row["object"]["metadata"]["name"] == "p"
    full = (await http.get(PODS_PATH + "/p?includeObject=Object", headers={"Accept": TABLE})).json()
    assert full["rows"][0]["object"]["spec"]["containers"][0]["image"] == "nginx:1"


@http_test
async def test_a_watched_table_has_its_columns_once(api: Api, http: httpx.AsyncClient) -> None:
    for name in ("a", "b"):
        await api.client.create(PODS, pod(name))
    events = await _watch(http, PODS_PATH + "?watch=1", 2, Accept=TABLE)
    assert [event["object"]["kind"] for event in events] == ["Table", "Table"]
    assert [bool(event["object"]["columnDefinitions"]) for event in events] == [True, False]


@http_test
async def test_metadata_alone_can_be_had(api: Api, http: httpx.AsyncClient) -> None:
    await api.client.create(CONFIG_MAPS, config_map("a", x="1"))
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    listed = (await http.get(CONFIG_MAPS_PATH, headers={"Accept": accept})).json()
    assert listed["kind"] == "PartialObjectMetadataList"
    assert list(listed["items"][0]) == ["kind", "apiVersion", "metadata"]


@http_test
async def test_big_answers_are_compressed_when_asked_for(api: Api, http: httpx.AsyncClient) -> None:
    await api.client.create(CONFIG_MAPS, config_map("a", x="y" * 200_000))
    request = http.build_request("GET", CONFIG_MAPS_PATH, headers={"Accept-Encoding": "gzip"})
    answer = await http.send(request, stream=True)
    raw = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    assert len(raw) < 10_000
    assert len(json.loads(gzip.decompress(raw))["items"][0]["data"]["x"]) == 200_000
    plain = await http.get(CONFIG_MAPS_PATH, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers


@http_test
async def test_a_long_list_comes_in_pieces_and_is_whole(api: Api, http: httpx.AsyncClient) -> None:
    names = [f"c{number:03}" for number in range(3 * listing.PIECE + 1)]
    for name in names:
        await api.client.create(CONFIG_MAPS, config_map(name, x="1"))
    answer = await http.get(CONFIG_MAPS_PATH, headers={"Accept-Encoding": "identity"})
    assert "content-length" not in answer.headers
    assert [item["metadata"]["name"] for item in answer.json()["items"]] == names
    compressed = await http.get(CONFIG_MAPS_PATH)
    assert compressed.json() == answer.json()


@http_test
async def test_an_object_read_at_an_old_version_says_so(api: Api, http: httpx.AsyncClient) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    deployment = {"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}}
    await http.post("/apis/apps/v1/namespaces/default/deployments", json=deployment)
    for version in ("apps/v1", "extensions/v1beta1"):
        answer = await http.get(f"/apis/{version}/namespaces/default/deployments/d")
        assert answer.json()["apiVersion"] == version


@http_test
async def test_old_watch_paths_still_work(api: Api, http: httpx.AsyncClient) -> None:
    await api.client.create(CONFIG_MAPS, config_map("a"))
    await api.client.create(CONFIG_MAPS, config_map("b"))
    [event] = await _watch(http, "/api/v1/watch/namespaces/default/configmaps/b", 1)
    assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "b")


@http_test
async def test_initial_events_end_with_a_marked_bookmark(api: Api, http: httpx.AsyncClient) -> None:
    await api.client.create(CONFIG_MAPS, config_map("a"))
    query = "?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan"
    events = await _watch(http, CONFIG_MAPS_PATH + query, 2)
    assert [event["type"] for event in events] == ["ADDED", "BOOKMARK"]
    assert events[1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


@http_test
async def test_a_watch_from_a_forgotten_revision_is_an_error_event(api: Api, http: httpx.AsyncClient) -> None:
    await api.client.create(CONFIG_MAPS, config_map("a"))
    await api.handlers.registry.store.compact(api.handlers.registry.revision)
    [event] = await _watch(http, CONFIG_MAPS_PATH + "?watch=1&resourceVersion=1", 1)
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")


async def _watch(http: httpx.AsyncClient, path: str, count: int, **headers: str) -> list[JSON]:
    events: list[JSON] = []
    async with http.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200
        async for line in answer.aiter_lines():
            events.append(json.loads(line))
            if len(events) == count:
                break
    return events


@http_test
async def test_discovery_is_told_in_all_forms(api: Api, http: httpx.AsyncClient) -> None:
    assert (await http.get("/api")).json()["versions"] == ["v1"]
    groups = [group["name"] for group in (await http.get("/apis")).json()["groups"]]
    assert groups[0] == "apps"
    core = {entry["name"]: entry for entry in (await http.get("/api/v1")).json()["resources"]}
    assert core["pods"]["shortNames"] == ["po"]
    assert core["pods/exec"]["kind"] == "PodExecOptions"
    apps = {entry["name"]: entry for entry in (await http.get("/apis/apps/v1")).json()["resources"]}
    scale = apps["deployments/scale"]
    assert (scale["group"], scale["version"], scale["kind"]) == ("autoscaling", "v1", "Scale")


@http_test
async def test_aggregated_discovery_is_cached_by_its_etag(api: Api, http: httpx.AsyncClient) -> None:
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
    first = await http.get("/apis", headers={"Accept": accept})
    assert first.json()["kind"] == "APIGroupDiscoveryList"
    assert "as=APIGroupDiscoveryList" in first.headers["content-type"]
    assert first.headers["vary"] == "Accept"
    again = await http.get("/apis", headers={"Accept": accept, "If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@http_test
async def test_openapi_is_found_through_its_index(api: Api, http: httpx.AsyncClient) -> None:
    paths = (await http.get("/openapi/v3")).json()["paths"]
    document = (await http.get(paths["apis/apps/v1"]["serverRelativeURL"])).json()
    patch = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert {"fieldValidation", "dryRun"} <= {parameter.get("name") for parameter in patch["parameters"]}
    assert (await http.get("/openapi/v3/apis/nobody.io/v1")).status_code == 404


@http_test
async def test_readiness_tells_its_checks(api: Api, http: httpx.AsyncClient) -> None:
    assert (await http.get("/readyz?verbose")).text.endswith("readyz check passed\n")
    api.handlers.ready = lambda: "loops are not running yet"
    answer = await http.get("/readyz")
    assert answer.status_code == 500
    assert "[-]startup failed: loops are not running yet" in answer.text
    assert (await http.get("/livez")).text == "ok"


@http_test
async def test_metrics_count_requests(api: Api, http: httpx.AsyncClient) -> None:
    await api.client.create(CONFIG_MAPS, config_map("a"))
    for _ in range(3):
        await http.get(CONFIG_MAPS_PATH + "/a")
    await http.get(CONFIG_MAPS_PATH + "/none")
    text = (await http.get("/metrics")).text
    labels = 'group="",resource="configmaps",subresource="",verb="GET"'
    assert f'apiserver_request_total{{code="200",{labels}}} 3' in text
    assert f'apiserver_request_total{{code="404",{labels}}} 1' in text
    assert "seatrial_store_revision " in text


@http_test
async def test_users_can_ask_who_they_are_and_what_they_may(api: Api, http: httpx.AsyncClient) -> None:
    review = await http.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", json={})
    assert review.json()["status"]["userInfo"]["username"] == "kubernetes-admin"
    access = await http.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", json={"spec": {}})
    assert (access.status_code, access.json()["status"]["allowed"]) == (201, True)


def _websocket(api: Api, query: str, *protocols: str) -> connect:
    url = api.url.replace("https", "wss") + PODS_PATH + f"/p/exec?{query}"
    assert api.credentials is not None
    headers = {"Authorization": f"Bearer {api.credentials.token}"}
    return connect(url, subprotocols=protocols, ssl=_trust(api), additional_headers=headers)  # type: ignore[arg-type]


async def _frames(socket: ClientConnection) -> list[tuple[int, bytes]]:
    """(channel, data) until the normal end."""
    frames = []
    try:
        while True:
            frame: Any = await socket.recv()
            frames.append((frame[0], frame[1:]))
    except ConnectionClosedOK:
        return frames


@http_test
async def test_a_command_runs_over_a_websocket(api: Api, http: httpx.AsyncClient) -> None:
    await api.client.create(PODS, pod("p", nodeName="node-1"))
    query = "command=say&command=3&stdout=true&stderr=true"
    async with _websocket(api, query, "v5.channel.k8s.io", "v4.channel.k8s.io") as socket:
        assert socket.subprotocol == "v5.channel.k8s.io"
        output, (channel, outcome) = await _frames(socket)
    assert output == (1, b"say 3\n")
    assert channel == 3
    assert json.loads(outcome)["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]


@http_test
async def test_a_command_reads_resizes_and_sees_the_end_of_its_input(api: Api, http: httpx.AsyncClient) -> None:
    await api.client.create(PODS, pod("p", nodeName="node-1"))
    async with _websocket(api, "command=cat&stdin=true&stdout=true&tty=true", "v5.channel.k8s.io") as socket:
        await socket.send(b"\x00hello")
        await socket.send(b'\x04{"Width":80,"Height":24}')
        await socket.send(b"\xff\x00")
        frames = await _frames(socket)
    assert frames[:3] == [(1, b"cat\n"), (1, b"hello"), (1, b"80x24\n")]
    assert json.loads(frames[3][1])["status"] == "Success"


@http_test
async def test_exec_into_what_is_not_there_is_refused_before_the_upgrade(api: Api, http: httpx.AsyncClient) -> None:
    with pytest.raises(InvalidStatus) as caught:
        async with _websocket(api, "command=x&stdout=true", "v5.channel.k8s.io"):
            pass
    assert caught.value.response.status_code == 404
    assert json.loads(bytes(caught.value.response.body or b""))["message"] == 'pods "p" not found'


@http_test
async def test_spdy_is_refused_with_what_to_do(api: Api, http: httpx.AsyncClient) -> None:
    await api.client.create(PODS, pod("p", nodeName="node-1"))
    headers = {"Connection": "Upgrade", "Upgrade": "SPDY/3.1"}
    answer = await http.post(PODS_PATH + "/p/exec?command=x&stdout=true", headers=headers)
    assert answer.status_code == 400
    assert "kubectl speaks from 1.31 on" in answer.json()["message"]


@http_test
async def test_a_port_in_use_is_told(api: Api, http: httpx.AsyncClient) -> None:
    app = App(api.handlers, TokenAuthenticator(""), Metrics())
    port = int(api.url.rpartition(":")[2])
    with pytest.raises(ToolError, match=f"127.0.0.1:{port} is in use by another program"):
        await Listener(app, "127.0.0.1", port).start()


@http_test
async def test_a_listener_without_tls_stops_and_starts_again(api: Api, http: httpx.AsyncClient) -> None:
    listener = Listener(App(api.handlers, TokenAuthenticator(""), Metrics()), "127.0.0.1")
    for _ in range(2):
        await listener.start()
        async with httpx.AsyncClient(base_url=listener.url) as anybody:
            assert (await anybody.get("/api/v1/namespaces/default")).status_code == 200
        await listener.stop()
    with pytest.raises(httpx.ConnectError):
        async with httpx.AsyncClient(base_url=listener.url) as anybody:
            await anybody.get("/readyz")


@http_test
async def test_stopping_ends_open_watches(api: Api, http: httpx.AsyncClient) -> None:
    listener = Listener(App(api.handlers, TokenAuthenticator(""), Metrics()), "127.0.0.1")
    await listener.start()
    async with (
        httpx.AsyncClient(base_url=listener.url) as anybody,
        anybody.stream("GET", "/api/v1/namespaces?watch=1") as answer,
    ):
        lines = answer.aiter_lines()
        assert json.loads(await anext(lines))["type"] == "ADDED"
        async with asyncio.timeout(5):
            await listener.stop()
