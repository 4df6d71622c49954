"""The chat wire: a view of it is the history itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mimo_quirks.history.turns import Message

from .wire import View


def view(history: Any) -> View | None:
    """See `Wire`."""
    if not isinstance(history, list | tuple):
        return None
    if not all(
        type(message) is dict or isinstance(message, Mapping) for message in history
    ):  # the first is seen at once
        return None
    return View(history, tuple(zip(range(len(history)))))


def write(history: Any, seen: View, messages: Sequence[Message]) -> Any:
    """See `Wire`. Every message is taken as it shall be, a turn or not."""
    return history if all(new is old for new, old in zip(messages, seen.messages, strict=True)) else list(messages)
