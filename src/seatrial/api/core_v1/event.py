"""core/v1 Event (pkg/apis/core/validation/events.go, pkg/registry/core/event, printEvent in pkg/printers).

Events are stored in this form; events.k8s.io/v1 is another view of the same objects. Rules are those of core/v1
writers: what events.k8s.io demands beyond them isn't checked.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from seatrial.api.meta_v1 import ObjectMeta
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import names, objects, table, validation
from seatrial.machinery.table import Column
from seatrial.machinery.validation import FieldError

_REFERENCE_FIELDS = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")


class ObjectReference(TypedDict, total=False):
    """The object that an event is about."""

    kind: str
    namespace: str
    name: str
    uid: str
    apiVersion: str
    resourceVersion: str
    fieldPath: str


class EventSource(TypedDict, total=False):
    """Who reports."""

    component: str
    host: str


class Event(TypedDict, total=False):
    """Something that happened to an object."""

    apiVersion: str
    kind: str
    metadata: ObjectMeta
    involvedObject: ObjectReference
    reason: str
    message: str
    source: EventSource
    firstTimestamp: str | None
    lastTimestamp: str | None
    count: int
    type: str
    eventTime: str | None
    series: JSON
    action: str
    related: ObjectReference
    reportingComponent: str
    reportingInstance: str


def default(obj: JSON) -> None:
    """The fields that Kubernetes always writes out."""
    obj.setdefault("involvedObject", {})
    obj.setdefault("source", {})
    for field in ("firstTimestamp", "lastTimestamp", "eventTime"):
        obj.setdefault(field, None)
    for field in ("reportingComponent", "reportingInstance"):
        obj.setdefault(field, "")


def validate(obj: JSON) -> Sequence[FieldError]:
    """An event lives in the namespace of its object, or in `default` for cluster-scoped objects."""
    own = objects.namespace(obj)
    about = objects.get(obj, "involvedObject", "namespace", default="")
    agrees = own == about if about else own in ("", "default")
    errors: list[FieldError] = []
    if not agrees:
        errors.append(validation.invalid("involvedObject.namespace", about, "does not match event.namespace"))
    if own:
        errors += validation.each("namespace", own, names.dns1123_subdomain(own))
    return errors


def selectable_fields(obj: JSON) -> Mapping[str, str]:
    """What field selectors can ask for."""
    about = obj.get("involvedObject") or {}
    component = obj.get("reportingComponent") or ""
    fields = {f"involvedObject.{field}": about.get(field) or "" for field in _REFERENCE_FIELDS}
    return fields | {
        "reason": obj.get("reason") or "",
        "reportingComponent": component,
        "source": objects.get(obj, "source", "component", default="") or component,
        "type": obj.get("type") or "",
    }


_FIELD_PATH = (
    "If referring to a piece of an object instead of an entire object, this string should contain a valid JSON/Go "
    "field access statement, such as desiredState.manifest.containers[2]. For example, if the object reference is to "
    'a container within a pod, this would take on a value like: "spec.containers{name}" (where "name" refers to the '
    'name of the container that triggered the event) or if no container name is specified "spec.containers[2]" '
    "(container with index 2 in this pod). This syntax is chosen only to have some well-defined way of referencing a "
    "part of an object."
)
_REASON = (
    "This should be a short, machine understandable string that gives the reason for the transition into the "
    "object's current status."
)
COLUMNS = (
    Column("Last Seen", description="The time at which the most recent occurrence of this event was recorded."),
    Column("Type", description="Type of this event (Normal, Warning), new types could be added in the future"),
    Column("Reason", description=_REASON),
    Column("Object", description="The object that this event is about."),
    Column("Subobject", description=_FIELD_PATH, priority=1),
    Column(
        "Source",
        description="The component reporting this event. Should be a short machine understandable string.",
        priority=1,
    ),
    Column("Message", description="A human-readable description of the status of this operation."),
    Column(
        "First Seen",
        description="The time at which the event was first recorded. (Time of server receipt is in TypeMeta.)",
        priority=1,
    ),
    Column("Count", description="The number of times this event has occurred.", priority=1),
    Column("Name", format="name", description=table.NAME_DESCRIPTION, priority=1),
)


def _times(obj: JSON, now: float) -> tuple[str, str, int]:
    """(first seen, last seen, count), whichever of the old and the new fields tell them."""
    first = table.age(obj.get("firstTimestamp") or obj.get("eventTime"), now)
    series = obj.get("series")
    if series:
        return first, table.age(series.get("lastObservedTime"), now), series.get("count") or 0
    last = table.age(obj["lastTimestamp"], now) if obj.get("lastTimestamp") else first
    return first, last, obj.get("count") or 1


def _source_cell(obj: JSON) -> str:
    source = obj.get("source") or {}
    component = source.get("component") or obj.get("reportingComponent") or ""
    instance = source.get("host") or obj.get("reportingInstance") or ""
    return f"{component}, {instance}" if instance else component


def row(obj: JSON, now: float) -> Sequence[Any]:
    """The cells of `kubectl get events`."""
    first, last, count = _times(obj, now)
    about = obj.get("involvedObject") or {}
    kind = (about.get("kind") or "").lower()
    return (
        last,
        obj.get("type") or "",
        obj.get("reason") or "",
        f"{kind}/{about['name']}" if about.get("name") else kind,
        about.get("fieldPath") or "",
        _source_cell(obj),
        (obj.get("message") or "").strip(),
        first,
        count,
        objects.name(obj),
    )


RESOURCE = Resource(
    group="",
    version="v1",
    kind="Event",
    plural="events",
    singular="event",
    short_names=("ev",),
    default=default,
    validate=validate,
    create_on_update=True,
    name_rule="path_segment",
    selectable_fields=selectable_fields,
    columns=COLUMNS,
    row=row,
)
