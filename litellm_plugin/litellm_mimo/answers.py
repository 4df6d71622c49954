"""LiteLLM's views of an answer on each wire: its turns, and where a client is given something to carry.

LiteLLM's bridge to the responses wire closes its one reasoning item when the first tool call begins. A client that
keeps the items of the stream would hold a part of the model's thought, so the rest comes as an item of its own, before
the response is complete.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from mimo_quirks import (
    BLOCKS,
    CHAT,
    MESSAGES,
    RESPONSES,
    Message,
    Wire,
    block_texts,
    content_as_turn,
    items_as_turn,
    log_frames,
    reasoning_item,
)

from ._internals import is_bridged_item
from .call import Seal


def turns_of(answer: Any, wire: Wire) -> Sequence[Message]:
    """The turns in an answer as LiteLLM hands it out; none in anything that is not one."""
    if wire is CHAT:
        found = (getattr(choice, "message", None) for choice in getattr(answer, "choices", None) or ())
        return [message.model_dump(exclude_none=True) for message in found if isinstance(message, BaseModel)]
    if wire is MESSAGES:
        content = answer.get("content") if isinstance(answer, Mapping) else None
        return [content_as_turn(content)] if content else []
    output = getattr(answer, "output", None)
    return [items_as_turn([as_dict(item) for item in output])] if output else []


def raw_turns(answer: object) -> Sequence[Message]:
    """The turns in an answer as it arrived, on whatever wire; none in anything that is not one."""
    document = _parsed(answer) if isinstance(answer, str | bytes) else None
    if not isinstance(document, Mapping):
        return []
    content, output = document.get("content"), document.get("output")
    if isinstance(content, list):
        return [content_as_turn(content)]
    if isinstance(output, list):
        return [items_as_turn([item for item in output if isinstance(item, Mapping)])]
    found = (choice.get("message") for choice in document.get("choices") or () if isinstance(choice, Mapping))
    return [message for message in found if isinstance(message, dict)]


def seal_answer(answer: Any, wire: Wire, seal: Seal) -> None:
    """Gives the client its reasoning to carry, in the fields that are opaque to it."""
    if wire is MESSAGES:
        for block in answer.get("content") or () if isinstance(answer, Mapping) else ():
            seal_block(block, seal)
    else:
        for item in getattr(answer, "output", None) or ():
            seal_item(item, seal)


def seal_block(block: Any, seal: Seal) -> None:
    """Signs a thinking block that nobody has signed."""
    if isinstance(block, dict) and block.get("type") == "thinking" and not block.get("signature"):
        carrier = seal(str(block.get("thinking") or ""))
        if carrier is not None:
            block["signature"] = carrier


def seal_item(item: Any, seal: Seal) -> None:
    """Puts the text of a reasoning item into its `encrypted_content` too, where that is empty."""
    known = as_dict(item)
    if known.get("type") != "reasoning" or known.get("encrypted_content"):
        return
    carrier = seal("".join(block_texts(known)))
    if carrier is not None and isinstance(item, dict):
        item["encrypted_content"] = carrier
    elif carrier is not None:
        item.encrypted_content = carrier


def summarise(answer: Any) -> None:
    """Writes each item as LiteLLM's bridge to the messages wire reads it.

    The bridge knows no items of LiteLLM's own bridge from the chat wire, so that even the answer would be lost, and
    of reasoning it reads the summary alone.
    """
    output = getattr(answer, "output", None) or []
    for place, item in enumerate(output):
        known = as_dict(item)
        text = "".join(block_texts(known))
        if known.get("type") == "reasoning" and text and not known.get("summary"):
            output[place] = {**known, "summary": [{"type": "summary_text", "text": text}]}
        elif is_bridged_item(item):
            output[place] = known


def summarised(event: Any) -> Any:
    """An event with a piece of reasoning as that bridge reads it; any other event as it is."""
    if getattr(event, "type", None) != "response.reasoning_text.delta":
        return event
    return event.model_copy(update={"type": "response.reasoning_summary_text.delta"})


def as_dict(item: Any) -> dict[str, Any]:
    """An item as a dict: LiteLLM has some of them as objects."""
    if isinstance(item, BaseModel):
        return item.model_dump(exclude_none=True)
    return item if isinstance(item, dict) else {}


def _parsed(text: str | bytes) -> Any:
    """The JSON of a text; None of one that is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        log_frames("what was answered is no JSON", error)
        return None


class ReasoningItems:
    """What reasoning the items of one stream held so far. Not thread-safe: one per stream."""

    def __init__(self) -> None:
        self._given = ""
        self._done: Any = None
        self._index = -1

    def feed(self, event: Any) -> list[Any]:
        """Takes the next event, and gives those that come before it."""
        self._index = max(self._index, getattr(event, "output_index", None) or 0)
        kind = getattr(event, "type", None)
        if kind == "response.output_item.done" and as_dict(event.item).get("type") == "reasoning":
            self._given += "".join(block_texts(as_dict(event.item)))
            self._done = event
        return self._rest(event) if kind == "response.completed" and self._done is not None else []

    def _rest(self, completed: Any) -> list[Any]:
        blocks = [block for turn in turns_of(completed.response, RESPONSES) for block in turn.get(BLOCKS) or ()]
        whole = "".join(text for block in blocks for text in block_texts(block))
        rest = whole.removeprefix(self._given)
        if rest in ("", whole):
            return []
        item = type(self._done.item)(**{**reasoning_item(rest), "status": "completed"})
        event = {"item": item, "output_index": self._index + 1}
        added = {**event, "type": "response.output_item.added"}
        return [self._done.model_copy(update=known) for known in (added, event)]
