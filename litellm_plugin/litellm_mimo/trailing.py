"""Reasoning after the first tool call, which LiteLLM's bridge to the responses wire leaves out of its stream.

The bridge closes its one reasoning item when the first call begins. A client that keeps the items of the stream would
hold a part of the model's thought, so the rest comes as an item of its own, before the response is complete.
"""

from __future__ import annotations

from typing import Any

from mimo_quirks.facts.reasoning_fields import BLOCKS, block_texts
from mimo_quirks.wires import RESPONSES
from mimo_quirks.wires.responses import reasoning_item

from .answers import as_dict, turns_of


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
