"""The server's memory: every turn it issued and every exchange it had, safe to read while it serves.

There are no sessions. A turn is found by its identity alone, so conversations may interleave, branch and be
replayed.
"""

import threading
from collections.abc import Mapping

from mimo_quirks.simulator.records import Exchange, Identity, Issued


class Ledger:
    """What happened so far; snapshots out, one record in."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._exchanges: tuple[Exchange, ...] = ()
        self._issued: Mapping[Identity, Issued] = {}

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Every exchange, oldest first."""
        with self._lock:
            return self._exchanges

    @property
    def issued(self) -> Mapping[Identity, Issued]:
        """Every issued turn by its identity."""
        with self._lock:
            return self._issued

    def record(self, exchange: Exchange) -> None:
        """Remember an exchange, and the turn it issued."""
        turn = exchange.issued
        with self._lock:
            self._exchanges = (*self._exchanges, exchange)
            self._issued = {**self._issued, turn.identity: turn} if turn else self._issued

    def reset(self) -> None:
        """Forget everything: what was issued before is a stranger's from now on."""
        with self._lock:
            self._exchanges, self._issued = (), {}
