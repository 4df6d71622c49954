"""What is true of a sealed store: who has no secret learns nothing, and the secrets can be changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from mimo_quirks.stores import CANDIDATES, Entry
from mimo_quirks.stores.encrypted import EncryptedStore
from mimo_quirks.stores.sqlite import SqliteStore

from ..dict_store import DictStore

A, B, C = "aa" * 32, "bb" * 32, "cc" * 32


@pytest.fixture(name="inner")
def _inner() -> DictStore:
    return DictStore()


def test_nothing_can_be_read_in_the_file(tmp_path: Path) -> None:
    """Neither a payload nor a key is in the file or its log, as text or as bytes."""
    plain = SqliteStore(tmp_path / "store.db", ttl_seconds=60, max_bytes=2**20, timeout_seconds=1)
    store = EncryptedStore(plain, ["secret"])
    store.put([Entry((A,), b"let me think about the weather")])
    held = b"".join(file.read_bytes() for file in tmp_path.iterdir())

    assert {A: [b"let me think about the weather"]} == store.get([A])
    assert [] == [found for found in (b"weather", A.encode(), bytes.fromhex(A), b"secret") if found in held]
    store.close()


def test_equal_payloads_look_different(inner: DictStore) -> None:
    """That two turns have the same reasoning cannot be seen from outside."""
    EncryptedStore(inner, ["secret"]).put([Entry((A,), b"same"), Entry((B,), b"same")])

    assert 2 == len({entry.payload for entry in inner._expiries})


def test_another_secret_finds_nothing(inner: DictStore) -> None:
    """Without the secret what was kept is as if it were not there."""
    EncryptedStore(inner, ["secret"]).put([Entry((A,), b"one")])

    assert {} == EncryptedStore(inner, ["other"]).get([A])


def test_rotation(inner: DictStore) -> None:
    """A new secret in front seals; the old one behind it still opens; what both sealed is one entry."""
    old, new = EncryptedStore(inner, ["old"]), EncryptedStore(inner, ["new"])
    both = EncryptedStore(inner, ["new", "old"])
    old.put([Entry((A,), b"one"), Entry((B,), b"two")])
    both.put([Entry((A,), b"three"), Entry((B,), b"two")])

    assert {A: [b"three", b"one"], B: [b"two"]} == both.get([A, B, C])
    assert {A: [b"three"], B: [b"two"]} == new.get([A, B])
    assert {A: [b"one"], B: [b"two"]} == old.get([A, B])


def test_secrets_do_not_add_candidates(inner: DictStore) -> None:
    """However many secrets there are, a key answers with no more than `CANDIDATES` entries."""
    for secret in ("old", "new"):
        EncryptedStore(inner, [secret]).put(
            [Entry((A,), f"{secret} {number}".encode()) for number in range(CANDIDATES)]
        )

    found = EncryptedStore(inner, ["new", "old"]).get([A])[A]
    assert [f"new {number}".encode() for number in reversed(range(CANDIDATES))] == found


def test_what_cannot_be_opened_is_skipped(inner: DictStore) -> None:
    """A payload that is damaged, or that somebody moved from another key, is as if it were not there."""
    store = EncryptedStore(inner, ["secret"])
    store.put([Entry((A,), b"one"), Entry((B,), b"two")])
    sealed = {store.get([key])[key][0]: store._seals[0].key(key) for key in (A, B)}
    foreign = inner.get([sealed[b"two"]])[sealed[b"two"]][0]
    damaged = bytes([foreign[0] ^ 1]) + foreign[1:]
    inner.put([Entry((sealed[b"one"],), payload) for payload in (foreign, damaged, b"short", b"")])

    assert {A: [b"one"]} == store.get([A])
