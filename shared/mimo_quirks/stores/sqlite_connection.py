"""One connection to the file of the SQLite store, which heals itself.

An open connection does not notice that its file was deleted or replaced: it goes on writing to a file that no name
leads to. Therefore each use compares the file that has the name with the one that was opened. (SQLite does the same
before it tidies up on closing, so the log of a new file is safe from the connections of an old one.) And after any
failure the connection is dropped, so the next use starts from the file again.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .protocol import StoreError
from .sqlite_file import (
    Identity,
    OtherVersionError,
    SetAsideError,
    discard,
    identity,
    logs,
    make_file,
    open_file,
    set_aside,
)


class Connection:
    """One connection, used by one thread at a time; opened when needed, dropped when it fails."""

    def __init__(self, path: Path, timeout_seconds: float) -> None:
        self._path = path
        self._timeout = timeout_seconds
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._opened: Identity | None = None
        self._logs: list[Identity | None] = []

    @contextmanager
    def transaction(self, begin: str, *, patient: bool = True) -> Iterator[sqlite3.Connection]:
        """A transaction that is committed at the end, or leaves nothing behind.

        Args:
            begin: The statement that begins it.
            patient: Whether to wait for others to finish, up to the timeout.

        Raises:
            SetAsideError: The file was useless, and the next transaction begins a new one.
            StoreError: The database cannot be used now.
        """
        patience = self._timeout if patient else 0
        deadline = time.monotonic() + patience
        if not self._lock.acquire(timeout=patience):
            raise StoreError(f"{self._path}: locked by other threads of this process for {patience * 1000:.0f} ms")
        try:
            with self._current(deadline) as database:
                database.execute(begin)
                yield database
        except (sqlite3.Error, OSError, OtherVersionError) as error:
            self._drop()
            if set_aside(self._path, self._opened, error):
                raise SetAsideError(f"{self._path}: {error}") from error
            raise StoreError(f"{self._path}: {error}") from error
        finally:
            self._lock.release()

    def close(self) -> None:
        """Lets go of the file."""
        with self._lock:
            self._drop()

    def _current(self, deadline: float) -> sqlite3.Connection:
        if self._database is not None and self._opened != identity(self._path):
            self._drop()
            discard(self._path, self._logs)
        if self._database is None:
            make_file(self._path)
            self._opened = identity(self._path)  # before it is opened: replaced in between, it is opened once more
            self._database = open_file(self._path, self._timeout)
            self._logs = logs(self._path)
        left = max(0.0, deadline - time.monotonic())
        self._database.execute(f"PRAGMA busy_timeout = {left * 1000:.0f}")
        return self._database

    def _drop(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None
