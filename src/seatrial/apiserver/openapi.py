"""OpenAPI documents as far as kubectl needs them (spec: api.md §12)."""

from seatrial.base.types import JSON


class Documents:
    def __init__(self, release: str) -> None:
        self._release = release

    def find(self, path: str) -> JSON | None:
        return None
