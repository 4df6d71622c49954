"""The standard content blocks of an answer, and of a piece of one that streams.

langchain-core merges two streamed blocks wherever their `index` is the same, whatever their types; counting from 0 it
gives a block of reasoning the index that the first tool call has, and the call disappears in the thought. So each kind
of text has an index of its own here, one that no call can have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from langchain_core.messages import AIMessage, AIMessageChunk, ContentBlock

from mimo_quirks import OUR_PROVIDER

from . import _internals

_INDEX: Final[Mapping[str, str]] = {"reasoning": "lc_rsn_0", "text": "lc_txt_0"}
"""langchain-core merges by an index that is a number, or a text that begins like this."""


_ANTHROPIC: Final = frozenset({"thinking", "redacted_thinking", "tool_use", "input_json_delta"})
"""Blocks of the messages wire, which count from 0 over all kinds."""


def register_blocks() -> None:
    """Tells langchain-core how messages of ours are read, by the provider that they name."""
    _internals.register_blocks(OUR_PROVIDER, _of_message, _of_chunk)


def _of_message(message: AIMessage) -> list[ContentBlock]:
    if _is_of_anthropic(message) and (translators := _internals.anthropic_blocks()):
        return translators[0](message)
    raise NotImplementedError  # langchain-core then reads it as it reads any provider's, which is right for a whole one


def _of_chunk(chunk: AIMessageChunk) -> list[ContentBlock]:
    if _is_of_anthropic(chunk) and (translators := _internals.anthropic_blocks()):
        return translators[1](chunk)
    blocks = chunk.model_copy(update={"response_metadata": {}}).content_blocks
    if chunk.chunk_position != "last":  # the last one of a stream, or the sum of all, which is no piece any more
        for block in blocks:
            if block["type"] in _INDEX:
                block.setdefault("index", _INDEX[block["type"]])
    return blocks


def _is_of_anthropic(message: AIMessage) -> bool:
    return any(isinstance(block, dict) and block.get("type") in _ANTHROPIC for block in message.content)
