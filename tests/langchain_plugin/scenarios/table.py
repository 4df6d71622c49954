"""The table of scenarios: what people do with a chat model, each over at least three turns."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool

from langchain_mimo import ChatMiMo
from mimo_quirks.simulator import Simulator

from .graphs import weather

History = list[BaseMessage]
QUESTIONS: Final = ("天气?", "And tomorrow?")


@dataclass(frozen=True)
class Bench:
    """What a scenario works with: the simulator, a folder, and fields that every model has."""

    simulator: Simulator
    folder: Path
    fields: Mapping[str, Any] = field(default_factory=dict)

    def make(self, **fields: Any) -> ChatMiMo:
        """A model that talks to the simulator."""
        given = {"model": "mimo-v2.6-pro", "api_key": "k", "base_url": self.simulator.base_url}
        return ChatMiMo(**{**given, **self.fields, **fields})


@dataclass(frozen=True)
class Scenario:
    """One row.

    Attributes:
        run: Plays it and returns the history as the application holds it at the end.
        strangers: Some turns are none that the API issued, and arrive as placeholders or bare.
        rewritten: The text of some answers is changed, so that the API does not know them again by it.
    """

    id: str
    run: Callable[[Bench], Awaitable[History]]
    strangers: bool = False
    rewritten: bool = False


SCENARIOS: Final[list[Scenario]] = []
Run = Callable[[Bench], Awaitable[History]]


def scenario(id_: str, *, strangers: bool = False, rewritten: bool = False) -> Callable[[Run], Run]:
    """Adds a row to the table."""

    def add(run: Run) -> Run:
        SCENARIOS.append(Scenario(id_, run, strangers, rewritten))
        return run

    return add


@tool
def tide(harbour: str) -> str:
    """The tide at a harbour."""
    return f"low tide at {harbour}"


TOOLS: Final = {"weather": weather, "tide": tide}


async def invoke(model: Any, history: Any) -> Any:
    return model.invoke(history)


def merged(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    return chunks[0] + chunks[1:] if chunks[1:] else chunks[0]


def results_of(turn: BaseMessage) -> list[ToolMessage]:
    assert isinstance(turn, AIMessage)
    return [TOOLS[call["name"]].invoke(call) for call in turn.tool_calls]


async def converse(
    model: Any,
    call: Callable[[Any, Any], Awaitable[Any]] = invoke,
    *,
    kept: Callable[[Any], Any] = lambda turn: turn,
    sent: Callable[[History], Any] = lambda history: history,
    history: History | None = None,
) -> History:
    """Two questions, each answered after tool turns.

    Args:
        model: A chat model, or a runnable around one.
        call: How it is called.
        kept: What the application makes of each answer.
        sent: What it makes of the history before each request.
        history: What was said before.
    """
    history = list(history or ())
    for question in QUESTIONS:
        history.append(HumanMessage(question))
        while True:
            turn = kept(await call(model, sent(history)))
            history.append(turn)
            if not turn.tool_calls:
                break
            history += results_of(turn)
    return history
