"""A store at work: what it costs when it fails, and what it never costs."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mimo_quirks.exchange import Conversation, Exchange, Found, Lookup, Writes, owner_key
from mimo_quirks.facts.quirks import quirks_for
from mimo_quirks.history.found import NOTHING, FoundReasoning
from mimo_quirks.memory import ReasoningMemory, driver
from mimo_quirks.rejections import policies
from mimo_quirks.rejections.evidence import ALL_REMEDIES, AttemptSettings, Evidence, HostPolicy, Remedy
from mimo_quirks.rejections.policies import HostPolicies
from mimo_quirks.rejections.recognition import RejectionKind
from mimo_quirks.settings import Settings
from mimo_quirks.stores import Entry, ReasoningStore, StoreError, open_store
from mimo_quirks.wires import CHAT

from ..cases import CALL, NASTY
from ..dict_store import DictStore
from ..exchanges import begun, look_up, record
from .test_stores_redis import Server, run_server

SENT = [{"role": "user", "content": "x"}]
TURN = {"role": "assistant", "content": "", "tool_calls": [CALL], "reasoning_content": NASTY}
LOST = [*SENT, {**TURN, "reasoning_content": None}]
CARRIED = [*SENT, TURN]
PADDED = [*SENT, {**TURN, "reasoning_content": " "}]
TIMEOUT = 0.2
PATIENCE = 5
"""Seconds that a call may take on a machine that is busy otherwise; without a bound each would take many more."""
MODEL = "mimo-v2.6-pro"
MISSING, FORBIDDEN, SIGNATURE = RejectionKind.MISSING, RejectionKind.FORBIDDEN, RejectionKind.FOREIGN_SIGNATURE
NONE, PAD, STRIP, OFF = Remedy
SAID = {
    MISSING: "The reasoning_content in the thinking mode must be passed back to the API.",
    FORBIDDEN: "messages.1.assistant.reasoning_content: Extra inputs are not permitted",
    SIGNATURE: "messages.3.content.0: Invalid `signature` in `thinking` block",
}
WANTED = {
    NONE: HostPolicy(),
    PAD: HostPolicy(needs=1),
    STRIP: HostPolicy(forbids=2),
    OFF: HostPolicy(needs=1, needs_more=2),
}


def _settings(*, thinking: bool = True) -> AttemptSettings:
    quirks = quirks_for(MODEL, "https://llm.example/v1")
    assert quirks is not None
    return AttemptSettings(quirks, thinking)


def _conversation(history: Any) -> Conversation:
    return Conversation.of({"messages": history}, CHAT, MODEL)


def _exchange(
    history: Any,
    scope: str | None = "a",
    *,
    allowed: frozenset[Remedy] = ALL_REMEDIES,
    thinking: bool = True,
) -> Exchange:
    """A request as both adapters begin it."""
    exchange = Exchange(allowed)
    exchange.begin(_conversation(history), _settings(thinking=thinking), scope)
    return exchange


def _lookup(history: Any, scope: str | None = "a", *, thinking: bool = True) -> Lookup:
    return _exchange(history, scope, thinking=thinking).lookup()


def _writes(
    sent: Any,
    turns: Any,
    scope: str | None = "a",
    *,
    memory: ReasoningMemory | None = None,
    allowed: frozenset[Remedy] = ALL_REMEDIES,
    thinking: bool = True,
    rejected_as: RejectionKind | None = None,
) -> Writes:
    """What is written of an answer, given what the memory knows of the deployment; of a retry, if one came before."""
    exchange = _exchange(sent, scope, allowed=allowed, thinking=thinking)
    policy = memory.policy(_settings(thinking=thinking)) if memory else HostPolicy()
    exchange.plan(Found(policy=policy))
    if rejected_as is not None:
        exchange.rejected(SAID[rejected_as], time.time())
        exchange.begin(_conversation(sent), _settings(thinking=thinking), scope)
        exchange.plan(Found(policy=policy))
    return exchange.answered(turns, time.time())


def _rejected(kind: RejectionKind, remedy: Remedy = NONE) -> Writes:
    """What is written of a rejection of a request that was sent with this remedy."""
    exchange = _exchange(LOST)
    assert remedy is exchange.plan(Found(policy=WANTED[remedy])).attempt.remedy
    outcome = exchange.rejected(SAID[kind], time.time())
    assert outcome.rejection is not None
    assert kind is outcome.rejection.kind
    return outcome.writes


def _found(memory: ReasoningMemory, *what: Any, **how: Any) -> FoundReasoning:
    return memory.read(_lookup(*what, **how)).reasoning


async def _afound(memory: ReasoningMemory, *what: Any, **how: Any) -> FoundReasoning:
    return (await memory.aread(_lookup(*what, **how))).reasoning


@pytest.fixture(name="redis")
def _redis() -> Iterator[Server]:
    yield from run_server()


@pytest.fixture(name="store", params=["memory", "sqlite", "redis"])
def _store(request: pytest.FixtureRequest, tmp_path: Path) -> ReasoningStore | None:
    if request.param == "memory":
        return None
    url = f"sqlite:///{tmp_path}/store"
    if request.param == "redis":
        url = f"redis://127.0.0.1:{request.getfixturevalue('redis').port}"
    store = open_store(url, timeout_seconds=TIMEOUT)
    assert store is not None
    return store


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


async def test_what_is_recorded_is_found(store: ReasoningStore) -> None:
    """By either colour of call, and counted."""
    memory = ReasoningMemory(store)
    memory.write(_writes(SENT, [TURN]))
    await memory.awrite(_writes(SENT, [{**TURN, "tool_calls": []}]))

    assert [FoundReasoning({1: NASTY})] * 2 == [_found(memory, LOST), await _afound(memory, LOST)]
    assert NOTHING == _found(memory, LOST, "b")
    assert {"recorded": 2, "found": 2, "missed": 1} == +memory.counts
    assert (store is not None) is memory.is_shared


async def test_twins_are_counted(store: ReasoningStore) -> None:
    """A turn with several answers gets none, and the count says so."""
    memory = ReasoningMemory(store)
    memory.write(_writes(SENT, [TURN, {**TURN, "reasoning_content": "other"}]))

    assert frozenset({1}) == (await _afound(memory, LOST)).ambiguous
    assert 1 == memory.counts["ambiguous"]


@pytest.mark.parametrize(("off", "scope"), [(True, "a"), (False, None)])
async def test_without_a_store_or_a_scope_nothing_is_kept(
    off: bool, scope: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a store nothing is written and nothing read, nor without a scope, which is said once."""
    memory = ReasoningMemory(None, Settings(store="off" if off else "memory://"))
    memory.write(_writes(SENT, [TURN], scope))
    await memory.awrite(_writes(SENT, [TURN], scope))

    assert NOTHING == _found(memory, LOST, scope)
    assert NOTHING == await _afound(memory, LOST, scope)
    assert FoundReasoning() == _found(memory, [*SENT, TURN])
    assert ({} if off else {"unscoped": 2}) == +memory.counts
    assert (0 if off else 1) == len(caplog.records)
    assert not memory.is_shared


async def test_an_answer_that_is_none(shared: Watched) -> None:
    """Nothing is written of it, by either colour of call, and no store is asked to."""
    memory = ReasoningMemory(shared)
    shared.fails = True
    memory.write(Writes())
    await memory.awrite(_writes(SENT, []))

    assert {} == +memory.counts


def test_as_the_settings_say() -> None:
    """The operator gives how long a policy is known."""
    settings = Settings(policy_ttl_seconds=60)
    memory = ReasoningMemory(None, settings)
    memory.write(_rejected(MISSING))
    known_until = memory.policy(_settings()).expires

    assert known_until is not None
    assert 50 < known_until - memory.now() <= 60


def _other(store: ReasoningStore) -> ReasoningMemory:
    """What another process knows that shares the store."""
    return ReasoningMemory(store, Settings(store_timeout_seconds=TIMEOUT, write_wait_seconds=TIMEOUT))


async def _costs(memory: ReasoningMemory, other: ReasoningMemory) -> float:
    """The longest that any of the four calls takes while the store is in trouble."""
    took = []
    for reads in (True, False):
        begun = time.monotonic()
        if reads:
            assert NOTHING == _found(other, LOST)
            assert NOTHING == await _afound(other, LOST)
        else:
            memory.write(_writes(SENT, [TURN]))
            await memory.awrite(_writes(SENT, [TURN]))
        took.append(time.monotonic() - begun)
    return max(took)


async def _found_later(store: ReasoningStore) -> bool:
    """Whether another process finds the turn in the end; a store that failed is tried again every few seconds."""
    deadline = time.monotonic() + 4 * PATIENCE
    while time.monotonic() < deadline:
        if FoundReasoning({1: NASTY}) == await _afound(_other(store), LOST):
            return True
        await asyncio.sleep(0.05)
    return False


async def test_redis_slow(redis: Server) -> None:
    """A Redis that does not answer costs a request the bound; what was to be written is, later."""
    store = open_store(f"redis://127.0.0.1:{redis.port}", timeout_seconds=TIMEOUT)
    assert store is not None
    memory, other = _other(store), _other(store)
    redis.send(signal.SIGSTOP)

    assert await _costs(memory, other) < PATIENCE
    assert 2 == other.counts["read_failed"]
    assert memory.counts["write_failed"] > 0
    assert FoundReasoning({1: NASTY}) == await _afound(memory, LOST)  # near memory has it
    redis.send(signal.SIGCONT)
    assert await _found_later(store)


async def test_redis_full(redis: Server) -> None:
    """What a Redis could not keep that takes nothing more is kept when it does again."""
    store = open_store(f"redis://127.0.0.1:{redis.port}", timeout_seconds=TIMEOUT)
    assert store is not None
    redis.client.config_set("maxmemory-policy", "noeviction")
    redis.client.config_set("maxmemory", 1)
    memory = _other(store)
    await _costs(memory, _other(store))
    assert memory.counts["write_failed"] > 0
    redis.client.config_set("maxmemory", 0)

    assert await _found_later(store)


async def test_sqlite_locked_and_deleted(tmp_path: Path) -> None:
    """A file that somebody holds locked costs the bound, and nothing else; one that is deleted is begun again."""
    file = tmp_path / "store"
    store = open_store(f"sqlite:///{file}", timeout_seconds=TIMEOUT)
    assert store is not None
    memory = _other(store)
    memory.write(_writes(SENT, [{**TURN, "content": "first"}]))
    with sqlite3.connect(file, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        begun = time.monotonic()
        memory.write(_writes(SENT, [TURN]))
        await memory.awrite(_writes(SENT, [{**TURN, "content": "y"}]))
        took = time.monotonic() - begun
        await asyncio.sleep(2 * TIMEOUT)
        other.execute("ROLLBACK")
    other.close()

    assert took < PATIENCE
    assert memory.counts["write_failed"] > 0
    assert await _found_later(store)
    memory.end()
    _clear(tmp_path)
    memory.write(_writes(SENT, [TURN]))
    assert await _found_later(store)


def _clear(folder: Path) -> None:
    for leftover in folder.iterdir():
        leftover.unlink()


async def test_doubts_are_no_losses() -> None:
    """Turns that carry what is only doubted are looked up and told, and are neither found nor missed."""
    memory = ReasoningMemory()
    memory.write(_writes(SENT, [TURN]))
    stripped = [*SENT, {**TURN, "reasoning_content": NASTY.strip()}]

    assert FoundReasoning({1: NASTY}) == _found(memory, stripped)
    assert FoundReasoning({1: NASTY}) == await _afound(memory, stripped)
    assert NOTHING == _found(memory, stripped, "b")
    assert {"recorded": 1} == +memory.counts


@pytest.mark.parametrize(
    "asked", [{"role": "tool", "tool_call_id": "call_1", "content": "21 °C"}, {"role": "user", "content": "And?"}]
)
async def test_an_answer_that_was_trimmed(asked: dict[str, Any], shared: Watched) -> None:
    """Its text proves itself after another beginning too, in this process and in others; where two do, neither is."""
    one, other = ReasoningMemory(shared), ReasoningMemory(shared)
    said = {"role": "assistant", "content": "It is 21 °C, and no wind blows from the sea.", "reasoning_content": NASTY}
    one.write(_writes([*CARRIED, asked], [said]))
    history = [{"role": "user", "content": "y"}, *CARRIED[1:], asked, {**said, "reasoning_content": NASTY.strip()}]
    another = [*history[:-1], {**said, "reasoning_content": "x"}]

    assert FoundReasoning({3: NASTY}) == _found(one, history) == _found(other, history)
    assert NOTHING == _found(one, history, "b")
    assert NOTHING == _found(one, another)
    one.write(_writes([*CARRIED, asked], [{**said, "reasoning_content": f"{NASTY} "}]))
    assert NOTHING == _found(one, history)


async def test_what_is_known_to_be_whole_is_not_looked_up(shared: Watched) -> None:
    """A carried text is checked near, in its scope; only one that is unknown is looked up."""
    one, other = ReasoningMemory(shared, Settings(near_max_bytes=3000)), ReasoningMemory(shared)
    one.write(_writes(SENT, [TURN]))

    async def looked_up(memory: ReasoningMemory, scope: str) -> bool:
        """Whether the store was asked for more than the deployment."""
        shared.asked.clear()
        await _afound(memory, CARRIED, scope)
        return any(len(keys) > 2 for keys in shared.asked)

    assert [False, True] == [await looked_up(one, scope) for scope in "ab"]
    assert [True, False] == [await looked_up(other, "a") for _ in range(2)]  # what was found is known from then on
    one.write(_writes(SENT, [{**TURN, "reasoning_content": text} for text in "xy"]))
    assert await looked_up(one, "a")  # so many are not held


async def test_a_rejection_teaches(shared: Watched) -> None:
    """By either colour of call, at once; of its deployment alone, and counted."""
    memory = ReasoningMemory(shared)
    memory.write(_rejected(MISSING))
    await memory.awrite(_rejected(MISSING, PAD))
    policy = memory.policy(replace(_settings(), remedy=OFF))

    assert (1, 1, 0) == (policy.needs, policy.needs_more, policy.forbids)
    assert HostPolicy() == memory.policy(_settings(thinking=False))
    assert {"rejected": 2} == +memory.counts


async def test_workers_learn_from_each_other(store: ReasoningStore) -> None:
    """What one worker was rejected, another reads with the look-up that it makes anyway; memory is nobody else's."""
    one, other = ReasoningMemory(store), ReasoningMemory(store)
    one.write(_writes(SENT, [TURN]))
    one.write(_rejected(MISSING))
    await one.awrite(_rejected(FORBIDDEN))
    await one.awrite(_rejected(FORBIDDEN, PAD))
    before = other.policy(_settings())
    found = [other.read(_lookup(LOST)), await other.aread(_lookup(LOST))]

    assert [FoundReasoning({1: NASTY}) if store else NOTHING] * 2 == [each.reasoning for each in found]
    assert (HostPolicy(), HostPolicy() if store is None else one.policy(_settings())) == (
        before,
        other.policy(_settings()),
    )
    assert [other.policy(_settings())] * 2 == [each.policy for each in found]
    assert STRIP is one.policy(_settings()).remedy()


async def test_answers_are_shared_too(shared: Watched) -> None:
    """Three answers of one owner that put the rule to the test take back what it had learned; others do not."""
    one, other = ReasoningMemory(shared), ReasoningMemory(shared)
    own = ALL_REMEDIES - {PAD, OFF}  # of an operator with another placeholder, whose requests go as the row has it
    one.write(_rejected(MISSING))
    _found(other, LOST)
    one.write(_writes(PADDED, [TURN], memory=one, allowed=own))
    await other.awrite(_writes(PADDED, [TURN], memory=other, allowed=own))
    for writes in (
        _writes(PADDED, [TURN], memory=other, thinking=False),
        _writes(CARRIED, [TURN], memory=other, allowed=own),
        _writes(PADDED, [TURN], memory=other),
        _writes(PADDED, [TURN], memory=other, rejected_as=FORBIDDEN),
    ):
        assert writes.evidence is None
        other.write(writes)
    third = ReasoningMemory(shared)
    _found(third, LOST)
    known = [memory.policy(_settings()) for memory in (one, other, third)]
    third.write(_writes(PADDED, [], memory=third, allowed=own))
    await _afound(one, LOST)

    assert [(1, 1), (1, 1), (1, 2)] == [(policy.needs, policy.answered) for policy in known]
    assert [HostPolicy()] * 2 == [memory.policy(_settings()) for memory in (third, one)]
    assert (1, 5) == (one.counts["recorded"], other.counts["recorded"])


@pytest.mark.parametrize("store", ["off", "memory://"])
async def test_answers_in_one_process(store: str) -> None:
    """What a process learns without sharing it, it forgets by its own answers as well."""
    memory = ReasoningMemory(None, Settings(store=store))
    await memory.awrite(_rejected(FORBIDDEN))
    forbids = []
    for _ in range(3):
        forbids.append(memory.policy(_settings()).forbids)
        memory.write(_writes(CARRIED, [], memory=memory))

    assert ([1, 1, 1], HostPolicy()) == (forbids, memory.policy(_settings()))
    assert {"rejected": 1} == +memory.counts


async def test_what_the_store_is_asked(shared: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the deployment with every look-up; for it alone where there are turns, for an owner only after a while."""
    memory, key = ReasoningMemory(shared), _settings().key
    known = HostPolicies(ttl_seconds=1, clock=time.time)
    own, nobodys = ({*known.keys(_settings(), owner)} for owner in (owner_key("a"), owner_key(None)))
    memory.write(_writes(SENT, [TURN]))
    _found(memory, SENT)
    assert [] == shared.asked
    await _afound(memory, CARRIED)
    for _ in range(3):
        _found(memory, CARRIED)
        _found(memory, CARRIED, None)
    alone = [*shared.asked]
    other = ReasoningMemory(shared)
    _found(other, LOST)
    _found(memory, LOST, thinking=False)
    monkeypatch.setattr(policies, "STALE_SECONDS", -1)
    await _afound(memory, CARRIED, None)

    assert [own, nobodys] == alone
    assert [True, False, True] == [key in asked for asked in shared.asked[2:]]
    assert [{*known.keys(_settings(thinking=False), owner_key("a"))}, nobodys] == shared.asked[3:]
    assert own < shared.asked[2]


async def test_without_thinking_nothing_is_looked_up(shared: Watched) -> None:
    """A request that does not think goes without its reasoning, and is not counted as a loss."""
    memory = ReasoningMemory(shared)
    memory.write(_writes(SENT, [TURN]))

    assert NOTHING == _found(memory, LOST, thinking=False)
    assert NOTHING == await _afound(memory, LOST, thinking=False)
    assert {"recorded": 1} == +memory.counts


async def test_a_failing_store_costs_the_sharing(shared: Watched) -> None:
    """The worker goes on with what it has seen itself, and does not ask again at once."""
    memory = ReasoningMemory(shared)
    memory.write(_writes(SENT, [TURN]))
    shared.fails = True
    memory.write(_rejected(MISSING))
    await memory.awrite(_rejected(MISSING, PAD))
    for _ in range(3):
        assert NOTHING == _found(memory, CARRIED)
        assert NOTHING == await _afound(memory, CARRIED)
    counts = +memory.counts
    shared.fails = False
    memory.end()

    assert PAD is memory.policy(_settings()).remedy()
    assert counts.pop("write_failed") > 0
    assert {"recorded": 1, "rejected": 2, "read_failed": 1} == counts


def test_what_others_wrote_is_passed_over(shared: Watched) -> None:
    """A payload under the deployment's key that is no evidence costs nothing."""
    good = Evidence(time.time(), NONE, MISSING).to_bytes()
    bad = (b"\xff", b'[9, 1.0, "none", null, ""]', b'[1, 1.0, "none", "missing"]', b"[1]")
    shared.put([Entry((_settings().key,), payload) for payload in (*bad, good)])
    memory = ReasoningMemory(shared)
    _found(memory, LOST)

    assert 1 == memory.policy(_settings()).needs


def test_it_is_forgotten(shared: Watched) -> None:
    """After the time that the operator gives, by whoever has heard of it."""
    brief = [ReasoningMemory(shared, Settings(policy_ttl_seconds=0.05)) for _ in range(2)]
    brief[0].write(_rejected(MISSING))
    time.sleep(0.06)
    _found(brief[1], LOST)

    assert [HostPolicy()] * 2 == [memory.policy(_settings()) for memory in brief]


def test_a_signature_teaches_nothing_of_a_deployment(shared: Watched) -> None:
    """A rejection of one history, or of another policy, is counted, and pushes out nothing that is known."""
    memory = ReasoningMemory(shared)
    memory.write(_rejected(MISSING))
    for _ in range(40):
        memory.write(_rejected(SIGNATURE))
        memory.write(_rejected(MISSING, OFF))

    assert (1, 81) == (memory.policy(_settings()).needs, memory.counts["rejected"])
    assert 1 == len(shared.get([_settings().key])[_settings().key])


def test_lines_without_text(shared: Watched, caplog: pytest.LogCaptureFixture) -> None:
    """What is learned, and what fails, is told without a text of any message."""
    with caplog.at_level(logging.DEBUG, logger="mimo_quirks"):
        memory = ReasoningMemory(shared)
        memory.write(_rejected(FORBIDDEN))
        memory.write(_writes(CARRIED, [TURN], memory=memory))
        shared.fails = True
        memory.write(_rejected(FORBIDDEN))

    assert ["DEBUG", "DEBUG", "DEBUG", "WARNING", "DEBUG"] == [record.levelname for record in caplog.records]
    assert [] == [line for line in caplog.messages if "先想一想" in line or "weather" in line]
    assert caplog.messages[0].startswith("llm.example of mimo on the chat wire, thinking on: HostPolicy(needs=0,")


async def test_callers_that_can_wait_for_nothing(shared: Watched) -> None:
    """They are answered from what is near, and what they write is far before long, where there is such a place."""
    alone = ReasoningMemory()
    alone.write_soon(_writes(SENT, [{**TURN, "content": "first"}]))
    await alone.awrite(_writes(SENT, [TURN]))
    assert NASTY == alone.read_near(_lookup(LOST)).reasoning.texts[1]

    memory = ReasoningMemory(shared)
    memory.write_soon(_writes(SENT, [TURN]))

    assert NASTY == memory.read_near(_lookup(LOST)).reasoning.texts[1]
    assert [] == shared.asked
    driver._end_all()
    assert NASTY == _found(ReasoningMemory(shared), LOST).texts[1]


def test_a_text_in_another_field_is_known() -> None:
    """What is carried whole, wherever it is, is believed as it was recorded."""
    memory = ReasoningMemory()
    memory.write(_writes(SENT, [TURN]))
    carried = {**{name: value for name, value in TURN.items() if name != "reasoning_content"}, "reasoning": NASTY}

    assert {1: NASTY} == _found(memory, [*SENT, carried]).texts


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is nothing to fork")
def test_a_process_that_was_forked() -> None:
    """It knows what was near, and reads and writes by threads of its own; so does the one that it came from."""
    store = DictStore()
    memory = ReasoningMemory(store)
    memory.write(_writes(SENT, [TURN]))
    child = os.fork()
    if not child:
        memory.write(_writes([{"role": "user", "content": "other"}], [TURN]))
        os._exit(not _knows(memory, store))
    _, status = os.waitpid(child, 0)
    memory.hold()
    memory.go_on(anew=True)
    alone = ReasoningMemory()
    alone.hold()
    alone.go_on(anew=True)

    assert 0 == status
    assert _knows(memory, store)
    assert NOTHING == _found(alone, LOST)


class Split(str):
    """A text that counts how often it is read whole."""

    __slots__ = ()
    times = 0

    def split(self, *how: Any) -> list[str]:
        Split.times += 1
        return super().split(*how)


def test_each_text_is_compared_once() -> None:
    """However many turns carry something else, a long thought is read once for a request."""
    memory, user = ReasoningMemory(), {"role": "user", "content": "x"}
    turn = {"role": "assistant", "content": "The same long enough answer, again and again."}
    record(memory, [user], [{**turn, "reasoning_content": Split("a thought ")}], "a")
    Split.times = 0
    history = [message for _ in range(9) for message in (user, {**turn, "reasoning_content": "a thought"})]

    assert "a thought " == look_up(memory, history, "a")[1]
    assert Split.times <= 2


def _knows(memory: ReasoningMemory, store: ReasoningStore) -> bool:
    return [{1: NASTY}] * 2 == [_found(one, LOST).texts for one in (memory, ReasoningMemory(store))]


def test_a_request_is_taken_note_of(caplog: pytest.LogCaptureFixture) -> None:
    """It is told as it was planned, or as it was sent where that alone could be read, and only while it is planned."""
    memory, turn = ReasoningMemory(), {"role": "assistant", "content": "", "tool_calls": [CALL]}
    exchange, other = begun([turn], None), Exchange(ALL_REMEDIES)
    other.begin(Conversation.of({"messages": "secret"}, CHAT, "mimo-v2.6-pro"), _settings(), None)
    with caplog.at_level(logging.DEBUG, logger="mimo_quirks"):
        memory.note(exchange, "unplanned")
        exchange.plan(Found())
        memory.note(exchange, "r1")
        other.plan(Found())
        memory.note(other, "r2")
        other.replan(Conversation.of({"messages": [turn]}, CHAT, "mimo-v2.6-pro"))
        memory.note(other, "r3")

    assert ["r1", "r3"] == [line.split(":")[0].split()[1] for line in caplog.messages if line.startswith("request")]
    said = "could not read the message history (the messages are str, not a list); sent unchanged"
    assert 1 == caplog.messages.count(said)
