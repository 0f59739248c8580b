"""Hash and equality of Pod templates.

Follows ComputeHash (pkg/controller/controller_utils.go), SafeEncodeString (apimachinery util/rand) and EqualIgnoreHash
(pkg/controller/deployment/util). Equality is semantic: absent, null and empty are the same where Go's decoder makes
them so. Quantities are stored in canonical form, so that comparing text compares values.

differs: upstream hashes a dump of Go structs, which nobody else can reproduce; here it is canonical JSON. Nothing
compares hashes across implementations.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

import orjson

from seatrial.base.env import SUFFIX_ALPHABET
from seatrial.base.types import JSON

HASH_LABEL = "pod-template-hash"

_FNV_OFFSET, _FNV_PRIME, _MASK = 0x811C9DC5, 0x01000193, 0xFFFFFFFF
_MAPS = frozenset({
    "labels", "annotations", "nodeSelector", "matchLabels", "limits", "requests", "overhead", "resources", "metadata",
    "volumeAttributes", "options",
})  # fmt: skip
"""Fields that are maps or plain structs in Go: empty is the same as absent. Elsewhere {} is a pointer to something."""
_ZERO_IS_ABSENT = frozenset({
    "hostNetwork", "hostPID", "hostIPC", "stdin", "stdinOnce", "tty", "readOnly", "hostPort", "initialDelaySeconds",
})  # fmt: skip


def compute(template: JSON, collision_count: int | None = None) -> str:
    """The value of the label pod-template-hash, and the end of the ReplicaSet's name."""
    return _compute(canonical(template), collision_count)


@lru_cache(maxsize=1024)
def _compute(dump: bytes, collision_count: int | None) -> str:
    value = _FNV_OFFSET
    for byte in dump + _collision_bytes(collision_count):
        value = ((value ^ byte) * _FNV_PRIME) & _MASK
    return safe_encode(str(value))


def _collision_bytes(collision_count: int | None) -> bytes:
    """Eight bytes of which upstream fills only the first four."""
    return b"" if collision_count is None else collision_count.to_bytes(4, "little") + bytes(4)


def safe_encode(text: str) -> str:
    """Text in the alphabet of generated names, so that no bad words come up."""
    return "".join(SUFFIX_ALPHABET[ord(character) % len(SUFFIX_ALPHABET)] for character in text)


def equal_ignoring_hash(one: JSON, other: JSON) -> bool:
    """Whether two templates are the same apart from the label pod-template-hash."""
    one, other = without_hash(one), without_hash(other)
    return one == other or canonical(one) == canonical(other)


def without_hash(template: JSON) -> JSON:
    """The template without the label pod-template-hash; all else is shared with `template`."""
    metadata: Mapping[str, Any] = template.get("metadata") or {}
    labels = metadata.get("labels") or {}
    if HASH_LABEL not in labels:
        return template
    kept = {key: value for key, value in labels.items() if key != HASH_LABEL}
    return {**template, "metadata": {**metadata, "labels": kept}}


def with_hash(template: JSON, value: str) -> JSON:
    """The template with the label pod-template-hash; all else is shared with `template`."""
    metadata: Mapping[str, Any] = template.get("metadata") or {}
    labels = {**(metadata.get("labels") or {}), HASH_LABEL: value}
    return {**template, "metadata": {**metadata, "labels": labels}}


def canonical(template: JSON) -> bytes:
    """Equal templates, and only they, have equal bytes."""
    return _canonical(orjson.dumps(template, option=orjson.OPT_SORT_KEYS))


@lru_cache(maxsize=4096)
def _canonical(encoded: bytes) -> bytes:
    return orjson.dumps(_pruned("", orjson.loads(encoded)), option=orjson.OPT_SORT_KEYS)


def _pruned(name: str, value: Any) -> Any:
    """The value without what says nothing; None where nothing is left."""
    if isinstance(value, dict):
        kept = {field: _pruned(field, item) for field, item in cast(JSON, value).items()}
        kept = {field: item for field, item in kept.items() if item is not None}
        return kept if kept or name not in _MAPS else None
    if isinstance(value, list):
        return [_pruned("", item) for item in value] or None
    if value == "" or (not value and name in _ZERO_IS_ABSENT):
        return None
    return value
