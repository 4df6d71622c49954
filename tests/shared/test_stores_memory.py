"""What is true of memory: it is bounded, and nothing of an entry outlives it."""

from __future__ import annotations

import random

from mimo_quirks.stores import Entry, MemoryStore
from mimo_quirks.stores.packing import size_of

A, B, C, D = "aa", "bb", "cc", "dd"


def _sizes(store: MemoryStore) -> tuple[int, int, int]:
    return len(store._expiries), len(store._index), store._bytes


def test_the_least_recently_used_goes_first() -> None:
    """Over the bound, what was not used for longest goes; reading is a use."""
    entries = [Entry((key,), b"x" * 1000) for key in (A, B, C, D)]
    store = MemoryStore(max_bytes=3 * size_of(entries[0]))
    store.put(entries[:3])
    store.get([A])
    store.put(entries[3:])

    assert [A, C, D] == list(store.get([A, B, C, D]))


def test_an_entry_goes_from_all_its_keys() -> None:
    """Eviction takes an entry off every key, and leaves its siblings there."""
    old, sibling = Entry((A, B, C), b"x" * 1000), Entry((A,), b"y" * 1000)
    store = MemoryStore(max_bytes=size_of(old) + size_of(sibling))
    store.put([old, sibling])
    store.put([Entry((D,), b"z")])

    assert {A: [sibling.payload], D: [b"z"]} == store.get([A, B, C, D])


def test_an_entry_beyond_the_bound_is_not_kept() -> None:
    """An entry that alone is too large is not kept, and drives nothing out."""
    store = MemoryStore(max_bytes=1000)
    store.put([Entry((A,), b"small"), Entry((B,), b"x" * 1000)])

    assert {A: [b"small"]} == store.get([A, B])


def test_nothing_is_left_behind() -> None:
    """After any history the indexes hold what is kept, within the bound, and nothing when all has expired."""
    now = 0.0
    store = MemoryStore(ttl_seconds=50, max_bytes=20_000, clock=lambda: now)
    chance = random.Random(7)
    for _ in range(2000):
        now += chance.random()
        keys = tuple(f"{chance.randrange(40):x}" for _ in range(3))
        store.put([Entry(keys, b"x" * chance.randrange(800))])
        store.get(keys[:1])
        kept = list(store._expiries)
        indexed = {key: set(entries) for key, entries in store._index.items()}

        assert {key: {entry for entry in kept if key in entry.keys} for entry in kept for key in entry.keys} == indexed
        assert sum(map(size_of, kept)) == store._bytes <= 20_000

    now += 50
    store.get([])
    assert (0, 0, 0) == _sizes(store)
