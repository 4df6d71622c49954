"""Memory in one file: survives restarts, and is shared by the processes of one machine.

Reads and writes have a connection each. In WAL mode a reader never waits for a writer, so a locked database costs puts
only. An entry is renewed once it has lived a hundredth of its time, not at each read, and a renewal that would have
to wait is left to the next read: so reading hardly ever writes, and never fails because something else is written.

The order of puts is the order of `entries.id`; the order of expiry is the order of use. Expired entries go a few with
each put, and the bound in bytes holds after every put, because triggers keep the total.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from .packing import identity_of, size_of
from .protocol import CANDIDATES, RENEWED_AFTER, Entry, StoreError
from .sqlite_connection import Connection
from .sqlite_file import SetAsideError

# Keys and rows go in as one JSON array: no limit on their number, and one statement that SQLite prepares once. An entry
# has many keys and its payload is large, so the payload is fetched by itself, once.
_FIND: Final = f"""
SELECT key, id, expires FROM (
    SELECT key, id, expires, ROW_NUMBER() OVER (PARTITION BY key ORDER BY entry DESC) AS place
    FROM keys JOIN entries ON id = entry
    WHERE key IN (SELECT value FROM json_each(?)) AND expires > ?
) WHERE place <= {CANDIDATES} ORDER BY id DESC
"""  # noqa: S608 - our own constant
_FETCH: Final = "SELECT id, payload FROM entries WHERE id IN (SELECT value FROM json_each(?))"
_RENEW: Final = "UPDATE entries SET expires = ? WHERE id IN (SELECT value FROM json_each(?))"
_REPLACE: Final = "DELETE FROM entries WHERE identity = ?"
_KEEP: Final = "INSERT INTO entries (identity, owner, size, expires, payload) VALUES (?, ?, ?, ?, ?)"
_LINK: Final = "INSERT OR IGNORE INTO keys VALUES (?, ?)"
_EXPIRE: Final = (
    "DELETE FROM entries WHERE id IN (SELECT id FROM entries WHERE expires <= ? ORDER BY expires LIMIT 256)"
)
_FORGET: Final = """
DELETE FROM entries WHERE id IN (
    SELECT id FROM entries WHERE owner IN (SELECT value FROM json_each(?)) LIMIT 256
)
"""
_TIDY: Final = "PRAGMA wal_checkpoint(TRUNCATE)"
"""The log still has what was deleted, until it is written back; it is left where a reader holds it."""
_TOTAL: Final = "SELECT bytes FROM total"
_EVICT: Final = "DELETE FROM entries WHERE id = (SELECT id FROM entries ORDER BY expires, id LIMIT 1)"


class SqliteStore:
    """Entries in an SQLite file; any thread of any process of this machine may call it."""

    def __init__(
        self,
        path: Path,
        *,
        ttl_seconds: float,
        max_bytes: int,
        timeout_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        path = path.expanduser().resolve()
        self._ttl = ttl_seconds
        self._max_bytes = max_bytes
        self._clock = clock
        self._reading = Connection(path, timeout_seconds)
        self._writing = Connection(path, timeout_seconds)

    def get(self, keys: Sequence[str]) -> Mapping[str, Sequence[bytes]]:
        """See `ReasoningStore`."""
        if not keys:
            return {}
        try:
            return self._get(keys)
        except SetAsideError:
            return self._get(keys)

    def put(self, entries: Sequence[Entry]) -> None:
        """See `ReasoningStore`."""
        entries = [entry for entry in entries if size_of(entry) <= self._max_bytes]
        if not entries:
            return
        try:
            self._put(entries)
        except SetAsideError:
            self._put(entries)

    def forget(self, owners: Sequence[str]) -> int:
        """See `ReasoningStore`; a write of another process waits for a few entries at most."""
        forgotten = 0
        while (gone := self._forget(owners)) > 0:
            forgotten += gone
        with suppress(StoreError), self._writing.transaction(_TIDY):
            pass
        return forgotten

    def close(self) -> None:
        """See `ReasoningStore`."""
        self._reading.close()
        self._writing.close()

    def _get(self, keys: Sequence[str]) -> Mapping[str, Sequence[bytes]]:
        now = self._clock()
        with self._reading.transaction("BEGIN") as database:
            rows = database.execute(_FIND, (json.dumps(keys), now)).fetchall()
            expiries = {entry: expires for _, entry, expires in rows}
            payloads = dict(database.execute(_FETCH, (json.dumps(list(expiries)),)).fetchall())
        found: dict[str, list[bytes]] = {}
        for key, entry, _ in rows:
            found.setdefault(key, []).append(payloads[entry])
        renewable = now + self._ttl * (1 - RENEWED_AFTER)
        self._renew([entry for entry, expires in expiries.items() if expires <= renewable], now)
        return found

    def _put(self, entries: Sequence[Entry]) -> None:
        now = self._clock()
        with self._writing.transaction("BEGIN IMMEDIATE") as database:
            for entry in entries:
                _keep(database, entry, now + self._ttl)
            database.execute(_EXPIRE, (now,))
            while database.execute(_TOTAL).fetchone()[0] > self._max_bytes and database.execute(_EVICT).rowcount:
                pass

    def _forget(self, owners: Sequence[str]) -> int:
        with self._writing.transaction("BEGIN IMMEDIATE") as database:
            return database.execute(_FORGET, (json.dumps(list(owners)),)).rowcount

    def _renew(self, entries: Sequence[int], now: float) -> None:
        if not entries:
            return
        with suppress(StoreError), self._writing.transaction("BEGIN IMMEDIATE", patient=False) as database:
            database.execute(_RENEW, (now + self._ttl, json.dumps(entries)))


def _keep(database: sqlite3.Connection, entry: Entry, expires: float) -> None:
    identity = identity_of(entry)
    database.execute(_REPLACE, (identity,))
    row = database.execute(_KEEP, (identity, entry.owner, size_of(entry), expires, entry.payload)).lastrowid
    database.executemany(_LINK, [(key, row) for key in entry.keys])
