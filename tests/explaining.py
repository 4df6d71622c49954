"""A conversation of which a store knows some turns, on each wire, for tests of what is explained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from mimo_quirks.exchange import Conversation, Exchange
from mimo_quirks.explanation import WIRES
from mimo_quirks.facts.quirks import quirks_for
from mimo_quirks.history.turns import is_turn
from mimo_quirks.memory import ReasoningMemory
from mimo_quirks.rejections.evidence import ALL_REMEDIES, AttemptSettings
from mimo_quirks.settings import Settings

from .conversations import Call, History, Step, in_chat, in_messages, in_responses

MODEL: Final = "mimo-v2.6-pro"
URL: Final = "https://api.xiaomimimo.com/v1"
THOUGHTS: Final = ("thought-alpha", "thought-beta", "thought-gamma", "thought-delta")
IDS: Final = tuple(f"call_{digit * 4}8f3a91c27b5d4e60a1f29c" for digit in "1357")
_WRITERS: Final[dict[str, Callable[[list[Step]], History]]] = {
    "chat": in_chat,
    "messages": in_messages,
    "responses": in_responses,
}


def written(wire: str, steps: list[Step]) -> History:
    """The steps as a wire writes them, with the reasoning that they have."""
    history = _WRITERS[wire](steps)
    if wire == "chat":
        thinking = (step.thoughts for step in steps)
        for message in filter(is_turn, history):
            thoughts = next(thinking)
            message.update({"reasoning_content": "".join(thoughts)} if thoughts else {})
    return history


def issued() -> list[Step]:
    """What the API issued: three turns with a call each."""
    calls = [Call(ident, {"n": n}, f"result {n}") for n, ident in enumerate(IDS[:3])]
    steps = [Step(thoughts=[thought], calls=[call]) for thought, call in zip(THOUGHTS, calls, strict=False)]
    steps[0].user.append("question")
    return steps


def shown() -> list[Step]:
    """What a client makes of it: reasoning dropped, two ids counted, a result cleared, a turn made up, one whole."""
    return [
        Step(user=["question"], calls=[Call("call_0", {"n": 0}, "cleared")]),
        Step(calls=[Call(IDS[1], {"n": 1}, "result 1")]),
        Step(calls=[Call("call_2", {"n": 2}, "result 2")]),
        Step(calls=[Call(IDS[3], {"n": 3}, "result 3")]),
        Step(thoughts=[THOUGHTS[3]], text="done"),
    ]


def recorded(memory: ReasoningMemory, settings: Settings, wire_name: str, owner: str | None = None) -> None:
    """Has a memory know the turns that the API issued."""
    wire, history = WIRES[wire_name], written(wire_name, issued())
    quirks = quirks_for(MODEL, URL)
    assert quirks is not None
    attempt = AttemptSettings(quirks.on(wire_name), thinking=True)
    view = wire.view(history)
    assert view is not None
    for turn, place in zip(view.messages, view.places, strict=True):
        if is_turn(turn):
            exchange = Exchange(ALL_REMEDIES)
            conversation = Conversation.of({wire.history: history[: place[0]]}, wire, MODEL)
            exchange.begin(conversation, attempt, settings.scope_of(owner, quirks, shared=memory.is_shared))
            exchange.plan(memory.read(exchange.lookup()))
            memory.write(exchange.answered([turn], memory.now()))
    memory.end()


def body(wire: str, **more: Any) -> dict[str, Any]:
    """The request that is explained."""
    return {"model": MODEL, WIRES[wire].history: written(wire, shown()), **more}
