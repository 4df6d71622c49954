"""Turns of the chat wire: an assistant message, read whatever it calls its reasoning, and rewritten without it.

Reading tolerates every spelling at once; the first spelling whose text is neither blank nor a placeholder wins, so that
the same text under two names is not doubled (EVIDENCE §8).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from mimo_quirks.facts.reasoning_fields import (
    BLOCKS,
    KEYS,
    NESTS,
    block_texts,
    is_reasoning_block,
    split_think,
    texts_of,
)

Message = Mapping[str, Any]

PLACEHOLDERS: Final = frozenset(
    {
        ".",  # tried against OpenCode Zen (oh-my-pi#1483)
        "tool call",  # cc-switch 3.20.0 (EVIDENCE §11.2)
        "[redacted thinking]",  # cc-switch 3.20.0
        "(prior reasoning summary unavailable)",  # OmniRoute (EVIDENCE §11.2)
        "redacted-by-litellm",  # LiteLLM's message redaction
    }
)
"""Texts that are known to stand in for lost reasoning, besides blank ones: never somebody's thought."""
_LONGEST_PLACEHOLDER: Final = max(map(len, PLACEHOLDERS))


DAMAGED: Final = "mimo_quirks_damaged"
"""Member of a turn whose carried reasoning is known not to be what the API issued; it is never sent."""


class Call(NamedTuple):
    """One tool call; `arguments` is the JSON text as the model wrote it, which its repr leaves out."""

    id: str
    name: str
    arguments: str

    def __repr__(self) -> str:
        return f"Call(id={self.id!r}, name={self.name!r})"


@dataclass(frozen=True, slots=True)
class Turn:
    """One finished assistant message. Its repr leaves out what the model thought and said.

    Attributes:
        reasoning: The text the model thought; `""` is a known fact, None means that the message has none.
        complete: The API finished the turn; a stream that died before is not whole.
    """

    content: str = field(repr=False)
    calls: tuple[Call, ...]
    reasoning: str | None = field(repr=False)
    complete: bool = True


def is_turn(message: Message) -> bool:
    """Whether the message is an assistant's."""
    return message.get("role") == "assistant"


def is_tool_turn(message: Message) -> bool:
    """Whether the message is an assistant's and calls at least one tool."""
    return is_turn(message) and bool(message.get("tool_calls"))


def is_placeholder(text: str) -> bool:
    """Whether a reasoning text is blank or a known stand-in."""
    return not text or text.isspace() or (len(text) <= _LONGEST_PLACEHOLDER and text in PLACEHOLDERS)


def is_damaged(carried: str, issued: str) -> bool:
    """Whether the one text is what a framework left of the other (EVIDENCE §12.1).

    Frameworks strip it, join its blocks, or close it with the first tool call, though the model thinks on after it.
    """
    return carried != issued and "".join(issued.split()).startswith("".join(carried.split()))


def read_turn(message: Message, *, complete: bool = True) -> Turn:
    """Captures a turn from a full assistant message of the chat wire."""
    reasoning, rest = lift(message)
    return Turn(content_text(rest.get("content")), tuple(calls_of(message)), reasoning, complete)


def as_message(turn: Turn) -> dict[str, Any]:
    """A captured turn as an assistant message of the chat wire, which is how a client replays it."""
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in turn.calls
    ]
    message: dict[str, Any] = {"role": "assistant", "content": turn.content}
    if calls:
        message["tool_calls"] = calls
    if turn.reasoning is not None:
        message["reasoning_content"] = turn.reasoning
    return message


_NAMES: Final = frozenset({*KEYS, *NESTS})


def is_bare(message: Message) -> bool:
    """Whether a turn is seen at once to hold no reasoning, under whatever name; a `<think>` is not looked for."""
    content = message.get("content")
    return (type(content) is str or content is None) and _NAMES.isdisjoint(message)


def read_reasoning(message: Message) -> str | None:
    """The reasoning that an assistant message (or a delta of one) carries under any key or block, or None.

    Returns a blank text or a placeholder only where no spelling holds anything better. A leading ``<think>`` is not
    looked at here, because in a delta it is not yet complete: see `lift`.
    """
    if is_bare(message):
        return None
    first = message.get(KEYS[0])
    if isinstance(first, str) and not is_placeholder(first) and BLOCKS not in message:
        return first
    found: str | None = None
    for text in _spelled(message):
        if not is_placeholder(text):
            blocks = "".join(texts_of(message.get(BLOCKS)))
            return blocks if blocks and is_damaged(text, blocks) else text
        found = text if found is None else found
    return found


def lift(message: Message) -> tuple[str | None, Message]:
    """Takes the reasoning off a message: its text, and the message without any spelling of it.

    The message comes back as the same object where it had none.
    """
    reasoning, rest = read_reasoning(message), without_reasoning(message)
    if reasoning is None or is_placeholder(reasoning):
        split = split_think(rest.get("content"))
        if split and not is_placeholder(split[0]):
            return split[0], {**rest, "content": split[1]}
    return reasoning, rest


def without_reasoning(message: Message) -> Message:
    """The message without any key or block of reasoning; the same object where it had none."""
    if is_bare(message):
        return message
    rest = {key: _without(key, value) for key, value in message.items() if key not in KEYS}
    same = len(rest) == len(message) and all(rest[key] is message[key] for key in rest)
    return message if same else {key: value for key, value in rest.items() if value is not _NOTHING}


_NOTHING: Final = object()


def _without(key: str, value: Any) -> Any:
    if key == "content" and isinstance(value, list | tuple):
        kept = [block for block in value if not is_reasoning_block(block)]
        return value if len(kept) == len(value) else kept
    if key in NESTS and isinstance(value, Mapping) and not value.keys().isdisjoint(KEYS):
        return {inner: held for inner, held in value.items() if inner not in KEYS} or _NOTHING
    return value


def _spelled(message: Message) -> Iterator[str]:
    """The text under each spelling that is present, the most faithful spelling first."""
    for holder in (message, *(message.get(nest) for nest in NESTS)):
        if isinstance(holder, Mapping):
            for key in KEYS:
                value = holder.get(key)
                texts = texts_of(value) if value is not None else ()
                if texts:
                    yield "".join(texts)
    content = message.get("content")
    if isinstance(content, list | tuple):
        texts = [text for block in content if is_reasoning_block(block) for text in block_texts(block)]
        if texts:
            yield "".join(texts)


def content_text(content: object) -> str:
    """The text of a content: a string, or the text blocks of a list."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list | tuple) else ()
    texts = (block.get("text") for block in blocks if isinstance(block, Mapping) and block.get("type") == "text")
    return "".join(text for text in texts if isinstance(text, str))


def calls_of(message: Message) -> list[Call]:
    """The tool calls of an assistant message; other values in the list are skipped."""
    calls, found = message.get("tool_calls"), []
    for call in calls if isinstance(calls, (list, tuple)) else ():
        function = call.get("function") if isinstance(call, _OBJECT) else None
        if isinstance(function, _OBJECT):
            said: tuple[Any, Any, Any] = call.get("id"), function.get("name"), function.get("arguments")
            are_texts = type(said[0]) is type(said[1]) is type(said[2]) is str
            found.append(Call(*said) if are_texts else Call(*map(_text, said)))
    return found


def has_whole_calls(message: Message) -> bool:
    """Whether a turn whose end was not heard may be recorded: it has calls, and the arguments of each are an object.

    A client may leave a stream as soon as it can run the calls. Nothing is missing of an object whose text can be
    parsed; of a call without any arguments nobody can tell.
    """
    calls = calls_of(message)
    texts = [call.arguments for call in calls]
    return bool(texts) and sum(map(len, texts)) <= _LONGEST_ARGUMENTS and all(map(_is_object, texts))


_LONGEST_ARGUMENTS: Final = 2**20
"""Characters of the arguments of a turn that are parsed: parsing more holds up every other request of the process."""


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


_OBJECT: Final = (dict, Mapping)
"""The first is seen at once."""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
