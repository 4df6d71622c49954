"""LiteLLM's views of an answer on each wire: its turns, and where a client is given something to carry."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from litellm.types.responses.main import GenericResponseOutputItem
from litellm.types.utils import ModelResponse
from pydantic import BaseModel

from mimo_quirks.facts.reasoning_fields import block_texts
from mimo_quirks.history.turns import Message
from mimo_quirks.wires import CHAT, MESSAGES, Wire, messages, responses

Seal = Callable[[str], str | None]


def turns_of(answer: Any, wire: Wire) -> Sequence[Message]:
    """The turns in an answer as LiteLLM hands it out; none in anything that is not one."""
    if wire is CHAT:
        choices = answer.choices if isinstance(answer, ModelResponse) else ()
        return [choice.message.model_dump(exclude_none=True) for choice in choices]
    if wire is MESSAGES:
        content = answer.get("content") if isinstance(answer, Mapping) else None
        return [messages.as_turn(content)] if content else []
    output = getattr(answer, "output", None)
    return [responses.as_turn([as_dict(item) for item in output])] if output else []


def raw_turns(answer: object) -> Sequence[Message]:
    """The turns in an answer as it arrived, on whatever wire; none in anything that is not one."""
    document: Any = None
    if isinstance(answer, str | bytes):
        with suppress(ValueError, RecursionError):
            document = json.loads(answer)
    if not isinstance(document, Mapping):
        return []
    content, output = document.get("content"), document.get("output")
    if isinstance(content, list):
        return [messages.as_turn(content)]
    if isinstance(output, list):
        return [responses.as_turn([item for item in output if isinstance(item, Mapping)])]
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
        elif isinstance(item, GenericResponseOutputItem):
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
