"""Objects as Tables and as bare metadata, for `kubectl get` (k8s.io/apiserver/pkg/endpoints/handlers/response.go)."""

from collections.abc import Iterable, Sequence
from typing import Any, cast

from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import status, table
from seatrial.machinery.table import Column, IncludeObject

DEFAULT_COLUMNS = (
    table.NAME,
    Column("Created At", "date", description=table.AGE_DESCRIPTION),
)


class TablePrinter:
    """Makes Tables of one resource's objects, as one request wants them."""

    def __init__(self, resource: Resource | None, version: str, include: str, now: float) -> None:
        check_include(include)
        self._resource, self._now = resource, now
        self._api_version = f"meta.k8s.io/{version}"
        self._include = cast(IncludeObject, include or "Metadata")
        self._columns: Sequence[Column] = (resource.columns if resource else ()) or DEFAULT_COLUMNS

    def table(self, objects: Iterable[JSON], metadata: JSON, *, with_columns: bool = True, now: float = 0.0) -> JSON:
        """`now` replaces the moment at which ages are counted (for watches)."""
        at = now or self._now
        rows = [self._row(obj, at) for obj in objects]
        return table.table(self._columns if with_columns else None, rows, metadata) | {"apiVersion": self._api_version}

    def _row(self, obj: JSON, now: float) -> JSON:
        row = table.row(obj, self._cells(obj, now), self._include, self._conditions(obj))
        if self._include == "Metadata":
            row["object"] = row["object"] | {"apiVersion": self._api_version}
        return row

    def _cells(self, obj: JSON, now: float) -> Sequence[Any]:
        resource = self._resource
        if resource is not None and resource.columns:
            return resource.row(obj, now)
        metadata = obj.get("metadata") or {}
        return metadata.get("name", ""), metadata.get("creationTimestamp", "")

    def _conditions(self, obj: JSON) -> Sequence[JSON]:
        """Pods that have ended are marked as completed rows."""
        if self._resource is None or self._resource.plural != "pods" or self._resource.group:
            return ()
        phase = (obj.get("status") or {}).get("phase")
        if phase == "Succeeded":
            message = "The pod has completed successfully."
        elif phase == "Failed":
            message = "The pod failed."
        else:
            return ()
        return ({"type": "Completed", "status": "True", "reason": phase, "message": message},)


def check_include(include: str) -> None:
    """Raise BadRequest for a value that includeObject can't have."""
    if include not in ("", "Metadata", "Object", "None"):
        raise status.bad_request(f'unrecognized includeObject value: "{include}"')


def one_metadata(obj: JSON) -> JSON:
    """ListMeta of a Table with a single object."""
    return {"resourceVersion": (obj.get("metadata") or {}).get("resourceVersion", "")}


def partial(obj: JSON, version: str) -> JSON:
    return table.partial_object_metadata(obj) | {"apiVersion": f"meta.k8s.io/{version}"}


def partial_list(objects: Iterable[JSON], metadata: JSON, version: str) -> JSON:
    api_version = f"meta.k8s.io/{version}"
    listed = table.partial_object_metadata_list(objects, metadata)
    items = [item | {"apiVersion": api_version} for item in listed["items"]]
    return listed | {"apiVersion": api_version, "items": items}
