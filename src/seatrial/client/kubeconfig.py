"""Reading and writing kubeconfig files (client-go tools/clientcmd).

Not read: auth-provider (removed upstream in 1.26) and impersonation. Of exec plugins the token and the client
certificate are used; they are run again when the token has expired.
"""

import base64
import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seatrial.base.errors import ToolError
from seatrial.base.types import JSON


@dataclass(frozen=True)
class ExecPlugin:
    """A command that prints an ExecCredential."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    api_version: str = "client.authentication.k8s.io/v1"


@dataclass(frozen=True)
class Access:
    """How to reach one cluster as one user."""

    server: str
    namespace: str = "default"
    context: str = ""
    ca_data: bytes | None = None
    insecure: bool = False
    server_name: str = ""
    proxy_url: str = ""
    token: str = ""
    token_file: Path | None = None
    username: str = ""
    password: str = ""
    client_certificate: bytes | None = None
    client_key: bytes | None = None
    exec_plugin: ExecPlugin | None = None


def paths(explicit: Path | None = None) -> tuple[Path, ...]:
    """The files that count: the one given, or those of KUBECONFIG, or ~/.kube/config."""
    if explicit is not None:
        return (explicit,)
    listed = [Path(part) for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return tuple(dict.fromkeys(listed)) or (Path.home() / ".kube" / "config",)


def load(explicit: Path | None = None, context: str = "") -> Access:
    """The access that the files describe. Raises ToolError with what is missing."""
    files = paths(explicit)
    merged = _merge(files, must_exist=explicit is not None)
    name = context or merged["current-context"]
    if not name:
        raise ToolError(f"no current-context in {_shown(files)}: name one with --context, or start a cluster")
    entry = merged["contexts"].get(name)
    if entry is None:
        raise ToolError(f"context {name!r} does not exist in {_shown(files)}")
    cluster = merged["clusters"].get(entry.get("cluster", ""))
    if not cluster or not cluster.get("server"):
        raise ToolError(f"context {name!r}: cluster {entry.get('cluster', '')!r} does not exist in {_shown(files)}")
    return _access(name, entry, cluster, merged["users"].get(entry.get("user", ""), {}))


def _shown(files: tuple[Path, ...]) -> str:
    return ", ".join(str(path) for path in files)


def _merge(files: tuple[Path, ...], must_exist: bool) -> dict[str, Any]:
    """All files in one; what stands first wins. Paths inside become absolute, against their own file."""
    merged: dict[str, Any] = {"clusters": {}, "contexts": {}, "users": {}, "current-context": ""}
    for path in files:
        document = _read(path, must_exist)
        merged["current-context"] = merged["current-context"] or document.get("current-context") or ""
        for plural, singular in (("clusters", "cluster"), ("contexts", "context"), ("users", "user")):
            for item in document.get(plural) or ():
                entry = _with_absolute_paths(item.get(singular) or {}, path.parent)
                merged[plural].setdefault(item.get("name", ""), entry)
    return merged


def _read(path: Path, must_exist: bool) -> JSON:
    import yaml

    try:
        document = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        if must_exist:
            raise ToolError(f"kubeconfig {path} does not exist") from None
        return {}
    except OSError as error:
        raise ToolError(f"kubeconfig {path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise ToolError(f"kubeconfig {path}: {' '.join(str(error).split())}") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ToolError(f"kubeconfig {path} is not a mapping")
    return document


_PATH_FIELDS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


def _with_absolute_paths(entry: JSON, directory: Path) -> JSON:
    return {name: str(directory / value) if name in _PATH_FIELDS else value for name, value in entry.items()}


def _access(name: str, context: JSON, cluster: JSON, user: JSON) -> Access:
    token_file = user.get("tokenFile")
    return Access(
        server=cluster["server"].rstrip("/"),
        namespace=context.get("namespace") or "default",
        context=name,
        ca_data=_data(cluster, "certificate-authority"),
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
        server_name=cluster.get("tls-server-name", ""),
        proxy_url=cluster.get("proxy-url", ""),
        token=user.get("token", ""),
        token_file=Path(token_file) if token_file else None,
        username=user.get("username", ""),
        password=user.get("password", ""),
        client_certificate=_data(user, "client-certificate"),
        client_key=_data(user, "client-key"),
        exec_plugin=_exec_plugin(user.get("exec")),
    )


def _data(entry: JSON, field_name: str) -> bytes | None:
    """The inline `-data` field, or else what the file holds."""
    inline = entry.get(f"{field_name}-data")
    if inline:
        return base64.b64decode(inline)
    path = entry.get(field_name)
    if not path:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ToolError(f"{field_name} {path}: {error.strerror}") from None


def _exec_plugin(entry: JSON | None) -> ExecPlugin | None:
    if not entry:
        return None
    environment = {item["name"]: item["value"] for item in entry.get("env") or ()}
    command = (entry["command"], *(entry.get("args") or ()))
    return ExecPlugin(command, environment, entry.get("apiVersion") or ExecPlugin.api_version)


def write_context(path: Path, name: str, server: str, ca_data: bytes, token: str) -> None:
    """Put cluster, user and context `name` into the file and make it the current one; all else in it stays."""
    entry = {
        "clusters": {"server": server, "certificate-authority-data": base64.b64encode(ca_data).decode()},
        "users": {"token": token},
        "contexts": {"cluster": name, "user": name, "namespace": "default"},
    }
    with _changing(path) as document:
        for plural, value in entry.items():
            kept = [item for item in document.get(plural) or () if item.get("name") != name]
            document[plural] = [*kept, {"name": name, plural.removesuffix("s"): value}]
        document["current-context"] = name


def remove_context(path: Path, name: str) -> None:
    """Take cluster, user and context `name` out of the file, which may lack them, or not exist."""
    if not path.exists():
        return
    with _changing(path) as document:
        for plural in ("clusters", "users", "contexts"):
            document[plural] = [item for item in document.get(plural) or () if item.get("name") != name]
        if document.get("current-context") == name:
            document["current-context"] = ""


@contextlib.contextmanager
def _changing(path: Path) -> Iterator[JSON]:
    """The document, to be changed in place, then written atomically with mode 0600; others wait meanwhile."""
    import yaml

    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        document = {"apiVersion": "v1", "kind": "Config", "preferences": {}, **_read(path, must_exist=False)}
        yield document
        _replace(path, yaml.safe_dump(document, sort_keys=False))
    finally:
        os.close(directory)


def _replace(path: Path, text: str) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
