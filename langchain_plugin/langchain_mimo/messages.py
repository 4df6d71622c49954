"""LangChain messages as the core reads them, and back: translation, no rule of MiMo's.

The packages that speak the wires leave out what their vendors do not know. What a message itself still holds is
attached to what they made of it for the core to read, and taken away again before the request leaves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    convert_to_messages,
)
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from mimo_quirks import (
    REASONING_KEYS,
    REASONING_NESTS,
    Message,
    has_whole_calls,
    is_reasoning_block,
    read_reasoning,
)

REASONING: Final = "reasoning_content"
"""The member of `additional_kwargs` in which LangChain's readers, `content_blocks` among them, look for reasoning."""

SIDECAR: Final = ("additional_kwargs", "response_metadata")
"""What is attached to a message for the core to read, and never sent."""
_BLOCKS: Final = "thinking_blocks"
SPELLED: Final = {*REASONING_KEYS, *REASONING_NESTS}
"""Members of a message under which there may be reasoning."""


def messages_of(asked: LanguageModelInput) -> list[BaseMessage]:
    """What a model is asked, as messages."""
    return [HumanMessage(asked)] if isinstance(asked, str) else convert_to_messages(asked)


def carried(message: BaseMessage) -> dict[str, Any]:
    """The reasoning that an assistant's message carries: as the wire has it, or else as a sidecar; empty for none."""
    additional, content = message.additional_kwargs, message.content
    if not additional and isinstance(content, str):
        return {}
    blocks = [*filter(is_reasoning_block, content)] if isinstance(content, list) else []
    if blocks:
        kept = additional.get(_BLOCKS)
        additional = {**additional, _BLOCKS: [*(kept if isinstance(kept, list) else ()), *blocks]}
    spelled = SPELLED.intersection(additional)
    if spelled == {REASONING} and isinstance(additional[REASONING], str):  # as we kept it, so as the wire has it
        return {REASONING: additional[REASONING]}
    return {"additional_kwargs": additional} if spelled else {}


def reasoning_of(message: AIMessage) -> str | None:
    """The reasoning that a message holds, under whatever name."""
    return read_reasoning(carried(message))


def merged(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Two bodies as one: theirs wins, and where both hold a mapping the two are merged."""
    both = {**ours, **theirs}
    for key in ours.keys() & theirs.keys():
        if isinstance(ours[key], Mapping) and isinstance(theirs[key], Mapping):
            both[key] = merged(ours[key], theirs[key])
    return both


def turns_of(result: ChatResult) -> list[Message]:
    """Every answer of a result, as a message of the chat wire."""
    messages = (generation.message for generation in result.generations)
    return [_wire(message) for message in messages if isinstance(message, AIMessage)]


def turn_of(chunks: Sequence[ChatGenerationChunk]) -> list[Message]:
    """The one answer that a stream's chunks make."""
    return [_wire(_sum(chunks))]


def left_turn_of(chunks: Sequence[ChatGenerationChunk]) -> list[Message]:
    """The answer whose beginning is in these chunks of a stream without an end, if it may be recorded."""
    if not any(isinstance(chunk.message, AIMessageChunk) and chunk.message.tool_call_chunks for chunk in chunks):
        return []
    message = _sum(chunks)
    heard = [{"function": {"name": call["name"], "arguments": call["args"]}} for call in message.tool_call_chunks]
    return [_wire(message)] if has_whole_calls({"tool_calls": heard}) else []


def _sum(chunks: Sequence[ChatGenerationChunk]) -> AIMessageChunk:
    messages = [chunk.message for chunk in chunks if isinstance(chunk.message, AIMessageChunk)]
    return messages[0] + messages[1:]


def says_something(chunk: ChatGenerationChunk) -> bool:
    """Whether there is anything of the answer in a chunk: the first opens the stream and no more."""
    message = chunk.message
    calls = isinstance(message, AIMessageChunk) and message.tool_call_chunks
    return bool(message.content or message.additional_kwargs or calls)


def _wire(message: AIMessage) -> Message:
    return {"role": "assistant", "content": message.text, "tool_calls": list(_calls(message)), **carried(message)}


def _calls(message: AIMessage) -> Iterator[dict[str, Any]]:
    for call in message.tool_calls:
        arguments = json.dumps(call["args"], ensure_ascii=False)
        yield {"id": call["id"], "function": {"name": call["name"], "arguments": arguments}}
    for broken in message.invalid_tool_calls:
        yield {"id": broken["id"], "function": {"name": broken["name"], "arguments": broken["args"]}}
