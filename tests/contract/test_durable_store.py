"""What the engines on disk promise beyond the others: everything acknowledged is there again, damage is refused."""

import asyncio
import sqlite3
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from seatrial.base.errors import CorruptStore, KeyExists, StoreError, StoreInUse, StoreTooNew
from seatrial.base.types import JSON
from seatrial.store import sqlite_file
from seatrial.store.sqlite import SqliteStore

PODS = "/registry/pods/"


def pod(name: str, **spec: Any) -> JSON:
    return {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": name, "namespace": "default"}, "spec": spec}


def key(name: str) -> str:
    return f"{PODS}default/{name}"


def tell(directory: Path, story: Callable[[SqliteStore], Awaitable[None]], **options: Any) -> None:
    async def whole() -> None:
        store = SqliteStore.open(directory, **options)
        try:
            await story(store)
        finally:
            await store.close()

    asyncio.run(whole())


async def fill(store: SqliteStore) -> None:
    """Revisions 1 to 6: a is changed, b comes and goes, c stays."""
    await store.create(key("a"), pod("a", size=1))
    await store.create(key("b"), pod("b"))
    await store.update(key("a"), pod("a", size=2), 1)
    await store.delete(key("b"), 2)
    await store.create(key("c"), pod("c"))
    await store.update(key("a"), pod("a", size=3), 3)


def test_state_revision_and_log_are_there_again(tmp_path: Path) -> None:
    async def again(store: SqliteStore) -> None:
        assert store.revision == 6
        page = await store.list(PODS)
        assert [(record.key, record.revision) for record in page.records] == [(key("a"), 6), (key("c"), 5)]
        assert page.records[0].object["spec"] == {"size": 3}
        events = store.watch(PODS, 0).drain()
        assert [(event.type, event.revision) for event in events] == [
            ("ADDED", 1),
            ("ADDED", 2),
            ("MODIFIED", 3),
            ("DELETED", 4),
            ("ADDED", 5),
            ("MODIFIED", 6),
        ]
        assert events[5].previous is not None
        assert events[5].previous.object["spec"] == {"size": 2}
        assert (await store.list(PODS, revision=2)).records[0].object["spec"] == {"size": 1}
        assert (await store.create(key("d"), pod("d"))).revision == 7

    tell(tmp_path, fill)
    tell(tmp_path, again)


@pytest.mark.parametrize("compacted", range(1, 7))
def test_a_compacted_log_is_there_again(tmp_path: Path, compacted: int) -> None:
    async def compact(store: SqliteStore) -> None:
        await fill(store)
        await store.compact(compacted)

    async def again(store: SqliteStore) -> None:
        assert (store.revision, store.compacted) == (6, compacted)
        page = await store.list(PODS)
        assert [(record.key, record.revision) for record in page.records] == [(key("a"), 6), (key("c"), 5)]
        events = store.watch(PODS, compacted).drain()
        assert [event.revision for event in events] == list(range(compacted + 1, 7))
        assert all((event.previous is None) == (event.type == "ADDED") for event in events)

    tell(tmp_path, compact)
    tell(tmp_path, again)


def test_the_revision_survives_the_deletion_of_everything(tmp_path: Path) -> None:
    async def empty(store: SqliteStore) -> None:
        await store.create(key("a"), pod("a"))
        await store.delete(key("a"), 1)
        await store.compact(2)

    async def again(store: SqliteStore) -> None:
        assert await store.count("/registry/") == 0
        assert (await store.create(key("a"), pod("a"))).revision == 3

    tell(tmp_path, empty)
    tell(tmp_path, again)


def test_the_file_does_not_grow_with_changes_that_are_forgotten(tmp_path: Path) -> None:
    async def story(store: SqliteStore) -> None:
        record = await store.create(key("a"), pod("a"))
        for number in range(100):
            record = await store.update(key("a"), pod("a", number=number), record.revision)

    tell(tmp_path, story, keep_events=8)
    with sqlite3.connect(tmp_path / sqlite_file.DATA) as connection:
        (rows,) = connection.execute("SELECT count(*) FROM log").fetchone()
    connection.close()
    assert rows <= 11


def test_objects_lie_where_kubernetes_has_them(tmp_path: Path) -> None:
    tell(tmp_path, fill)
    with sqlite3.connect(tmp_path / sqlite_file.DATA) as connection:
        rows = connection.execute("SELECT key, value FROM log WHERE revision=5").fetchall()
    connection.close()
    assert rows[0][0] == "/registry/pods/default/c"
    assert rows[0][1].startswith(b'{"kind":"Pod","apiVersion":"v1",')


def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    async def story(store: SqliteStore) -> None:
        await fill(store)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data").iterdir()}
        assert modes == {"lock": 0o600, "state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600}
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700

    tell(tmp_path / "data", story)


def test_a_directory_in_use_is_refused_with_the_process_that_has_it(tmp_path: Path) -> None:
    async def story(store: SqliteStore) -> None:
        with pytest.raises(StoreInUse, match=r"in use by another cluster \(process \d+\)"):
            SqliteStore.open(tmp_path)
        await store.create(key("a"), pod("a"))

    tell(tmp_path, story)
    tell(tmp_path, lambda store: store.get(key("a")))  # type: ignore[arg-type, return-value]


def test_a_newer_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    tell(tmp_path, fill)
    path = tmp_path / sqlite_file.DATA
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreTooNew, match="format 99"):
        asyncio.run(opened(tmp_path))
    assert path.read_bytes() == before


async def opened(directory: Path) -> None:
    store = SqliteStore.open(directory)
    await store.close()


def change_a_letter(path: Path) -> None:
    data = path.read_bytes()
    assert data.count(b'"size":3') == 1
    path.write_bytes(data.replace(b'"size":3', b'"size":4'))


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def write_text(path: Path) -> None:
    path.write_text("not a database, whatever its name says" * 100)


def empty(path: Path) -> None:
    path.write_bytes(b"")
    path.with_name("state.db-wal").write_bytes(b"left over")


def other_database(path: Path) -> None:
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (x)")
    connection.close()


def sql(statement: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        connection = sqlite3.connect(path)
        connection.execute(statement)
        connection.commit()
        connection.close()

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(change_a_letter, id="a letter of a value"),
        pytest.param(cut_in_half, id="half of the file is gone"),
        pytest.param(write_text, id="no database"),
        pytest.param(empty, id="the file is empty but its log is not"),
        pytest.param(other_database, id="a database of somebody else"),
        pytest.param(sql("DELETE FROM log WHERE revision=3"), id="a missing revision"),
        pytest.param(sql("UPDATE log SET key='/registry/pods/default/x' WHERE revision=5"), id="another key"),
        pytest.param(sql("UPDATE log SET type=7 WHERE revision=5"), id="an unknown change"),
        pytest.param(sql("UPDATE log SET revision=7 WHERE revision=6"), id="another revision"),
        pytest.param(sql("DROP TABLE meta"), id="a missing table"),
    ],
)
def test_a_damaged_file_is_refused_and_left_alone(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    tell(tmp_path, fill)
    path = tmp_path / sqlite_file.DATA
    damage(path)
    before = path.read_bytes()
    with pytest.raises(CorruptStore, match="left as it is"):
        asyncio.run(opened(tmp_path))
    assert path.read_bytes() == before


def test_a_failed_commit_fails_its_writes_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(store: SqliteStore) -> None:
        await store.create(key("a"), pod("a"))
        watcher = store.watch(PODS, 1)
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count={pages}")
        answers = await asyncio.gather(
            *(store.create(key(f"big{number}"), pod("big", text="x" * 20_000)) for number in range(3)),
            return_exceptions=True,
        )
        assert all(isinstance(answer, StoreError) for answer in answers)
        assert "full" in str(answers[0])
        assert store.revision == 1
        assert await store.get(key("big0")) is None
        store._connection.execute("PRAGMA max_page_count=1073741823")
        assert (await store.create(key("big0"), pod("big"))).revision == 2
        with pytest.raises(KeyExists):
            await store.create(key("a"), pod("a"))
        assert [event.revision for event in watcher.drain()] == [2]

    async def again(store: SqliteStore) -> None:
        assert [record.key for record in (await store.list(PODS)).records] == [key("a"), key("big0")]

    tell(tmp_path, story)
    tell(tmp_path, again)


def test_what_is_no_json_fails_alone(tmp_path: Path) -> None:
    async def story(store: SqliteStore) -> None:
        good, bad = await asyncio.gather(
            store.create(key("a"), pod("a")), store.create(key("b"), pod("b", x=object())), return_exceptions=True
        )
        assert not isinstance(good, BaseException)
        assert good.revision == 1
        assert isinstance(bad, StoreError)
        assert (await store.create(key("b"), pod("b"))).revision == 2

    tell(tmp_path, story)


def test_a_file_that_can_not_be_made_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(StoreError, match="can't be made"):
        asyncio.run(opened(tmp_path / "taken" / "data"))
