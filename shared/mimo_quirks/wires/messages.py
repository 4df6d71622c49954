"""Anthropic's messages wire: blocks of content, results of tools inside a user's message.

Xiaomi's own `/anthropic` endpoint and most relays speak it. A thinking block stands before text and calls, its
signature may be absent (EVIDENCE §4.7).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from mimo_quirks.facts.reasoning_fields import BLOCKS, is_reasoning_block
from mimo_quirks.history.content import written
from mimo_quirks.history.turns import Message

from .wire import Change, View, blocks_of, changes, headless, said

_EMPTY: Final = {"type": "text", "text": ""}
"""What a content that is `""` would be as a block; Anthropic's own API rejects it."""


def view(history: Any) -> View | None:
    """See `Wire`. Each result of a tool is a message of its own, as on the chat wire."""
    if not isinstance(history, list | tuple):
        return None
    seen: list[Message] = []
    places: list[tuple[int, ...]] = []
    for index, message in enumerate(history):
        if not isinstance(message, Mapping):
            return None
        read = [as_turn(message.get("content"))] if message.get("role") == "assistant" else list(_others(message))
        seen += read
        places += [(index,)] * len(read)
    return View(seen, places)


def write(history: Any, seen: View, messages: Sequence[Message]) -> Any:
    """See `Wire`. Blocks are replaced where they stand; where their number is another, they come first."""
    changed = {change.place[0]: change for change in changes(seen, messages)}
    if not changed:
        return history
    return [
        {**message, "content": _content(message.get("content"), changed[index])} if index in changed else message
        for index, message in enumerate(history)
    ]


def as_turn(content: Any) -> dict[str, Any]:
    """An assistant's content as a message of the chat wire."""
    blocks = [block for block in content if isinstance(block, Mapping)] if isinstance(content, list | tuple) else []
    spoken = content if isinstance(content, str) else "".join(map(said, blocks))
    turn: dict[str, Any] = {"role": "assistant", "content": spoken}
    calls = [_call(block) for block in blocks if block.get("type") == "tool_use"]
    if calls:
        turn["tool_calls"] = calls
    thoughts = [block for block in blocks if is_reasoning_block(block)]
    if thoughts:
        turn[BLOCKS] = thoughts
    return turn


def _call(block: Mapping[str, Any]) -> dict[str, Any]:
    given = block.get("input")
    arguments = given if isinstance(given, str) else written({} if given is None else given)
    return {"id": block.get("id"), "type": "function", "function": {"name": block.get("name"), "arguments": arguments}}


def _others(message: Mapping[str, Any]) -> Iterator[Message]:
    """The results that a message holds, and then what else it says."""
    content = message.get("content")
    if not isinstance(content, list | tuple):
        yield message
        return
    rest = []
    for block in content:
        if isinstance(block, Mapping) and block.get("type") == "tool_result":
            yield {"role": "tool", "tool_call_id": block.get("tool_use_id"), "content": _result(block.get("content"))}
        else:
            rest.append(block)
    if rest:
        yield {**message, "content": rest}


def _result(content: Any) -> Any:
    return content if isinstance(content, str | list | tuple) else "" if content is None else written(content)


def _content(content: Any, change: Change) -> list[Any]:
    """The content of a turn that changed: what it said, and the reasoning that it shall have."""
    parts = content if isinstance(content, list | tuple) else [{"type": "text", "text": content or ""}]
    spoken = [part for part in headless(parts, change.cut) if part != _EMPTY]
    thoughts = blocks_of(change.turn)
    if sum(map(is_reasoning_block, spoken)) == len(thoughts):
        remaining = iter(thoughts)
        return [next(remaining) if is_reasoning_block(part) else part for part in spoken]
    return [*thoughts, *(part for part in spoken if not is_reasoning_block(part))]
