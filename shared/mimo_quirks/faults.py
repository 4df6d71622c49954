"""What is wrong with the structure of a history: results without their call, and calls without their result.

Whoever repaired a refusal by deleting calls has left some. No text of ours helps such a history, so it is only told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .turns import calls_of, is_turn


def faults_of(history: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """One sentence for each fault of a history, by the index of its message; none of a text.

    Args:
        history: Messages of the chat wire.
    """
    return tuple(_faults(history))


def _faults(history: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    caller, waiting = 0, set[str]()
    for index, message in enumerate(history):
        if message.get("role") == "tool":
            if message.get("tool_call_id") not in waiting:
                yield f"message {index} is the result of no call before it"
            waiting.discard(str(message.get("tool_call_id")))
            continue
        if waiting:
            yield _unanswered(caller, waiting)
        caller, waiting = index, {call.id for call in calls_of(message)} if is_turn(message) else set()
    if waiting:
        yield _unanswered(caller, waiting)


def _unanswered(index: int, waiting: set[str]) -> str:
    return f"message {index} has calls without a result: {len(waiting)}"
