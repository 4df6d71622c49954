"""What a request says, on whichever wire: each wire reads its own JSON into these plain facts, trusting none of it."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from mimo_quirks.simulator.errors import WireError
from mimo_quirks.simulator.records import Identity, Part
from mimo_quirks.simulator.spellings import Json


@dataclass(frozen=True, slots=True)
class Called:
    """A call as it was replayed: `id` is `None` and `name` is empty where there is none."""

    id: str | None
    name: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a history.

    Attributes:
        role: As on the chat wire; what comes with tool results is `tool`.
        text: What is said, without reasoning.
        reasoning: The reasoning of a replayed turn, all of it in order, `None` where there is none.
        calls: The calls of a replayed turn.
        parts: The order of a replayed turn, on wires that have one.
    """

    role: str
    text: str
    reasoning: str | None = None
    calls: tuple[Called, ...] = ()
    parts: tuple[Part, ...] = ()

    @property
    def is_turn(self) -> bool:
        """Whether the message is a turn of the model."""
        return self.role == "assistant"

    @property
    def identity(self) -> Identity:
        """What a replayed turn can be recognised by."""
        return frozenset(call.id for call in self.calls if call.id is not None) if self.calls else self.text


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that was advertised; `parameters` is its JSON schema, or anything else."""

    name: str
    parameters: object


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as understood.

    Attributes:
        body: The JSON object, empty where there was none.
        messages: The history, `None` where it cannot be read.
        thinking: The switch, `None` where the host does not understand it.
        tools: The functions that were advertised, in order.
        fault: What a wire that reads by schema answers to a request that does not fit it.
    """

    body: Json
    messages: tuple[Message, ...] | None
    thinking: bool | None
    tools: tuple[Tool, ...] = ()
    fault: WireError | None = None

    @property
    def history(self) -> tuple[Message, ...]:
        """The messages, none where they cannot be read."""
        return self.messages or ()

    @property
    def streams(self) -> bool:
        """Whether the answer is wanted as events."""
        return self.body.get("stream") is True


def text_of(content: object) -> str:
    """The text of a content: a string or a list of text parts, as frameworks turn one into the other."""
    if isinstance(content, str):
        return content
    parts: Sequence[Any] = content if isinstance(content, list) else ()
    texts = (part.get("text") for part in parts if isinstance(part, Mapping))
    return "".join(text for text in texts if isinstance(text, str))


def conversation_of(body: Json, mark: str | None) -> str | None:
    """What a request says under the mark of the mode: which conversation it belongs to, if it tells."""
    value: object = None if mark is None else body
    for name in (mark or "").split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return str(value) if isinstance(value, (str, int)) else None


def read_object(raw: bytes) -> Json:
    """The JSON object of a body, empty where it holds none."""
    try:
        body = json.loads(raw, parse_constant=_reject_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _reject_constant(digits)


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
