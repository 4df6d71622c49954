"""An entry as bytes: a line with its owner, a line of keys, then the payload as it is.

Owner and keys are hex digests, so a space and a line feed cannot be part of one, and two entries are equal
exactly if their packed forms are.
"""

from __future__ import annotations

import hashlib
from typing import Final

from .protocol import Entry

_UPKEEP: Final = 300
"""Bytes a store spends on a key beside the key itself: about 340 in CPython's dictionaries, 150 in SQLite's trees."""

_UPKEEP_OF_AN_OWNER: Final = 200
"""The same for the index of its owner: about 200 in Redis, 80 in SQLite."""

MOST_HEAD: Final = 16 * 2**10
"""Bytes within which an entry's owner and keys are found, whatever its payload: three times what they may take."""


def pack(entry: Entry) -> bytes:
    """The entry as bytes."""
    return f"{entry.owner}\n{' '.join(entry.keys)}\n".encode() + entry.payload


def unpack(packed: bytes) -> Entry:
    """The entry that was packed; of other bytes, an entry that nobody asks for."""
    owner, _, rest = packed.partition(b"\n")
    keys, _, payload = rest.partition(b"\n")
    return Entry(tuple(keys.decode(errors="replace").split()), payload, owner.decode(errors="replace"))


def identity_of(entry: Entry) -> str:
    """A name that only an equal entry has."""
    return hashlib.sha256(pack(entry)).hexdigest()


def size_of(entry: Entry) -> int:
    """About how many bytes keeping the entry takes."""
    owned = len(entry.owner) + _UPKEEP_OF_AN_OWNER if entry.owner else 0
    return len(entry.payload) + owned + sum(len(key) + _UPKEEP for key in entry.keys)
