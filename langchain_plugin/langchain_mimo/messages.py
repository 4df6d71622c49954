"""LangChain messages as the core reads them, and back: translation, no rule of MiMo's.

langchain-openai sends each message as one dict and leaves out what OpenAI does not know. What the message itself still
holds is attached to that dict for the core to read, and taken away again before the request leaves.
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
from pydantic import BaseModel

from mimo_quirks import (
    OUR_PROVIDER,
    REASONING_KEYS,
    REASONING_NESTS,
    Message,
    has_whole_calls,
    is_named_foreign,
    is_reasoning_block,
    read_reasoning,
)

REASONING: Final = "reasoning_content"
"""The member of `additional_kwargs` in which LangChain's readers, `content_blocks` among them, look for reasoning."""

SIDECAR: Final = ("additional_kwargs", "response_metadata")
"""What is attached to a message for the core to read, and never sent."""
_BLOCKS: Final = "thinking_blocks"
_SPELLED: Final = {*REASONING_KEYS, *REASONING_NESTS}
_SPELLED_OTHERWISE: Final = _SPELLED - {REASONING}


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
    spelled = _SPELLED.intersection(additional)
    if spelled == {REASONING} and isinstance(additional[REASONING], str):  # as we kept it, so as the wire has it
        return {REASONING: additional[REASONING]}
    return {"additional_kwargs": additional} if spelled else {}


def attach(
    messages: Sequence[BaseMessage], wires: Sequence[Message], family: str
) -> tuple[list[Message], list[Message]]:
    """The messages of a body with the reasoning that they can be sent with, and with all that is known of it.

    Args:
        messages: The history.
        wires: What langchain-openai made of each of its messages.
        family: The family of the model that is asked; where a message came from matters only if from another one.
    """
    sent, known = list(wires), list(wires)
    for place, (message, wire) in enumerate(zip(messages, wires, strict=True)):
        if wire.get("role") != "assistant":
            continue
        reasoning = carried(message)
        if REASONING in reasoning:
            sent[place] = known[place] = {**wire, **reasoning}
        elif reasoning:
            known[place] = {**wire, **reasoning}
        if is_named_foreign(message.response_metadata, family):
            known[place] = {**known[place], "response_metadata": message.response_metadata}
    return sent, known


def reasoning_of(message: AIMessage) -> str | None:
    """The reasoning that a message holds, under whatever name."""
    return read_reasoning(carried(message))


def choices_of(response: dict[str, Any] | BaseModel) -> Sequence[Any]:
    """The choices of a completion or of a chunk, wherever its form keeps them."""
    if not isinstance(response, dict):
        return getattr(response, "choices", None) or ()
    return response.get("choices") or (response.get("chunk") or {}).get("choices") or ()  # a stream with a format


def keep_reasoning(message: BaseMessage, said: dict[str, Any] | BaseModel | None) -> None:
    """Puts the reasoning of what the API said, a message or a delta, where LangChain's readers look for it.

    An empty text is left out: it would make an empty block, and in a stream one block per token.
    """
    message.response_metadata["model_provider"] = OUR_PROVIDER
    if not isinstance(said, dict):
        said = said.model_dump(include=_SPELLED, warnings=False) if isinstance(said, BaseModel) else {}
    reasoning = said.get(REASONING) if _SPELLED_OTHERWISE.isdisjoint(said) else read_reasoning(said)
    if reasoning and isinstance(reasoning, str):
        message.additional_kwargs[REASONING] = reasoning


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
