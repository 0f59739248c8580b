"""Duplicate keys in a JSON body, as sigs.k8s.io/json reports them in strict decoding.

A value that a later duplicate replaces is gone when the walk starts: duplicates inside it aren't reported.
"""

import json
from typing import Any

from seatrial.machinery.schema import Path, strict_path


class _Repeated(dict[str, Any]):
    """An object in whose text some keys stand more than once."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        seen: set[str] = set()
        self.repeated = list(dict.fromkeys(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]


def find_duplicates(body: bytes) -> list[str]:
    """The paths of all keys that stand more than once in their object, such as `spec.replicas`."""
    repeated = False

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        plain = dict(pairs)
        if len(plain) == len(pairs):
            return plain
        repeated = True
        return _Repeated(pairs)

    root = json.loads(body, object_pairs_hook=build)
    found: list[str] = []
    if repeated:
        _walk(root, (), found)
    return found


def _walk(value: Any, path: Path, found: list[str]) -> None:
    if isinstance(value, _Repeated):
        found.extend(strict_path((*path, key)) for key in value.repeated)
    if isinstance(value, dict):
        for key, inner in value.items():
            _walk(inner, (*path, key), found)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _walk(inner, (*path, index), found)
