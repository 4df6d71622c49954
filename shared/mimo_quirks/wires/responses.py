"""The responses wire: a turn is a run of items, its reasoning an item among them.

A reasoning item belongs to the answer or the call that follows it (contract §8). Its text goes back as content and
never as summary, which the service would fold in a second time (contract §4.8).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from mimo_quirks.content import written
from mimo_quirks.spellings import BLOCKS, block_texts
from mimo_quirks.turns import Message

from .wire import View, blocks_of, changes

_CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
_RESULTS = ("function_call_output", "custom_tool_call_output")


def view(history: Any) -> View | None:
    """See `Wire`. Consecutive items of the model are one turn."""
    if isinstance(history, str):
        return View([{"role": "user", "content": history}], [()])
    if not isinstance(history, list | tuple) or not all(isinstance(item, Mapping) for item in history):
        return None
    seen: list[Message] = []
    places: list[tuple[int, ...]] = []
    run: list[int] = []
    for index, item in enumerate([*history, {}]):
        if is_of_model(item):
            run.append(index)
            continue
        if run:
            seen.append(as_turn([history[place] for place in run]))
            places.append(tuple(run))
            run = []
        if item:
            seen.append(_other(item))
            places.append((index,))
    return View(seen, places)


def write(history: Any, seen: View, messages: Sequence[Message]) -> Any:
    """See `Wire`. Items are replaced where they stand; where their number is another, they come first in the turn."""
    if isinstance(history, str):
        return history
    replaced = {index: [_tidy(item)] for index, item in enumerate(history) if _is_summarised(item)}
    for run, message in changes(seen, messages):
        replaced.update(zip(run, _with_items([history[place] for place in run], message), strict=True))
    if not replaced:
        return history
    return [item for index, old in enumerate(history) for item in replaced.get(index, [old])]


def as_turn(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The items of a turn as a message of the chat wire."""
    spoken = "".join(_spoken(item.get("content")) for item in items if _is_message(item))
    turn: dict[str, Any] = {"role": "assistant", "content": spoken}
    calls = [_call(item, _CALLS[item["type"]]) for item in items if item.get("type") in _CALLS]
    if calls:
        turn["tool_calls"] = calls
    thoughts = [_block(item) for item in items if item.get("type") == "reasoning"]
    if thoughts:
        turn[BLOCKS] = thoughts
    return turn


def reasoning_item(text: str) -> dict[str, Any]:
    """An item that holds this text. Its id is made of the text: it is the same in every request."""
    ident = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]
    content = [{"type": "reasoning_text", "text": text}]
    return {"type": "reasoning", "id": f"rs_{ident}", "summary": [], "content": content}


def is_of_model(item: Mapping[str, Any]) -> bool:
    """Whether the model made the item."""
    kind = item.get("type")
    return kind == "reasoning" or kind in _CALLS or (_is_message(item) and item.get("role") == "assistant")


def _is_message(item: Mapping[str, Any]) -> bool:
    return str(item.get("type", "message")) == "message"


def _call(item: Mapping[str, Any], given: str) -> dict[str, Any]:
    function = {"name": item.get("name"), "arguments": item.get(given)}
    return {"id": item.get("call_id"), "type": "function", "function": function}


def _block(item: Mapping[str, Any]) -> dict[str, Any]:
    block = {"type": "thinking", "thinking": "".join(block_texts(item))}
    sealed = item.get("encrypted_content")
    return {**block, "signature": sealed} if sealed else block


def _other(item: Mapping[str, Any]) -> Message:
    if item.get("type") in _RESULTS:
        output = item.get("output")
        content = output if isinstance(output, str | list | tuple) else written(output)
        return {"role": "tool", "tool_call_id": item.get("call_id"), "content": content}
    return item


def _spoken(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list | tuple) else ()
    texts = (part.get("text") for part in parts if isinstance(part, Mapping))
    return "".join(text for text in texts if isinstance(text, str))


def _with_items(run: Sequence[Mapping[str, Any]], message: Message) -> list[list[Any]]:
    """What stands in the place of each item of a turn, with the reasoning of a message of the chat wire."""
    thoughts = blocks_of(message)
    items = [reasoning_item(text) for block in thoughts for text in block_texts(block)]
    if sum(item.get("type") == "reasoning" for item in run) == len(items):
        remaining = iter(items)
        return [[_kept(item, next(remaining))] if item.get("type") == "reasoning" else [item] for item in run]
    kept: list[list[Any]] = [[] if item.get("type") == "reasoning" else [item] for item in run]
    kept[0] = [*items, *kept[0]]
    return kept


def _is_summarised(item: Mapping[str, Any]) -> bool:
    return item.get("type") == "reasoning" and bool(item.get("summary")) and bool(block_texts(item))


def _tidy(item: Mapping[str, Any]) -> dict[str, Any]:
    """The item with its text as content."""
    return _kept(item, reasoning_item("".join(block_texts(item))))


def _kept(old: Mapping[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The new item under what the old one was known by."""
    return {**new, **{name: old[name] for name in ("id", "status") if old.get(name)}}
