"""What a wire is: two functions, and the view between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mimo_quirks.spellings import BLOCKS
from mimo_quirks.turns import Message, is_turn


@dataclass(frozen=True, slots=True)
class View:
    """A history as messages of the chat wire.

    Attributes:
        messages: The history; each assistant message is one turn.
        places: For each message, which items of the wire's own history it was read from.
    """

    messages: Sequence[Message] = field(repr=False)
    places: Sequence[tuple[int, ...]] = ()


@dataclass(frozen=True, slots=True)
class Wire:
    """One wire.

    Attributes:
        view: Reads a history; None where it cannot be read.
        write: Takes a history, the view of it and the view's messages as they shall be, and returns the history to
            send; assistant messages that are the view's own objects are left alone.
    """

    name: str
    view: Callable[[Any], View | None]
    write: Callable[[Any, View, Sequence[Message]], Any]


def changes(view: View, messages: Sequence[Message]) -> list[tuple[tuple[int, ...], Message]]:
    """The places of the turns that shall be different, with what they shall be."""
    steps = zip(view.places, view.messages, messages, strict=True)
    return [(place, new) for place, old, new in steps if new is not old and is_turn(new)]


def blocks_of(message: Message) -> list[dict[str, Any]]:
    """The blocks of reasoning to write for a turn: its own, or one that holds what another key says."""
    held = message.get(BLOCKS)
    if isinstance(held, list | tuple):
        return [dict(block) for block in held if isinstance(block, Mapping)]
    text = message.get("reasoning_content")
    return [{"type": "thinking", "thinking": text}] if isinstance(text, str) else []
