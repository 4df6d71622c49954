"""What a question is made of: what is sent, what came back, and what was found."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from mimo_quirks import WIRES, classify_rejection, error_text, printable

T = TypeVar("T")
Json = Mapping[str, Any]
Place = Literal["status", "data: and status", "first event", "second event", "later event"]
"""Where an error stood: in an HTTP status, there behind `data:`, or in an event of a stream that was answered 200."""


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call; `arguments` is JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that were counted; None where the host does not tell."""

    prompt: int = 0
    output: int = 0
    thought: int | None = None
    cached: int | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """An answer as its wire had it.

    Attributes:
        text: What was said.
        calls: What was called.
        thoughts: The name of each place that held reasoning, and the text there.
        order: Reasoning, texts and calls in the order of arrival, where neighbours of a kind are one.
        native: What goes back of it, in the wire's own form.
        usage: The tokens.
        blocks: How many blocks or items held the reasoning.
        signature: Whether they were signed: `absent`, `empty` or `present`.
        choices: How many answers came.
        ended: Whether a stream came to its end.
    """

    text: str = field(repr=False)
    calls: tuple[Call, ...] = ()
    thoughts: Mapping[str, str] = field(default_factory=dict, repr=False)
    order: tuple[str, ...] = ()
    native: Any = field(default=None, repr=False)
    usage: Usage = Usage()
    blocks: int = 0
    signature: str = "absent"
    choices: int = 1
    ended: bool = True

    @property
    def is_thought(self) -> bool:
        """Whether there was reasoning, seen or counted."""
        return any(self.thoughts.values()) or bool(self.usage.thought)


@dataclass(frozen=True, slots=True)
class HostError:
    """An error in the form that `rejections` reads."""

    status_code: int
    message: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request: something said, or an error."""

    status: int
    said: Said | None = None
    error: str = field(default="", repr=False)
    place: Place = "status"
    relay: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request; two that are equal are sent once, unless `again` tells them apart."""

    wire: str
    body: Json = field(repr=False)
    again: int = 0
    key_header: str = "authorization"

    @property
    def key(self) -> str:
        """The same for equal requests."""
        return json.dumps([self.wire, self.body, self.again, self.key_header], sort_keys=True)

    def kind_of(self, answer: Answer) -> str | None:
        """What rejection the answer is recognised as, if it is one."""
        kind = classify_rejection(HostError(answer.status, answer.error), self.body, WIRES[self.wire])
        return kind and kind.value


Value = bool | int | str | None
Talk = Generator[Ask, Answer, T]
"""A question at work: it yields requests, is sent answers, and returns what it found."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of the report. It holds no text of a request, and none of an answer but the words of an error.

    Attributes:
        wire: Which wire it is about.
        question: The name of the question.
        sent: What was sent, in words.
        came: What came back, in words.
        value: The same for machines; None where it could not be told.
        expected: What our row says; None where it says nothing about it.
        recognised: What rejection we take the error for.
        says: The error's words.
    """

    wire: str
    question: str
    sent: str
    came: str
    value: Value
    expected: Value = None
    recognised: str | None = None
    says: str = ""

    @property
    def differs(self) -> bool:
        """Whether our row says something else."""
        return self.expected is not None and self.value is not None and self.value != self.expected


_LONGEST = 240
_ACCOUNT = re.compile(r"""(?<=user_id":")[^"]+|(?<=account_id":")[^"]+|\borg-\w+""")
"""Whose account it is; relays write it into their errors."""


def words_of(answer: Answer, body: Json) -> str:
    """What an error says, in one line, without what it repeats of the request."""
    text = error_text(answer.error.strip().removeprefix("data:"))
    for said in sorted(set(_texts(body)), key=len, reverse=True):
        text = text.replace(said, "…")
    text = printable(_ACCOUNT.sub("…", text))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


_WORDS_OF_THE_WIRE = ("type", "role", "model", "name")
_SHORTEST = 8


def _texts(value: object) -> list[str]:
    if isinstance(value, Mapping):
        return [text for name, inner in value.items() if name not in _WORDS_OF_THE_WIRE for text in _texts(inner)]
    if isinstance(value, list | tuple):
        return [text for inner in value for text in _texts(inner)]
    plain = " ".join(value.split()) if isinstance(value, str) else ""
    return [plain, plain[:64]] if len(plain) >= _SHORTEST else []
