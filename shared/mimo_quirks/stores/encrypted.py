"""A store that can read nothing of what it keeps.

Each secret gives two keys (HKDF-SHA256): one turns the owner and the keys of an entry into MACs, so that a file tells
nothing about ids, and not who an owner is, and one encrypts the payload. The first secret seals, all of them open: to
rotate, put the new one in front and drop the old one when what it sealed has expired.

The cipher is AES-SIV, not Fernet, because it is deterministic: an entry that is put again must be the same entry to the
store within. The keys are sealed with the payload; so equal payloads of different turns look different, and a payload
that somebody moved to another key is not believed. What cannot be opened is as if it were not there.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Final

from mimo_quirks.sealing.ciphers import InvalidTag, cipher, derive

from .packing import pack, unpack
from .protocol import CANDIDATES, Entry, ReasoningStore

_CIPHER: Final = b"mimo-quirks store 1 cipher"
_MAC: Final = b"mimo-quirks store 1 mac"


class _Seal:
    """What one secret does."""

    def __init__(self, secret: str) -> None:
        self._cipher = cipher(secret, _CIPHER)
        self._mac = derive(secret, _MAC)

    def key(self, key: str) -> str:
        return hmac.digest(self._mac, key.encode(), hashlib.sha256).hex()

    def close(self, entry: Entry) -> Entry:
        owner = self.key(entry.owner) if entry.owner else ""
        return Entry(tuple(map(self.key, entry.keys)), self._cipher.encrypt(pack(entry), None), owner)

    def open(self, payloads: Iterable[bytes]) -> dict[bytes, Entry]:
        """Opens each once, for many keys lead to one; what cannot be opened is left out."""
        opened: dict[bytes, Entry] = {}
        for payload in dict.fromkeys(payloads):
            with suppress(InvalidTag, ValueError):
                opened[payload] = unpack(self._cipher.decrypt(payload, None))
        return opened


class EncryptedStore:
    """Another store, with everything sealed on its way in and opened on its way out."""

    def __init__(self, store: ReasoningStore, secrets: Sequence[str]) -> None:
        self._store = store
        self._seals = [_Seal(secret) for secret in secrets]

    def get(self, keys: Sequence[str]) -> Mapping[str, Sequence[bytes]]:
        """See `ReasoningStore`."""
        return self._open(keys, self._store.get(self._sealed(keys)))

    def put(self, entries: Sequence[Entry]) -> None:
        """See `ReasoningStore`."""
        self._store.put([self._seals[0].close(entry) for entry in entries])

    def forget(self, owners: Sequence[str]) -> int:
        """See `ReasoningStore`; what a secret sealed that is no longer given is not found, and stays."""
        return self._store.forget(self._sealed(owners))

    def close(self) -> None:
        """See `ReasoningStore`."""
        self._store.close()

    def _sealed(self, keys: Sequence[str]) -> list[str]:
        return [seal.key(key) for seal in self._seals for key in keys]

    def _open(self, keys: Sequence[str], held: Mapping[str, Sequence[bytes]]) -> Mapping[str, Sequence[bytes]]:
        """What the current secret sealed comes first, because it is newer; an entry that two sealed comes once."""
        found: dict[str, dict[Entry, None]] = {}
        for seal in self._seals:
            sealed = {key: held.get(seal.key(key), ()) for key in keys}
            opened = seal.open(payload for payloads in sealed.values() for payload in payloads)
            for key, payloads in sealed.items():
                entries = (opened[payload] for payload in payloads if payload in opened)
                found.setdefault(key, {}).update({entry: None for entry in entries if key in entry.keys})
        firsts = {key: list(islice(entries, CANDIDATES)) for key, entries in found.items()}
        return {key: [entry.payload for entry in entries] for key, entries in firsts.items() if entries}
