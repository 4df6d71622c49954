"""What is true of every store: one table of stores, the same sentences for all."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from mimo_quirks.stores import CANDIDATES, Entry, ReasoningStore
from mimo_quirks.stores.encrypted import EncryptedStore
from mimo_quirks.stores.redis import RedisStore
from mimo_quirks.stores.sqlite import SqliteStore

from ..dict_store import DictStore
from .test_stores_redis import Server, run_server

TTL = 0.6
"""Seconds; they pass at once where the store's clock can be turned, and really where it is a server's."""


def key(name: object) -> str:
    return hashlib.sha256(str(name).encode()).hexdigest()


A, B, C = key("a"), key("b"), key("c")
OWNERS = key("an owner"), key("another owner")


@dataclass
class Clock:
    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True)
class Subject:
    """A kind of store: how to open one, and another on the same data, and how time passes for it."""

    name: str
    open: Callable[..., ReasoningStore]
    sleep: Callable[[float], None]

    @property
    def is_shared(self) -> bool:
        return self.name != "memory"


def _memory(clock: Clock) -> Callable[..., ReasoningStore]:
    return lambda ttl=3600.0: DictStore(ttl_seconds=ttl, max_bytes=2**26, clock=clock)


def _sqlite(clock: Clock, path: Path) -> Callable[..., ReasoningStore]:
    return lambda ttl=3600.0: SqliteStore(path, ttl_seconds=ttl, max_bytes=2**26, timeout_seconds=5, clock=clock)


def _redis(server: Server) -> Callable[..., ReasoningStore]:
    return lambda ttl=3600.0: RedisStore.from_url(server.url, ttl_seconds=ttl, timeout_seconds=5)


@pytest.fixture(name="server", scope="module")
def _server() -> Iterator[Server]:
    yield from run_server()


@pytest.fixture(name="subject", params=["memory", "sqlite", "sqlite sealed", "redis", "redis sealed"])
def _subject(request: pytest.FixtureRequest, tmp_path: Path, server: Server) -> Subject:
    kind, _, sealed = request.param.partition(" ")
    clock = Clock()
    if kind == "redis":
        server.client.flushall()
    open_plain = {
        "memory": lambda: _memory(clock),
        "sqlite": lambda: _sqlite(clock, tmp_path / "store.db"),
        "redis": lambda: _redis(server),
    }[kind]()
    sleep = time.sleep if kind == "redis" else clock.sleep
    if not sealed:
        return Subject(request.param, open_plain, sleep)
    return Subject(request.param, lambda ttl=3600.0: EncryptedStore(open_plain(ttl), ["secret"]), sleep)


@pytest.fixture(name="store")
def _store(subject: Subject) -> Iterator[ReasoningStore]:
    store = subject.open()
    yield store
    store.close()


@pytest.fixture(name="brief")
def _brief(subject: Subject) -> Iterator[ReasoningStore]:
    """A store that forgets after `TTL`."""
    store = subject.open(TTL)
    yield store
    store.close()


def test_what_is_put_is_found_under_each_of_its_keys(store: ReasoningStore) -> None:
    """An entry is found under all its keys, and keys that hold nothing are left out."""
    store.put([Entry((A, B), b"one"), Entry((C,), b"two")])

    assert {A: [b"one"], B: [b"one"], C: [b"two"]} == store.get([A, B, C, key("unknown")])
    assert {B: [b"one"]} == store.get([B])
    assert {} == store.get([key("unknown")])


def test_a_payload_is_fetched_once(store: ReasoningStore) -> None:
    """However many of an entry's keys are asked for, its payload is read, and opened, once."""
    keys = tuple(map(key, range(64)))
    store.put([Entry(keys, b"one"), Entry(keys[:32], b"two")])
    found = store.get(keys)

    assert 64 == len(found)
    assert 2 == len({id(payload) for payloads in found.values() for payload in payloads})


def test_empty(store: ReasoningStore) -> None:
    """Nothing put and nothing asked is nothing found; an empty payload is a payload."""
    store.put([])
    assert {} == store.get([])

    store.put([Entry((A,), b"")])
    assert {A: [b""]} == store.get([A])


def test_keys_that_are_named_twice(store: ReasoningStore) -> None:
    """A key that is asked or given twice counts once."""
    store.put([Entry((A, A), b"one")])

    assert {A: [b"one"]} == store.get([A, A])


def test_the_newest_comes_first(store: ReasoningStore) -> None:
    """The entries of a key come newest first, and no more of them than `CANDIDATES`."""
    for number in range(CANDIDATES + 8):
        store.put([Entry((A, key(number)), b"%d" % number)])

    newest = [b"%d" % number for number in range(CANDIDATES + 7, 7, -1)]
    assert {A: newest} == store.get([A])
    assert {key(0): [b"0"]} == store.get([key(0)])


def test_the_newest_of_one_batch_is_its_last(store: ReasoningStore) -> None:
    """Within one put, later means newer."""
    store.put([Entry((A,), b"older"), Entry((A,), b"newer")])

    assert {A: [b"newer", b"older"]} == store.get([A])


def test_the_same_entry_is_one_entry(store: ReasoningStore) -> None:
    """An entry that is put again is the same entry, and the newest; with other keys it is another one."""
    store.put([Entry((A, B), b"one")])
    store.put([Entry((A,), b"two")])
    store.put([Entry((A, B), b"one")])
    assert {A: [b"one", b"two"], B: [b"one"]} == store.get([A, B])

    store.put([Entry((B,), b"one")])
    assert {B: [b"one", b"one"]} == store.get([B])


def test_expiry_slides(subject: Subject, brief: ReasoningStore) -> None:
    """An entry that is read in time lives on, under all its keys; one that is not expires."""
    brief.put([Entry((A, B), b"read"), Entry((C,), b"left")])
    subject.sleep(TTL * 0.6)
    assert {A: [b"read"]} == brief.get([A])

    subject.sleep(TTL * 0.6)
    assert {B: [b"read"]} == brief.get([B, C])

    subject.sleep(TTL * 1.1)
    assert {} == brief.get([A, B, C])


def test_putting_renews(subject: Subject, brief: ReasoningStore) -> None:
    """An entry that is put again lives as long as a new one."""
    brief.put([Entry((A,), b"one")])
    subject.sleep(TTL * 0.6)
    brief.put([Entry((A,), b"one")])
    subject.sleep(TTL * 0.6)

    assert {A: [b"one"]} == brief.get([A])


def test_an_owner_is_forgotten(store: ReasoningStore) -> None:
    """Of one owner every entry goes, under each of its keys, and is counted; another's, and those of none, stay."""
    entries = [Entry((A, B, key(number)), b"%d" % number, OWNERS[number % 2]) for number in range(200)]
    store.put([*entries, Entry((C, B), b"ownerless")])

    assert 100 == store.forget([OWNERS[0], OWNERS[0], key("unknown")])
    assert {key(number) for number in range(1, 200, 2)} == store.get([*map(key, range(200))]).keys()
    assert [b"ownerless", b"199"] == list(store.get([B])[B][:2])
    assert 0 == store.forget([OWNERS[0]]) == store.forget([])
    assert 100 == store.forget([OWNERS[1]])
    assert {C, B} == store.get([A, B, C, *map(key, range(200))]).keys()


def test_a_forgotten_owner_begins_anew(store: ReasoningStore) -> None:
    """What an owner puts after it was forgotten is found, and can be forgotten as well."""
    for _ in range(2):
        store.put([Entry((A,), b"one", OWNERS[0])])
        assert {A: [b"one"]} == store.get([A])
        assert 1 == store.forget([OWNERS[0]])
        assert {} == store.get([A])


def test_what_was_renewed_is_forgotten(subject: Subject, brief: ReasoningStore) -> None:
    """An entry that lives on because it is read is still its owner's."""
    brief.put([Entry((A,), b"one", OWNERS[0])])
    for _ in range(3):
        subject.sleep(TTL * 0.6)
        assert {A: [b"one"]} == brief.get([A])

    assert 1 == brief.forget([OWNERS[0]])
    assert {} == brief.get([A])


def test_any_bytes(store: ReasoningStore) -> None:
    """Payloads come back to the byte, whatever is in them and however large they are."""
    odd = bytes(range(256)) + b"\r\n\n \x00" + "推理🙂".encode()
    large = bytes(range(256)) * 8192
    store.put([Entry((A,), odd), Entry((B,), large)])

    assert {A: [odd], B: [large]} == store.get([A, B])


def test_many_keys(store: ReasoningStore) -> None:
    """One look-up takes any number of keys."""
    keys = [key(number) for number in range(3000)]
    store.put([Entry((keys[0], keys[-1]), b"one")])

    assert {keys[0]: [b"one"], keys[-1]: [b"one"]} == store.get(keys)


def test_letting_go_of_what_was_never_used(store: ReasoningStore) -> None:
    """A store that no call has opened can be closed."""
    store.close()


def test_many_threads(store: ReasoningStore) -> None:
    """Threads that write and read at once lose nothing and see nothing torn."""

    def work(worker: int) -> list[bool]:
        seen = []
        for number in range(20):
            own, payload = key((worker, number)), b"%d,%d" % (worker, number)
            store.put([Entry((own, A), payload)])
            found = store.get([own, A])
            seen.append([payload] == found[own] and len(found[A]) <= CANDIDATES)
        return seen

    with ThreadPoolExecutor(8) as pool:
        seen = [right for rights in pool.map(work, range(8)) for right in rights]

    assert [True] * 160 == seen
    assert 160 == len(store.get([key((worker, number)) for worker in range(8) for number in range(20)]))


def test_closed_and_used_again(subject: Subject, store: ReasoningStore) -> None:
    """A closed store opens itself again; only memory has forgotten."""
    store.put([Entry((A,), b"one")])
    store.close()

    assert ({A: [b"one"]} if subject.is_shared else {}) == store.get([A])


def test_another_store_on_the_same_data(subject: Subject, store: ReasoningStore) -> None:
    """What one store has put, another one finds at once; memory is its own."""
    other = subject.open()
    store.put([Entry((A,), b"one")])

    assert ({A: [b"one"]} if subject.is_shared else {}) == other.get([A])
    other.close()


def test_an_entry_does_not_show_its_payload() -> None:
    """An entry that ends up in a log shows keys only."""
    assert f"Entry(keys=('{A}',))" == repr(Entry((A,), b"reasoning"))
