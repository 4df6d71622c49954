"""Find again what a client dropped: exactly one answer for a turn, or none.

A request asks a store once, for the keys of every turn that lacks its reasoning; what comes back is judged here. The
strongest tier that has candidates decides. A candidate that lacks a call of the turn is none; where some have the very
ids of the turn, or where other turns of the history were found by theirs, those with other ids are none; if the texts
are all the same, that is the answer. A memory answers for one turn of a history alone.

Several different texts are told apart by the turn that follows: it was recorded with a *link*, the digest of what was
sent for the turn before it, so that a choice once made in a conversation holds when a twin of it turns up later. What
still has two answers has none: another conversation's reasoning is worse than a placeholder (lessons.md 55, 59, 70).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from mimo_quirks.facts.digests import digest
from mimo_quirks.facts.reasoning_fields import split_think
from mimo_quirks.history.found import FoundReasoning
from mimo_quirks.history.turns import Message, is_placeholder, is_turn, lift, read_reasoning, read_turn
from mimo_quirks.stores.protocol import CANDIDATES, Entry

from .fingerprints import Place, TurnFingerprint, fingerprints

_FORMAT: Final = 2
"""The form of a payload: a line of JSON, and the text as UTF-8. Entries of another form are passed over."""


@dataclass(frozen=True, slots=True)
class TurnLookup:
    """The turns of a history that may be looked up.

    Attributes:
        scope: Whose memory it is.
        lost: The places of turns that lack their reasoning.
        carried: The places of turns that carry some which may be damaged on its way here, or be another conversation's,
            with the text, and its digest; see `text_digest`.
    """

    scope: str
    lost: Sequence[Place] = ()
    carried: Sequence[tuple[Place, str, str]] = field(default=(), repr=False)

    @classmethod
    def of(
        cls, history: Sequence[Message], places: Sequence[Place], scope: str, *, verify_carried: bool = False
    ) -> TurnLookup:
        """What to look up before a history is sent.

        Args:
            history: Messages of the chat wire.
            places: Of its turns; see `Walk`.
            scope: Whose memory it is.
            verify_carried: Whether what turns carry may be damaged.
        """
        lost, carried = [], []
        for place in places:
            message = history[place.at]
            reasoning = read_reasoning(message)
            if (reasoning is None or is_placeholder(reasoning)) and split_think(message.get("content")) is None:
                lost.append(place)
            elif verify_carried:
                text = lift(message)[0] or ""
                carried.append((place, text, text_digest(text, scope)))
        return cls(scope, lost, carried)

    def query(self, known: Container[str] = ()) -> Query:
        """What to ask a store.

        Args:
            known: Digests of texts that are known to be as the API issued them; the turns that carry one are not asked
                for.
        """
        doubted: list[Place] = []
        verified: dict[int, str] = {}
        for place, text, text_known_by in self.carried:
            if text_known_by in known:
                verified[place.at] = text
            else:
                doubted.append(place)
        turns = sorted([*self.lost, *doubted]) if doubted else self.lost
        return Query(tuple(fingerprints(turns, self.scope)), frozenset(place.at for place in doubted), verified)


@dataclass(frozen=True, slots=True)
class Query:
    """What a store is asked for.

    Attributes:
        turns: In order.
        doubted: Indices of those that do carry reasoning.
        verified: By the index of their turn, texts that turns carry as the API issued them: whoever signed one since,
            it is theirs.
    """

    turns: tuple[TurnFingerprint, ...] = ()
    doubted: frozenset[int] = frozenset()
    verified: Mapping[int, str] = field(default_factory=dict, repr=False)

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key once."""
        return tuple(dict.fromkeys([key for turn in self.turns for tier in turn.tiers for key in tier]))


@dataclass(frozen=True, slots=True)
class Whose:
    """What a recorded turn is known by besides its place: digests, so that a store tells nothing.

    Attributes:
        scope: Whose memory it is.
        system: The system prompt that it answered under; see `View.system`.
        end_user: Whom the request named as its end user; empty for nobody.
    """

    scope: str
    system: str = ""
    end_user: str = ""


@dataclass(frozen=True, slots=True)
class _Memory:
    """One recorded turn; `place` is where it stood, which tells two of equal content apart."""

    reasoning: str | None
    text: str
    calls: tuple[tuple[str, str], ...]
    link: str
    place: str


def match(query: Query, found: Mapping[str, Sequence[bytes]]) -> FoundReasoning:
    """Judges what the store found. The last turn comes first, for it may vouch for the one before."""
    texts: dict[int, str] = dict(query.verified)
    digests: list[str] = []
    ambiguous, links, taken = set(), dict[int, str](), set[_Memory]()
    read = {payload: _read(payload) for payload in set(chain.from_iterable(found.values()))}
    known = {turn.index: _candidates(turn, found, read) for turn in query.turns}
    keeps_ids = any(_has_ids(memory, turn) for turn in query.turns for memory in known[turn.index])
    places = {turn.tiers[0][0]: turn for turn in query.turns}
    for turn in reversed(query.turns):
        candidates = [
            memory
            for memory in known[turn.index]
            if memory not in taken and not _is_of(places.get(memory.place, turn), memory, turn)
        ]
        if keeps_ids and turn.calls:
            candidates = [memory for memory in candidates if _has_ids(memory, turn)]
        chosen = _choose(candidates, links.get(turn.ordinal))
        taken.update(chosen)
        if not chosen:
            ambiguous |= {turn.index} if candidates else set()
            continue
        if len({memory.link for memory in chosen}) == 1:
            links[turn.ordinal - 1] = chosen[0].link
        if chosen[0].reasoning is not None:
            texts[turn.index] = chosen[0].reasoning
            digests.append(chosen[0].text)
    return FoundReasoning(texts, frozenset(ambiguous), digests)


def record(place: Place, message: Message, link: str, whose: Whose) -> tuple[Entry, str] | None:
    """What to record of a finished turn, and the digest of its text; None where its reasoning is known to be lost.

    A turn without any reasoning is a fact too: unless it is known, another one's could be taken for it.

    Args:
        place: Where the turn stands; see `Walk.next`.
        message: The turn, as an assistant message of the chat wire with its reasoning.
        link: What the text is known by that was sent for the turn before it; see `link_of`.
        whose: Whose memory it is.
    """
    reasoning = read_turn(message).reasoning
    if reasoning and is_placeholder(reasoning):
        return None
    (turn,) = fingerprints([place], whose.scope)
    text = text_digest(reasoning or "", whose.scope)
    header = [
        _FORMAT,
        turn.tiers[0][0],
        turn.prefix,
        turn.ordinal,
        turn.calls,
        link,
        digest("owner", whose.scope),
        whose.system,
        whose.end_user,
        text if reasoning else "",
        reasoning is not None,
    ]
    payload = json.dumps(header, separators=(",", ":")).encode()
    entry = Entry(Query((turn,)).keys, payload + b"\n" + (reasoning or "").encode("utf-8", "surrogatepass"))
    return entry, text


def link_of(sent: Sequence[Message], scope: str) -> str:
    """What the text is known by that was sent for the last turn of a history; empty where none was."""
    previous = next((lift(message)[0] for message in reversed(sent) if is_turn(message)), None)
    return "" if previous is None or is_placeholder(previous) else text_digest(previous, scope)


def text_digest(text: str, scope: str) -> str:
    """What a text is known by in a scope."""
    return hashlib.blake2b(f"{scope}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _candidates(
    turn: TurnFingerprint, found: Mapping[str, Sequence[bytes]], read: Mapping[bytes, _Memory | None]
) -> list[_Memory]:
    """The memories on the strongest tier that has any; a tier that is full cannot be told to have one."""
    *contexts, ids = turn.tiers
    by_id = [memory for memory in _memories(ids, found, read) if _has_ids(memory, turn)]
    for tier in contexts:
        memories = [memory for memory in _memories(tier, found, read) if _says(memory, turn)]
        exact = [memory for memory in memories if _has_ids(memory, turn)]
        if exact or by_id:
            return exact or by_id
        if memories:
            full = any(len(found.get(key, ())) >= CANDIDATES for key in tier)
            return memories if not full else [*memories, _UNKNOWN]
    return by_id


def _memories(
    keys: Sequence[str], found: Mapping[str, Sequence[bytes]], read: Mapping[bytes, _Memory | None]
) -> list[_Memory]:
    payloads = dict.fromkeys(payload for key in keys for payload in found.get(key, ()))
    return [memory for memory in map(read.get, payloads) if memory is not None]


def _says(memory: _Memory, turn: TurnFingerprint) -> bool:
    """Whether the remembered turn has every call of the visible one, by what they say."""
    return turn.calls == memory.calls or {said for _, said in turn.calls} <= {said for _, said in memory.calls}


def _is_of(other: TurnFingerprint, memory: _Memory, turn: TurnFingerprint) -> bool:
    """Whether the remembered turn is another one of the history: it stood there, and ids do not say otherwise.

    A history that was trimmed when the turn was heard puts it where a turn before it stands in the whole.
    """
    return other is not turn and (_has_ids(memory, other) or not _has_ids(memory, turn))


def _has_ids(memory: _Memory, turn: TurnFingerprint) -> bool:
    """Whether it has every call of the visible one, by their ids."""
    if turn.calls == memory.calls:
        return bool(turn.calls)
    return bool(turn.calls) and {ident for ident, _ in turn.calls} <= {ident for ident, _ in memory.calls}


def _choose(candidates: list[_Memory], link: str | None) -> list[_Memory]:
    """The memories of the one answer; none where there are several."""
    if link:
        candidates = [memory for memory in candidates if memory.text == link]
    return candidates if len({memory.reasoning for memory in candidates}) == 1 else []


def _read(payload: bytes) -> _Memory | None:
    """A payload of this format; None for any other."""
    header, _, text = payload.partition(b"\n")
    try:
        version, place, _, _, calls, link, _, _, _, known, thought = _HEADER.decode(header.decode())
        pairs = tuple([(str(ident), str(said)) for ident, said in calls])
        reasoning = text.decode("utf-8", "surrogatepass") if thought else None
    except (ValueError, TypeError, RecursionError):
        return None
    fits = version == _FORMAT and all(isinstance(one, str) for one in (place, link, known))
    return _Memory(reasoning, known, pairs, link, place) if fits else None


_HEADER: Final = json.JSONDecoder()


_UNKNOWN: Final = _Memory("", "", (), "", "")
"""A candidate that there may be besides those that a full key gave."""
