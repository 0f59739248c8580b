"""Which nodes have which images, as their status lists them (pkg/scheduler/backend/cache: imageStates, 1.32)."""

from collections.abc import Sequence

from seatrial.base.types import JSON


class NodeImages:
    """`known`: name of an image → node → its size there in bytes."""

    def __init__(self) -> None:
        self.known: dict[str, dict[str, int]] = {}
        self._listed: dict[str, Sequence[JSON]] = {}

    def put(self, node: str, listed: Sequence[JSON]) -> None:
        """What the node has now."""
        before = self._listed.get(node, ())
        if listed == before:
            return
        self.drop(node)
        if listed:
            self._listed[node] = listed
        for image in listed:
            for name in image.get("names") or ():
                self.known.setdefault(name, {})[node] = int(image.get("sizeBytes") or 0)

    def drop(self, node: str) -> None:
        """The node is gone."""
        for image in self._listed.pop(node, ()):
            for name in image.get("names") or ():
                there = self.known.get(name, {})
                there.pop(node, None)
                if not there:
                    self.known.pop(name, None)

    def size(self, name: str) -> int:
        """As the node told that listed it first."""
        return next(iter(self.known[name].values()))
