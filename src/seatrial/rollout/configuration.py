"""The ConfigMaps and Secrets that a Pod template uses: which they are, and what became of them."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from seatrial.api.registry import CONFIG_MAPS, SECRETS
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.client.base import Reader
from seatrial.machinery import objects

CHECKSUMS = "seatrial.dev/config-checksums"
UNREADABLE = "unreadable"
_RESOURCES = {"configmap": CONFIG_MAPS, "secret": SECRETS}


def references(template: JSON) -> list[str]:
    """`configmap/NAME` and `secret/NAME`, sorted: volumes, projected ones too, env, envFrom. Not pull secrets."""
    spec = template.get("spec") or {}
    return sorted({found for found in _of_spec(spec) if not found.endswith("/")})


def _of_spec(spec: Mapping[str, Any]) -> Iterator[str]:
    for volume in spec.get("volumes") or ():
        sources = (volume, *(objects.get(volume, "projected", "sources", default=())))
        for source in sources:
            yield f"configmap/{objects.get(source, 'configMap', 'name', default='')}"
            secret = objects.get(source, "secret", default={})
            yield f"secret/{secret.get('secretName') or secret.get('name') or ''}"
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        for env in container.get("env") or ():
            yield f"configmap/{objects.get(env, 'valueFrom', 'configMapKeyRef', 'name', default='')}"
            yield f"secret/{objects.get(env, 'valueFrom', 'secretKeyRef', 'name', default='')}"
        for source in container.get("envFrom") or ():
            yield f"configmap/{objects.get(source, 'configMapRef', 'name', default='')}"
            yield f"secret/{objects.get(source, 'secretRef', 'name', default='')}"


async def read(reader: Reader, template: JSON, namespace: str) -> dict[str, JSON | str | None]:
    """Each reference's object; None where there is none, UNREADABLE where it may not be read."""
    found: dict[str, JSON | str | None] = {}
    for reference in references(template):
        kind, _, name = reference.partition("/")
        try:
            found[reference] = await reader.get(_RESOURCES[kind], name, namespace)
        except StatusError as error:
            if error.code not in (403, 404):
                raise
            found[reference] = None if error.code == 404 else UNREADABLE
    return found


def checksums(found: Mapping[str, JSON | str | None]) -> dict[str, str]:
    """A checksum of each one's data; "" for one that is not there. What can't be read is left out."""
    return {
        reference: _checksum(obj) if isinstance(obj, dict) else ""
        for reference, obj in sorted(found.items())
        if obj != UNREADABLE
    }


def _checksum(obj: JSON) -> str:
    content = {field: obj[field] for field in ("data", "binaryData") if obj.get(field)}
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def changed_at(obj: JSON) -> str:
    """When somebody last wrote it, as far as managedFields tell; else when it was made."""
    entries = objects.get(obj, "metadata", "managedFields", default=[])
    times = [str(entry.get("time", "")) for entry in entries if not entry.get("subresource")]
    return max([*times, objects.creation_timestamp(obj)])
