"""Answers as bytes, the way the client asked for them: JSON or YAML, Table or object, pretty, compressed.

The plain case costs nothing: stored bytes are sent as they are. Follows k8s.io/apiserver/pkg/endpoints/handlers/
responsewriters/writers.go.
"""

import gzip
import json
from typing import NamedTuple

import orjson

from seatrial.apiserver import listing, negotiation
from seatrial.apiserver.handlers.call import Answer, Call, Document, Listed, Made, Stored, Text
from seatrial.apiserver.http import tables
from seatrial.apiserver.http.asgi import RequestHeaders
from seatrial.apiserver.http.tables import TablePrinter
from seatrial.apiserver.negotiation import Wanted
from seatrial.base.types import JSON

GZIP_FROM = 128 * 1024
GZIP_LEVEL = 1

Headers = list[tuple[bytes, bytes]]

JSON_TYPE = b"application/json"


class Encoded(NamedTuple):
    code: int
    content_type: bytes
    body: bytes
    headers: Headers


def encode(answer: Answer, call: Call, wanted: Wanted, now: float) -> Encoded:
    """Any answer that is complete: not a watch, a stream or a session."""
    if isinstance(answer, Text):
        return Encoded(answer.code, answer.content_type.encode(), answer.text.encode(), [])
    if isinstance(answer, Document):
        headers = [(b"etag", answer.etag.encode())] if answer.etag else []
        if answer.vary:
            headers.append((b"vary", answer.vary.encode()))
        return Encoded(200, answer.content_type.encode(), answer.data, headers)
    if wanted is negotiation.PLAIN:
        return _plain(answer)
    code, obj = _shaped(answer, call, wanted, now)
    body, content_type = _written(obj, wanted)
    return Encoded(code, content_type, body, [])


def _plain(answer: Answer) -> Encoded:
    if isinstance(answer, Stored):
        return Encoded(answer.code, JSON_TYPE, answer.record.data, [])
    if isinstance(answer, Listed):
        return Encoded(200, JSON_TYPE, listing.encode(answer.resource, answer.listing), [])
    assert isinstance(answer, Made)
    return Encoded(answer.code, JSON_TYPE, orjson.dumps(answer.object), [])


def _shaped(answer: Answer, call: Call, wanted: Wanted, now: float) -> tuple[int, JSON]:
    """The object to write: a Table, bare metadata, or the thing itself."""
    if isinstance(answer, Made):
        return answer.code, answer.object
    if isinstance(answer, Listed):
        objects = [record.object for record in answer.listing.records]
        metadata = listing.list_metadata(answer.listing)
        if wanted.form == "Table":
            printer = TablePrinter(answer.resource, wanted.version, call.query.get("includeObject", ""), now)
            return 200, printer.table(objects, metadata)
        if wanted.form:
            return 200, tables.partial_list(objects, metadata, wanted.version)
        return 200, orjson.loads(listing.encode(answer.resource, answer.listing))
    assert isinstance(answer, Stored)
    obj = answer.record.object
    if wanted.form == "Table":
        printer = TablePrinter(answer.resource, wanted.version, call.query.get("includeObject", ""), now)
        return answer.code, printer.table([obj], tables.one_metadata(obj))
    if wanted.form:
        return answer.code, tables.partial(obj, wanted.version)
    return answer.code, obj


def _written(obj: JSON, wanted: Wanted) -> tuple[bytes, bytes]:
    if wanted.yaml:
        import yaml

        dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
        return yaml.dump(orjson.loads(orjson.dumps(obj)), Dumper=dumper).encode(), b"application/yaml"
    if wanted.pretty:
        return pretty(obj), JSON_TYPE
    return orjson.dumps(obj), JSON_TYPE


def pretty(obj: JSON) -> bytes:
    """Two spaces, as Go's MarshalIndent."""
    return json.dumps(obj, indent=2, ensure_ascii=False).encode()


def worth_compressing(body: bytes, headers: RequestHeaders) -> bool:
    """Big answers are compressed for clients that ask for gzip."""
    return len(body) >= GZIP_FROM and b"gzip" in headers.get(b"accept-encoding", b"")


def compress(body: bytes) -> bytes:
    return gzip.compress(body, GZIP_LEVEL, mtime=0)


def goes_in_pieces(answer: Listed, wanted: Wanted, headers: RequestHeaders) -> bool:
    """Long lists that are sent as they are stored."""
    if wanted is not negotiation.PLAIN or len(answer.listing.records) <= listing.PIECE:
        return False
    return b"gzip" not in headers.get(b"accept-encoding", b"")


def warning_header(text: str) -> bytes:
    """`299 - "text"` (RFC 7234 §5.5)."""
    quoted = "".join(character for character in text if character.isprintable()).replace("\\", "\\\\")
    return ('299 - "' + quoted.replace('"', '\\"') + '"').encode()
