"""LiteLLM's own bridges between wires, and how reasoning crosses them whole.

A bridge strips the text of a reasoning item, joins several with line ends, makes two turns of one that has an item in
its middle, and forgets who sealed one; of a thinking block it keeps what is signed. So before a call is bridged every
block of the history is signed with a word that says nothing, and the reasoning items of a turn become one before it, of
LiteLLM's own form of signed blocks. The chat call behind the bridge takes the word off again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mimo_quirks.facts.reasoning_fields import BLOCKS, block_texts
from mimo_quirks.history.provenance import is_foreign
from mimo_quirks.history.turns import Message, is_turn, without_reasoning
from mimo_quirks.sealing.sealed_reasoning import PLAIN
from mimo_quirks.wires import RESPONSES, View
from mimo_quirks.wires.wire import blocks_of

from .attempts import Attempt


def signed(history: Sequence[Message], family: str) -> list[Message]:
    """The history with the reasoning of each turn as blocks that LiteLLM does not take away."""
    return [_signed(message, family) for message in history]


def across(attempt: Attempt) -> Any:
    """The history of an attempt, fit to cross to another wire; the same object where it has no reasoning of ours."""
    messages = signed(attempt.messages, attempt.terms.quirks.family)
    if attempt.wire is RESPONSES and attempt.view is not None and not isinstance(attempt.history, str):
        return _gathered(attempt.history, attempt.view, messages)
    return replace(attempt, messages=messages, beside=messages).unchanged()


def _signed(message: Message, family: str) -> Message:
    if not is_turn(message) or is_foreign(message, family):
        return message
    texts = [text for block in blocks_of(message) for text in block_texts(block) if text]
    blocks = [{"type": "thinking", "thinking": text, "signature": PLAIN} for text in texts]
    return {**without_reasoning(message), BLOCKS: blocks} if blocks else message


def _gathered(history: Sequence[Any], view: View, messages: Sequence[Message]) -> Any:
    """Items with the reasoning of each turn at its beginning; what another vendor sealed would pass for ours there."""
    if not any(map(_is_reasoning, history)):
        return history
    turns = {place[0]: turn for place, turn in zip(view.places, messages, strict=True) if is_turn(turn)}
    gathered: list[Any] = []
    for index, item in enumerate(history):
        blocks = [block for block in blocks_of(turns.get(index, {})) if block.get("signature") == PLAIN]
        gathered += [_as_litellm(f"rs_{index}", blocks)] if blocks else []
        gathered += [] if _is_reasoning(item) else [item]
    return gathered


def _is_reasoning(item: Mapping[str, Any]) -> bool:
    return item.get("type") == "reasoning"


def _as_litellm(ident: str, blocks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"type": "reasoning", "id": ident, "summary": [], "encrypted_content": json.dumps(blocks)}
