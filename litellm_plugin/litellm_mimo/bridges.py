"""LiteLLM's own bridges between wires, and how reasoning crosses them whole.

A bridge strips the text of a reasoning item and joins several with line ends; of a thinking block it keeps what is
signed. So before a call is bridged every block of the history is signed with a word that says nothing, and a reasoning
item becomes LiteLLM's own form of signed blocks. The chat call behind the bridge takes the word off again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from mimo_quirks.carriers import PLAIN
from mimo_quirks.origin import is_foreign
from mimo_quirks.spellings import BLOCKS, block_texts
from mimo_quirks.turns import Message, is_turn, without_reasoning
from mimo_quirks.wires import RESPONSES
from mimo_quirks.wires.responses import reasoning_item
from mimo_quirks.wires.wire import blocks_of, changes

from .attempts import Attempt


def signed(history: Sequence[Message], family: str) -> list[Message]:
    """The history with the reasoning of each turn as blocks that LiteLLM does not take away."""
    return [_signed(message, family) for message in history]


def across(attempt: Attempt) -> Any:
    """The history of an attempt, fit to cross to another wire; the same object where it has no reasoning of ours."""
    if attempt.view is None:
        return attempt.history
    messages = signed(attempt.messages, attempt.quirks.family)
    if attempt.wire is not RESPONSES:
        return attempt.wire.write(attempt.history, attempt.view, messages)
    runs = {place: message for (place, *_), message in changes(attempt.view, messages) if message.get(BLOCKS)}
    if not runs:
        return attempt.unchanged()
    thoughts = {place for places, message in changes(attempt.view, messages) for place in places}
    items: list[Any] = []
    for place, item in enumerate(attempt.history):
        if place in runs:
            items.append(_item(runs[place]))
        if place not in thoughts or item.get("type") != "reasoning":
            items.append(item)
    return items


def _signed(message: Message, family: str) -> Message:
    if not is_turn(message) or is_foreign(message, family):
        return message
    texts = [text for block in blocks_of(message) for text in block_texts(block) if text]
    blocks = [{"type": "thinking", "thinking": text, "signature": PLAIN} for text in texts]
    return {**without_reasoning(message), BLOCKS: blocks} if blocks else message


def _item(message: Message) -> dict[str, Any]:
    """The reasoning of a turn as one item before all others: the bridge gives an item to the call that follows it."""
    blocks = message[BLOCKS]
    ident = reasoning_item("".join(block["thinking"] for block in blocks))["id"]
    return {"type": "reasoning", "id": ident, "summary": [], "encrypted_content": json.dumps(blocks)}
