"""Which records a list gives: pages, continue tokens, and what resourceVersion and resourceVersionMatch ask for.

Follows k8s.io/apiserver/pkg/storage/{continue.go,etcd3/store.go}. The first page fixes the revision of all the others.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from seatrial.api.resource import Resource
from seatrial.apiserver import store_errors
from seatrial.apiserver.selection import Selection
from seatrial.base.errors import Compacted, StatusError
from seatrial.machinery import status
from seatrial.store import keys
from seatrial.store.base import Page, Record, Store

TOKEN_VERSION = "meta.k8s.io/v1"
LATEST = -1
"""As a token's revision: go on in whatever is there now."""
CHUNK = 500
"""Records read at a time when a selector leaves open how many are needed for a page."""


@dataclass(frozen=True, slots=True)
class ListOptions:
    """The query parameters of a list."""

    limit: int = 0
    continue_token: str = ""
    resource_version: str = ""
    resource_version_match: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """A list, or a page of one. `remaining` is None when it isn't known (selectors)."""

    records: Sequence[Record]
    revision: int
    continue_token: str = ""
    remaining: int | None = None


@dataclass(slots=True)
class _Wanted:
    """Where to begin, how much, and as of when (0: now)."""

    start: str = ""
    limit: int = 0
    revision: int = 0
    continued: bool = False


async def read(store: Store, resource: Resource, namespace: str, selection: Selection, options: ListOptions) -> Listing:
    """The records that are asked for, in key order."""
    selection.check(resource)
    prefix = keys.prefix(resource, namespace)
    if selection.name and (namespace or not resource.namespaced) and not options.limit and not options.resource_version:
        return await _read_one(store, resource, namespace, selection)
    wanted = _wanted(options, prefix, store.revision)
    try:
        if selection.everything:
            return _as_listing(await _page(store, prefix, wanted, wanted.limit), prefix)
        return await _read_selected(store, resource, prefix, selection, wanted)
    except Compacted:
        raise _too_old(wanted, prefix) from None


def check_not_future(revision: int, current: int) -> None:
    """Raise 504: the caller has seen a revision that this store doesn't have yet."""
    if revision > current:
        raise status.too_large_resource_version(revision, current)


def _wanted(options: ListOptions, prefix: str, current: int) -> _Wanted:
    if options.continue_token:
        if options.resource_version not in ("", "0"):
            raise status.bad_request("specifying resource version is not allowed when using continue")
        start, revision = decode_token(options.continue_token, prefix)
        check_not_future(revision, current)
        return _Wanted(start, options.limit, max(revision, 0), True)
    revision = store_errors.revision_of(options.resource_version)
    check_not_future(revision, current)
    if options.resource_version == "0":
        return _Wanted()
    exact = options.resource_version_match == "Exact" or (options.limit > 0 and not options.resource_version_match)
    return _Wanted("", options.limit, revision if exact else 0)


async def _page(store: Store, prefix: str, wanted: _Wanted, limit: int) -> Page:
    return await store.list(prefix, start=wanted.start, limit=limit, revision=wanted.revision)


def _as_listing(page: Page, prefix: str) -> Listing:
    if not page.remaining:
        return Listing(page.records, page.revision)
    token = encode_token(page.records[-1].key + "\0", prefix, page.revision)
    return Listing(page.records, page.revision, token, page.remaining)


async def _read_one(store: Store, resource: Resource, namespace: str, selection: Selection) -> Listing:
    """`metadata.name=x` is a get."""
    found = await store.get(keys.key(resource, namespace, selection.name))
    chosen = [found] if found is not None and selection.matches(resource, found.object) else []
    return Listing(chosen, store.revision)


async def _read_selected(
    store: Store, resource: Resource, prefix: str, selection: Selection, wanted: _Wanted
) -> Listing:
    """As many records as fit the page, and whether there may be more behind the last that was looked at."""
    limit, chunk = wanted.limit, max(CHUNK, wanted.limit) if wanted.limit else 0
    chosen: list[Record] = []
    while True:
        page = await _page(store, prefix, wanted, chunk)
        wanted.revision = page.revision
        for at, record in enumerate(page.records):
            if not selection.matches(resource, record.object):
                continue
            chosen.append(record)
            if len(chosen) == limit and (at + 1 < len(page.records) or page.remaining):
                return Listing(chosen, page.revision, encode_token(record.key + "\0", prefix, page.revision))
        if not page.remaining:
            return Listing(chosen, page.revision)
        wanted.start = page.records[-1].key + "\0"


def _too_old(wanted: _Wanted, prefix: str) -> StatusError:
    if wanted.continued:
        return store_errors.continue_too_old(encode_token(wanted.start, prefix, LATEST))
    return status.expired(store_errors.LIST_TOO_OLD)


def encode_token(start: str, prefix: str, revision: int) -> str:
    """The continue token of a page that begins at key `start`."""
    content = {"v": TOKEN_VERSION, "rv": revision, "start": start.removeprefix(prefix)}
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=True)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_token(token: str, prefix: str) -> tuple[str, int]:
    """(key to begin at, revision; LATEST: now); raises 400."""
    try:
        padded = token + "=" * (-len(token) % 4)
        content = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        version, revision, start = content["v"], int(content["rv"]), str(content["start"])
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise _bad_token(str(error)) from None
    if version != TOKEN_VERSION:
        raise _bad_token(f"server does not recognize this encoded version {json.dumps(version)}")
    if revision == 0:
        raise _bad_token(f"incorrect encoded start resourceVersion (version {TOKEN_VERSION})")
    if not start:
        raise _bad_token(f"encoded start key empty (version {TOKEN_VERSION})")
    if start.startswith("/") or ".." in start.split("/"):
        raise _bad_token(start)
    return prefix + start, revision


def _bad_token(why: str) -> StatusError:
    return status.bad_request(f"invalid continue token: continue key is not valid: {why}")
