"""What a turn is found by: digests of what a client can see, weak enough to survive it, strong enough to tell.

Clients rewrite ids, write arguments anew, reorder parallel calls, cut the beginning of a history and change its system
prompt (EVIDENCE §12.2). So a turn is found by its calls (name and canonical arguments) or, if it has none, by
its text, together with what stands before it; three contexts, the strongest first:

    prefix   all that was said before, without system prompts
    round    from the last user message on
    gap      the tool results that it answers, or else what stands between the turn before and this one

and last by the id of a call, where it is one that nobody makes up twice. Each parallel call has keys of its own, so
that a turn is found when others of its calls were dropped. Ids do not belong to the first three: who has several
candidates tells them apart by their ids (see `proof`).

A history is walked once. Prefix and round are running digests, one step for each turn over the one before and what was
said since, so the answer goes on where the walk ended, however long the history is. Digests ignore every spelling of
reasoning, so they are the same before and after replay. A text is digested without white space, and so the parts of
what is digested are told apart by spaces and line ends.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

from mimo_quirks.facts.digests import digest
from mimo_quirks.facts.reasoning_fields import without_think
from mimo_quirks.history.canonical import (
    Effort,
    canonical_arguments,
    canonical_content,
    canonical_text,
    cost_of_parsing,
)
from mimo_quirks.history.turns import Call, Message, calls_of, content_text

from .ids import form_of

MOST_CALLS: Final = 16
"""How many calls of a turn have keys; v2.6 was seen to make 120 at once (EVIDENCE §7.3), which a few find again."""

_SHORT: Final = 32
"""Characters of an answer, without white space, below which its text tells nothing without all that came before."""


_LONG: Final = 128
"""Bytes of a text above which it is digested once, and not each time that it is looked at."""


class Before(NamedTuple):
    """A turn with calls that stands before another one; its members are those of its `Place`."""

    ordinal: int = -1
    calls: Sequence[Call] = ()
    said: Sequence[bytes] = ()


class Place(NamedTuple):
    """A turn at its place in a history, as a client sees it.

    Attributes:
        at: Place among the messages.
        ordinal: Place among the turns.
        prefix: The running digest of all that was said before.
        round: The running digest of what was said from the last user message on.
        tail: What was said from the turn before on, that turn included: `prefix_after` it is the running digest here.
        gap: The tool results that stand between the turn before and this one, or else the other messages there.
        answers: Whether there are such results.
        asks: What users said between the turn before and this one; empty where they said nothing.
        calls: Its calls.
        said: The digest of name and arguments of each call.
        text: What the turn says, without white space and thoughts; empty where there are calls, because clients rewrite
            what stands beside them.
        before: The last turn before that has calls.
    """

    at: int
    ordinal: int
    prefix: bytes
    round: bytes
    tail: bytes
    gap: bytes
    answers: bool
    asks: bytes
    calls: Sequence[Call]
    said: Sequence[bytes]
    text: bytes
    before: Before


class Marks(NamedTuple):
    """What a turn is found by inside a scope, the strongest first; see `key_of` for what a store is given.

    Attributes:
        named: With all that was said before, the system prompt, and the end user; empty where none is named.
        prefix: With all that was said before, and the system prompt.
        loose: With what was said from the last user message on, and with what it answers; where it says next to
            nothing, with all that was said before.
        ids: By the ids of its calls that were drawn.
    """

    named: tuple[bytes, ...]
    prefix: tuple[bytes, ...]
    loose: tuple[bytes, ...]
    ids: tuple[bytes, ...]


class Walk:
    """A history read once: its turns at their places, and where the next one will stand.

    System prompts are passed over: they change between requests.

    Args:
        history: Messages of the chat wire.

    Attributes:
        places: Every turn of the history, in order.
        last_prefix: The running digest at the last turn; empty where there is none.
    """

    __slots__ = (
        "_before",
        "_effort",
        "_event",
        "_others",
        "_results",
        "_round",
        "_said",
        "_turns",
        "last_prefix",
        "places",
    )

    def __init__(self, history: Iterable[Message]) -> None:
        self.places: list[Place] = []
        self.last_prefix = self._round = self._event = b""
        self._said: dict[str, bytes] = {}
        self._results: list[bytes] = []
        self._others: list[tuple[bytes, bytes]] = []
        self._before = Before()
        self._turns = 0
        self._effort = effort = Effort()
        for index, message in enumerate(history):
            role = message.get("role")
            if role == "assistant":
                self._step(self._place(message, index, effort))
            elif role == "tool" or role == "function":  # noqa: PLR1714 - a set would hash what may have no hash
                answered = message.get("tool_call_id")
                said = self._said.get(answered, b"") if isinstance(answered, str) else b""
                self._results.append(
                    b"result %b %b" % (said, _brief(canonical_content(message.get("content"), effort)))
                )
            elif role != "system" and role != "developer":  # noqa: PLR1714 - as above
                said = canonical_content(message.get("content"), effort)
                self._others.append((canonical_text(str(role), effort), said))

    def next(self, message: Message) -> Place:
        """The place of a turn that answers the history; several answers stand at the same place.

        Args:
            message: The turn, as an assistant message of the chat wire.
        """
        return self._place(message, -1, Effort(self._effort.left))

    def _place(self, message: Message, index: int, effort: Effort) -> Place:
        calls = calls_of(message) if message.get("tool_calls") else ()
        said = [_said(call.name, call.arguments, effort) for call in calls]
        text = b"" if said else canonical_text(without_think(content_text(message.get("content"))), effort)
        results, others = self._results, self._others
        results.sort()
        gap = results[0] if len(results) == 1 else b"\n".join(results)
        events = b"%b\n%b" % (self._event, gap)
        asks = b""
        if not others:
            tail, round_ = events, prefix_after(self._round, events)
        else:
            asks = b"\n".join(_merged(others))
            tail, round_ = b"%b\n%b" % (events, asks), self._round_after(events)
            gap = gap or asks
        prefix = prefix_after(self.last_prefix, tail)
        return Place(
            index, self._turns, prefix, round_, tail, gap, bool(results), asks, calls, said, text, self._before
        )

    def _step(self, place: Place) -> None:
        """Goes on behind a turn."""
        self.places.append(place)
        self._turns += 1
        self.last_prefix, self._round = place.prefix, place.round
        # Parallel calls in any order are the same.
        self._event = b"calls " + b" ".join(sorted(place.said)) if place.said else b"text " + _brief(place.text)
        if place.calls:
            self._before = Before(place.ordinal, place.calls, place.said)
        for call, said in zip(place.calls, place.said, strict=True):
            self._said[call.id] = said
        self._results, self._others = [], []

    def _round_after(self, events: bytes) -> bytes:
        lines = [b"%b %b" % (role, _brief(content)) for role, content in self._others]
        users = [place for place, (role, _) in enumerate(self._others) if role == b"user"]
        return prefix_after(b"", b"\n".join(lines[users[-1] :] if users else (self._round + events, *lines)))


def marks_of(place: Place, owner: bytes, system: str, end_user: str) -> Marks:
    """What a turn is found by.

    Args:
        place: Where it stands.
        owner: Of the memory; see `owner_mark`.
        system: The digest of the system prompt.
        end_user: The digest of the end user; empty where none is named.
    """
    kind, said = _kind_and_said(place)
    before = [_before(owner, kind, place, one) for one in said]
    prefix = tuple([_under(mark, system) for mark in before])
    named = tuple([_under(mark, end_user) for mark in prefix]) if end_user else ()
    if place.said or place.answers or len(place.text.decode("utf-8", "surrogatepass")) >= _SHORT:
        round_, gap = place.round, _brief(place.gap)
        loose: tuple[bytes, ...] = (
            *[b"%b %b round %b %b" % (owner, kind, round_, one) for one in said],
            *[b"%b %b gap %b %b" % (owner, kind, gap, one) for one in said],
        )
    else:
        loose = tuple(before)
    return Marks(named, prefix, loose, id_marks(place, owner))


def id_marks(place: Place, owner: bytes) -> tuple[bytes, ...]:
    """What a turn is found by without what stands before it; see `marks_of`."""
    drawn = [
        b"%b id %b" % (owner, f"{call.id} {call.name}".encode("utf-8", "surrogatepass"))
        for call in place.calls
        if form_of(call.id) is not None
    ]
    return tuple(sorted(drawn)[:MOST_CALLS] if len(drawn) > 1 else drawn)


def prefix_mark(place: Place, owner: bytes, system: str) -> bytes:
    """The first of `Marks.prefix`."""
    kind, said = _kind_and_said(place)
    return _under(_before(owner, kind, place, said[0]), system)


def _before(owner: bytes, kind: bytes, place: Place, said: bytes) -> bytes:
    return b"%b %b prefix %b %b" % (owner, kind, place.prefix, said)


def _under(mark: bytes, known: str) -> bytes:
    return b"%b %b" % (mark, known.encode())


def _kind_and_said(place: Place) -> tuple[bytes, Sequence[bytes]]:
    if len(place.said) == 1:
        return b"call", place.said
    return (b"call", sorted({*place.said})[:MOST_CALLS]) if place.said else (b"text", [_brief(place.text)])


@functools.lru_cache(maxsize=1024)  # each request asks for that of its own scope
def owner_mark(scope: str) -> bytes:
    """What the marks of a scope begin with, so that they have nothing in common with those of another."""
    return digest("scope", scope).encode()


def key_of(mark: bytes) -> str:
    """The key under which a store has a mark: it tells nothing to whoever reads the store."""
    return hashlib.blake2b(mark).hexdigest()[:32]


def prefix_after(prefix: bytes, tail: bytes) -> bytes:
    """The running digest at a place, from the one at the turn before and the place's tail."""
    return hashlib.blake2b(prefix + tail).digest()[:16]


def _brief(text: bytes) -> bytes:
    """The text, or where it is long a digest of it: it goes into several other digests."""
    return text if len(text) <= _LONG else b"#" + hashlib.sha256(text).digest()


def _merged(others: Sequence[tuple[bytes, bytes]]) -> Sequence[bytes]:
    """Messages of one role after each other as one, which is how Anthropic's wire has them."""
    return [
        b"%b %b" % (role, b"".join([content for _, content in run])) for role, run in groupby(others, itemgetter(0))
    ]


def _said(name: str, arguments: str, effort: Effort) -> bytes:
    """What a call says. Each request has the calls of the one before, so those of usual length are kept."""
    if len(name) + len(arguments) <= _USUAL:
        return _kept(name, arguments, effort.takes(_kept_cost(arguments)))
    return _digest_of_call(name, arguments, effort.parses(arguments))


def _digest_of_call(name: str, arguments: str, is_parsed: bool) -> bytes:  # noqa: FBT001 - a cache wants positions
    return digest(name, canonical_arguments(arguments, is_parsed=is_parsed)).encode()


_USUAL: Final = 1024
_kept = functools.lru_cache(maxsize=4096)(_digest_of_call)
_kept_cost = functools.lru_cache(maxsize=4096)(cost_of_parsing)
