"""What a turn is found by: digests of what a client can see, weak enough to survive it, strong enough to tell.

Clients rewrite ids, write arguments anew, reorder parallel calls, cut the beginning of a history and change its system
prompt (lessons.md 40, 54 to 63). So a turn is found by its calls (name and canonical arguments) or, if it has none, by
its text, together with what stands before it; three contexts, the strongest first:

    prefix   all that was said before, without system prompts
    round    from the last user message on
    gap      the tool results that it answers, or else what stands between the turn before and this one

and last by the id of a call, where it is one that nobody makes up twice. Each parallel call has keys of its own, so
that a turn is found when others of its calls were dropped. Ids do not belong to the first three: who has several
candidates tells them apart by their ids (see `matching`).

A history is walked once. Prefix and round are running digests, one step for each turn over the one before and what was
said since, so the answer goes on where the walk ended, however long the history is. Digests ignore every spelling of
reasoning, so they are the same before and after replay. A text is digested without white space, and so the parts of
what is digested are told apart by spaces and line ends.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from string import ascii_letters, digits
from typing import Final, NamedTuple

from mimo_quirks.facts.digests import digest
from mimo_quirks.facts.reasoning_fields import without_think
from mimo_quirks.history.canonical import canonical_arguments, canonical_content, canonical_text
from mimo_quirks.history.turns import Call, Message, calls_of, content_text

MOST_CALLS: Final = 16
"""How many calls of a turn have keys; v2.6 was seen to make 120 at once (contract §6), which dozens will find again."""

_WORD: Final = re.compile(r"[\w-]+")
_ALPHANUMERIC: Final = ascii_letters + digits
_DRAWN: Final = 12
"""Characters that a drawn id ends in, at the least."""
_LONGEST_ID: Final = 256
"""Characters of an id that are looked at; the API draws some thirty."""

_SHORT: Final = 32
"""Characters of an answer, without white space, below which its text tells nothing without all that came before."""


_LONG: Final = 128
"""Bytes of a text above which it is digested once, and not each time that it is looked at."""


class Place(NamedTuple):
    """A turn at its place in a history, as a client sees it.

    Attributes:
        at: Place among the messages.
        ordinal: Place among the turns.
        prefix: The running digest of all that was said before.
        round: The running digest of what was said from the last user message on.
        gap: The tool results that stand between the turn before and this one, or else the other messages there.
        answers: Whether there are such results.
        calls: Its calls.
        said: The digest of name and arguments of each call.
        text: What the turn says, without white space and thoughts; empty where there are calls, because clients rewrite
            what stands beside them.
    """

    at: int
    ordinal: int
    prefix: bytes
    round: bytes
    gap: bytes
    answers: bool
    calls: Sequence[Call]
    said: Sequence[bytes]
    text: bytes


@dataclass(frozen=True, slots=True)
class TurnFingerprint:
    """One turn at its place in a history, with all that it may be found by.

    Attributes:
        index: Place among the messages.
        ordinal: Place among the turns.
        prefix: The running digest of all that was said before: a value that can be stored and continued.
        calls: The id of each call, and the digest of its name and arguments.
        tiers: The keys, one tuple for each tier, the strongest first; the last is that of the ids.
    """

    index: int
    ordinal: int
    prefix: str
    calls: tuple[tuple[str, str], ...]
    tiers: tuple[tuple[str, ...], ...]


class Walk:
    """A history read once: its turns at their places, and where the next one will stand.

    System prompts are passed over: they change between requests.

    Args:
        history: Messages of the chat wire.

    Attributes:
        places: Every turn of the history, in order.
    """

    __slots__ = ("_event", "_others", "_prefix", "_results", "_round", "_said", "_turns", "places")

    def __init__(self, history: Iterable[Message]) -> None:
        self.places: list[Place] = []
        self._prefix = self._round = self._event = b""
        self._said: dict[str, bytes] = {}
        self._results: list[bytes] = []
        self._others: list[tuple[bytes, bytes]] = []
        self._turns = 0
        for index, message in enumerate(history):
            role = message.get("role")
            if role == "assistant":
                self._step(self.next(message, index))
            elif role == "tool" or role == "function":  # noqa: PLR1714 - a set would hash what may have no hash
                answered = message.get("tool_call_id")
                said = self._said.get(answered, b"") if isinstance(answered, str) else b""
                self._results.append(b"result %b %b" % (said, _brief(canonical_content(message.get("content")))))
            elif role != "system" and role != "developer":  # noqa: PLR1714 - as above
                self._others.append((canonical_text(str(role)), canonical_content(message.get("content"))))

    def next(self, message: Message, index: int = -1) -> Place:
        """The place of a turn that answers the history; several answers stand at the same place.

        Args:
            message: The turn, as an assistant message of the chat wire.
            index: Its place among the messages, where it is known.
        """
        calls = calls_of(message) if message.get("tool_calls") else ()
        said = [_said(call.name, call.arguments) for call in calls]
        text = b"" if said else canonical_text(without_think(content_text(message.get("content"))))
        results, others = self._results, self._others
        if len(results) > 1:
            results.sort()
        gap = b"\n".join(results)
        events = b"%b\n%b" % (self._event, gap)
        if not others:
            prefix, round_ = _hashed(self._prefix + events), _hashed(self._round + events)
        else:
            merged = b"\n".join(_merged(others))
            prefix = _hashed(b"%b%b\n%b" % (self._prefix, events, merged))
            round_ = self._round_after(events)
            gap = gap or merged
        return Place(index, self._turns, prefix, round_, gap, bool(results), calls, said, text)

    def _step(self, place: Place) -> None:
        """Goes on behind a turn."""
        self.places.append(place)
        self._turns += 1
        self._prefix, self._round = place.prefix, place.round
        # Parallel calls in any order are the same.
        self._event = b"calls " + b" ".join(sorted(place.said)) if place.said else b"text " + _brief(place.text)
        for call, said in zip(place.calls, place.said, strict=True):
            self._said[call.id] = said
        self._results, self._others = [], []

    def _round_after(self, events: bytes) -> bytes:
        lines = [b"%b %b" % (role, _brief(content)) for role, content in self._others]
        users = [place for place, (role, _) in enumerate(self._others) if role == b"user"]
        return _hashed(b"\n".join(lines[users[-1] :] if users else (self._round + events, *lines)))


def fingerprints(places: Iterable[Place], scope: str) -> list[TurnFingerprint]:
    """The fingerprints of turns, whose keys have nothing in common with those of another scope.

    Args:
        places: The turns at their places; see `Walk`.
        scope: Whose memory it is.
    """
    owner = digest("scope", scope).encode()
    return [_fingerprint(place, owner) for place in places]


def fingerprint_turns(history: Sequence[Message], scope: str) -> list[TurnFingerprint]:
    """The fingerprint of every turn of a history, in order; see `fingerprints`."""
    return fingerprints(Walk(history).places, scope)


def _fingerprint(place: Place, owner: bytes) -> TurnFingerprint:
    kind, said = (b"call", sorted({*place.said})[:MOST_CALLS]) if place.said else (b"text", [_brief(place.text)])
    contexts = [place.prefix.hex().encode()]
    if place.said or place.answers or len(place.text.decode("utf-8", "surrogatepass")) >= _SHORT:
        contexts += [place.round.hex().encode(), place.gap]
    tiers = [
        tuple([_key(b"%b %b %d %b %b" % (owner, kind, tier, context, one)) for one in said])
        for tier, context in enumerate(contexts)
    ]
    drawn = [call for call in place.calls if _is_drawn(call.id)]
    ids = sorted(
        [_key(b"%b id %b" % (owner, f"{call.id} {call.name}".encode("utf-8", "surrogatepass"))) for call in drawn]
    )
    calls = tuple([(call.id[:_LONGEST_ID], one.decode()) for call, one in zip(place.calls, place.said, strict=True)])
    return TurnFingerprint(place.at, place.ordinal, place.prefix.hex(), calls, (*tiers, tuple(ids[:MOST_CALLS])))


def _is_drawn(ident: str) -> bool:
    """Whether an id was drawn and not counted: `call_00_x9ab…`, but not `read_file:0` or `get_current_weather_0`."""
    if len(ident) > _LONGEST_ID:
        return False
    end = ident[len(ident.rstrip(_ALPHANUMERIC)) :]
    figures = sum(map(end.count, digits)) if len(end) >= _DRAWN else 0
    return 1 < figures < len(end) and _WORD.fullmatch(ident) is not None


def _key(parts: bytes) -> str:
    return hashlib.blake2b(parts).hexdigest()[:32]


def _brief(text: bytes) -> bytes:
    """The text, or where it is long a digest of it: it goes into several other digests."""
    return text if len(text) <= _LONG else b"#" + hashlib.sha256(text).digest()


def _hashed(parts: bytes) -> bytes:
    return hashlib.blake2b(parts).digest()[:16]


def _merged(others: Sequence[tuple[bytes, bytes]]) -> Sequence[bytes]:
    """Messages of one role after each other as one, which is how Anthropic's wire has them."""
    return [
        b"%b %b" % (role, b"".join([content for _, content in run])) for role, run in groupby(others, itemgetter(0))
    ]


def _said(name: str, arguments: str) -> bytes:
    """What a call says. Each request has the calls of the one before, so those of usual length are kept."""
    return (_kept if len(name) + len(arguments) <= _USUAL else _digest_of_call)(name, arguments)


def _digest_of_call(name: str, arguments: str) -> bytes:
    return digest(name, canonical_arguments(arguments)).encode()


_USUAL: Final = 1024
_kept = functools.lru_cache(maxsize=4096)(_digest_of_call)
