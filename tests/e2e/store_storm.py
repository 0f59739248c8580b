"""A process that writes to a durable store as fast as it can, and tells each acknowledgement on standard output.

Run by test_store_survives_kill.py, which kills it. Lines: `NAME REVISION DIGIT` (DIGIT "-" for a deletion), `ready`.
"""

import asyncio
import os
import sys
from pathlib import Path

from seatrial.store.sqlite import SqliteStore

WRITERS = 12


def body(name: str, digit: int) -> dict[str, object]:
    """An object whose every part tells whether it was written whole."""
    return {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {"name": name, "namespace": "default"},
        "data": {f"k{part}": str(digit) * 200 for part in range(8)},
    }


def tell(text: str) -> None:
    os.write(1, f"{text}\n".encode())


async def storm(store: SqliteStore, writer: int) -> None:
    turn = 0
    while True:
        turn += 1
        name = f"w{writer}-{turn % 7}"
        key, digit = f"/registry/configmaps/default/{name}", turn % 10
        found = await store.get(key)
        if found is None:
            record = await store.create(key, body(name, digit))
        elif turn % 5 == 0:
            record = await store.delete(key, found.revision)
            digit = -1
        else:
            record = await store.update(key, body(name, digit), found.revision)
        tell(f"{name} {record.revision} {digit if digit >= 0 else '-'}")


async def main(directory: Path) -> None:
    store = SqliteStore.open(directory, keep_events=200)
    tell("ready")
    await asyncio.gather(*(storm(store, writer) for writer in range(WRITERS)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
