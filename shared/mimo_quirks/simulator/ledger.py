"""The server's memory: every turn it issued and every exchange it had, safe to read while it serves.

A turn is found by its identity, so conversations may interleave, branch and be replayed; where the mode names a
mark, the turns of each conversation are kept beside one another as well, for `alignment`. To record costs the
same however much there is to remember.
"""

import base64
import hashlib
import hmac
import secrets
import threading
from collections import defaultdict

from mimo_quirks.simulator.alignment import Placed
from mimo_quirks.simulator.errors import to_bytes
from mimo_quirks.simulator.records import Exchange, Identity, Issued


class Ledger:
    """What happened so far; snapshots out, one record in."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forget()

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Every exchange, oldest first."""
        with self._lock:
            return tuple(self._exchanges)

    def latest(self, count: int) -> tuple[Exchange, ...]:
        """The last so many exchanges, oldest first."""
        with self._lock:
            return tuple(self._exchanges[-count:])

    def turns_of(self, conversation: str | None) -> tuple[Placed, ...]:
        """The turns issued in a conversation, oldest first; none without one."""
        with self._lock:
            return tuple(self._conversations.get(conversation, ()))

    def find(self, identity: Identity, reasoning: str | None) -> Issued | None:
        """The turn of an identity: if several have it, the one with this reasoning, else the newest."""
        with self._lock:
            return self._by_text.get((identity, reasoning)) or self._newest.get(identity)

    def has_issued(self, reasoning: str | None) -> bool:
        """Whether any turn was issued with this reasoning."""
        with self._lock:
            return reasoning in self._texts

    def signature(self, reasoning: str) -> str:
        """The signature of a block of reasoning, the same until a reset; nobody else can make it."""
        with self._lock:
            key = self._key
        return base64.b64encode(hmac.digest(key, to_bytes(reasoning), hashlib.sha256)).decode()

    def record(self, exchange: Exchange, placed: Placed | None = None) -> None:
        """Remember an exchange, the turn it issued, and the turn's place where it has a conversation."""
        turn = exchange.issued
        with self._lock:
            self._exchanges.append(exchange)
            if turn is not None:
                self._newest[turn.identity] = self._by_text[turn.identity, turn.reasoning] = turn
                self._texts.add(turn.reasoning)
            if placed is not None:
                self._conversations[exchange.conversation].append(placed)

    def reset(self) -> None:
        """Forget everything: what was issued before is a stranger's from now on."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        self._key = secrets.token_bytes(32)
        self._exchanges: list[Exchange] = []
        self._newest: dict[Identity, Issued] = {}
        self._by_text: dict[tuple[Identity, str | None], Issued] = {}
        self._texts: set[str | None] = set()
        self._conversations: defaultdict[str | None, list[Placed]] = defaultdict(list)
