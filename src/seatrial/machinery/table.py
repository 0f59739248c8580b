"""The Table that `kubectl get` asks for (meta.k8s.io/v1): columns, rows, and how ages are printed.

Follows k8s.io/apimachinery/pkg/util/duration, pkg/apis/meta/v1 (Table, PartialObjectMetadata) and the translation in
k8s.io/apiserver/pkg/endpoints/handlers/response.go.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from seatrial.base.types import JSON
from seatrial.machinery import times

IncludeObject = Literal["Metadata", "Object", "None"]

NAME_DESCRIPTION = (
    "Name must be unique within a namespace. Is required when creating resources, although some resources may allow "
    "a client to request the generation of an appropriate name automatically. Name is primarily intended for creation "
    "idempotence and configuration definition. Cannot be updated. More info: "
    "https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names"
)
AGE_DESCRIPTION = (
    "CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed "
    "to be set in happens-before order across separate operations. Clients may not set this value. It is represented "
    "in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata"
)


@dataclass(frozen=True)
class Column:
    """One column definition; priority 0 is always shown, 1 only with `-o wide`."""

    name: str
    type: str = "string"
    format: str = ""
    description: str = ""
    priority: int = 0


NAME = Column("Name", format="name", description=NAME_DESCRIPTION)
AGE = Column("Age", description=AGE_DESCRIPTION)


def human_duration(seconds: float) -> str:
    """`3m20s`, `5h`, `2d3h`: about two significant digits (duration.HumanDuration)."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 120:
        return f"{max(whole, 0)}s"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if minutes < 10:
        return _pair(minutes, "m", whole % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _pair(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if hours < 24 * 8:
        return _pair(days, "d", hours % 24, "h")
    if hours < 24 * 365 * 2:
        return f"{days}d"
    if hours < 24 * 365 * 8:
        return _pair(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def _pair(big: int, big_unit: str, small: int, small_unit: str) -> str:
    return f"{big}{big_unit}{small}{small_unit}" if small else f"{big}{big_unit}"


def short_human_duration(seconds: float) -> str:
    """Whole units, as clients up to 1.5 print ages."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 60:
        return f"{max(whole, 0)}s"
    if whole < 3600:
        return f"{whole // 60}m"
    if whole < 86400:
        return f"{whole // 3600}h"
    return f"{whole // 86400}d" if whole // 3600 < 24 * 364 else f"{whole // 86400 // 365}y"


def age(timestamp: str | None, now: float) -> str:
    """How long ago `timestamp` was; `<unknown>` when there is none."""
    return human_duration(now - times.parse_time(timestamp)) if timestamp else "<unknown>"


def created_age(obj: JSON, now: float) -> str:
    """The AGE cell: the time since metadata.creationTimestamp."""
    return age((obj.get("metadata") or {}).get("creationTimestamp"), now)


def column_definitions(columns: Sequence[Column]) -> list[JSON]:
    """The columns as they stand in a Table."""
    return [
        {
            "name": column.name,
            "type": column.type,
            "format": column.format,
            "description": column.description,
            "priority": column.priority,
        }
        for column in columns
    ]


def partial_object_metadata(obj: JSON) -> JSON:
    """The object without everything but its metadata."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": obj.get("metadata") or {},
    }


def partial_object_metadata_list(objects: Iterable[JSON], metadata: JSON) -> JSON:
    """A PartialObjectMetadataList; `metadata` is the list's own (resourceVersion, continue, …)."""
    items = [partial_object_metadata(obj) for obj in objects]
    kind = "PartialObjectMetadataList"
    return {"kind": kind, "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "items": items}


def row(obj: JSON, cells: Sequence[Any], include: IncludeObject = "Metadata", conditions: Sequence[JSON] = ()) -> JSON:
    """One row of a Table: all cells, whatever their priority, and as much of the object as was asked for."""
    built: JSON = {"cells": list(cells)}
    if conditions:
        built["conditions"] = list(conditions)
    if include == "Object":
        built["object"] = obj
    else:
        built["object"] = partial_object_metadata(obj) if include == "Metadata" else None
    return built


def table(columns: Sequence[Column] | None, rows: Sequence[JSON], metadata: JSON) -> JSON:
    """A Table; `columns` None leaves the definitions out, as in all but the first event of a watch."""
    definitions = [] if columns is None else column_definitions(columns)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": definitions,
        "rows": list(rows),
    }
