"""A recorded turn: what is known of it besides its reasoning, and the form in which a store keeps it."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, NamedTuple

from mimo_quirks.facts.digests import digest
from mimo_quirks.history.turns import Message, is_placeholder, is_turn, lift, read_turn
from mimo_quirks.stores.protocol import Entry

from .fingerprints import MOST_CALLS, Place, key_of, marks_of, owner_mark
from .ids import LONGEST_ID, form_of

_FORMAT: Final = 2
"""The form of a payload: a line of JSON, and the text as UTF-8. Entries of another form are passed over."""


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose request it is, and under which system prompt.

    Attributes:
        scope: Whose memory it is.
        system: The digest of the system prompt; see `wires.system_digest`.
        end_user: The digest of the end user whom the request names; empty for nobody.
    """

    scope: str
    system: str = ""
    end_user: str = ""

    @classmethod
    def of(cls, scope: str, system: str, end_user: str | None) -> Whose:
        """Whose request it is.

        Args:
            scope: Whose memory it is.
            system: The digest of the system prompt.
            end_user: The name of the end user, if the request names one.
        """
        return cls(scope, system, digest("end user", end_user) if end_user else "")


class Link(NamedTuple):
    """Which memory was sent for a turn.

    Attributes:
        text: What its text is known by; empty where none was sent.
        place: What its place is known by; see `place_digest` and `guessed`.
    """

    text: str = ""
    place: str = ""


def guessed(place: str) -> str:
    """What the place of a memory is known by that was sent because the beginning of a history was cut off."""
    return f"~{place}"


@dataclass(frozen=True, slots=True)
class Memory:
    """One recorded turn. Its repr leaves the reasoning out.

    Attributes:
        reasoning: What was thought; None where it is known that nothing was.
        text: What the reasoning is known by; empty where there is none.
        prefix: The running digest of all that was said before; see `Place`.
        ordinal: How many turns stood before it.
        calls: The id of each call, and the digest of its name and arguments.
        before: The same of calls of the last turn before that had any, where their ids were drawn.
        asks: The digest of what users said between the turn before and this one; empty where they said nothing.
        link: The memory that was sent for the turn before it.
        owner: The digest of the scope.
        system: See `Whose`.
        end_user: See `Whose`.
    """

    reasoning: str | None = field(repr=False)
    text: str
    prefix: bytes
    ordinal: int
    calls: tuple[tuple[str, bytes], ...]
    before: tuple[tuple[str, bytes], ...]
    asks: str
    link: Link
    owner: str
    system: str
    end_user: str

    @property
    def own(self) -> Link:
        """What the next turn's memory has for its link where this one was sent."""
        return Link(self.text, place_digest(self.prefix, self.system))

    def to_bytes(self) -> bytes:
        """The form in which a store keeps it."""
        calls, before = ([(ident, said.decode()) for ident, said in some] for some in (self.calls, self.before))
        known = (self.text, self.prefix.hex(), self.ordinal, calls, before, self.link, self.asks)
        whose = (self.owner, self.system, self.end_user)
        header = json.dumps([_FORMAT, self.reasoning is not None, *known, *whose], separators=(",", ":"))
        return header.encode() + b"\n" + (self.reasoning or "").encode("utf-8", "surrogatepass")

    @classmethod
    def from_bytes(cls, payload: bytes) -> Memory | None:
        """The memory that a process wrote; None for bytes of another format."""
        header, _, reasoning = payload.partition(b"\n")
        try:
            version, thought, text, prefix, ordinal, calls, before, link, asks, *whose = _HEADER.decode(header.decode())
            known = (text, asks, *link, *whose)
            if version != _FORMAT or len(known) != _STRINGS or not all(isinstance(one, str) for one in known):
                return None
            said, seen = (tuple([(str(ident), str(said).encode()) for ident, said in some]) for some in (calls, before))
            read = reasoning.decode("utf-8", "surrogatepass") if thought else None
            return cls(read, text, bytes.fromhex(prefix), int(ordinal), said, seen, asks, Link(*link), *whose)
        except (ValueError, TypeError, OverflowError, RecursionError):
            return None


_HEADER: Final = json.JSONDecoder()
_STRINGS: Final = 7
"""How many of a payload's members are strings: text, what was asked, link, owner, system and end user."""


class Recording(NamedTuple):
    """A memory, and what it is found by."""

    memory: Memory
    marks: tuple[bytes, ...]

    @property
    def entry(self) -> Entry:
        """The same as a store keeps it."""
        return Entry(tuple(map(key_of, self.marks)), self.memory.to_bytes(), self.memory.owner)


def record(place: Place, message: Message, link: Link, whose: Whose) -> Recording | None:
    """What to record of a finished turn; None where its reasoning is known to be lost.

    A turn without any reasoning is a fact too: unless it is known, another one's could be taken for it.

    Args:
        place: Where the turn stands; see `Walk.next`.
        message: The turn, as an assistant message of the chat wire with its reasoning.
        link: What was sent for the turn before it; see `link_of`.
        whose: Whose memory it is.
    """
    reasoning = read_turn(message).reasoning
    if reasoning and is_placeholder(reasoning):
        return None
    _, calls, saids = place.before
    before = [(call.id, said) for call, said in zip(calls, saids, strict=True) if form_of(call.id)]
    memory = Memory(
        reasoning,
        text_digest(reasoning, whose.scope) if reasoning else "",
        place.prefix,
        place.ordinal,
        tuple([(call.id[:LONGEST_ID], said) for call, said in zip(place.calls, place.said, strict=True)]),
        tuple(sorted(before)[:MOST_CALLS]),
        asks_digest(place),
        link,
        owner_digest(whose.scope),
        whose.system,
        whose.end_user,
    )
    marks = marks_of(place, owner_mark(whose.scope), whose.system, whose.end_user)
    return Recording(memory, tuple(chain(*marks)))


def link_of(sent: Sequence[Message], place: str, scope: str) -> Link:
    """What was sent for the last turn of a history.

    Args:
        sent: The history, as messages of the chat wire.
        place: What the turn's place is known by.
        scope: Whose memory it is.
    """
    previous = next((lift(message)[0] for message in reversed(sent) if is_turn(message)), None)
    return Link() if not previous or is_placeholder(previous) else Link(text_digest(previous, scope), place)


@functools.lru_cache(maxsize=1024)  # each request asks for that of its own scope, several times
def owner_digest(scope: str) -> str:
    """What the owner of a memory is known by."""
    return digest("owner", scope)


def text_digest(text: str, scope: str) -> str:
    """What a text is known by in a scope."""
    return hashlib.blake2b(f"{scope}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def asks_digest(place: Place) -> str:
    """What is known of what users said right before a turn."""
    return hashlib.blake2b(place.asks).hexdigest()[:16] if place.asks else ""


def place_digest(prefix: bytes, system: str) -> str:
    """What a place is known by: what was said before, and under which system prompt."""
    return hashlib.blake2b(b"%b %b" % (prefix, system.encode())).hexdigest()[:32]
