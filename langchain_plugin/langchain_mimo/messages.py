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
    ChatMessage,
    HumanMessage,
    convert_to_messages,
)
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import BaseModel

from mimo_quirks import OUR_PROVIDER, REASONING_KEYS, REASONING_NESTS, Message, is_reasoning_block, read_reasoning

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


def held(message: BaseMessage, wire: Mapping[str, Any]) -> Mapping[str, Any]:
    """The wire message with everything attached that the LangChain message knows of its reasoning."""
    if not isinstance(message, AIMessage) and not (isinstance(message, ChatMessage) and message.role == "assistant"):
        return wire
    additional = message.additional_kwargs
    blocks = [*filter(is_reasoning_block, message.content)] if isinstance(message.content, list) else []
    if blocks:
        kept = additional.get(_BLOCKS)
        additional = {**additional, _BLOCKS: [*(kept if isinstance(kept, list) else ()), *blocks]}
    spelled = _SPELLED.intersection(additional)
    if spelled == {REASONING} and isinstance(additional[REASONING], str):  # as we kept it, so as the wire has it
        return {**wire, REASONING: additional[REASONING], "response_metadata": message.response_metadata}
    nested = {"additional_kwargs": additional} if spelled else {}
    return {**wire, **nested, "response_metadata": message.response_metadata}


def reasoning_of(message: AIMessage) -> str | None:
    """The reasoning that a message holds, under whatever name."""
    return read_reasoning(held(message, {}))


def on_the_wire(message: Mapping[str, Any]) -> dict[str, Any]:
    """The message as it leaves: without its sidecar."""
    return {name: value for name, value in message.items() if name not in SIDECAR}


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
    messages = [chunk.message for chunk in chunks if isinstance(chunk.message, AIMessageChunk)]
    return [_wire(messages[0] + messages[1:])]


def says_something(chunk: ChatGenerationChunk) -> bool:
    """Whether there is anything of the answer in a chunk: the first opens the stream and no more."""
    message = chunk.message
    calls = isinstance(message, AIMessageChunk) and message.tool_call_chunks
    return bool(message.content or message.additional_kwargs or calls)


def _wire(message: AIMessage) -> Message:
    turn = {
        "role": "assistant",
        "content": message.text,
        "tool_calls": list(_calls(message)),
    }
    return held(message, turn)


def _calls(message: AIMessage) -> Iterator[dict[str, Any]]:
    for call in message.tool_calls:
        arguments = json.dumps(call["args"], ensure_ascii=False)
        yield {"id": call["id"], "function": {"name": call["name"], "arguments": arguments}}
    for broken in message.invalid_tool_calls:
        yield {"id": broken["id"], "function": {"name": broken["name"], "arguments": broken["args"]}}
