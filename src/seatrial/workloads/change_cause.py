"""The cause of a new revision in words: who did it, how, and what became of the Pod template.

    kubectl set image (alice): nginx nginx:1.10.1 → nginx:1.11.9
    PATCH by curl: nginx nginx:1.10.1 → nginx:1.11.9, env VERSION v0.1 → v0.2
    rollback to revision 1: nginx nginx:1.11.9 → nginx:1.10.1

Limits: at most five differences are told, long values are cut.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from seatrial.base.types import JSON

MOST_CHANGES = 5
LONGEST_VALUE = 60
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"

_COMPUTED = re.compile(r"(kubectl( [a-z][a-z-]*)* \([^)]*\)|[A-Z]+ by .+?|rollback to .+?): ")
_MANAGERS = {"kubectl": "kubectl apply", "kubectl-client-side-apply": "kubectl apply"}
_KEYS: Mapping[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "imagePullSecrets": ("name",),
    "volumeMounts": ("mountPath",),
    "ports": ("containerPort", "protocol"),
}
"""Lists whose items are known by these fields."""
_MAPS = (("metadata", "labels"), ("metadata", "annotations"))
_CONTAINERS = {"containers": "container", "initContainers": "init container"}
_MISSING: Any = object()


@dataclass(frozen=True)
class Author:
    """What a request tells of whoever sent it; "" for what it doesn't."""

    method: str
    user: str = ""
    command: str = ""
    """The header Kubectl-Command: `kubectl set image`."""
    manager: str = ""
    """The parameter fieldManager."""
    agent: str = ""
    """The User-Agent up to its first slash."""
    rolls_back_to: int | None = None
    """A controller takes back the template of this revision; 0: the one before."""

    def __str__(self) -> str:
        if self.rolls_back_to is not None:
            return (
                f"rollback to revision {self.rolls_back_to}" if self.rolls_back_to else "rollback to the last revision"
            )
        command = self.command or self._command_of_manager()
        if command:
            return f"{command} ({self.user})"
        return f"{self.method} by {self.manager or self.agent or self.user}"

    def _command_of_manager(self) -> str:
        """What versions of kubectl that don't send the header tell in their manager."""
        if self.agent != "kubectl" or not self.manager.startswith("kubectl"):
            return ""
        return _MANAGERS.get(self.manager) or self.manager.replace("-", " ", 1)


def text(author: Author, template: JSON, before: JSON | None) -> str:
    """The cause of a revision with this template, after `before` (None: it is the first)."""
    parts = list(_differences(before, template)) if before is not None else _images(template)
    if len(parts) > MOST_CHANGES:
        parts = [*parts[:MOST_CHANGES], f"and {len(parts) - MOST_CHANGES} more"]
    return f"{author}: {', '.join(parts)}"


def differences(before: JSON, after: JSON) -> list[str]:
    """What became of a Pod template, a line each, images first."""
    return list(_differences(before, after))


def is_computed(cause: str) -> bool:
    """Whether a cause has the form of those made here: it tells of one change, and is not true of another."""
    return _COMPUTED.match(cause) is not None


class Change(NamedTuple):
    """A difference at a path; old or new is _MISSING where there is nothing."""

    path: tuple[str, ...]
    old: Any
    new: Any

    @property
    def is_image(self) -> bool:
        return len(self.path) == 4 and self.path[1] in _CONTAINERS and self.path[3] == "image"


def _images(template: JSON) -> list[str]:
    spec = template.get("spec") or {}
    return [f"{one.get('name')} {one.get('image')}" for one in spec.get("containers") or ()]


def _differences(before: JSON, after: JSON) -> Iterator[str]:
    changes = sorted(_compare(before, after, ()), key=lambda change: not change.is_image)
    several = len((after.get("spec") or {}).get("containers") or ()) > 1
    for change in changes:
        yield _told(change, several)


def _compare(old: Any, new: Any, path: tuple[str, ...]) -> Iterator[Change]:
    if path in _MAPS:
        old, new = ({} if side is _MISSING else side for side in (old, new))
    keys = _KEYS.get(path[-1]) if path else None
    if keys and isinstance(old, list) and isinstance(new, list):
        old, new = _by_key(old, keys), _by_key(new, keys)
    if not (isinstance(old, dict) and isinstance(new, dict)):
        if old != new:
            yield Change(path, old, new)
        return
    for name in dict.fromkeys((*new, *old)):
        yield from _compare(old.get(name, _MISSING), new.get(name, _MISSING), (*path, name))


def _by_key(items: Sequence[Any], keys: Sequence[str]) -> dict[str, Any]:
    return {"/".join(str(item.get(key) or "") for key in keys).rstrip("/"): item for item in items}


def _told(change: Change, several: bool) -> str:
    if change.path == ("metadata", "annotations", RESTARTED_AT) and change.new is not _MISSING:
        return "restarted"
    subject = _subject(change.path, several)
    if change.old is _MISSING:
        return f"added {subject} {_shown(change.new)}".rstrip()
    if change.new is _MISSING:
        return f"removed {subject}"
    return f"{subject} {_shown(change.old)} → {_shown(change.new)}"


def _subject(path: tuple[str, ...], several: bool) -> str:
    if path[:2] in _MAPS and len(path) == 3:
        return f"{path[1][:-1]} {path[2]}"
    if len(path) < 3 or path[1] not in _CONTAINERS:
        return ".".join(path)
    container, rest = path[2], path[3:]
    if not rest:
        return f"{_CONTAINERS[path[1]]} {container}"
    if rest == ("image",):
        return container
    field = f"env {rest[1]}" if rest[0] == "env" and len(rest) > 1 and rest[2:] in ((), ("value",)) else ".".join(rest)
    return f"{container} {field}" if several else field


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("image") or value.get("value") or value
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return shown if len(shown) <= LONGEST_VALUE else f"{shown[: LONGEST_VALUE - 1]}…"
