"""Lists as bytes: the stored bytes of their items, joined (spec: api.md §6). Nothing is encoded per request."""

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


def encode(resource: Resource, listing: Listing) -> bytes:
    """The List object. Its items have no kind and apiVersion: in stored bytes they come first, and are cut off."""
    head = orjson.dumps(
        {"kind": f"{resource.kind}List", "apiVersion": resource.api_version, "metadata": list_metadata(listing)}
    )
    records = listing.records
    if not records:
        return head[:-1] + b',"items":[]}'
    prefix = type_prefix(resource)
    cut = len(prefix)
    items = [
        record.data[cut:] if record.data.startswith(prefix) else _without_type(record.object) for record in records
    ]
    return b"".join((head[:-1], b',"items":[{', b",{".join(items), b"]}"))


def type_prefix(resource: Resource) -> bytes:
    """How the stored bytes of an object begin."""
    return f'{{"kind":"{resource.kind}","apiVersion":"{resource.api_version}",'.encode()


def _without_type(obj: JSON) -> bytes:
    return orjson.dumps({name: value for name, value in obj.items() if name not in ("kind", "apiVersion")})[1:]


def item(record: Record) -> JSON:
    """The same as an object that shares everything with the record's."""
    return {field: value for field, value in record.object.items() if field not in ("kind", "apiVersion")}
