"""The values that are remembered: what was asked, what was issued, what was found.

A turn is recognised later by what a client cannot make up: its tool-call ids or, without calls, its
content, which carries an unguessable token. So recognition needs no session and survives any framework that
keeps either of them. Where the mode makes ids or contents repeat, an identity may belong to several turns.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Verdict: TypeAlias = Literal["exact", "placeholder", "altered", "foreign", "missing"]
"""What a replayed turn carries: its own text, a blank, a changed text, another turn's or an unknown one, or nothing."""

WireName: TypeAlias = Literal["chat", "messages", "responses"]
"""Chat completions, Anthropic's messages, OpenAI's responses."""

Part: TypeAlias = tuple[Literal["thinking", "text", "call"], str]
"""A piece of a turn where a wire orders them: a block of reasoning, a text, or the name of a call."""

Identity: TypeAlias = frozenset[str] | str
"""The ids of a tool turn, or the content of a plain one."""


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call; `arguments` is JSON text, as on the wire."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Issued:
    """One turn as this server issued it.

    Attributes:
        reasoning: All of it in order, `None` when thinking was off.
        content: What was said.
        calls: What was called.
        parts: The order of it all, empty on the chat wire, which has none.
    """

    reasoning: str | None
    content: str
    calls: tuple[Call, ...] = ()
    parts: tuple[Part, ...] = ()

    @property
    def identity(self) -> Identity:
        """What the turn is recognised by when it comes back."""
        return frozenset(call.id for call in self.calls) if self.calls else self.content


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what became of it.

    Attributes:
        path: Path of the request.
        headers: Headers by lower-case name; kept out of the repr, since they hold keys.
        raw: Body as it arrived.
        body: Body as it was understood, empty where it was not.
        thinking: Whether thinking was on.
        verdicts: One per replayed assistant message, in order.
        status: HTTP status of the answer; an error may be the first event of a 200.
        issued: The turn that was answered, `None` for an error; a connection that was cut does not show here.
        conversation: What the request's mark said, `None` where the mode names no mark or the request has none.
        wire: The wire it came in by.
        kept: One per replayed turn: whether its blocks of reasoning, its texts and its calls came back as they were
            issued, one by one and in their order. It is told beside the verdict, which is about the reasoning as one
            text: no report says that a host asks for more. True where there is nothing to compare: on the chat wire,
            which orders nothing, and for turns that were issued there or nowhere.
        error: The error that was answered, to the byte, `None` for a turn.
    """

    path: str
    headers: Mapping[str, str] = field(repr=False)
    raw: bytes = field(repr=False)
    body: Mapping[str, Any] = field(repr=False)
    thinking: bool
    verdicts: tuple[Verdict, ...]
    status: int
    issued: Issued | None = field(repr=False)
    conversation: str | None = None
    wire: WireName = "chat"
    kept: tuple[bool, ...] = ()
    error: bytes | None = field(default=None, repr=False)
