"""A store in dictionaries, for tests of what any store may be used for.

Two dictionaries and one order. Every entry expires the same time after its last use, so the order of use, the order of
eviction and the order of expiry are one, and what has to go is always in front. An entry leaves all its keys at once,
so nothing is left behind in the index (EVIDENCE §12.2).
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Final

from mimo_quirks.stores.packing import size_of
from mimo_quirks.stores.protocol import CANDIDATES, Entry

DEFAULT_TTL_SECONDS: Final = 7 * 24 * 3600.0
DEFAULT_MAX_BYTES: Final = 64 * 2**20


class DictStore:
    """Entries in this process, bounded in bytes and in time since their last use; any thread may call it."""

    def __init__(
        self,
        *,
        ttl_seconds: float = DEFAULT_TTL_SECONDS,
        max_bytes: int = DEFAULT_MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ttl = ttl_seconds
        self._max_bytes = max_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._expiries: OrderedDict[Entry, float] = OrderedDict()  # least recently used first
        self._index: dict[str, dict[Entry, None]] = {}  # per key, oldest put first
        self._bytes = 0

    def get(self, keys: Sequence[str]) -> Mapping[str, Sequence[bytes]]:
        """See `ReasoningStore`."""
        with self._lock:
            now = self._clock()
            self._evict(now)
            found = {key: list(islice(reversed(self._index[key]), CANDIDATES)) for key in keys if key in self._index}
            for entry in {entry: None for entries in found.values() for entry in entries}:
                self._use(entry, now)
        return {key: [entry.payload for entry in entries] for key, entries in found.items()}

    def put(self, entries: Sequence[Entry]) -> None:
        """See `ReasoningStore`."""
        with self._lock:
            now = self._clock()
            for entry in entries:
                if entry in self._expiries:
                    self._forget(entry)
                if size_of(entry) <= self._max_bytes:
                    self._keep(entry, now)
            self._evict(now)

    def forget(self, owners: Sequence[str]) -> int:
        """See `ReasoningStore`."""
        with self._lock:
            self._evict(self._clock())
            owned = [entry for entry in self._expiries if entry.owner in owners]
            for entry in owned:
                self._forget(entry)
        return len(owned)

    def close(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._expiries.clear()
            self._index.clear()
            self._bytes = 0

    def _keep(self, entry: Entry, now: float) -> None:
        self._use(entry, now)
        self._bytes += size_of(entry)
        for key in entry.keys:
            self._index.setdefault(key, {})[entry] = None

    def _use(self, entry: Entry, now: float) -> None:
        self._expiries[entry] = now + self._ttl
        self._expiries.move_to_end(entry)

    def _evict(self, now: float) -> None:
        while self._expiries:
            oldest, expiry = next(iter(self._expiries.items()))
            if expiry > now and self._bytes <= self._max_bytes:
                return
            self._forget(oldest)

    def _forget(self, entry: Entry) -> None:
        del self._expiries[entry]
        self._bytes -= size_of(entry)
        for key in dict.fromkeys(entry.keys):
            del self._index[key][entry]
            if not self._index[key]:
                del self._index[key]
