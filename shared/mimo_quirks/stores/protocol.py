"""What every store is: opaque payloads, each under several keys, one batched question and one batched answer.

1. A store decides nothing. Keys are hex digests that the caller has bound to a scope; a key may hold several entries,
   and which of them is meant is the caller's business.
2. An entry is a whole turn. It is kept, renewed, evicted and expired as one thing, under all its keys at once, so half
   a turn is never found. It has one owner, and all that an owner has can be deleted.
3. Any failure is a `StoreError`: the caller counts it and goes on without recall, so a store may fail at any time but
   never wait much longer than it was allowed to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

CANDIDATES: Final = 32
"""How many entries a key answers with: far more than a caller can tell apart, few enough for any answer to be quick."""

RENEWED_AFTER: Final = 0.01
"""The share of its life an entry has lived before reading it renews it, where renewing it means writing."""


class StoreError(Exception):
    """A store could not do what it was asked; the message tells why, and never what was asked."""


class Entry(NamedTuple):
    """One recorded turn; its repr leaves the payload out.

    Attributes:
        keys: Every key it may be asked for, each a hex digest.
        payload: What the caller wants back, to the byte.
        owner: The hex digest of its owner, by which `forget` deletes it; empty where it has none.
    """

    keys: tuple[str, ...]
    payload: bytes
    owner: str = ""

    def __repr__(self) -> str:
        return f"Entry(keys={self.keys!r})"


class ReasoningStore(Protocol):
    """A place that remembers entries for a while, bounded in bytes and age."""

    def get(self, keys: Sequence[str]) -> Mapping[str, Sequence[bytes]]:
        """Returns what is held under each key, newest first, at most `CANDIDATES`; keys without any are left out.

        One look-up, whatever the number of keys. Reading renews the expiry of what is returned.

        Raises:
            StoreError: The store cannot tell.
        """

    def put(self, entries: Sequence[Entry]) -> None:
        """Remembers the entries; when it returns, another process's `get` finds them.

        Putting an entry again renews it. An entry that alone is larger than the store's bound is not kept.

        Raises:
            StoreError: The entries may not have been kept.
        """

    def forget(self, owners: Sequence[str]) -> int:
        """Deletes every entry of these owners; returns how many there were.

        The work grows with what is deleted, not with what is kept, and it holds a few entries at a time.

        Raises:
            StoreError: Entries of these owners may be left; forgetting again goes on with them.
        """

    def close(self) -> None:
        """Lets go of files and connections; a later call opens them again."""
