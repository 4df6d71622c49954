"""What a wire is: where a request has its history, two functions, and the view between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mimo_quirks.facts.reasoning_fields import BLOCKS, NESTS, is_reasoning_block
from mimo_quirks.history.turns import Message, is_turn


@dataclass(frozen=True, slots=True)
class View:
    """A history as messages of the chat wire.

    Attributes:
        messages: The history; each assistant message is one turn.
        places: For each message, the indices of the items of the wire's own history that it was read from.
    """

    messages: Sequence[Message] = field(repr=False)
    places: Sequence[tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Wire:
    """One wire. Both functions take whatever history a client may send, edit nothing, and raise nothing about it.

    Attributes:
        name: `chat`, `messages` or `responses`.
        history: The member of a request that holds its history.
        system: The member that holds its system prompt; None where messages of the history do.
        view: Reads a history; None where it cannot be read.
        write: Takes a history, the view of it and the view's messages as they shall be, one for each, and returns the
            history to send: only turns that are not the view's own objects any more are written, everything else is
            the same object, and so is the history where there are none.
    """

    name: str
    history: str
    system: str | None
    view: Callable[[Any], View | None]
    write: Callable[[Any, View, Sequence[Message]], Any]


@dataclass(frozen=True, slots=True)
class Change:
    """A turn that shall be different.

    Attributes:
        place: The indices of the items that it was read from.
        turn: What it shall be.
        cut: How many characters its content lost at the beginning, where a `<think>` was.
    """

    place: tuple[int, ...]
    turn: Message = field(repr=False)
    cut: int = 0


def changes(view: View, messages: Sequence[Message]) -> Iterator[Change]:
    """The turns that are not the view's own any more.

    Raises:
        ValueError: There are more messages than in the view, or fewer.
    """
    for place, old, new in zip(view.places, view.messages, messages, strict=True):
        if new is not old and is_turn(new):
            yield Change(place, new, _cut(old.get("content"), new.get("content")))


def blocks_of(message: Message) -> list[dict[str, Any]]:
    """The blocks of reasoning to write for a turn: its own, or one that holds what another key says."""
    text = message.get("reasoning_content")
    told = [{"type": "thinking", "thinking": text}] if isinstance(text, str) else []
    nested = [nest.get(BLOCKS) for nest in map(message.get, NESTS) if isinstance(nest, Mapping)]
    candidates = (_blocks(message.get(BLOCKS)), told, *map(_blocks, nested))
    return next((blocks for blocks in candidates if blocks), [])


def said(part: Any) -> str:
    """The text of a part of a content; nothing for what is no text, or was thought and not said."""
    text = part.get("text") if isinstance(part, Mapping) and not is_reasoning_block(part) else None
    return text if isinstance(text, str) else ""


def headless(parts: Sequence[Any], cut: int) -> list[Any]:
    """Parts of a content without the first characters that they say, and without those of which nothing is left."""
    kept = []
    for part in parts:
        text = said(part)
        if not cut or not text:
            kept.append(part)
        elif text[cut:]:
            kept.append({**part, "text": text[cut:]})
        cut = max(0, cut - len(text))
    return kept


def _blocks(value: Any) -> list[dict[str, Any]]:
    return [dict(block) for block in value if isinstance(block, Mapping)] if isinstance(value, list | tuple) else []


def _cut(old: Any, new: Any) -> int:
    shorter = isinstance(old, str) and isinstance(new, str) and old.endswith(new)
    return len(old) - len(new) if shorter else 0
