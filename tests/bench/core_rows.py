"""The core beside `json.dumps` of the same messages. Each call into it stands in one function here."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from mimo_quirks import Found, ReasoningMemory, ReasoningStore, open_store, quirks_for, replay
from mimo_quirks.recall.fingerprints import Walk

from ..exchanges import begun, record
from .histories import chat_history, history_of_calls
from .measure import best, header, show, show_time

_QUIRKS: Final = quirks_for("mimo-v2.6-pro", "https://api.xiaomimimo.com/v1", None)
_SCOPE: Final = "bench"
_ROUNDS: Final = {300: 100, 3000: 15}

History = Sequence[dict[str, Any]]


def rows() -> None:
    """Prints the rows of the core."""
    header("the core, beside json.dumps of the messages")
    echoed, lost = chat_history(300, reasoning=True), chat_history(300, reasoning=False)
    memory = _memory_of(echoed)
    dumped, idle, walked = best(
        _ROUNDS[300], partial(json.dumps, echoed), partial(_replay, echoed), partial(_walk, echoed)
    )
    show("replay of 300 messages with nothing to do", dumped, idle, bound=0.15)
    show("walk over 300 messages", dumped, walked, bound=0.8)
    _look_ups("150 lost turns of 300 messages", echoed, lost, memory)
    longer = chat_history(3000, reasoning=True)
    memory = _memory_of(longer)
    _look_ups("150 lost turns of 3,000 messages", longer, [*longer[:-300], *_dropped(longer[-300:])], memory)
    _look_ups("1,500 lost turns of 3,000 messages", longer, _dropped(longer), memory, None)
    for history in (echoed, longer):
        rounds = _ROUNDS[len(history)]
        (recorded,) = best(rounds, _recording(ReasoningMemory(), history, rounds))
        show_time(f"recording one answer after {len(history):,} messages", recorded, bound=0.15e-3)
    _far_look_up()


def _far_look_up() -> None:
    """Long reasoning under many keys, from a file: its turns are read once, not once for each key."""
    history = history_of_calls(turns=10, calls=16, reasoning=2**22 // 10)
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{folder}/store.db", timeout_seconds=60)
        assert store is not None
        _memory_of(history, store)
        assert history == _look_up_and_replay(ReasoningMemory(store), _dropped(history))
        (took,) = best(20, lambda: ReasoningMemory(store).read(begun(_dropped(history), _SCOPE).lookup()))
        show_time("SQLite: 10 lost turns of 16 calls, 4 MB of reasoning", took, bound=50e-3)
        store.close()


def _look_ups(what: str, echoed: History, lost: History, memory: ReasoningMemory, bound: float | None = 2.0) -> None:
    """Beside `json.dumps` of the history that comes out."""
    assert echoed == _look_up_and_replay(memory, lost)
    works = partial(json.dumps, echoed), partial(_look_up_and_replay, memory, lost)
    show(f"look-up and replay of {what}", *best(_ROUNDS[len(lost)], *works), bound=bound)


def _dropped(history: History) -> list[dict[str, Any]]:
    return [{key: value for key, value in message.items() if key != "reasoning_content"} for message in history]


def _memory_of(history: History, store: ReasoningStore | None = None) -> ReasoningMemory:
    """A memory of every turn of a history. Recording a turn reads the history before it, so this takes a while."""
    memory = ReasoningMemory(store)
    for place, message in enumerate(history):
        if message["role"] == "assistant":
            record(memory, history[:place], [message], _SCOPE)
    return memory


def _replay(history: History) -> Any:
    return replay(history, _QUIRKS, thinking=True)[0]


def _walk(history: History) -> Any:
    return Walk(history)


def _look_up_and_replay(memory: ReasoningMemory, history: History) -> Any:
    exchange = begun(history, _SCOPE)
    return exchange.plan(memory.read(exchange.lookup())).body


def _recording(memory: ReasoningMemory, history: History, rounds: int) -> Callable[[], None]:
    """Records the answer to a history, again and again.

    What a request makes before it is answered is made here, and is held until after it, as adapters hold it.
    """
    exchanges = [begun(history, _SCOPE) for _ in range(rounds + 1)]  # the first call is not measured
    held = []
    for exchange in exchanges:
        exchange.lookup()
        held.append((exchange, exchange.plan(Found())))
    said = {"role": "assistant", "content": "It is warm.", "reasoning_content": "Let me see."}
    return lambda: memory.write(exchanges.pop().answered([said], memory.now()))
