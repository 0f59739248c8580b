"""The volumes of a Pod that are plain files: emptyDir, configMap, secret, downwardAPI, projected, hostPath.

Each is a directory under the Pod's own; hostPath is the host's own path. What has to be mounted is volume_mounts's.
How they appear inside a container is the runtime's business. Limits: files are written once, when the Pod is set up,
and do not follow later changes of a ConfigMap; emptyDir's medium and sizeLimit have no effect.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from seatrial.api.registry import SERVICE_ACCOUNTS
from seatrial.base.errors import RuntimeFailure, StatusError, VolumeError
from seatrial.base.types import JSON
from seatrial.client.base import Client
from seatrial.node import environment
from seatrial.node.environment import Material, Reference
from seatrial.node.runtimes.base import Mount

Files = dict[str, tuple[bytes, int]]
"""Path inside the volume → (content, mode)."""
DEFAULT_MODE = 0o644


def references(pod: JSON) -> tuple[Reference, ...]:
    """The ConfigMaps and Secrets that the Pod's volumes name, in order."""
    found: dict[Reference, None] = {}
    for volume in pod["spec"].get("volumes") or ():
        for source in _sources(volume):
            if source.get("configMap"):
                found["ConfigMap", source["configMap"]["name"]] = None
            elif source.get("secret"):
                found["Secret", _secret_name(source["secret"])] = None
    return tuple(found)


def _sources(volume: JSON) -> tuple[JSON, ...]:
    if volume.get("projected"):
        return tuple(volume["projected"].get("sources") or ())
    return (volume,)


def _secret_name(source: JSON) -> str:
    return str(source.get("secretName") or source["name"])


async def write(directory: Path, pod: JSON, volumes: Sequence[JSON], material: Material, client: Client) -> None:
    """Make these volumes' directories and files. Raises VolumeError in the words of a FailedMount event."""
    for volume in volumes:
        try:
            await _write_volume(directory, pod, volume, material, client)
        except (RuntimeFailure, OSError, StatusError) as error:
            why = error.message if isinstance(error, (RuntimeFailure, StatusError)) else str(error)
            raise VolumeError(f'MountVolume.SetUp failed for volume "{volume["name"]}" : {why}') from error


def check(pod: JSON, material: Material) -> None:
    """Whether the ConfigMaps and Secrets of the Pod's volumes are there, with their keys. Raises VolumeError."""
    for volume in pod["spec"].get("volumes") or ():
        for source in _sources(volume):
            try:
                if source.get("configMap"):
                    _keys("ConfigMap", source["configMap"]["name"], source["configMap"], pod, material, DEFAULT_MODE)
                elif source.get("secret"):
                    _keys("Secret", _secret_name(source["secret"]), source["secret"], pod, material, DEFAULT_MODE)
            except RuntimeFailure as error:
                why = f'MountVolume.SetUp failed for volume "{volume["name"]}" : {error.message}'
                raise VolumeError(why) from error


async def _write_volume(directory: Path, pod: JSON, volume: JSON, material: Material, client: Client) -> None:
    path = directory / "volumes" / volume["name"]
    if "emptyDir" in volume:
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o777)
    elif "hostPath" in volume:
        _check_host_path(volume["hostPath"])
    elif any(kind in volume for kind in ("configMap", "secret", "downwardAPI", "projected")):
        files: Files = {}
        for source in _sources(volume):
            files |= await _files(source, volume, pod, material, client)
        _write_files(path, files)
    else:
        kind = next((key for key in volume if key != "name"), "none")
        raise VolumeError(f'volume "{volume["name"]}": volumes of kind {kind} can\'t be mounted on this node')


def _check_host_path(source: JSON) -> None:
    path, kind = Path(source["path"]), source.get("type") or ""
    if kind == "DirectoryOrCreate":
        path.mkdir(parents=True, exist_ok=True)
    elif kind == "FileOrCreate" and not path.exists():
        path.touch(0o644)
    checks = {"Directory": path.is_dir, "File": path.is_file, "Socket": path.is_socket}
    if kind in checks and not checks[kind]():
        raise RuntimeFailure("FailedMount", f"hostPath type check failed: {path} is not a {kind.lower()}")


async def _files(source: JSON, volume: JSON, pod: JSON, material: Material, client: Client) -> Files:
    kind = volume.get("projected") or volume.get("configMap") or volume.get("secret") or volume.get("downwardAPI")
    mode = int((kind or {}).get("defaultMode") or DEFAULT_MODE)
    if source.get("configMap"):
        return _keys("ConfigMap", source["configMap"]["name"], source["configMap"], pod, material, mode)
    if source.get("secret"):
        return _keys("Secret", _secret_name(source["secret"]), source["secret"], pod, material, mode)
    if source.get("serviceAccountToken"):
        return await _token(source["serviceAccountToken"], pod, client)
    return _downward(source["downwardAPI"], pod, material, mode)


def _keys(kind: str, name: str, source: JSON, pod: JSON, material: Material, mode: int) -> Files:
    obj = material.found.get((kind, name))
    if obj is None:
        if source.get("optional"):
            return {}
        raise RuntimeFailure("FailedMount", f'{kind.lower()} "{name}" not found')
    data = environment.contents(obj)
    items = source.get("items")
    if not items:
        return {key: (value, mode) for key, value in data.items()}
    files: Files = {}
    for item in items:
        if item["key"] in data:
            files[item["path"]] = (data[item["key"]], int(item.get("mode") or mode))
        elif not source.get("optional"):
            where = f"{pod['metadata']['namespace']}/{name}"
            raise RuntimeFailure("FailedMount", f"references non-existent {kind.lower()} key: {item['key']} of {where}")
    return files


async def _token(source: JSON, pod: JSON, client: Client) -> Files:
    meta = pod["metadata"]
    bound = {"kind": "Pod", "apiVersion": "v1", "name": meta["name"], "uid": meta["uid"]}
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {
            "audiences": [source["audience"]] if source.get("audience") else [],
            "expirationSeconds": source.get("expirationSeconds") or 3600,
            "boundObjectRef": bound,
        },
    }
    account = pod["spec"].get("serviceAccountName") or "default"
    answer = await client.create_subresource(SERVICE_ACCOUNTS, account, meta["namespace"], "token", request)
    return {source["path"]: (str(answer["status"]["token"]).encode(), 0o600)}


def _downward(source: JSON, pod: JSON, material: Material, mode: int) -> Files:
    files: Files = {}
    for item in source.get("items") or ():
        if item.get("fieldRef"):
            value = environment.field_value(item["fieldRef"]["fieldPath"], pod, material)
        else:
            value = environment.resource_value(item["resourceFieldRef"], pod, pod["spec"]["containers"][0], material)
        files[item["path"]] = (value.encode(), int(item.get("mode") or mode))
    return files


def _write_files(path: Path, files: Files) -> None:
    path.mkdir(parents=True, exist_ok=True)
    for name, (content, mode) in sorted(files.items()):
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(content)
        target.chmod(mode)


def remove(directory: Path) -> None:
    """Delete the volumes' files; what a hostPath names is not there."""
    shutil.rmtree(directory / "volumes", ignore_errors=True)


def mounts(directory: Path, pod: JSON, container: JSON, variables: Mapping[str, str]) -> tuple[Mount, ...]:
    """Where the container wants its volumes, parents before what lies in them."""
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
    result = []
    for mount in container.get("volumeMounts") or ():
        volume = volumes[mount["name"]]
        source = Path(volume["hostPath"]["path"]) if "hostPath" in volume else directory / "volumes" / mount["name"]
        sub_path = mount.get("subPath") or environment.expand(mount.get("subPathExpr") or "", variables)
        if sub_path:
            source = _inside(source, sub_path, mount["name"])
        result.append(Mount(mount["name"], source, mount["mountPath"], bool(mount.get("readOnly"))))
    return tuple(sorted(result, key=lambda mount: mount.target))


def _inside(source: Path, sub_path: str, name: str) -> Path:
    target = (source / sub_path).resolve()
    if not target.is_relative_to(source.resolve()):
        raise RuntimeFailure("CreateContainerConfigError", f'failed to prepare subPath for volumeMount "{name}"')
    if not target.exists():
        target.mkdir(parents=True)
    return target
