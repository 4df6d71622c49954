"""What was done to assistant messages and why, in words that a user knows, without any text of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from mimo_quirks.facts.quirks import Quirks

from .found import Proof
from .replay import Reason, ReplayReport, TurnReport

Sent = Literal["kept", "respelled", "found", "placeholder", "nothing", "dropped", "stripped", "left"]
"""What is sent for a message: the reasoning that it carries, under its name or the host's; what the store has; a
placeholder; nothing, where the host takes no placeholder; nothing, because what it carries is not the model's, or
because the host rejects reasoning; the message as it is."""

_SENT: Final[Mapping[str, Sent]] = {"recalled": "found", "bare": "nothing"}
_PROOFS: Final[Mapping[Proof | None, str]] = {
    "ids": "its tool call ids are those that it was recorded with",
    "prefix": "all that was said before it is the same as when it was recorded",
    "chain": "it stands next to a message whose reasoning is proven",
    "cut": "the beginning is gone, and one recorded conversation fits the rest",
    None: "the recorded text replaces the client's altered copy",
}
_WHY: Final[Mapping[Reason, str]] = {
    "the reasoning is of another family": "another vendor's model wrote the reasoning",
    "the reasoning is another tool's placeholder": "another tool's placeholder, not reasoning",
    "thinking is off": "thinking is off, so none is needed",
    "not a tool turn": "no tool call, so none is needed",
    "it has no reasoning": "there is nothing to strip",
    "the host rejects reasoning": "the host rejects reasoning",
    "several answers were remembered": "several recorded answers fit, and none is proven",
}
OWN_NAMES: Final[Mapping[str, str]] = {"messages": "thinking block", "responses": "reasoning item"}
"""What reasoning is called on the wires that are not the chat wire."""


def sent(turn: TurnReport) -> Sent:
    """What is sent for a message."""
    return _SENT.get(turn.action, turn.action)  # type: ignore[arg-type] # the other actions have the same names


def done(what: str, proof: Proof | None) -> str:
    """What is sent for a message, and for found reasoning how it was found."""
    return f"found by {proof or 'text'}" if what == "found" else what


def why(turn: TurnReport, quirks: Quirks, lost: str = "no recorded reasoning is proven to be its own") -> str:
    """Why it is sent.

    Args:
        turn: What was done to the message.
        quirks: The deployment's.
        lost: What to say of reasoning that is lost.
    """
    if turn.action == "recalled":
        return _PROOFS[turn.proof]
    if turn.action == "respelled":
        return f"this host reads it as {fields(quirks)}"
    if turn.action == "kept":
        return turn.reason
    return _WHY.get(turn.reason, lost)


def fields(quirks: Quirks) -> str:
    """What a host reads reasoning as."""
    name = OWN_NAMES.get(quirks.wire)
    return f"a {name}" if name else " and ".join(quirks.dialect.fields)


def summed(report: ReplayReport) -> str:
    """What was done to a history, as in `3 kept, 2 found (1 by ids, 1 by chain), 1 placeholder`."""
    counts = report.counts
    proofs = [(counts[f"found_by_{proof or 'text'}"], proof or "text") for proof in _PROOFS]
    by = ", ".join(f"{count} by {proof}" for count, proof in proofs if count)
    return ", ".join(f"{count} {name}{f' ({by})' if name == 'found' else ''}" for name, count in report.summary.items())


@dataclass(frozen=True, slots=True)
class RequestLine:
    """What was done to a request, on one line, which is put into words when it is written.

    Attributes:
        request: Its id, by which the framework knows it.
        model: The model's id.
        quirks: The deployment's.
        report: What was done.
    """

    request: object
    model: str
    quirks: Quirks
    report: ReplayReport

    def __str__(self) -> str:
        quirks, report = self.quirks, self.report
        told = [
            f"; message {turn.index}: {done(sent(turn), turn.proof)}, {why(turn, quirks)}"
            for turn in report.turns
            if turn.action not in _UNCHANGED
        ]
        where = printable(f"request {self.request}: {self.model} at {quirks.address or quirks.host}")
        return f"{where}: {summed(report)}{''.join(told)}"


_UNCHANGED: Final = frozenset({"kept", "left"})


def printable(text: str) -> str:
    """A text that others wrote, on one line, without what would steer a terminal."""
    return "".join([character if character.isprintable() else "?" for character in text])
