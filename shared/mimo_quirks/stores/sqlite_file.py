"""The file of the SQLite store: how it comes to be, and what is checked before it is used.

A new file is made complete under a name of its own and then linked to its place, which only one of several processes
can do. So nobody ever sees half a schema, and it is 0600 from its first byte; SQLite gives `-wal` and `-shm` the
permissions of the file. SQLite itself would make it with the umask's, hence `mode=rw`. An empty file, such as
`mktemp` leaves, is replaced.

A log does not know which file it belongs to: beside a new file, SQLite would replay the one that a deleted file left
behind. So a log that is known to be older than the file is discarded before the file is used.

A file that is damaged, or of another version, would fail for ever: it is moved to a name beside it, from which the next
one takes the place, and a new one is made. The database of another application stays where it is.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from .protocol import StoreError

_LOGGER: Final = logging.getLogger("mimo_quirks")

VERSION: Final = 2
APPLICATION: Final = int.from_bytes(b"mimo", "big")

SCHEMA: Final = f"""
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
PRAGMA journal_mode = WAL;
CREATE TABLE entries (
    id INTEGER PRIMARY KEY,  -- a newer put has a larger one
    identity TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    size INTEGER NOT NULL,
    expires REAL NOT NULL,  -- wall clock
    payload BLOB NOT NULL  -- last, so that the rest is read without it
);
CREATE INDEX entries_by_expiry ON entries (expires);
CREATE INDEX entries_by_owner ON entries (owner);
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


_DAMAGED: Final = ("malformed", "not a database", "no such table")
"""What SQLite says of a damaged file; its codes for the same are not in Python 3.10."""

Identity = tuple[int, int, int]


class OtherVersionError(StoreError):
    """The file is a store of another version."""

    def __init__(self, path: Path, version: int) -> None:
        super().__init__(f"{path}: a store of version {version}; this release reads version {VERSION}")
        self.version = version


class SetAsideError(StoreError):
    """The file was useless and is out of the way: the next attempt begins a new one."""


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


def set_aside(path: Path, opened: Identity | None, error: Exception) -> bool:
    """Moves the file and its log out of the way if the error says that it will never be of use.

    What was moved before to the same name is replaced, so that no more of them pile up.

    Args:
        path: The file's name.
        opened: The file that the error is about; another process may have made a new one already.
        error: What came of using it.

    Returns:
        Whether the name is free, or another file's.
    """
    if isinstance(error, OtherVersionError):
        suffix, reason = f"version-{error.version}", f"is a store of version {error.version}, not {VERSION}"
    elif isinstance(error, sqlite3.DatabaseError) and any(words in str(error) for words in _DAMAGED):
        suffix, reason = "damaged", "is damaged"
    else:
        return False
    aside = Path(f"{path}.{suffix}")
    old = logs(path)
    if opened == identity(path):
        try:
            for log in _logs(aside):
                log.unlink(missing_ok=True)
            path.replace(aside)
        except OSError:
            return False
        _LOGGER.warning("reasoning store: %s %s; it was moved to %s and a new one is begun", path, reason, aside)
        pairs = zip(_logs(path), old, _logs(aside), strict=True)
        for log, kept in [(log, kept) for log, known, kept in pairs if known is not None and known == identity(log)]:
            with suppress(OSError):
                log.replace(kept)
    return True


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
    """Opens the file, which must be a store of this version.

    To read it SQLite writes an index beside it. Where it may not, the file is read as it is now, without its log.
    """
    try:
        return _open(path, "mode=rw", timeout_seconds)
    except sqlite3.OperationalError:
        if _is_writable(path) and _is_writable(path.parent):
            raise
        return _open(path, "mode=ro&immutable=1", timeout_seconds)


def _is_writable(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _open(path: Path, mode: str, timeout_seconds: float) -> sqlite3.Connection:
    database = sqlite3.connect(
        f"{path.as_uri()}?{mode}",
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
        raise StoreError(f"{path}: not a mimo-quirks database")
    if version != VERSION:
        raise OtherVersionError(path, version)


def _tighten(path: Path) -> None:
    """A file that was copied or restored may have come back readable by others, and its companions follow it."""
    if path.stat().st_mode & 0o077:
        for file in (path, *_logs(path)):
            with suppress(OSError):  # it is not there, or not ours to change
                file.chmod(file.stat().st_mode & 0o700)


def _logs(path: Path) -> list[Path]:
    return [Path(f"{path}{suffix}") for suffix in ("-wal", "-shm")]
