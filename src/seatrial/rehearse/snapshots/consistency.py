"""Makes what was read of a cluster consistent: each object once, no owner that is not there. Pure.

A dump may lack whole kinds, and a cluster may change while it is read. Left as they are, objects whose owner is missing
would be collected as garbage before the rehearsal has begun.
"""

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence

from seatrial.base.types import JSON
from seatrial.machinery import objects


def once(loaded: Iterable[JSON]) -> list[JSON]:
    """Each object in its newest state."""
    chosen: dict[tuple[str, str, str, str], JSON] = {}
    for obj in loaded:
        key = (str(obj["apiVersion"]), str(obj["kind"]), *objects.key(obj))
        if key not in chosen or version(obj) >= version(chosen[key]):
            chosen[key] = obj
    return list(chosen.values())


def version(obj: JSON) -> int:
    """resourceVersion as far as it is a number."""
    text = str((obj.get("metadata") or {}).get("resourceVersion") or "")
    return int(text) if text.isdecimal() else 0


def owned(loaded: Sequence[JSON]) -> tuple[list[JSON], list[str]]:
    """The objects, all of whose owners are there, and what was done for it.

    Where no object of the owner's kind is known, the owner is taken off; where only this one is missing, it was deleted
    in between, and what it owned goes with it.
    """
    told: list[str] = []
    kinds = {str(obj["kind"]) for obj in loaded}
    freed: Counter[tuple[str, str]] = Counter()
    while True:
        uids = {objects.uid(obj) for obj in loaded}
        kept: list[JSON] = []
        for obj in loaded:
            missing = [ref for ref in _owners(obj) if ref.get("uid") not in uids]
            if not missing:
                kept.append(obj)
            elif any(ref.get("kind") in kinds for ref in missing):
                told.append(f"left out: {obj['kind'].lower()}/{objects.name(obj)}, whose owner is not there any more")
            else:
                freed.update((str(obj["kind"]), str(ref.get("kind"))) for ref in missing)
                left = [ref for ref in _owners(obj) if ref not in missing]
                kept.append(objects.with_metadata(obj, ownerReferences=left or None))
        if len(kept) == len(loaded) and not any(a is not b for a, b in zip(kept, loaded, strict=True)):
            return kept, [*told, *_freed(freed)]
        loaded = kept


def freed(loaded: Iterable[JSON], absent: Container[str]) -> Iterator[JSON]:
    """Those that belong to an owner of these uids, as nobody's: they are left as they are, and not collected."""
    for obj in loaded:
        left = [ref for ref in _owners(obj) if ref.get("uid") not in absent]
        if left != _owners(obj):
            yield objects.with_metadata(obj, ownerReferences=left or None)


def _owners(obj: JSON) -> list[JSON]:
    """Its owner references; nothing of a dump has been validated yet."""
    return objects.dicts(obj, "metadata", "ownerReferences")


def _freed(freed: Counter[tuple[str, str]]) -> list[str]:
    return [
        f"{number} {kind}s belong to a {owner}, a kind that is not known here: nobody replaces them"
        for (kind, owner), number in sorted(freed.items())
    ]
