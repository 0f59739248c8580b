"""What a Service's roll leaves on each workload, so that whoever runs it again goes on where it ended. Pure.

It is one annotation, JSON, there from the first change of the workload until the whole roll has ended:

    roll     the roll's id, the same on all of its workloads
    service  whose roll it is
    stage    canary · rolling · done · paused · undoing
    begun    when the roll began; its timeout counts from here
    since    when this stage began
    target   a hash of what is rolled out (`change.identity`)
    before   the fields of spec that an undo puts back (null: there was none)
    after    the fields of spec that are put in place when the workload is done
    reason, message    why it is undone or paused
"""

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import orjson

from seatrial.base.types import JSON
from seatrial.machinery import objects, times

ANNOTATION = "seatrial.dev/service-roll"

Stage = Literal["canary", "rolling", "done", "paused", "undoing"]


@dataclass(frozen=True)
class Record:
    """See the module. Times are seconds since 1970."""

    roll: str
    service: str
    stage: Stage
    begun: float
    since: float
    target: str
    before: JSON
    after: JSON
    reason: str = ""
    message: str = ""

    def at(self, stage: Stage, now: float, **fields: Any) -> "Record":
        """The same roll in another stage."""
        return replace(self, stage=stage, since=now, **fields)


def of(obj: JSON) -> Record | None:
    """The record on a workload; None when there is none, or none that can be read."""
    text = objects.annotations(obj).get(ANNOTATION)
    if not text:
        return None
    try:
        data = orjson.loads(text)
        times_ = {field: times.parse_time(data[field]) for field in ("begun", "since")}
        return Record(**{**data, **times_})
    except (ValueError, TypeError, KeyError):
        return None


def put(obj: JSON, record: Record | None) -> JSON:
    """The workload with this record, or without any."""
    annotations = {key: value for key, value in objects.annotations(obj).items() if key != ANNOTATION}
    if record is not None:
        data = asdict(record)
        data |= {field: times.format_time(data[field]) for field in ("begun", "since")}
        annotations[ANNOTATION] = orjson.dumps(data).decode()
    return objects.with_metadata(obj, annotations=annotations or None)
