"""The far store at work: what waits, what is never lost, and what never waits."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mimo_quirks import ReasoningMemory, Settings, open_store
from mimo_quirks.memory.far import FarStore
from mimo_quirks.stores import Entry, StoreError

from ..dict_store import DictStore
from ..exchanges import begun, look_up, record
from .test_stores_redis import run_server

PATIENCE = 20.0
"""Seconds that a busy machine is given; without what is tested each wait would be without end."""
USER = {"role": "user", "content": "x"}
TURN = {"role": "assistant", "content": "hi", "reasoning_content": " 想\n"}


class Store(DictStore):
    """A store that is held up, or fails, as it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.opens = threading.Event()
        self.opens.set()
        self.fails: Callable[[Sequence[Entry]], bool] = lambda entries: False
        self.batches: list[int] = []

    def get(self, keys: Sequence[str]) -> Mapping[str, Sequence[bytes]]:
        self.opens.wait()
        return super().get(keys)

    def put(self, entries: Sequence[Entry]) -> None:
        self.opens.wait()
        if self.fails(entries):
            raise StoreError("it is away")
        self.batches.append(len(entries))
        super().put(entries)


class Away(Store):
    """A store that cannot be reached, as long as it is told so."""

    is_away = True

    def get(self, keys: Sequence[str]) -> Mapping[str, Sequence[bytes]]:
        if self.is_away:
            raise StoreError("it is away")
        return super().get(keys)


def test_a_store_that_cannot_be_reached_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    """It is said before any request asks it, and nobody waits for that; of one that answers nothing is said."""
    said = threading.Event()
    handler = logging.Handler()
    handler.emit = lambda record: said.set()  # type: ignore[method-assign]
    logger = logging.getLogger()
    logger.addHandler(handler)  # behind the one that keeps what is said
    gone = ReasoningMemory(Away(), Settings(store="redis://:s3cret@redis:6379/0"))
    try:
        ReasoningMemory().check()
        store = Store()
        store.opens.clear()
        ReasoningMemory(store).check()
        gone.check()
        assert said.wait(PATIENCE)
        store.opens.set()
    finally:
        logger.removeHandler(handler)

    failed = "reasoning store redis://redis:6379/0 failed at start (it is away)"
    then = "nothing is shared between processes until it works; check MIMO_QUIRKS_STORE"
    assert [f"{failed}: {then}"] == caplog.messages
    assert {} == +gone.counts


def test_reads_that_fail_are_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    """Until the store answers again, which is said too; each is counted."""
    away = Away()
    far, counts = _far(away)
    with caplog.at_level(logging.INFO, logger="mimo_quirks"):
        for away.is_away in (False, True, True, True, False, False, True):
            far.read(["k1"])

    warned = ("WARNING", "reasoning store: read failed (it is away); continuing without it")
    told = ("INFO", "reasoning store: it answers again")
    lines = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert [warned, told, warned] == [line for line in lines if line in (warned, told)]
    assert {"read_failed": 4} == counts


@pytest.fixture(name="store")
def _store() -> Iterator[Store]:
    store = Store()
    yield store
    store.opens.set()


def _far(store: Store, **how: Any) -> tuple[FarStore, Counter[str]]:
    counts: Counter[str] = Counter()
    how = {"timeout_seconds": 0.2, "wait_seconds": 0.2, "max_waiting_bytes": 2**20, **how}
    return FarStore(store, counts=counts, **how), counts


def _entry(name: object, size: int = 1) -> Entry:
    return Entry((f"k{name}",), f"{name}".encode() * size)


def _soon(is_so: Callable[[], bool]) -> bool:
    """Whether it is so before long."""
    deadline = time.monotonic() + PATIENCE
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.01)
    return is_so()


async def _gap(work: Any) -> float:
    """The longest time for which an event loop does nothing else while something is awaited."""
    gaps, last = [0.0], time.monotonic()
    task = asyncio.ensure_future(work)
    while not task.done():
        await asyncio.sleep(0.005)
        now = time.monotonic()
        gaps.append(now - last)
        last = now
    await task
    return max(gaps)


async def test_what_is_written_is_read() -> None:
    """By either colour of call, when the call returns."""
    far, counts = _far(Store())
    far.write([_entry(1)])
    await far.awrite([_entry(2)])

    assert {"k1": [b"1"], "k2": [b"2"]} == far.read(["k1", "k2", "k3"]) == await far.aread(["k1", "k2", "k3"])
    assert not counts


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_store_that_hangs(asynchronous: bool, store: Store) -> None:
    """It costs a read the limit, for the store to begin and to answer, and a write its wait; the loop goes on."""
    far, counts = _far(store, wait_seconds=0.3)
    store.opens.clear()
    start = time.monotonic()
    if asynchronous:
        assert {} == await far.aread(["k1"])
        await far.awrite([_entry(1)])
        assert await _gap(far.aread(["k1"])) < PATIENCE / 2
    else:
        assert {} == far.read(["k1"])
        far.write([_entry(1)])
    took = time.monotonic() - start

    assert 0.4 < took < PATIENCE
    assert counts.pop("read_failed") == 1 + asynchronous
    store.opens.set()
    assert _soon(lambda: {"k1": [b"1"]} == store.get(["k1"]))
    assert not counts


async def test_readers_that_all_hang(store: Store) -> None:
    """Who finds no thread free waits no longer than who finds one."""
    far, counts = _far(store)
    store.opens.clear()
    start = time.monotonic()
    await asyncio.gather(*(far.aread(["k1"]) for _ in range(32)))

    assert time.monotonic() - start < PATIENCE
    assert {"read_failed": 32} == counts


async def test_a_busy_loop_is_not_the_store_s_time(store: Store) -> None:
    """What the event loop does for longer than the limit is not counted as the store's slowness."""
    far, counts = _far(store, timeout_seconds=0.05)
    far.write([_entry(1)])
    reads = [asyncio.ensure_future(far.aread(["k1"])) for _ in range(8)]
    await asyncio.sleep(0)
    time.sleep(0.4)  # noqa: ASYNC251 - it is what is tested

    assert [{"k1": [b"1"]}] * 8 == await asyncio.gather(*reads)
    assert not counts


async def test_a_busy_process_is_not_the_store_s_time(store: Store) -> None:
    """Nor is a read too slow whose thread had no chance to take what the store answered."""
    far, counts = _far(store)
    far.write([_entry("x")])
    store.opens.clear()
    reading = asyncio.create_task(far.aread(["kx"]))
    await asyncio.sleep(0.01)
    asyncio.get_running_loop().call_soon(time.sleep, 0.5)
    asyncio.get_running_loop().call_soon(store.opens.set)

    assert {"kx": [b"x"]} == await reading
    assert {} == counts


async def test_a_caller_that_leaves(store: Store) -> None:
    """A write whose caller is cancelled is made all the same."""
    far, _ = _far(store, wait_seconds=PATIENCE)
    store.opens.clear()
    task = asyncio.ensure_future(far.awrite([_entry(1)]))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    store.opens.set()

    assert task.cancelled()
    assert _soon(lambda: {"k1": [b"1"]} == store.get(["k1"]))


def test_a_loop_that_was_closed(store: Store) -> None:
    """A write, and a read, that end after the loop that waited for them."""
    far, _ = _far(store)
    store.opens.clear()
    asyncio.run(far.awrite([_entry(1)]))
    asyncio.run(far.aread(["k1"]))
    store.opens.set()

    assert _soon(lambda: {"k1": [b"1"]} == store.get(["k1"]))


def test_a_failed_write_is_tried_again(store: Store) -> None:
    """Until the store takes it; who writes meanwhile does not wait."""
    far, counts = _far(store, wait_seconds=PATIENCE)
    failures = iter([True, True, True])
    store.fails = lambda entries: next(failures, False)
    start = time.monotonic()
    for number in range(3):
        far.write([_entry(number)])
    took = time.monotonic() - start

    assert took < PATIENCE / 2
    assert _soon(lambda: {"k0": [b"0"], "k1": [b"1"], "k2": [b"2"]} == store.get(["k0", "k1", "k2"]))
    assert {"write_failed": 3} == counts


def test_a_read_wakes_what_waits(store: Store) -> None:
    """A read that succeeds shows that the store is back."""
    far, _ = _far(store)
    store.fails = lambda entries: True
    far.write([_entry(1)])
    far._failures = 100  # the next pause is the longest
    time.sleep(0.3)
    store.fails = lambda entries: False
    start = time.monotonic()
    far.read(["k1"])

    assert _soon(lambda: {"k1": [b"1"]} == store.get(["k1"]))
    assert time.monotonic() - start < 4


def test_an_entry_that_always_fails_lets_others_pass(store: Store) -> None:
    """Entries that are written together and fail are written one by one."""
    far, _ = _far(store)
    store.opens.clear()
    store.fails = lambda entries: any(entry.keys == ("k0",) for entry in entries)
    for number in range(4):
        far.write_soon([_entry(number)])
    store.opens.set()

    assert _soon(lambda: {"k1", "k2", "k3"} == set(store.get([f"k{number}" for number in range(4)])))
    store.fails = lambda entries: False


def test_what_waits_is_bounded(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """At the bound the oldest is dropped and counted; a line says so once, until a write succeeds."""
    far, counts = _far(store, max_waiting_bytes=10_000, wait_seconds=0)
    for names in ("0123456789", "abcdefghij"):
        store.opens.clear()
        for name in names:
            far.write_soon([_entry(name, size=2000)])
        store.opens.set()
        assert _soon(lambda: not far._waiting)

    assert {"k9", "kj"} == set(store.get(["k1", "k9", "kj"]))
    assert 10 <= counts["dropped"] <= 12
    said = "reasoning store: more than 10000 bytes wait to be written; the oldest entries are given up"
    assert 2 == caplog.messages.count(said)  # the threads of other tests may write lines too


@pytest.mark.parametrize("fails", [False, True])
def test_what_is_dropped_while_it_is_written(fails: bool, store: Store) -> None:
    """It is gone, whatever becomes of it, and what came after it is written."""
    far, counts = _far(store, max_waiting_bytes=3000, wait_seconds=0)
    store.opens.clear()
    began, is_held = threading.Event(), store.opens.wait
    store.opens.wait = lambda timeout=None: began.set() or is_held(timeout)  # type: ignore[method-assign,func-returns-value]
    store.fails = lambda entries: fails and entries[0].keys == ("k0",)
    far.write_soon([_entry(0, size=2000)])
    assert began.wait(PATIENCE)
    far.write_soon([_entry(1, size=2000)])
    store.opens.set()

    assert _soon(lambda: "k1" in store.get(["k1"]))
    assert (1, int(fails)) == (counts["dropped"], counts["write_failed"])
    assert not fails or {} == store.get(["k0"])


def test_many_writes_are_few_batches(store: Store) -> None:
    """What waits is written at once."""
    far, _ = _far(store)
    store.opens.clear()
    for number in range(100):
        far.write_soon([_entry(number)])
    store.opens.set()

    assert _soon(lambda: sum(store.batches) == 100)
    assert len(store.batches) < 4


def test_the_end(store: Store) -> None:
    """What waits is written, at most for as long as is allowed; a store that fails then is not tried again."""
    far, _ = _far(store)
    store.opens.clear()
    far.write_soon([_entry(1)])
    start = time.monotonic()
    far.end(0.2)
    assert time.monotonic() - start < PATIENCE
    store.opens.set()
    far.end(PATIENCE)
    assert {"k1": [b"1"]} == store.get(["k1"])

    failing, _ = _far(store)
    store.fails = lambda entries: True
    failing.write([_entry(2)])
    start = time.monotonic()
    failing.end(PATIENCE)
    assert time.monotonic() - start < PATIENCE / 2


def test_an_interpreter_that_begins_no_thread(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written while the interpreter ends is written by whoever ends it, and what is read by whoever asks."""
    far, _ = _far(store, wait_seconds=PATIENCE)

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", start)
    far.write([_entry(1)])
    far.end(PATIENCE)

    assert {"k1": [b"1"]} == far.read(["k1"])


def _script(body: str, tmp_path: Path) -> subprocess.Popen[str]:
    """Another interpreter, with a memory on a file that is slow to take what is written."""
    before = f"""
        import os, sys, time
        from mimo_quirks import ReasoningMemory, Settings, open_store
        from tests.exchanges import record, look_up
        store = open_store("sqlite:///{tmp_path}/store", timeout_seconds=5)
        put, delay = store.put, float(sys.argv[1])
        store.put = lambda entries: (time.sleep(delay), put(entries))
        memory = ReasoningMemory(store, Settings(write_wait_seconds=0))
        user = {{"role": "user", "content": "x"}}
        turn = {{"role": "assistant", "content": "hi", "reasoning_content": " \\u60f3\\n"}}
    """
    script = textwrap.dedent(before) + textwrap.dedent(body)
    return subprocess.Popen([sys.executable, "-c", script, "0.3"], text=True, stdout=subprocess.PIPE)


def _remembered(tmp_path: Path, scope: str) -> dict[int, str]:
    memory = ReasoningMemory(open_store(f"sqlite:///{tmp_path}/store"), Settings(store_timeout_seconds=PATIENCE))
    return look_up(memory, [USER, {**TURN, "reasoning_content": None}], scope)


def test_the_end_of_the_interpreter(tmp_path: Path) -> None:
    """What was not written yet is, whatever the program does not do."""
    process = _script('record(memory, [user], [turn], "a")', tmp_path)

    assert 0 == process.wait(60)
    assert {1: " 想\n"} == _remembered(tmp_path, "a")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_fork(tmp_path: Path) -> None:
    """A process that is forked while another thread writes has locks, threads and a queue of its own."""
    process = _script(
        """
        import threading
        record(memory, [user], [turn], "before")
        threads = [threading.Thread(target=lambda: [record(memory, [user], [turn], "t") for _ in range(200)])]
        [thread.start() for thread in threads]
        children = []
        for number in range(4):
            child = os.fork()
            if not child:
                record(memory, [user], [turn], f"child {number}")
                found = look_up(memory, [user, {**turn, "reasoning_content": None}], "before")
                memory.end(30)
                os._exit(0 if found else 1)
            children.append(child)
        print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
        [thread.join() for thread in threads]
        memory.end(30)
        """,
        tmp_path,
    )
    said, _ = process.communicate(timeout=120)

    assert "[0, 0, 0, 0]" == said.strip()
    assert [{1: " 想\n"}] * 5 == [_remembered(tmp_path, s) for s in ("before", *(f"child {n}" for n in range(4)))]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM")
def test_a_server_that_is_stopped(tmp_path: Path) -> None:
    """A server that makes an orderly exit of SIGTERM loses nothing."""
    process = _script(
        """
        import signal
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        record(memory, [user], [turn], "a")
        print("ready", flush=True)
        time.sleep(60)
        """,
        tmp_path,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)

    assert 0 == process.wait(60)
    assert {1: " 想\n"} == _remembered(tmp_path, "a")


async def test_near_answers_where_far_is_silent(store: Store) -> None:
    """A far store that is gone costs what other processes recorded, nothing else."""
    memory = ReasoningMemory(store, Settings(store_timeout_seconds=0.05, write_wait_seconds=0.05))
    record(memory, [USER], [TURN], "a")
    store.opens.clear()

    assert {1: " 想\n"} == look_up(memory, [USER, {**TURN, "reasoning_content": None}], "a")


class Dripper:
    """Stands before a server; once told to, it gives out a byte of what the server says now and then."""

    def __init__(self, port: int) -> None:
        self._server_port = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listening.getsockname()[1]}/0"
        self.drips = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, server = self._listening.accept()[0], socket.create_connection(("127.0.0.1", self._server_port))
                for way in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self._pass_on, args=way, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, is_answer: bool) -> None:
        with suppress(OSError), source, target:
            while data := source.recv(4096):
                for piece in [bytes([byte]) for byte in data] if is_answer and self.drips else [data]:
                    time.sleep(0.02 if is_answer and self.drips else 0)
                    target.sendall(piece)

    def close(self) -> None:
        self.drips = False
        self._listening.close()


@pytest.fixture(name="dripper")
def _dripper() -> Iterator[Dripper]:
    servers = run_server()
    dripper = Dripper(next(servers).port)
    yield dripper
    dripper.close()
    next(servers, None)


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_server_that_drips(is_async: bool, dripper: Dripper) -> None:
    """A server that says a byte now and then lets no wait run out; a request waits for the limit all the same."""
    settings = Settings(store_timeout_seconds=0.2, write_wait_seconds=0.2)
    memories = [ReasoningMemory(open_store(dripper.url, timeout_seconds=0.2), settings) for _ in range(2)]
    long = {**TURN, "reasoning_content": "x" * 100_000}
    record(memories[0], [USER], [long], "a")
    dripper.drips = True
    lookup = begun([USER, {**TURN, "reasoning_content": None}], "a").lookup()
    start = time.monotonic()
    found = await memories[1].aread(lookup) if is_async else memories[1].read(lookup)

    assert time.monotonic() - start < PATIENCE / 2
    assert ({}, 1) == (found.reasoning.texts, memories[1].counts["read_failed"])
    dripper.drips = False
    assert _soon(lambda: {1: long["reasoning_content"]} == memories[1].read(lookup).reasoning.texts)
