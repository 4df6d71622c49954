"""How each wire is spoken: what a history looks like there, and where an answer has what."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from .asking import Call, Json, Said

MOST_TOKENS: Final = 2048
"""What an answer may take, reasoning included."""


class UnreadableError(ValueError):
    """An answer that is none of this wire."""


class EventError(ValueError):
    """An error in the middle of a stream; its text is the event's."""

    def __init__(self, text: str, before: int) -> None:
        super().__init__(text)
        self.before = before


@dataclass(frozen=True, slots=True)
class Given:
    """What a replayed turn carries.

    Attributes:
        kind: Its reasoning as it was issued; none; a text in its place; its blocks joined to one; that one with a
            signature that nobody made.
        texts: The names of places, and the text for each, which may be null.
    """

    kind: Literal["issued", "missing", "text", "joined", "forged"]
    texts: Mapping[str, str | None] = field(default_factory=dict, repr=False)


ISSUED: Final = Given("issued")
MISSING: Final = Given("missing")
JOINED: Final = Given("joined")
FORGED: Final = Given("forged")


@dataclass(frozen=True, slots=True)
class User:
    """A user's message."""

    text: str


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of the model that is replayed."""

    said: Said
    given: Given = ISSUED
    content: Any = ""
    """What stands for its content beside calls, where a wire has a member for it."""


@dataclass(frozen=True, slots=True)
class Results:
    """What the calls of a turn gave."""

    calls: tuple[Call, ...]
    content: Any = "21 °C, sunny"


Step = User | Turn | Results


class _Made(Protocol):
    def __call__(self, said: str, calls: tuple[Call, ...], thought: str = "") -> Said: ...


@dataclass(frozen=True, slots=True)
class Speech:
    """One wire.

    Attributes:
        name: `chat`, `messages` or `responses`.
        title: What an answer on it is called.
        places: Where it may hold reasoning, what MiMo documents first.
        body: A request: model, history, names of tools, whether it is a stream.
        read: Reads an answer.
        gather: Reads the events of a stream.
        made: A turn that no host issued: what it says, its calls, and what it thought.
        forced: `tool_choice` that forces a tool, and the one that forbids all.
    """

    name: str
    title: str
    places: tuple[str, ...]
    body: Callable[[str, Sequence[Step], Sequence[str], bool], dict[str, Any]]
    read: Callable[[Json], Said]
    gather: Callable[[Iterable[Json]], Said]
    made: _Made
    forced: Callable[[str | None], object]


DESCRIPTIONS: Final = {"weather": "The weather in a city now.", "local_time": "The time in a city now."}
PARAMETERS: Final[Json] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def without_gaps(order: Iterable[str]) -> tuple[str, ...]:
    """An order in which neighbours of a kind are one."""
    runs: list[str] = []
    for kind in order:
        if runs[-1:] != [kind]:
            runs.append(kind)
    return tuple(runs)


def number(value: object) -> int:
    """A count, or nothing where there is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def number_or_none(value: object) -> int | None:
    """A count, or None where the host does not tell."""
    return None if value is None else number(value)


def member(value: object, name: str) -> Any:
    """A member of an object, None where there is neither."""
    return value.get(name) if isinstance(value, Mapping) else None


def text(value: object) -> str:
    """A text, the empty one where there is none."""
    return value if isinstance(value, str) else ""


def objects(value: object) -> list[Json]:
    """The objects of a list."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def parsed(arguments: str) -> Any:
    """Arguments as the object that they are."""
    try:
        value = json.loads(arguments)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def events_of(raw: str) -> Iterator[Json]:
    """The objects of server-sent events, in order; what is none is passed over."""
    for line in raw.splitlines():
        if line.startswith("data:"):
            try:
                event = json.loads(line[5:])
            except (ValueError, RecursionError):
                continue
            if isinstance(event, dict):
                yield event
