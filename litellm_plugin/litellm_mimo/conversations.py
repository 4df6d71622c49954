"""LiteLLM's views of a request as conversations of the core: translation, no rule of MiMo's.

LiteLLM's own bridges between wires strip the text of a reasoning item, join several with line ends, make two turns of
one that has an item in its middle, and forget who sealed one; of a thinking block they keep what is signed. So before a
call is bridged every block of the history is signed with a word that says nothing, and the reasoning items of a turn
become one before it, of LiteLLM's own form of signed blocks. The chat call behind the bridge takes the word off again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from pydantic import BaseModel

from mimo_quirks import (
    ALTERED,
    BLOCKS,
    CHAT,
    DAMAGED,
    PLAIN,
    REASONING_KEYS,
    RESPONSES,
    Conversation,
    Message,
    View,
    Wire,
    block_texts,
    blocks_of,
    is_foreign,
    is_turn,
    opened,
    without_reasoning,
)

_KEPT: Final = "litellm_encrypted_reasoning:"
"""What a signature begins with that LiteLLM's bridge from the messages wire to the responses wire does not drop."""


def readable(history: Any) -> Any:
    """A history as dicts: applications hand LiteLLM its own objects back."""
    if isinstance(history, list) and any(isinstance(message, BaseModel) for message in history):
        return [m.model_dump(exclude_none=True) if isinstance(m, BaseModel) else m for m in history]
    return history


def finished(body: Mapping[str, Any], wire: Wire, model: str, given: object, *, strings: bool) -> Conversation:
    """The conversation of a finished body.

    Args:
        body: As LiteLLM is about to send it.
        wire: The wire that it is written in.
        model: The model's id.
        given: The history as LiteLLM was given it, on the chat wire: some transformations take reasoning off.
        strings: Whether contents shall be strings.
    """
    conversation = Conversation.of(body, wire, model).opened(lambda _: None)
    conversation = conversation.knowing(_attached(conversation.messages, given))
    return replace(conversation, strings=strings and wire is CHAT)


def is_as_planned(body: Mapping[str, Any], wire: Wire, planned: Any, *, strings: bool) -> bool:
    """Whether a finished body has the history that was planned, in the form that its host wants."""
    history = body.get(wire.history)
    if history is not planned and history != planned:
        return False
    return not (strings and wire is CHAT) or all(isinstance(message.get("content"), str) for message in planned)


def _attached(messages: Sequence[Message], given: object) -> Sequence[Message]:
    """Each turn with what the given one in its place says of its reasoning besides."""
    view = CHAT.view(readable(given))
    turns, sources = _turns(messages), _turns(view.messages if view else ())
    if len(turns) != len(sources):
        return messages
    known = list(messages)
    for (place, message), (_, source) in zip(turns, sources, strict=True):
        missing = {key: source[key] for key in REASONING_KEYS if source.get(key) and key not in message}
        known[place] = {**message, **missing} if missing else message
    return known


def _turns(messages: Sequence[Message]) -> list[tuple[int, Message]]:
    return [(place, message) for place, message in enumerate(messages) if is_turn(message)]


def signed(history: Sequence[Message], family: str) -> list[Message]:
    """The history with the reasoning of each turn as blocks that LiteLLM does not take away."""
    return [_signed(message, family) for message in history]


def across(conversation: Conversation, family: str) -> Any:
    """The history, fit to cross to another wire; the same object where it has no reasoning of ours."""
    messages = signed(conversation.known, family)
    if conversation.wire is RESPONSES and conversation.view is not None and not isinstance(conversation.body, str):
        return _gathered(conversation.body, conversation.view, messages)
    return conversation.written(messages)


def without_sealed(request: Mapping[str, Any], wire: Wire) -> dict[str, Any]:
    """What is to change in a request to another family, so that it holds nothing of ours; nothing where it does not."""
    history = readable(request.get(wire.history))
    view = wire.view(history)
    messages = opened(view.messages, lambda _: None, keeps_marked=False) if view else ()
    if view is None or messages is view.messages:
        return {}
    return {wire.history: wire.write(history, view, messages)}


def _signed(message: Message, family: str) -> Message:
    word = PLAIN
    if DAMAGED in message:
        word, message = f"{_KEPT}{ALTERED}", {name: value for name, value in message.items() if name != DAMAGED}
    if not is_turn(message) or is_foreign(message, family):
        return message
    texts = [text for block in blocks_of(message) for text in block_texts(block) if text]
    blocks = [{"type": "thinking", "thinking": text, "signature": word} for text in texts]
    return {**without_reasoning(message), BLOCKS: blocks} if blocks else message


def _gathered(history: Sequence[Any], view: View, messages: Sequence[Message]) -> Any:
    """Items with the reasoning of each turn at its beginning; what another vendor sealed would pass for ours there."""
    if not any(map(_is_reasoning, history)):
        return history
    turns = {place[0]: turn for place, turn in zip(view.places, messages, strict=True) if is_turn(turn)}
    gathered: list[Any] = []
    for index, item in enumerate(history):
        blocks = [
            block for block in blocks_of(turns.get(index, {})) if str(block.get("signature")).endswith((PLAIN, ALTERED))
        ]
        gathered += [_as_litellm(f"rs_{index}", blocks)] if blocks else []
        gathered += [] if _is_reasoning(item) else [item]
    return gathered


def _is_reasoning(item: Mapping[str, Any]) -> bool:
    return item.get("type") == "reasoning"


def _as_litellm(ident: str, blocks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"type": "reasoning", "id": ident, "summary": [], "encrypted_content": json.dumps(blocks)}
