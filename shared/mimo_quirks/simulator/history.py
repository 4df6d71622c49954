"""What a chat request says, read without trusting any of it: total functions from JSON to plain facts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from mimo_quirks.simulator.records import Identity
from mimo_quirks.simulator.spellings import Json, Spelling


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as understood.

    Attributes:
        body: The JSON object, empty where there was none.
        messages: The history, `None` where it is not a list of objects.
        thinking: The switch, `None` where the host does not understand it.
    """

    body: Json
    messages: tuple[Json, ...] | None
    thinking: bool | None

    @property
    def history(self) -> tuple[Json, ...]:
        """The messages, none where they cannot be read."""
        return self.messages or ()

    @property
    def tools(self) -> Sequence[Any]:
        """What was advertised as tools, in order."""
        tools = self.body.get("tools")
        return tools if isinstance(tools, list) else ()

    @property
    def streams(self) -> bool:
        """Whether the answer is wanted as events."""
        return self.body.get("stream") is True


def read_request(raw: bytes, spelling: Spelling) -> Asked:
    """Understand a request's body as far as it can be understood."""
    body = _object(raw)
    messages = body.get("messages")
    readable = isinstance(messages, list) and all(isinstance(message, Mapping) for message in messages)
    return Asked(body, tuple(messages) if messages is not None and readable else None, spelling.switch(body))


def is_assistant(message: Json) -> bool:
    """Whether the message is a turn of the model."""
    return message.get("role") == "assistant"


def tool_calls(message: Json) -> Sequence[Any]:
    """The calls of a turn; a plain turn has none."""
    calls = message.get("tool_calls")
    return calls if isinstance(calls, list) else ()


def call_names(message: Json) -> tuple[str, ...]:
    """The names of a turn's calls in order, empty for what is no call."""
    functions = (call.get("function") if isinstance(call, Mapping) else None for call in tool_calls(message))
    names = (function.get("name") if isinstance(function, Mapping) else None for function in functions)
    return tuple(name if isinstance(name, str) else "" for name in names)


def identity_of(message: Json) -> Identity:
    """What a replayed turn can be recognised by."""
    calls = tool_calls(message)
    ids = (call.get("id") for call in calls if isinstance(call, Mapping))
    return frozenset(id_ for id_ in ids if isinstance(id_, str)) if calls else content_of(message)


def content_of(message: Json) -> str:
    """The text of a message: a string or a list of text parts, as frameworks turn one into the other."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else ()
    texts = (part.get("text") for part in parts if isinstance(part, Mapping))
    return "".join(text for text in texts if isinstance(text, str))


def conversation_of(body: Json, mark: str | None) -> str | None:
    """What a request says under the mark of the mode: which conversation it belongs to, if it tells."""
    value = None if mark is None else body.get(mark)
    return str(value) if isinstance(value, (str, int)) else None


def _object(raw: bytes) -> Json:
    try:
        body = json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
