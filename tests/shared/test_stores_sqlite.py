"""What is true of a file: shared by processes, private, bounded, and quick to recover from what befalls files."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from mimo_quirks.stores import Entry, StoreError
from mimo_quirks.stores.packing import size_of
from mimo_quirks.stores.sqlite import SqliteStore

A, B, C = "aa", "bb", "cc"
ONE, TWO = Entry((A, B), b"one"), Entry((A,), b"two")
TIMEOUT = 0.2
BOUND = 5  # seconds: a busy machine is no failure, and without a bound a lock is waited for longer

OPEN = """
import sys
from mimo_quirks.stores import Entry, open_store
store = open_store("sqlite:///" + sys.argv[1], timeout_seconds=5)
"""
WRITE_FIFTY = f"""{OPEN}
for number in range(50):
    store.put([Entry((f"{{sys.argv[2]}}{{number:x}}", "aa"), b"x" * 100)])
    assert store.get([f"{{sys.argv[2]}}{{number:x}}"])
"""
WRITE_FOR_EVER = f"""{OPEN}
number = 0
while True:
    store.put([Entry((f"{{number:x}}",), b"x" * 10_000)])
    print(number, flush=True)
    number += 1
"""


def open_at(path: Path, **options: object) -> SqliteStore:
    values: dict[str, object] = {"ttl_seconds": 3600, "max_bytes": 2**26, "timeout_seconds": TIMEOUT}
    return SqliteStore(path, **{**values, **options})  # type: ignore[arg-type]


def run(script: str, path: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", script, str(path), *arguments], stdout=subprocess.PIPE, text=True)


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    return tmp_path / "made" / "store.db"


@pytest.fixture(name="store")
def _store(path: Path) -> Iterator[SqliteStore]:
    store = open_at(path)
    yield store
    store.close()


@contextmanager
def bounded() -> Iterator[None]:
    """What is inside fails, and soon."""
    start = time.monotonic()
    with pytest.raises(StoreError):
        yield
    assert time.monotonic() - start < BOUND


def files(path: Path) -> list[Path]:
    return sorted(path.parent.iterdir())


def rows(path: Path) -> list[int]:
    """How many entries, keys and bytes the file holds."""
    with closing(sqlite3.connect(path)) as database:
        tables = ("COUNT(*) FROM entries", "COUNT(*) FROM keys", "bytes FROM total")
        return [database.execute(f"SELECT {table}").fetchone()[0] for table in tables]


def test_only_its_owner_can_read_it(path: Path, store: SqliteStore) -> None:
    """The folder that is made is 0700; the file, its log and its index are 0600; nothing else is left there."""
    before = os.umask(0)
    try:
        store.put([ONE])
    finally:
        os.umask(before)

    assert ["store.db", "store.db-shm", "store.db-wal"] == [file.name for file in files(path)]
    assert [0o600] * 3 == [stat.S_IMODE(file.stat().st_mode) for file in files(path)]
    assert 0o700 == stat.S_IMODE(path.parent.stat().st_mode)


def test_a_file_that_others_can_read_is_closed_to_them(path: Path, store: SqliteStore) -> None:
    """A file that came back from a backup readable by others is theirs no longer."""
    store.put([ONE])
    for file in files(path):
        file.chmod(0o644)
    other = open_at(path)

    assert {B: [b"one"]} == other.get([B])
    assert [0o600] * 3 == [stat.S_IMODE(file.stat().st_mode) for file in files(path)]
    other.close()


def test_several_processes_start_at_once(path: Path) -> None:
    """Processes that make the same file and write at once lose nothing."""
    writers = [run(WRITE_FIFTY, path, name) for name in "abc"]
    assert [0, 0, 0] == [writer.wait(30) for writer in writers]
    for writer in writers:
        assert writer.stdout
        writer.stdout.close()

    with closing(open_at(path)) as store:
        assert 150 == len(store.get([f"{name}{number:x}" for name in "abc" for number in range(50)]))


def test_a_killed_writer(path: Path) -> None:
    """What a process had put when it was killed is found, and the file is whole."""
    writer = run(WRITE_FOR_EVER, path)
    assert writer.stdout
    for _ in range(50):
        last = int(writer.stdout.readline())
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()

    with closing(open_at(path)) as store:
        assert last + 1 == len(store.get([f"{number:x}" for number in range(last + 1)]))
        store.put([ONE])
    with closing(sqlite3.connect(path)) as database:
        assert [("ok",)] == database.execute("PRAGMA integrity_check").fetchall()


def test_across_a_fork(path: Path, store: SqliteStore) -> None:
    """A process that was forked off opens the file itself, and both go on."""
    store.put([ONE])
    child = os.fork()
    if not child:  # pragma: no cover - another process
        try:
            found = store.get([B]) == {B: [b"one"]}
            store.put([Entry((C,), b"child")])
        finally:
            os._exit(not found)
    _, status = os.waitpid(child, 0)

    assert 0 == status
    store.put([TWO])
    assert {A: [b"two", b"one"], C: [b"child"]} == store.get([A, C])


def test_locked(path: Path, store: SqliteStore) -> None:
    """While another process writes, a put fails within the bound and a get goes on; afterwards both do."""
    store.put([ONE])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with bounded():
            store.put([TWO])
        assert {A: [b"one"]} == store.get([A])

    store.put([TWO])
    assert {A: [b"two", b"one"]} == store.get([A])


def test_locked_when_an_entry_is_to_be_renewed(path: Path) -> None:
    """A renewal that would have to wait is left to the next read, and the read does not notice."""
    now = 0.0
    store = open_at(path, ttl_seconds=100, clock=lambda: now, timeout_seconds=60)
    store.put([ONE])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        now = 60.0
        start = time.monotonic()
        assert {A: [b"one"]} == store.get([A])
        assert time.monotonic() - start < BOUND

    assert {A: [b"one"]} == store.get([A])
    now = 120.0
    assert {A: [b"one"]} == store.get([A])
    store.close()


def test_kept_busy_by_another_thread(store: SqliteStore) -> None:
    """A thread waits for another one no longer than for another process."""
    store.put([ONE])
    with store._writing.transaction("BEGIN IMMEDIATE"), ThreadPoolExecutor(1) as other, bounded():
        other.submit(store.put, [TWO]).result()

    store.put([TWO])
    assert {A: [b"two", b"one"]} == store.get([A])


def test_a_transaction_that_breaks_off(store: SqliteStore) -> None:
    """Whatever breaks a transaction off, nothing of it stays and the next one works."""
    store.put([ONE])
    with suppress(KeyError), store._writing.transaction("BEGIN IMMEDIATE") as database:
        database.execute("DELETE FROM entries")
        raise KeyError

    store.put([TWO])
    assert {A: [b"two", b"one"]} == store.get([A])


@pytest.mark.parametrize("companions", [True, False])
def test_deleted(path: Path, store: SqliteStore, companions: bool) -> None:
    """A file that is deleted, with or without its companions, is made anew, and what is put then is found."""
    store.put([ONE])
    store.get([A])
    for file in files(path) if companions else [path]:
        file.unlink()
    assert {} == store.get([A])

    store.put([TWO])
    with closing(open_at(path)) as other:
        assert {A: [b"two"]} == other.get([A]) == store.get([A])


def test_a_log_that_a_deleted_file_left_behind(path: Path, store: SqliteStore) -> None:
    """What a killed process left in the log of a file that is no more does not come back in a new file."""
    store.put([ONE])
    log = Path(f"{path}-wal")
    left = log.read_bytes()
    store.close()
    path.unlink()
    log.write_bytes(left)
    store.put([TWO])

    assert {A: [b"two"]} == store.get([A, B])


def test_replaced(path: Path, store: SqliteStore) -> None:
    """A file that another one took the place of is the other one."""
    store.put([ONE])
    store.get([A])
    with closing(open_at(path.parent / "other.db")) as other:
        other.put([TWO])
    (path.parent / "other.db").replace(path)

    assert {A: [b"two"]} == store.get([A])


def test_deleted_under_another_process(path: Path, store: SqliteStore) -> None:
    """A process that still has the deleted file open does no harm to the new one when it lets go."""
    late = open_at(path)
    for process in (store, late):
        process.put([ONE])
        process.get([A])
    for file in files(path):
        file.unlink()
    store.put([TWO])
    late.close()
    late.put([Entry((C,), b"three")])

    assert {A: [b"two"], C: [b"three"]} == store.get([A, C]) == late.get([A, C])
    late.close()


def test_an_empty_file(path: Path, store: SqliteStore) -> None:
    """An empty file, such as `mktemp` leaves, becomes a store."""
    path.parent.mkdir()
    path.touch()
    store.put([ONE])

    assert {A: [b"one"]} == store.get([A])
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_the_folder_is_gone_and_cannot_be_made(path: Path, store: SqliteStore) -> None:
    """Where there can be no file every call fails, until there can be one."""
    path.parent.touch()
    with bounded():
        store.put([ONE])
    with bounded():
        store.get([A])

    path.parent.unlink()
    store.put([ONE])
    assert {A: [b"one"]} == store.get([A])


def test_the_disk_is_full(path: Path, store: SqliteStore) -> None:
    """On a full disk a put fails and a get goes on; when there is room again, so does the put."""
    store.put([ONE])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, before[1]))
    try:
        with bounded():
            store.put([TWO, Entry((C,), os.urandom(2**21))])
        assert {A: [b"one"]} == store.get([A, C])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    store.put([TWO])
    assert {A: [b"two", b"one"]} == store.get([A])


def _garbage(path: Path) -> None:
    path.write_bytes(b"recognisable garbage " * 1000)


def _zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def _truncated(path: Path) -> None:
    os.truncate(path, 4096)


def _damaged_inside(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))


def _without_tables(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TABLE keys")


@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("damage", [_garbage, _zeros, _truncated, _damaged_inside, _without_tables])
def test_damaged(
    path: Path, store: SqliteStore, damage: Callable[[Path], None], is_open: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """A damaged file is moved aside, with one warning that tells nothing of it, and a new one is begun at once."""
    store.put([ONE])
    store.close()
    if is_open:
        store.get([A])
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    damage(path)
    damaged = path.read_bytes()
    store.put([TWO])

    assert {A: [b"two"]} == store.get([A, B])
    with closing(open_at(path)) as other:
        assert {A: [b"two"]} == other.get([A, B])
    aside = Path(f"{path}.damaged")
    assert damaged == aside.read_bytes()
    assert [f"reasoning store: {path} is damaged; it was moved to {aside} and a new one is begun"] == caplog.messages


def test_damaged_when_it_is_read(path: Path, store: SqliteStore) -> None:
    """A read that meets a damaged file finds nothing, and does not fail."""
    store.put([ONE])
    store.close()
    _damaged_inside(path)

    assert {} == store.get([A])


def test_what_is_set_aside_does_not_pile_up(path: Path, store: SqliteStore) -> None:
    """There is one damaged file beside the store at most, the last one."""
    for number in range(3):
        store.put([ONE])
        store.close()
        path.write_bytes(b"%d" % number * 1000)
    store.put([ONE])

    assert b"2" * 1000 == Path(f"{path}.damaged").read_bytes()
    assert ["store.db", "store.db-shm", "store.db-wal", "store.db.damaged"] == [file.name for file in files(path)]


def test_another_process_was_first(path: Path, store: SqliteStore) -> None:
    """A process that finds a damaged file replaced already uses the new one."""
    store.put([ONE])
    with closing(open_at(path)) as other:
        with suppress(StoreError), other._reading.transaction("BEGIN"):
            store.close()
            _garbage(path)
            store.put([TWO])
            raise sqlite3.DatabaseError("database disk image is malformed")

        assert {A: [b"two"]} == other.get([A]) == store.get([A])


def test_a_damaged_file_that_cannot_be_moved(path: Path, store: SqliteStore) -> None:
    """Where it cannot be moved every call fails, until it can."""
    store.put([ONE])
    store.close()
    _garbage(path)
    Path(f"{path}.damaged").mkdir()
    with bounded():
        store.put([ONE])
    with bounded():
        store.get([A])

    Path(f"{path}.damaged").rmdir()
    assert {} == store.get([A])


def test_another_version(path: Path, store: SqliteStore, caplog: pytest.LogCaptureFixture) -> None:
    """A store of another version is moved aside, whole, with one warning, and a new one is begun."""
    store.put([ONE])
    store.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA user_version = 7")
    with closing(sqlite3.connect(path, isolation_level=None)) as database:  # a process of that version, at work
        database.execute("DELETE FROM keys WHERE key = ?", (B,))
        store.put([TWO])
    aside = Path(f"{path}.version-7")

    assert {A: [b"two"]} == store.get([A, B])
    assert [1, 1] == rows(aside)[:2]
    assert [
        f"reasoning store: {path} is a store of version 7, not 2; it was moved to {aside} and a new one is begun"
    ] == caplog.messages


def test_another_application(path: Path, store: SqliteStore) -> None:
    """The database of another application is left as it is, and the error says so."""
    store.put([ONE])
    store.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA application_id = 7")
    path.chmod(0o644)
    for call in (lambda: store.get([A]), lambda: store.put([TWO])):
        with pytest.raises(StoreError, match="not a mimo-quirks database"):
            call()

    assert 1 == rows(path)[0]
    assert 0o644 == stat.S_IMODE(path.stat().st_mode)


def test_a_folder(path: Path, store: SqliteStore) -> None:
    """A folder in the file's place is left as it is."""
    path.mkdir(parents=True)
    with bounded():
        store.put([ONE])

    assert path.is_dir()


@contextmanager
def _as_nobody() -> Iterator[None]:
    """Without the rights of root, who may write whatever is read-only."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.mark.parametrize(("folder", "file"), [(0o555, 0o444), (0o777, 0o444), (0o555, 0o666)])
def test_a_file_that_can_only_be_read(folder: int, file: int) -> None:
    """A file that may not be written, or whose folder may not, is read; a put fails and changes nothing."""
    with tempfile.TemporaryDirectory() as made:
        path = Path(made) / "shared" / "store.db"
        with closing(open_at(path)) as writer:
            writer.put([ONE])
        path.chmod(file)
        path.parent.chmod(folder)
        Path(made).chmod(0o755)
        before = path.read_bytes()
        with _as_nobody(), closing(open_at(path)) as store:
            for _ in range(2):
                assert {A: [b"one"]} == store.get([A])
                with bounded():
                    store.put([TWO])

        assert before == path.read_bytes()
        assert file == stat.S_IMODE(path.stat().st_mode) | (file & 0o077)
        path.parent.chmod(0o700)


def test_expired_entries_leave_the_file(path: Path) -> None:
    """What has expired goes with the next put: rows, keys, and the bytes themselves."""
    now = 0.0
    store = open_at(path, ttl_seconds=100, clock=lambda: now)
    store.put([Entry((f"{number:x}", B), b"recognisable") for number in range(100)])
    now = 100.0
    assert {} == store.get([B])

    store.put([ONE])
    assert [1, 2, size_of(ONE)] == rows(path)
    store.close()
    assert b"recognisable" not in path.read_bytes()


def test_bounded_in_bytes(path: Path) -> None:
    """Over the bound the least recently used goes, from all its keys; a read is a use."""
    now = 0.0
    entries = [Entry((f"{number:x}", A), b"%04d" % number) for number in range(5)]
    store = open_at(path, max_bytes=3 * size_of(entries[0]), clock=lambda: now)
    for entry in entries[:3]:
        store.put([entry])
        now += 100
    store.get(["0"])
    for entry in entries[3:]:
        store.put([entry])
        now += 100

    assert {"0": [b"0000"], "3": [b"0003"], "4": [b"0004"], A: [b"0004", b"0003", b"0000"]} == store.get(
        ["0", "1", "2", "3", "4", A]
    )
    assert [3, 6, 3 * size_of(entries[0])] == rows(path)
    store.close()


def test_an_entry_beyond_the_bound_is_not_kept(path: Path) -> None:
    """An entry that alone is too large is not kept, and drives nothing out."""
    store = open_at(path, max_bytes=1000)
    store.put([ONE])
    store.put([Entry((C,), b"x" * 1000)])

    assert {A: [b"one"]} == store.get([A, C])
    store.close()
