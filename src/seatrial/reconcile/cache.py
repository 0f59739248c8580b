"""The objects of one resource, with indexes (client-go tools/cache/thread_safe_store.go).

Objects are shared with everybody who reads: nobody may change them.
"""

from collections.abc import Callable, Iterable, Sequence

from sortedcontainers import SortedDict

from seatrial.base.types import JSON, Key
from seatrial.machinery import objects

IndexFunction = Callable[[JSON], Iterable[str]]

OWNER = "owner"
ORPHAN = "orphan"


class _Bucket:
    """The objects under one value of an index; sorted when read, and only if something changed since."""

    __slots__ = ("_sorted", "members")

    def __init__(self) -> None:
        self.members: dict[Key, JSON] = {}
        self._sorted: tuple[JSON, ...] | None = None

    def put(self, key: Key, obj: JSON) -> None:
        self.members[key] = obj
        self._sorted = None

    def drop(self, key: Key) -> None:
        self.members.pop(key, None)
        self._sorted = None

    def read(self) -> tuple[JSON, ...]:
        if self._sorted is None:
            self._sorted = tuple(self.members[key] for key in sorted(self.members))
        return self._sorted


class _Index:
    def __init__(self, function: IndexFunction) -> None:
        self._function = function
        self._buckets: dict[str, _Bucket] = {}

    def change(self, key: Key, old: JSON | None, new: JSON | None) -> None:
        before = dict.fromkeys(self._function(old)) if old is not None else {}
        after = dict.fromkeys(self._function(new)) if new is not None else {}
        for value in after:
            bucket = self._buckets.get(value)
            if bucket is None:
                bucket = self._buckets[value] = _Bucket()
            bucket.put(key, new)  # type: ignore[arg-type]
        for value in before:
            if value not in after:
                self._leave(value, key)

    def read(self, value: str) -> Sequence[JSON]:
        bucket = self._buckets.get(value)
        return bucket.read() if bucket else ()

    def _leave(self, value: str, key: Key) -> None:
        bucket = self._buckets.get(value)
        if bucket is None:
            return
        bucket.drop(key)
        if not bucket.members:
            del self._buckets[value]


class Cache:
    """Objects by key, per namespace in order of name. Indexes are built on first use and kept up from then on."""

    def __init__(self) -> None:
        self._objects: dict[Key, JSON] = {}
        self._namespaces: SortedDict = SortedDict()
        self._indexes: dict[str, _Index] = {}

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, key: Key) -> JSON | None:
        return self._objects.get(key)

    def sorted_keys(self) -> list[Key]:
        """All keys."""
        return [(namespace, name) for namespace, names in self._namespaces.items() for name in names]

    def list(self, namespace: str = "") -> Sequence[JSON]:
        """In key order; namespace "" means all."""
        if namespace:
            names = self._namespaces.get(namespace)
            return list(names.values()) if names else []
        return [obj for names in self._namespaces.values() for obj in names.values()]

    def owned_by(self, uid: str) -> Sequence[JSON]:
        """Objects whose controllerRef has this uid, in key order."""
        return self._index(OWNER, _owner).read(uid)

    def orphans(self, namespace: str) -> Sequence[JSON]:
        """Objects of the namespace without a controllerRef, in key order."""
        return self._index(ORPHAN, _orphan).read(namespace)

    def add_index(self, name: str, function: IndexFunction) -> None:
        """`function` names the values under which `by_index` finds an object. A name already there is kept as it is."""
        self._index(name, function)

    def by_index(self, name: str, value: str) -> Sequence[JSON]:
        return self._indexes[name].read(value)

    def put(self, key: Key, obj: JSON) -> JSON | None:
        """Returns what was there before."""
        old = self._objects.get(key)
        self._objects[key] = obj
        names = self._namespaces.get(key[0])
        if names is None:
            names = self._namespaces[key[0]] = SortedDict()
        names[key[1]] = obj
        for index in self._indexes.values():
            index.change(key, old, obj)
        return old

    def drop(self, key: Key) -> JSON | None:
        """Returns what was there before."""
        old = self._objects.pop(key, None)
        if old is None:
            return None
        names = self._namespaces[key[0]]
        del names[key[1]]
        if not names:
            del self._namespaces[key[0]]
        for index in self._indexes.values():
            index.change(key, old, None)
        return old

    def _index(self, name: str, function: IndexFunction) -> _Index:
        index = self._indexes.get(name)
        if index is None:
            index = self._indexes[name] = _Index(function)
            for key, obj in self._objects.items():
                index.change(key, None, obj)
        return index


def _owner(obj: JSON) -> Iterable[str]:
    owner = objects.controller_of(obj)
    return (owner["uid"],) if owner else ()


def _orphan(obj: JSON) -> Iterable[str]:
    return () if objects.controller_of(obj) else (objects.namespace(obj),)
