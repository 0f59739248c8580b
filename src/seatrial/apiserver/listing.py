"""Lists as bytes: the stored bytes of their items, joined (spec: api.md §6). Nothing is encoded per request."""

from collections.abc import Iterator

import orjson

from seatrial.api.resource import Resource
from seatrial.apiserver.registry import Listing
from seatrial.base.types import JSON
from seatrial.store.base import Record


def list_metadata(listing: Listing) -> JSON:
    """ListMeta: resourceVersion, continue, remainingItemCount."""
    metadata: JSON = {"resourceVersion": str(listing.revision)}
    if listing.continue_token:
        metadata["continue"] = listing.continue_token
        if listing.remaining is not None:
            metadata["remainingItemCount"] = listing.remaining
    return metadata


PIECE = 64
"""Items in one piece: some hundred kilobytes of Pods, which is sent while the next piece is joined."""


def encode(resource: Resource, listing: Listing) -> bytes:
    """The List object."""
    return b"".join(pieces(resource, listing))


def pieces(resource: Resource, listing: Listing) -> Iterator[bytes]:
    """The List object in pieces. Its items have no kind and apiVersion: first in the stored bytes, they are cut off."""
    head = orjson.dumps(
        {"kind": f"{resource.kind}List", "apiVersion": resource.api_version, "metadata": list_metadata(listing)}
    )
    records, prefix = listing.records, type_prefix(resource)
    if not records:
        yield head[:-1] + b',"items":[]}'
        return
    opening = head[:-1] + b',"items":[{'
    for start in range(0, len(records), PIECE):
        items = [_item_data(record, prefix) for record in records[start : start + PIECE]]
        yield opening + b",{".join(items)
        opening = b",{"
    yield b"]}"


def _item_data(record: Record, prefix: bytes) -> bytes:
    """What follows the opening brace."""
    data = record.data
    return data[len(prefix) :] if data.startswith(prefix) else _without_type(record.object)


def type_prefix(resource: Resource) -> bytes:
    """How the stored bytes of an object begin."""
    return f'{{"kind":"{resource.kind}","apiVersion":"{resource.api_version}",'.encode()


def _without_type(obj: JSON) -> bytes:
    return orjson.dumps({name: value for name, value in obj.items() if name not in ("kind", "apiVersion")})[1:]


def item(record: Record) -> JSON:
    """The same as an object that shares everything with the record's."""
    return {field: value for field, value in record.object.items() if field not in ("kind", "apiVersion")}
