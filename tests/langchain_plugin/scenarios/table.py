"""The table of scenarios: what people do with a chat model, each over at least three turns."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool

from langchain_mimo import ChatMiMo, ChatMiMoMessages
from mimo_quirks.simulator import Exchange, Simulator

from .graphs import weather

History = list[BaseMessage]
QUESTIONS: Final = ("天气?", "And tomorrow?")


@dataclass(frozen=True)
class Wire:
    """A class, and where reasoning is on its wire.

    Attributes:
        thought: The reasoning of a turn in a request's body.
        placeholder: What stands in for it.
    """

    model: type[ChatMiMo | ChatMiMoMessages]
    base_url: Callable[[Simulator], str]
    thought: Callable[[Mapping[str, Any]], str | None]
    placeholder: str


def _in_blocks(turn: Mapping[str, Any]) -> str | None:
    thoughts = [block["thinking"] for block in turn["content"] if isinstance(block, dict) and "thinking" in block]
    return "".join(thoughts) if thoughts else None


CHAT: Final = Wire(ChatMiMo, lambda simulator: simulator.base_url, lambda turn: turn.get("reasoning_content"), "")
MESSAGES: Final = Wire(ChatMiMoMessages, lambda simulator: simulator.anthropic_url, _in_blocks, " ")


@dataclass(frozen=True)
class Bench:
    """What a scenario works with: the simulator, a folder, a wire, and fields that every model has."""

    simulator: Simulator
    folder: Path
    wire: Wire
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        """The simulator's URL for the wire."""
        return self.wire.base_url(self.simulator)

    def make(self, **fields: Any) -> Any:
        """A model that talks to the simulator."""
        given = {"model": "mimo-v2.6-pro", "api_key": "k", "base_url": self.base_url}
        return self.wire.model(**{**given, **self.fields, **fields})

    def thoughts(self, exchange: Exchange) -> set[str | None]:
        """The reasoning of every turn in a request."""
        return {self.wire.thought(turn) for turn in exchange.body["messages"] if turn["role"] == "assistant"}


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


_NO_SCHEMA: Final = "MiMo's messages wire takes no schema"
NOT_OF_MESSAGES: Final[Mapping[str, str]] = {
    "with_structured_output json_schema": rf"method='json_schema': {_NO_SCHEMA}",
    "with_structured_output json_mode": rf"method='json_mode': {_NO_SCHEMA}",
    "response_format json_schema, streamed": rf"response_format: {_NO_SCHEMA}",
    "response_format json_object, streamed": rf"response_format: {_NO_SCHEMA}",
    "create_agent with ProviderStrategy": rf"response_format: {_NO_SCHEMA}",
}
"""The rows that the messages wire cannot have, by what is said to somebody who tries."""


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


def thought(turn: AIMessage) -> str:
    """The reasoning of an answer, or of a piece of one, where any class of LangChain's shows it."""
    return "".join(block["reasoning"] for block in turn.content_blocks if block["type"] == "reasoning")


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
            assert len(history) < 100, "a question that was lost on the way is never answered"
    return history
