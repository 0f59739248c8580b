"""What `seatrial rbd` prints: rbd's own forms (16.2), plain and as JSON. Pure."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from seatrial.volumes.rbd.images import ORDER, Image, Lock, Snapshot, Watcher

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def size(amount: int) -> str:
    """`2 GiB`, `1.5 GiB`, `168 MiB`, `0 B` (byte_u_t)."""
    value, unit = float(amount), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    digits = 0 if value == int(value) or value >= 10 else 1
    return f"{value:.{digits}f} {_UNITS[unit]}"


def parse_size(text: str) -> int:
    """`2G`, `512M`; a bare number is MiB. Raises ValueError."""
    units = {"B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "P": 1 << 50}
    bare = text.upper().removesuffix("IB") if text.upper().endswith("IB") else text.upper()
    if bare.isdigit():
        return int(bare) << 20
    if len(bare) > 1 and bare[-1] in units and bare[:-1].isdigit():
        return int(bare[:-1]) * units[bare[-1]]
    raise ValueError(f"the argument ('{text}') for option '--size' is invalid")


def as_json(value: Any) -> str:
    """Without blanks, as rbd's."""
    return json.dumps(value, separators=(",", ":"))


def moment(seconds: float) -> str:
    """`Fri Nov 27 14:04:04 2026`, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%a %b %e %H:%M:%S %Y")


def info(image: Image, snapshots: int) -> tuple[list[str], dict[str, Any]]:
    """Lines, and the same for scripts."""
    count, created = -(-image.size // (1 << ORDER)), moment(image.created_at)
    prefix, stamps = f"rbd_data.{image.id}", ("create_timestamp", "access_timestamp", "modify_timestamp")
    lines = [
        f"rbd image '{image.name.image}':",
        f"\tsize {size(image.size)} in {count} objects",
        f"\torder {ORDER} ({size(1 << ORDER)} objects)",
        f"\tsnapshot_count: {snapshots}",
        f"\tid: {image.id}",
        f"\tblock_name_prefix: {prefix}",
        "\tformat: 2",
        f"\tfeatures: {', '.join(image.features)}",
        "\top_features: ",
        "\tflags: ",
        *(f"\t{name}: {created}" for name in stamps),
    ]
    data = {
        "name": image.name.image,
        "id": image.id,
        "size": image.size,
        "objects": count,
        "order": ORDER,
        "object_size": 1 << ORDER,
        "snapshot_count": snapshots,
        "block_name_prefix": prefix,
        "format": 2,
        "features": list(image.features),
        "op_features": [],
        "flags": [],
        **dict.fromkeys(stamps, created),
    }
    return lines, data


def usage(rows: Sequence[tuple[Image, int]]) -> tuple[list[str], dict[str, Any]]:
    """`rbd du`: names to the left, sizes to the right."""
    cells = [("NAME", "PROVISIONED", "USED")]
    cells += [(image.name.image, size(image.size), size(used)) for image, used in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(3)]
    lines = [
        f"{name:<{widths[0]}}  {provisioned:>{widths[1]}}  {used:>{widths[2]}}"
        if number
        else f"{name:<{widths[0]}}  {provisioned:<{widths[1]}}  {used:<{widths[2]}}"
        for number, (name, provisioned, used) in enumerate(cells)
    ]
    data = [
        {"name": image.name.image, "id": image.id, "provisioned_size": image.size, "used_size": used}
        for image, used in rows
    ]
    return lines, {"images": data}


def locks(found: Sequence[Lock]) -> tuple[list[str], list[dict[str, str]]]:
    """Nothing at all where there is no lock."""
    data = [{"id": lock.id, "locker": lock.locker, "address": lock.address} for lock in found]
    if not found:
        return [], data
    rows = [("Locker", "ID", "Address"), *((lock.locker, lock.id, lock.address) for lock in found)]
    return ["There is 1 exclusive lock on this image.", *_table(rows)], data


def snapshots(found: Sequence[Snapshot]) -> tuple[list[str], list[dict[str, Any]]]:
    """Nothing where there is none."""
    data = [
        {
            "id": each.id,
            "name": each.name,
            "size": each.size,
            "protected": "true" if each.protected else "false",
            "timestamp": moment(each.taken_at),
        }
        for each in found
    ]
    if not found:
        return [], data
    rows = [("SNAPID", "NAME", "SIZE", "PROTECTED", "TIMESTAMP")]
    rows += [
        (str(each.id), each.name, size(each.size), "yes" if each.protected else "", moment(each.taken_at))
        for each in found
    ]
    return _table(rows, right=frozenset({0})), data


def watchers(found: Sequence[Watcher]) -> tuple[list[str], dict[str, Any]]:
    """`rbd status`."""
    data = [{"address": each.address, "client": each.client, "cookie": each.cookie} for each in found]
    if not found:
        return ["Watchers: none"], {"watchers": data}
    lines = [f"\twatcher={each.address} client.{each.client} cookie={each.cookie}" for each in found]
    return ["Watchers:", *lines], {"watchers": data}


def _table(rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset()) -> list[str]:
    """Two blanks between columns; every cell is filled up (TextTable)."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if column in right and number else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for number, row in enumerate(rows)
    ]
