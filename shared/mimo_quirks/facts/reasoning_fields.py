"""Every name that reasoning goes by on an assistant message of the chat wire: the one place that knows them.

A *key* is a member of the message, a *block* a typed dict inside a list. Reading never joins with a separator and never
trims: what the API issued is what is read (EVIDENCE §12.1). Everything here is total: a value of an unexpected
shape reads as nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

Block = Mapping[str, Any]

BLOCKS: Final = "thinking_blocks"
"""LiteLLM's key for the blocks that a text was made of."""

KEYS: Final = ("reasoning_content", "reasoning", "reasoning_details", BLOCKS)
"""Message keys that hold reasoning and nothing else, the most faithful first (EVIDENCE §8)."""

NESTS: Final = ("provider_specific_fields", "additional_kwargs")
"""Message keys of a mapping in which frameworks keep `KEYS` among other things: LiteLLM's and LangChain's."""

_THINK: Final = "<think>"
_END_THINK: Final = "</think>"


def texts_of(value: object) -> list[str]:
    """The reasoning texts in the value of one of `KEYS`, in order: a string, a block, or a list of either."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return block_texts(value)
    items = value if isinstance(value, list | tuple) else ()
    return [text for item in items for text in _item_texts(item)]


def block_texts(block: Block) -> list[str]:
    """The reasoning texts of one block, in order; none where the block is not reasoning or cannot be read."""
    block = unwrap(block)
    kind = block.get("type")
    if kind is None and "summary" in block:  # langchain-openai keeps a Responses item without its type
        kind = "reasoning"
    read = _BLOCKS.get(kind) if isinstance(kind, str) else None
    return read(block) if read else []


def is_reasoning_block(block: object) -> bool:
    """Whether a content block is some vendor's reasoning, readable or not."""
    return isinstance(block, Mapping) and unwrap(block).get("type") in _REASONING_TYPES


def unwrap(block: Block) -> Block:
    """The block inside LangChain's `non_standard` envelope, or the block itself."""
    inner = block.get("value") if block.get("type") == "non_standard" else None
    return inner if isinstance(inner, Mapping) else block


def split_think(content: object) -> tuple[str, Any] | None:
    """Splits a leading ``<think>…</think>`` off a content: (reasoning, the rest of the content), or None.

    Some relays put reasoning there, and so does LiteLLM's `merge_reasoning_content_in_choices`. The first closing tag
    ends it (EVIDENCE §8).
    """
    if isinstance(content, list | tuple) and content and isinstance(content[0], Mapping):
        text = content[0].get("text") if content[0].get("type") == "text" else None
        split = split_think(text) if isinstance(text, str) else None
        return split and (split[0], [{**content[0], "text": split[1]}, *content[1:]])
    if not isinstance(content, str) or not content.startswith(_THINK):
        return None
    reasoning, closed, rest = content[len(_THINK) :].partition(_END_THINK)
    return (reasoning, rest) if closed else None


def without_think(content: Any) -> Any:
    """The content without every ``<think>…</think>`` that it begins with; the same object where there is none."""
    if isinstance(content, list | tuple) and content and isinstance(content[0], Mapping):
        first, text = content[0], content[0].get("text")
        left = without_think(text) if first.get("type") == "text" and isinstance(text, str) else text
        return content if left is text else [{**first, "text": left}, *content[1:]]
    if not isinstance(content, str) or not content.startswith(_THINK):
        return content
    last = _LAST_END.search(content)
    end = last.start() if last else content.rfind(_END_THINK)
    return content if end < 0 else content[end + len(_END_THINK) :]


_LAST_END: Final = re.compile(f"{_END_THINK}(?!{_THINK})")
"""Where the thoughts end that a text begins with; those that follow each other may be as many as it has room for."""


def _item_texts(item: object) -> list[str]:
    if isinstance(item, str):
        return [item]
    return block_texts(item) if isinstance(item, Mapping) else []


def _string(value: object) -> list[str]:
    return [value] if isinstance(value, str) else []


def _parts(value: object) -> list[str]:
    parts: Sequence[object] = value if isinstance(value, list | tuple) else ()
    return [text for part in parts if isinstance(part, Mapping) for text in _string(part.get("text"))]


def _reasoning(block: Block) -> list[str]:
    """LangChain's standard block, or a Responses item: its content, else its summary."""
    return _string(block.get("reasoning")) or _parts(block.get("content")) or _parts(block.get("summary"))


def _bedrock(block: Block) -> list[str]:
    inner = block.get("reasoning_content")
    return _string(inner.get("text") if isinstance(inner, Mapping) else inner)


def _unreadable(_: Block) -> list[str]:
    return []


_BLOCKS: Final[Mapping[str, Callable[[Block], list[str]]]] = {
    "thinking": lambda block: _string(block.get("thinking")),  # Anthropic; LiteLLM
    "redacted_thinking": _unreadable,
    "reasoning": _reasoning,  # LangChain; Responses
    "reasoning_content": _bedrock,  # Bedrock
    "reasoning.text": lambda block: _string(block.get("text")),  # OpenRouter
    "reasoning.summary": lambda block: _string(block.get("summary")),
    "reasoning.encrypted": _unreadable,
}
_REASONING_TYPES: Final = (*_BLOCKS,)
