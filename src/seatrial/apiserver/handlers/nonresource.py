"""Paths that are no resources: health, version, discovery, OpenAPI (k8s.io/apiserver/pkg/server/{routes,healthz})."""

import hashlib
from collections.abc import Callable

import orjson

from seatrial.api.schema_set import SchemaSet
from seatrial.apiserver import discovery, negotiation, openapi
from seatrial.apiserver.handlers.call import Answer, Call, Document, Made, Text
from seatrial.apiserver.version import VersionInfo
from seatrial.machinery import openapi_protobuf, status

PROTOBUF = "protobuf"
PORT_FORWARD_REFUSED = (
    "portforward is not served by this cluster, and not needed: Pods and Services answer on this host, "
    "at the addresses that kubectl get pods,services -o wide shows"
)
HEALTH_CHECKS = ("ping", "log", "etcd")


class Documents:
    """Discovery and OpenAPI, encoded when first asked for; they don't change while the server runs."""

    def __init__(self, version: VersionInfo, schemas: SchemaSet) -> None:
        self._version, self._schemas = version, schemas
        self._found: dict[tuple[str, str], Document | None] = {}

    def find(self, path: str, wanted: str) -> Document | None:
        """`wanted`: the form of discovery that the client prefers (`v2`, `v2beta1` or "" for the legacy one).

        `PROTOBUF` is another form of OpenAPI v2.
        """
        form = wanted if path in ("/api", "/apis") or (path, wanted) == (openapi.V2, PROTOBUF) else ""
        key = (path, form)
        if key not in self._found:
            self._found[key] = self._make(path, form)
        return self._found[key]

    def _make(self, path: str, form: str) -> Document | None:
        if path == "/version":
            # Upstream writes this one document with indents, whoever asks (routes/version.go).
            data = orjson.dumps(self._version.to_json(), option=orjson.OPT_INDENT_2)
            return Document(data, "application/json", _etag(data), "")
        if form == PROTOBUF:
            data = openapi.v2_protobuf(self._schemas)
            return Document(data, openapi_protobuf.MEDIA_TYPE, _etag(data), "Accept")
        if path.startswith("/openapi/"):
            made = openapi.find(path, self._schemas)
            return _document(made) if made is not None else None
        if form:
            media = f"application/json;g=apidiscovery.k8s.io;v={form};as=APIGroupDiscoveryList"
            return _document(discovery.aggregated(path, form), media, vary="Accept")
        made = discovery.legacy(path)
        if made is None:
            return None
        return _document(made, vary="Accept" if path in ("/api", "/apis") else "")


def _document(value: object, media: str = "application/json", vary: str = "") -> Document:
    data = orjson.dumps(value)
    return Document(data, media, _etag(data), vary)


def _etag(data: bytes) -> str:
    return f'"{hashlib.sha256(data).hexdigest().upper()}"'


def answer(documents: Documents, ready: Callable[[], str], call: Call) -> Answer:
    """The answer; `404 page not found` for what there isn't. `ready` says why the server isn't ready, "" when it is."""
    path = call.path.rstrip("/") or "/"
    if path.startswith(("/healthz", "/livez", "/readyz")):
        return _health(ready, call, path)
    form = PROTOBUF if openapi_protobuf.wanted(call.accept) else negotiation.discovery_form(call.accept)
    document = documents.find(path, form)
    if document is not None:
        if call.method not in ("GET", "HEAD"):
            raise status.method_not_allowed()
        return document
    if path.startswith("/api/v1/namespaces/") and path.endswith("/portforward"):
        raise status.bad_request(PORT_FORWARD_REFUSED)
    if path == "/":
        return Made(200, {"paths": discovery.paths()})
    return Text(404, "404 page not found\n")


def _health(ready: Callable[[], str], call: Call, path: str) -> Answer:
    """`ok`, or what is wrong; with ?verbose every check on a line of its own."""
    kind, _, check = path.strip("/").partition("/")
    why = ready() if kind == "readyz" else ""
    checks = (*HEALTH_CHECKS, "startup") if kind == "readyz" else HEALTH_CHECKS
    if check and check not in checks:
        return Text(404, "404 page not found\n")
    if not why and not call.flag("verbose"):
        return Text(200, "ok")
    lines = [f"[-]{name} failed: {why}" if why and name == "startup" else f"[+]{name} ok" for name in checks]
    lines.append(f"{kind} check {'failed' if why else 'passed'}")
    return Text(500 if why else 200, "\n".join(lines) + "\n", "text/plain; charset=utf-8")
