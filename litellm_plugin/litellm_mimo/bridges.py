"""LiteLLM's own bridges between wires, and how reasoning crosses them whole.

A bridge strips the text of a reasoning item and joins several with line ends; of a thinking block it keeps what is
signed. So before a call is bridged every block of the history is signed with a word that says nothing, and a reasoning
item becomes LiteLLM's own form of signed blocks. The chat call behind the bridge takes the word off again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mimo_quirks.carriers import PLAIN
from mimo_quirks.origin import is_foreign
from mimo_quirks.spellings import BLOCKS, block_texts
from mimo_quirks.turns import Message, is_turn, without_reasoning
from mimo_quirks.wires import RESPONSES
from mimo_quirks.wires.wire import blocks_of

from .attempts import Attempt


def signed(history: Sequence[Message], family: str) -> list[Message]:
    """The history with the reasoning of each turn as blocks that LiteLLM does not take away."""
    return [_signed(message, family) for message in history]


def across(attempt: Attempt) -> Any:
    """The history of an attempt, fit to cross to another wire; the same object where it has no reasoning of ours."""
    messages = signed(attempt.messages, attempt.quirks.family)
    history = replace(attempt, messages=messages, beside=messages).unchanged()
    if attempt.wire is not RESPONSES or not isinstance(history, list):
        return history
    ours = _texts(messages)
    return [_as_litellm(item) if _text(item) in ours else item for item in history]


def _signed(message: Message, family: str) -> Message:
    if not is_turn(message) or is_foreign(message, family):
        return message
    texts = [text for block in blocks_of(message) for text in block_texts(block) if text]
    blocks = [{"type": "thinking", "thinking": text, "signature": PLAIN} for text in texts]
    return {**without_reasoning(message), BLOCKS: blocks} if blocks else message


def _texts(messages: Sequence[Message]) -> set[str]:
    blocks = (block for message in messages if is_turn(message) for block in blocks_of(message))
    return {block["thinking"] for block in blocks if block.get("signature") == PLAIN}


def _text(item: Any) -> str | None:
    return "".join(block_texts(item)) if isinstance(item, Mapping) and item.get("type") == "reasoning" else None


def _as_litellm(item: Mapping[str, Any]) -> dict[str, Any]:
    blocks = [{"type": "thinking", "thinking": _text(item), "signature": PLAIN}]
    return {"type": "reasoning", "id": item.get("id"), "summary": [], "encrypted_content": json.dumps(blocks)}
