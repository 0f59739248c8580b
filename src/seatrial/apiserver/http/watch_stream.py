"""A watch as a chunked answer: a line of JSON per event, ready events in one write, bookmarks, an end in time.

Follows k8s.io/apiserver/pkg/endpoints/handlers/watch.go and storage/cacher/cache_watcher.go (bookmark times).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence

import orjson

from seatrial.apiserver.handlers.call import Watching
from seatrial.apiserver.http import tables
from seatrial.apiserver.http.tables import TablePrinter
from seatrial.apiserver.negotiation import Wanted
from seatrial.apiserver.registry import Listing
from seatrial.apiserver.registry_watch import Change
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.store.base import Record

BOOKMARK_SECONDS = 60.0
LAST_BOOKMARK_SECONDS = 2.0
INITIAL_EVENTS_END = {"k8s.io/initial-events-end": "true"}

Lines = Callable[[Sequence[Change]], bytes]


async def chunks(watch: Watching, lines: Lines, bookmark: Callable[[JSON], bytes]) -> AsyncIterator[bytes]:
    """What to write, until the watch ends; an error is the last line, as an ERROR event."""
    try:
        async for chunk in _events(watch, lines, bookmark):
            yield chunk
    except StatusError as error:
        yield b'{"type":"ERROR","object":%s}\n' % orjson.dumps(error.status)
    finally:
        watch.events.close()


async def _events(watch: Watching, lines: Lines, bookmark: Callable[[JSON], bytes]) -> AsyncIterator[bytes]:
    events, clock = watch.events, asyncio.get_running_loop().time
    if watch.initial is not None:
        yield _initial(watch.initial, lines, bookmark)
    end = clock() + watch.timeout_seconds
    bookmarks = _bookmark_times(clock(), end) if watch.bookmarks else iter(())
    deadline = next(bookmarks, end)
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                first = await anext(events)
        except TimeoutError:
            if deadline >= end:
                return
            deadline = next(bookmarks, end)
            yield bookmark({"resourceVersion": str(events.revision)})
        except StopAsyncIteration:
            return
        else:
            yield lines((first, *events.drain()))


def _initial(listing: Listing, lines: Lines, bookmark: Callable[[JSON], bytes]) -> bytes:
    """What there is, and the mark where it ends."""
    changes = [Change("ADDED", record, _record_line(record)) for record in listing.records]
    return lines(changes) + bookmark({"resourceVersion": str(listing.revision), "annotations": INITIAL_EVENTS_END})


def _record_line(record: Record) -> bytes:
    return b'{"type":"ADDED","object":%s}\n' % record.data


def _bookmark_times(now: float, end: float) -> Iterator[float]:
    """Each minute, and two seconds before the end."""
    final = end - LAST_BOOKMARK_SECONDS
    at = now
    while at < final:
        at = min(at + BOOKMARK_SECONDS, final)
        yield at


def plain_lines(changes: Sequence[Change]) -> bytes:
    """Lines that were encoded once for all watchers."""
    if len(changes) == 1:
        return changes[0].line
    return b"".join([change.line for change in changes])


def plain_bookmark(watch: Watching) -> Callable[[JSON], bytes]:
    """The kind, its version and metadata, nothing else."""
    named = {"kind": watch.resource.kind, "apiVersion": watch.resource.api_version}

    def encode(metadata: JSON) -> bytes:
        return _line("BOOKMARK", {**named, "metadata": {**metadata, "creationTimestamp": None}})

    return encode


def shaped(
    watch: Watching, wanted: Wanted, include: str, now: Callable[[], float]
) -> tuple[Lines, Callable[[JSON], bytes]]:
    """Lines and bookmarks as Tables (columns only in the first), or as bare metadata."""
    if wanted.form != "Table":
        return _partial(wanted.version), plain_bookmark(watch)
    printer = TablePrinter(watch.resource, wanted.version, include, now())
    named = {"kind": watch.resource.kind, "apiVersion": watch.resource.api_version}
    first = True

    def table(obj: JSON) -> JSON:
        nonlocal first
        with_columns, first = first, False
        return printer.table([obj], tables.one_metadata(obj), with_columns=with_columns, now=now())

    def lines(changes: Sequence[Change]) -> bytes:
        return b"".join(_line(change.type, table(change.record.object)) for change in changes)

    def bookmark(metadata: JSON) -> bytes:
        return _line("BOOKMARK", table({**named, "metadata": {**metadata, "creationTimestamp": None}}))

    return lines, bookmark


def _partial(version: str) -> Lines:
    def lines(changes: Sequence[Change]) -> bytes:
        return b"".join(_line(change.type, tables.partial(change.record.object, version)) for change in changes)

    return lines


def _line(kind: str, obj: JSON) -> bytes:
    return b'{"type":"%s","object":%s}\n' % (kind.encode(), orjson.dumps(obj))
