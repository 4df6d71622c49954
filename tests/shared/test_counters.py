"""What is counted, for which deployment, and what a span is told."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from mimo_quirks.exchange import Found, Trail
from mimo_quirks.facts.quirks import quirks_for
from mimo_quirks.history.found import FoundReasoning
from mimo_quirks.memory import COUNTED, COUNTERS, Labels, ReasoningMemory, counters
from mimo_quirks.memory.counting import STORE, Counters, Trails, tokens_of
from mimo_quirks.memory.spans import tell_span
from mimo_quirks.rejections.evidence import AttemptSettings
from mimo_quirks.stores import StoreError

from ..cases import CALL
from ..dict_store import DictStore
from ..exchanges import begun, record
from .test_exchange import WANTS_IT

RELAY = Labels("relay", "mimo", "chat")
USER = {"role": "user", "content": "x"}
TURN = {"role": "assistant", "content": "", "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": CALL["id"], "content": "x"}
THOUGHT = {**TURN, "reasoning_content": "thought"}


@pytest.fixture(name="counted")
def _counted(monkeypatch: pytest.MonkeyPatch) -> Counters:
    """Counters that nobody else adds to."""
    fresh = Counters()
    for module in ("counting", "driver", "far"):
        monkeypatch.setattr(f"mimo_quirks.memory.{module}.COUNTED", fresh)
    return fresh


def test_numbers_grow() -> None:
    """By deployment; other names are not kept, and who watches hears what was before, and what comes.

    One that fails costs nobody anything.
    """
    counted, heard = Counters(), list[Any]()
    counted.add(RELAY, {"kept": 2, "found": 3, "requests": 1, "stripped": 0})
    counted.add(Labels(), {"found": 1})
    counted.watch(lambda labels, amounts: heard.append((labels, dict(amounts))))
    counted.watch(lambda labels, amounts: {}[labels] if heard[1:] else None)
    counted.add(RELAY, {"kept": 1, "read_seconds": 0.5})

    assert {RELAY: {"kept": 3, "requests": 1, "read_seconds": 0.5}} == counted.read()
    assert [(RELAY, {"kept": 2, "requests": 1}), (RELAY, {"kept": 1, "read_seconds": 0.5})] == heard


def test_public() -> None:
    """A copy of what the process has counted."""
    assert COUNTED.read() == counters()
    assert COUNTED.read() is not counters()


def test_what_is_done_to_requests(counted: Counters) -> None:
    """Each planned request is counted with what was done to its turns; what proves what was found is told apart."""
    memory = ReasoningMemory()
    exchange = begun([USER, THOUGHT, RESULT, TURN, RESULT, TURN, RESULT, TURN], "a")
    exchange.plan(Found(FoundReasoning({3: "x", 5: "x"}, {3: "ids"}, frozenset({7}))))
    memory.note(exchange, "r1")
    expected = {"requests": 1, "kept": 1, "found_by_ids": 1, "found_by_text": 1, "placeholder": 1, "ambiguous": 1}
    (labels,) = counted.read()

    assert expected == counted.read()[labels]
    assert ("mimo", "chat") == labels[1:]
    assert set() == counted.read()[labels].keys() - COUNTERS.keys()


def test_answers_and_rejections(counted: Counters) -> None:
    """What is recorded, what is not, and a rejection with its retry."""
    memory = ReasoningMemory()
    record(memory, [USER], [THOUGHT], "a")
    record(memory, [USER], [THOUGHT, THOUGHT], None)
    exchange = begun([USER, TURN, RESULT], "a")
    exchange.plan(Found())
    memory.note(exchange, "r1")
    outcome = exchange.rejected(WANTS_IT, memory.now())
    memory.write(outcome.writes)
    assert outcome.rejection is not None
    again = begun([USER, TURN, RESULT], "a")
    again.rejection = outcome.rejection
    again.plan(Found())
    memory.note(again, "r1")
    (numbers,) = counted.read().values()

    told = {name: numbers[name] for name in ("recorded", "unscoped", "rejected", "retried", "requests")}
    assert {"recorded": 1, "unscoped": 2, "rejected": 1, "retried": 1, "requests": 2} == told


def test_a_prefix_that_breaks(counted: Counters) -> None:
    """A request is compared with the one that it goes on from: with nobody else's, and with none on another host."""
    memory, first = ReasoningMemory(), [USER, TURN, RESULT]
    second = [*first, THOUGHT, RESULT]
    found = Found(FoundReasoning({1: "thought"}, {1: "ids"}))
    for history, found_now, scope in (
        (first, Found(), "a"),
        (second, Found(), "a"),
        ([*second, THOUGHT, RESULT], found, "a"),
        (first, Found(), "b"),
        (second, found, "c"),
        ([USER], Found(), "a"),
    ):
        exchange = begun(history, scope)
        exchange.plan(found_now)
        memory.note(exchange, "r")

    (numbers,) = counted.read().values()
    assert 1 == numbers["prefix_breaks"]


def test_trails_are_bounded() -> None:
    """What was sent longest ago is forgotten first."""
    trails = Trails(2)
    for number in "123":
        trails.breaks(Trail("", number, "r"))

    assert (False, True) == (trails.breaks(Trail("1", "4", "-r")), trails.breaks(Trail("3", "5", "-r")))


class Failing(DictStore):
    """A store that is away."""

    def get(self, keys: Any) -> Any:
        raise StoreError("it is away")


def test_the_store(counted: Counters) -> None:
    """Its time and its failures are counted, and are of no deployment."""
    memory = ReasoningMemory(Failing())
    record(memory, [USER], [THOUGHT], "a")
    memory.read(begun([USER, TURN, RESULT], "b").lookup())
    told = counted.read()[Labels()]

    assert 1 == told["read_failed"]
    assert told["write_seconds"] > 0
    assert told["read_seconds"] > 0


class Usage:
    """As an SDK has it: an object, and so are its details."""

    def __init__(self, **members: Any) -> None:
        self.__dict__.update(members)


@pytest.mark.parametrize(
    ("usage", "prompt", "cached"),
    [
        ({"prompt_tokens": 100, "prompt_tokens_details": {"cached_tokens": 80}}, 100, 80),
        (Usage(prompt_tokens=100, prompt_tokens_details=Usage(cached_tokens=80)), 100, 80),
        ({"input_tokens": 20, "cache_read_input_tokens": 70, "cache_creation_input_tokens": 10}, 100, 70),
        ({"input_tokens": 100, "input_tokens_details": {"cached_tokens": 80}}, 100, 80),
        ({"input_tokens": 100, "input_token_details": {"cache_read": 80}}, 100, 80),
        (Usage(prompt_tokens=100, cache_read_input_tokens=80), 100, 80),
        ({"prompt_tokens": "many"}, 0, 0),
        (None, 0, 0),
    ],
)
def test_tokens(usage: Any, prompt: int, cached: int, counted: Counters) -> None:
    """Each wire and each framework has names of its own for the same two numbers."""
    quirks = quirks_for("mimo-v2.6-pro")
    assert quirks is not None
    attempt = AttemptSettings(quirks, thinking=True)
    ReasoningMemory().spent(attempt, usage)

    assert {"prompt_tokens": prompt, "cached_tokens": cached} == tokens_of(usage)
    expected = {"prompt_tokens": prompt, "cached_tokens": cached} if prompt else {}
    assert expected == counted.read().get(Labels.of(attempt), {})


def test_a_fork_while_another_thread_counts() -> None:
    """The new process has a lock of its own."""
    counters = Counters()
    counters.add(STORE, {"requests": 1})
    with counters._lock:
        counters.begin_anew()
        counters.add(STORE, {"requests": 1})

    assert {STORE: {"requests": 2}} == counters.read()


def test_whoever_is_told_may_ask() -> None:
    """A sink may read what is counted."""
    counters, told = Counters(), list[Any]()
    counters.add(STORE, {"requests": 1})
    counters.watch(lambda labels, amounts: told.append((amounts, counters.read())))
    counters.add(STORE, {"requests": 1})

    assert [({"requests": 1}, {STORE: {"requests": 1}}), ({"requests": 1}, {STORE: {"requests": 2}})] == told


class Span:
    """As OpenTelemetry's."""

    def __init__(self, *, records: bool) -> None:
        self.records = records
        self.attributes: dict[str, Any] = {}

    def is_recording(self) -> bool:
        return self.records

    def set_attribute(self, name: str, value: Any) -> None:
        self.attributes[name] = value


@pytest.mark.parametrize("records", [False, True])
def test_a_span(records: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that is given, or else the current one; nothing where it does not record, or where nobody traces."""
    given, current = Span(records=records), Span(records=records)
    monkeypatch.delitem(sys.modules, "opentelemetry.trace", raising=False)
    tell_span({"kept": 1})
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", SimpleNamespace(get_current_span=lambda: current))
    tell_span({"kept": 2, "missing": 0}, given)
    tell_span({"found": 3})
    tell_span({"found": 4}, object())  # whatever is given, the request goes on
    expected = [{"mimo_quirks.kept": 2}, {"mimo_quirks.found": 3}] if records else [{}, {}]

    assert expected == [given.attributes, current.attributes]
