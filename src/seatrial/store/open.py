"""Which engine a cluster's data goes to."""

from pathlib import Path

from seatrial.store.base import Store
from seatrial.store.memory import MemoryStore
from seatrial.store.sqlite import SqliteStore


def open_store(data_dir: Path | None, *, freeze: bool = False) -> Store:
    """The store in a directory, or in memory if there is none; called inside the event loop that will use it.

    With `freeze`, what the store hands out can't be changed (for tests). Raises StoreInUse, StoreTooNew, CorruptStore.
    """
    if data_dir is None:
        return MemoryStore(freeze=freeze)
    return SqliteStore.open(data_dir, freeze=freeze)
