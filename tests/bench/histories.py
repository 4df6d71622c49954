"""Histories of any length: rounds of a question, three tool turns and an answer, as both plug-ins are given them."""

from __future__ import annotations

import json
from typing import Any, Final

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

THOUGHT: Final = "先想一想 and then some more, as models do. " * 36
_METADATA: Final = {"model_provider": "xiaomi_mimo", "model_name": "mimo-v2.6-pro", "finish_reason": "stop"}


def chat_history(size: int, *, reasoning: bool) -> list[dict[str, Any]]:
    """As messages of the chat wire; every second one is an assistant's.

    Args:
        size: How many messages.
        reasoning: Whether the client echoes it.
    """
    messages: list[dict[str, Any]] = []
    while len(messages) < size:
        number = len(messages)
        messages.append({"role": "user", "content": f"question {number}"})
        for step in range(3):
            ident = f"call_{number:04d}a{step}b7c9d1e3f5"
            arguments = json.dumps({"city": "北京", "day": number + step}, ensure_ascii=False)
            call = {"id": ident, "type": "function", "function": {"name": "weather", "arguments": arguments}}
            turn = {"role": "assistant", "content": "", "tool_calls": [call]}
            messages.append(turn | _thought(f"{number}.{step}", reasoning=reasoning))
            said = f"{step} °C and clear, as the forecast of {number} said"
            messages.append({"role": "tool", "tool_call_id": ident, "content": said})
        answer = {"role": "assistant", "content": f"It is {number} °C today and will be much the same tomorrow."}
        messages.append(answer | _thought(str(number), reasoning=reasoning))
    return messages[:size]


def history_of_calls(*, turns: int, calls: int, reasoning: int) -> list[dict[str, Any]]:
    """As messages of the chat wire: turns of many calls each, and so much reasoning, in bytes."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": "question"}]
    for turn in range(turns):
        idents = [f"call_{turn:04d}a{call:04d}c9d1e3f5" for call in range(calls)]
        made = [
            {"id": ident, "type": "function", "function": {"name": "weather", "arguments": "{}"}} for ident in idents
        ]
        thought = f"{turn:04d}" + "x" * (reasoning - 4)
        messages.append({"role": "assistant", "content": "", "tool_calls": made, "reasoning_content": thought})
        messages += [{"role": "tool", "tool_call_id": ident, "content": "clear"} for ident in idents]
    return messages


def langchain_history(size: int, *, reasoning: bool) -> list[BaseMessage]:
    """The same as LangChain's messages."""
    return [_as_langchain(message) for message in chat_history(size, reasoning=reasoning)]


def _thought(place: str, *, reasoning: bool) -> dict[str, Any]:
    return {"reasoning_content": f"{place} {THOUGHT}"} if reasoning else {}


def _as_langchain(message: dict[str, Any]) -> BaseMessage:
    if message["role"] == "user":
        return HumanMessage(message["content"])
    if message["role"] == "tool":
        return ToolMessage(message["content"], tool_call_id=message["tool_call_id"])
    functions = [(call["id"], call["function"]) for call in message.get("tool_calls", ())]
    calls = [{"id": ident, "name": f["name"], "args": json.loads(f["arguments"])} for ident, f in functions]
    held = {"reasoning_content": message["reasoning_content"]} if "reasoning_content" in message else {}
    return AIMessage(message["content"], tool_calls=calls, additional_kwargs=held, response_metadata=dict(_METADATA))
