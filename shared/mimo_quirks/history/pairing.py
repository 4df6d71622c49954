"""What is wrong with the structure of a history: results without their call, and calls without their result.

Whoever repaired a rejection by deleting calls has left some. No text of ours helps such a history, so it is only told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .turns import Message, is_turn


def unpaired_calls(history: Sequence[Message], indices: Sequence[int] | None = None) -> tuple[str, ...]:
    """One sentence for each fault of a history, by the index of its message; none of a text.

    Args:
        history: Messages of the chat wire; calls that are none are passed over.
        indices: What each message is called, where that is not its place in this history.
    """
    return tuple(_faults(history, range(len(history)) if indices is None else indices))


def _faults(history: Sequence[Message], indices: Sequence[int]) -> Iterator[str]:
    caller, waiting = 0, list[str]()
    for index, message in zip(indices, history, strict=True):
        if message.get("role") != "tool":
            if waiting:
                yield _unanswered(caller, waiting)
            caller, waiting = index, _ids_of(message)
        elif (answered := _id(message.get("tool_call_id"))) in waiting:
            waiting.remove(answered)
        else:
            yield f"message {index}: tool result without a matching tool call"
    if waiting:
        yield _unanswered(caller, waiting)


def _ids_of(message: Message) -> list[str]:
    """The ids of a turn's calls, of whatever type these are; parallel calls may have the same."""
    calls = message.get("tool_calls") if is_turn(message) else ()
    if not isinstance(calls, list | tuple):
        return []
    return [_id(call.get("id")) for call in calls if isinstance(call, Mapping)]


def _id(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _unanswered(index: int, waiting: Sequence[str]) -> str:
    how_many = "1 tool call has" if len(waiting) == 1 else f"{len(waiting)} tool calls have"
    return f"message {index}: {how_many} no result"
