"""The responses wire: a turn is a run of items, its reasoning an item among them.

A reasoning item belongs to the answer or the call that follows it (EVIDENCE §8). Its text goes back as content and
never as summary, which the service would fold in a second time (EVIDENCE §4.8).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from mimo_quirks.facts.reasoning_fields import BLOCKS, NESTS, block_texts
from mimo_quirks.history.content import written
from mimo_quirks.history.turns import Message

from .wire import Change, View, blocks_of, changes, headless, said

_REASONING: Final = "reasoning"
_CALLS: Final = ("function_call", "custom_tool_call")
_RESULTS: Final = ("function_call_output", "custom_tool_call_output")


def view(history: Any) -> View | None:
    """See `Wire`. Consecutive items of the model are one turn."""
    if isinstance(history, str):
        return View([{"role": "user", "content": history}], [()])
    if not isinstance(history, list | tuple) or not all(isinstance(item, Mapping) for item in history):
        return None
    seen: list[Message] = []
    places: list[tuple[int, ...]] = []
    for is_turn, run in groupby(range(len(history)), lambda index: is_of_model(history[index])):
        indices = tuple(run)
        if is_turn:
            seen.append(_turn([history[index] for index in indices]))
            places.append(indices)
        else:
            seen += [_other(history[index]) for index in indices]
            places += [(index,) for index in indices]
    return View(seen, places)


def write(history: Any, seen: View, messages: Sequence[Message]) -> Any:
    """See `Wire`. Items are replaced where they stand; where their number is another, they come first in the turn."""
    replaced: dict[int, list[Any]] = {}
    for change in changes(seen, messages):
        items = [history[index] for index in change.place]
        replaced.update(zip(change.place, _with_items(items, change), strict=True))
    if not replaced:
        return history
    return [item for index, old in enumerate(history) for item in replaced.get(index, [old])]


def as_turn(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The items of a turn as a message of the chat wire."""
    spoken = "".join(_spoken(item.get("content")) for item in items if _kind(item) == "message")
    turn: dict[str, Any] = {"role": "assistant", "content": spoken}
    calls = [_call(item) for item in items if _kind(item) in _CALLS]
    if calls:
        turn["tool_calls"] = calls
    thoughts = [_block(item) for item in items if _kind(item) == _REASONING]
    if thoughts:
        turn[BLOCKS] = thoughts
    return turn


def reasoning_item(text: str, place: str = "") -> dict[str, Any]:
    """An item that holds this text.

    Args:
        text: The reasoning.
        place: Where it stands, if its text may stand elsewhere too: no two items of a history have one id. The id is
            made of both, so that it is the same in every request.
    """
    ident = hashlib.sha256(f"{place}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()[:24]
    content = [{"type": "reasoning_text", "text": text}]
    return {"type": _REASONING, "id": f"rs_{ident}", "summary": [], "content": content}


def is_of_model(item: Mapping[str, Any]) -> bool:
    """Whether the model made the item."""
    kind = _kind(item)
    return kind == _REASONING or kind in _CALLS or item.get("role") == "assistant"


def _kind(item: Mapping[str, Any]) -> Any:
    """The type of an item; a message needs none."""
    return item.get("type") or "message"


def _turn(items: Sequence[Mapping[str, Any]]) -> Message:
    """A turn of a history. Where a summary would be folded in twice, its blocks are not where this wire wants them."""
    turn = as_turn(items)
    thoughts = [item for item in items if _kind(item) == _REASONING]
    sealed = any(item.get("encrypted_content") for item in thoughts)  # is written anew, or taken away, in any case
    if sealed or not any(item.get("summary") and block_texts(item) for item in thoughts):
        return turn
    blocks = turn.pop(BLOCKS)
    return {**turn, NESTS[0]: {BLOCKS: blocks}}


def _call(item: Mapping[str, Any]) -> dict[str, Any]:
    """A call; LiteLLM's bridge makes the same arguments of the text that a custom tool is given."""
    given = item.get("arguments") if _kind(item) == _CALLS[0] else {"content": item.get("input")}
    arguments = given if isinstance(given, str) else written(given)
    function = {"name": item.get("name"), "arguments": arguments}
    return {"id": item.get("call_id") or item.get("id"), "type": "function", "function": function}


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
    return "".join(map(said, content)) if isinstance(content, list | tuple) else ""


def _with_items(items: Sequence[Mapping[str, Any]], change: Change) -> list[list[Any]]:
    """What stands in the place of each item of a turn that changed."""
    texts = [text for block in blocks_of(change.turn) for text in block_texts(block)]
    thoughts = [reasoning_item(text, f"{change.place[0]}.{number}") for number, text in enumerate(texts)]
    if sum(_kind(item) == _REASONING for item in items) == len(thoughts):
        remaining = iter(thoughts)
        new = [[_kept(item, next(remaining))] if _kind(item) == _REASONING else [item] for item in items]
    else:
        new = [[] if _kind(item) == _REASONING else [item] for item in items]
        new[0] = [*thoughts, *new[0]]
    return _headless(new, change.cut) if change.cut else new


def _headless(places: Sequence[Sequence[Any]], cut: int) -> list[list[Any]]:
    """What stands in each place, without the first characters that the turn says."""
    new: list[list[Any]] = []
    for items in places:
        new.append([])
        for item in items:
            content: Any = item.get("content") if _kind(item) == "message" else None
            if cut and _spoken(content):
                left = content[cut:] if isinstance(content, str) else headless(content, cut)
                new[-1] += [{**item, "content": left}] if left else []
                cut = max(0, cut - len(_spoken(content)))
            else:
                new[-1].append(item)
    return new


def _kept(old: Mapping[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The new item under what the old one was known by."""
    return {**new, **{name: old[name] for name in ("id", "status") if old.get(name)}}
