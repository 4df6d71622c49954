"""The file of the SQLite store: how it comes to be, and what is checked before it is used.

A new file is made complete under a name of its own and then linked to its place, which only one of several processes
can do. So nobody ever sees half a schema, and it is 0600 from its first byte; SQLite gives `-wal` and `-shm` the
permissions of the file. SQLite itself would make it with the umask's, hence `mode=rw`. An empty file, such as
`mktemp` leaves, is replaced.

A log does not know which file it belongs to: beside a new file, SQLite would replay the one that a deleted file left
behind. So a log that is known to be older than the file is discarded before the file is used.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from .protocol import StoreError

VERSION: Final = 1
APPLICATION: Final = int.from_bytes(b"mimo", "big")

SCHEMA: Final = f"""
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
PRAGMA journal_mode = WAL;
CREATE TABLE entries (
    id INTEGER PRIMARY KEY,  -- a newer put has a larger one
    identity TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    expires REAL NOT NULL,  -- wall clock
    payload BLOB NOT NULL  -- last, so that the rest is read without it
);
CREATE INDEX entries_by_expiry ON entries (expires);
CREATE TABLE keys (
    key TEXT NOT NULL,
    entry INTEGER NOT NULL REFERENCES entries ON DELETE CASCADE,
    PRIMARY KEY (key, entry)
) WITHOUT ROWID;
CREATE INDEX keys_by_entry ON keys (entry);
CREATE TABLE total (bytes INTEGER NOT NULL);
INSERT INTO total VALUES (0);
CREATE TRIGGER kept AFTER INSERT ON entries BEGIN UPDATE total SET bytes = bytes + NEW.size; END;
CREATE TRIGGER gone AFTER DELETE ON entries BEGIN UPDATE total SET bytes = bytes - OLD.size; END;
"""  # noqa: S608 - our own constants

PRAGMAS: Final = """
PRAGMA foreign_keys = ON;
PRAGMA synchronous = NORMAL;  -- in WAL mode a killed process loses nothing; a power cut may lose the last puts
PRAGMA secure_delete = ON;  -- what expired is not left readable in free pages
"""


Identity = tuple[int, int, int]


def identity(path: Path) -> Identity | None:
    """Which file has the name, as this process sees it: what belongs to a file must not be used across a fork."""
    with suppress(FileNotFoundError):
        status = path.stat()
        return (os.getpid(), status.st_dev, status.st_ino)
    return None


def logs(path: Path) -> list[Identity | None]:
    """Which log and which index lie beside the file."""
    return [identity(log) for log in _logs(path)]


def discard(path: Path, old: list[Identity | None]) -> None:
    """Takes away those of the old log and index that still lie beside the file."""
    for log, known in zip(_logs(path), old, strict=True):
        if known is not None and known == identity(log):
            log.unlink(missing_ok=True)


def make_file(path: Path) -> None:
    """Makes the file, and a folder only its owner can enter, unless it is there."""
    old = logs(path)  # looked at first: if there is no file after that, they are of no file
    if path.exists() and path.stat().st_size:
        return
    discard(path, old)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    publish = os.replace if path.exists() else os.link
    descriptor, made = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    os.close(descriptor)
    try:
        with closing(sqlite3.connect(made)) as database:
            database.executescript(SCHEMA)
        with suppress(FileExistsError):
            publish(made, path)
    finally:
        Path(made).unlink(missing_ok=True)


def open_file(path: Path, timeout_seconds: float) -> sqlite3.Connection:
    """Opens the file, which must be a store of this version."""
    database = sqlite3.connect(
        f"{path.as_uri()}?mode=rw",
        uri=True,
        timeout=timeout_seconds,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        _check(database, path)
        _tighten(path)
        database.executescript(PRAGMAS)
    except BaseException:
        database.close()
        raise
    return database


def _check(database: sqlite3.Connection, path: Path) -> None:
    application, version = (database.execute(f"PRAGMA {of}").fetchone()[0] for of in ("application_id", "user_version"))
    if application != APPLICATION:
        raise StoreError(f"{path}: the database of another application")
    if version != VERSION:
        raise StoreError(f"{path}: a store of version {version}; this release reads version {VERSION}")


def _tighten(path: Path) -> None:
    """A file that was copied or restored may have come back readable by others, and its companions follow it."""
    if path.stat().st_mode & 0o077:
        for file in (path, *_logs(path)):
            with suppress(FileNotFoundError):
                file.chmod(0o600)


def _logs(path: Path) -> list[Path]:
    return [Path(f"{path}{suffix}") for suffix in ("-wal", "-shm")]
