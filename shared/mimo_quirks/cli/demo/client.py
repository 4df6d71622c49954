"""An agent as people write it with the openai SDK: it asks, runs the tools it is told to run, and asks again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from openai import OpenAI

from mimo_quirks import TurnReader, as_message

QUESTION: Final = "Is it warmer in Beijing or in Shanghai today? Ask for one city at a time."
TOOL: Final = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city today.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
_KNOWN: Final = ("role", "content", "tool_calls")
"""What OpenAI documents of an assistant message, and most clients keep."""


def weather(city: str) -> str:
    """The weather in a city today."""
    return f"{city}: sunny, {15 + len(city)} °C"


def converse(client: OpenAI, model: str, *, echoes: bool, streams: bool, most_steps: int = 8) -> str:
    """Goes on until the model answers without calling a tool, and returns that answer.

    Args:
        client: Where to ask.
        model: Model id or alias.
        echoes: Whether the client sends the reasoning back that it was given, or drops it as most do.
        streams: Whether it asks for streams.
        most_steps: How often it asks before it gives up.

    Raises:
        openai.APIStatusError: The service rejected.
        RuntimeError: The model went on calling tools for too long.
    """
    history: list[Any] = [{"role": "user", "content": QUESTION}]
    for _ in range(most_steps):
        turn = _ask(client, model, history, streams=streams)
        history.append(turn if echoes else {key: turn[key] for key in _KNOWN if key in turn})
        calls = turn.get("tool_calls")
        if not calls:
            return str(turn["content"])
        history.extend(_results(calls))
    raise RuntimeError(f"no answer after {most_steps} steps")


def _ask(client: OpenAI, model: str, history: list[Any], *, streams: bool) -> dict[str, Any]:
    tools: Any = [TOOL]
    if streams:
        return _message(client.chat.completions.create(model=model, messages=history, tools=tools, stream=True))
    answer = client.chat.completions.create(model=model, messages=history, tools=tools)
    return answer.choices[0].message.model_dump(exclude_none=True)


def _message(chunks: Iterable[Any]) -> dict[str, Any]:
    reader = TurnReader()
    for chunk in chunks:
        for choice in chunk.choices:
            reader.feed(choice.delta.model_dump(exclude_none=True), choice.finish_reason)
    return as_message(reader.turn())


def _results(calls: Iterable[Any]) -> Iterable[dict[str, str]]:
    for call in calls:
        arguments = json.loads(call["function"]["arguments"])
        yield {"role": "tool", "tool_call_id": call["id"], "content": weather(**arguments)}
