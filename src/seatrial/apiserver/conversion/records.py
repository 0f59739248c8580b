"""Stored records as an old version shows them: one by one, in lists, and as they change.

Follows k8s.io/apiserver/pkg/endpoints/handlers/response.go. Every client pays for its own conversion; what is asked
for in the newest version costs nothing more.
"""

import dataclasses
from collections.abc import AsyncIterator, Sequence

import orjson

from seatrial.api.old_version import OldVersion
from seatrial.apiserver.paging import Listing
from seatrial.apiserver.registry_watch import Change, RegistryWatch
from seatrial.store.base import Record


def record(version: OldVersion, stored: Record) -> Record:
    """The same object in the old form."""
    obj = version.from_stored(stored.object)
    return dataclasses.replace(stored, object=obj, data=orjson.dumps(obj))


def listing(version: OldVersion, stored: Listing) -> Listing:
    """The same list in the old form."""
    return dataclasses.replace(stored, records=[record(version, one) for one in stored.records])


class ConvertedWatch:
    """A watch whose changes are shown in an old version."""

    def __init__(self, version: OldVersion, watch: RegistryWatch) -> None:
        self._version, self._watch = version, watch

    @property
    def revision(self) -> int:
        """Everything up to here has been handed out."""
        return self._watch.revision

    def __aiter__(self) -> AsyncIterator[Change]:
        return self

    async def __anext__(self) -> Change:
        return self._converted(await anext(self._watch))

    def drain(self) -> Sequence[Change]:
        """All changes that are there already."""
        return [self._converted(change) for change in self._watch.drain()]

    def close(self) -> None:
        self._watch.close()

    def _converted(self, change: Change) -> Change:
        shown = record(self._version, change.record)
        line = b'{"type":"%s","object":%s}\n' % (change.type.encode(), shown.data)
        return Change(change.type, shown, line)
