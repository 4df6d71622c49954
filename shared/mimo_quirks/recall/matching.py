"""Find again what a client dropped: exactly one answer for a turn, or none.

A request asks a store once, for the keys of every turn that lacks its reasoning; what comes back is judged here. The
strongest level that has candidates decides. A candidate that lacks a call of the turn is none; where some have the very
ids of the turn, or where other turns of the history were found by theirs, those with other ids are none; if the texts
are all the same, that is the answer. A memory answers for one turn of a history alone.

Several different texts are told apart by the turn that follows: it was remembered with a *link*, the digest of what was
sent for the turn before it, so that a choice once made in a conversation holds when a twin of it turns up later. What
still has two answers has none: somebody else's reasoning is worse than a placeholder (lessons.md 55, 59, 70).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from mimo_quirks.facts.digests import digest
from mimo_quirks.facts.reasoning_fields import split_think
from mimo_quirks.history.found import FoundReasoning
from mimo_quirks.history.turns import Message, is_placeholder, is_turn, lift, read_reasoning, read_turn
from mimo_quirks.stores.protocol import CANDIDATES, Entry

from .fingerprints import TurnFingerprint, fingerprint_turns

_NOTHING_SENT: Final = digest("")
_FORMAT: Final = 1
"""The form of a payload; workers of two versions may share a store for a while."""


@dataclass(frozen=True, slots=True)
class Question:
    """The turns of a history that lack their reasoning, and the keys to ask for.

    Attributes:
        turns: Those to ask for, in order.
        doubted: Indices of those that do carry reasoning, which may be damaged.
    """

    turns: tuple[TurnFingerprint, ...] = ()
    doubted: frozenset[int] = frozenset()

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key once."""
        return tuple(dict.fromkeys(key for turn in self.turns for level in turn.levels for key in level))


@dataclass(frozen=True, slots=True)
class _Memory:
    """One remembered turn; `place` is where it stood, which tells two of equal content apart."""

    reasoning: str | None
    calls: tuple[tuple[str, str], ...]
    link: str
    place: str


def ask(history: Sequence[Message], scope: str, *, verify_carried: bool = False) -> Question:
    """What to ask the store before a history is sent; nothing where every turn carries its reasoning.

    Args:
        history: Messages of the chat wire.
        scope: Whose memory it is.
        verify_carried: Whether what a turn carries may have been damaged on its way here, or be another's.
    """
    turns = {index: _lacks(message) for index, message in enumerate(history) if is_turn(message)}
    asked = {index for index, lacks in turns.items() if lacks or verify_carried}
    if not asked:
        return Question()
    doubted = frozenset(index for index in asked if not turns[index])
    return Question(tuple(sight for sight in fingerprint_turns(history, scope) if sight.index in asked), doubted)


def answer(question: Question, found: Mapping[str, Sequence[bytes]]) -> FoundReasoning:
    """Judges what the store found. The last turn comes first, for it may vouch for the one before."""
    texts: dict[int, str] = {}
    ambiguous, links, taken = set(), dict[int, str](), set[_Memory]()
    read = {payload: _read(payload) for payload in set(chain.from_iterable(found.values()))}
    known = {turn.index: _candidates(turn, found, read) for turn in question.turns}
    keeps_ids = any(_has_ids(memory, turn) for turn in question.turns for memory in known[turn.index])
    places = {turn.levels[0][0]: turn for turn in question.turns}
    for turn in reversed(question.turns):
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
    return FoundReasoning(texts, frozenset(ambiguous))


def remember(sent: Sequence[Message], message: Message, scope: str) -> Entry | None:
    """What to store of a finished turn, or None where its reasoning is known to be lost.

    A turn without any reasoning is a fact too: unless it is known, another one's could be taken for it.

    Args:
        sent: The history that the turn answers, as it was sent; its keys are those of the client's own form of it.
        message: The turn, as an assistant message of the chat wire with its reasoning.
        scope: Whose memory it is.
    """
    reasoning = read_turn(message).reasoning
    if reasoning and is_placeholder(reasoning):
        return None
    turn = fingerprint_turns([*sent, {**message, "role": "assistant"}], scope)[-1]
    previous = next((lift(earlier)[0] for earlier in reversed(sent) if is_turn(earlier)), None) or ""
    link = digest("" if is_placeholder(previous) else previous)
    payload = [_FORMAT, reasoning, turn.calls, link, turn.levels[0][0]]
    return Entry(Question((turn,)).keys, json.dumps(payload, separators=(",", ":")).encode())


def _lacks(message: Message) -> bool:
    reasoning = read_reasoning(message)
    return (reasoning is None or is_placeholder(reasoning)) and split_think(message.get("content")) is None


def _candidates(
    turn: TurnFingerprint, found: Mapping[str, Sequence[bytes]], read: Mapping[bytes, _Memory | None]
) -> list[_Memory]:
    """The memories on the strongest level that has any; a level that is full cannot be told to have one."""
    *contexts, ids = turn.levels
    by_id = [memory for memory in _memories(ids, found, read) if _has_ids(memory, turn)]
    for level in contexts:
        memories = [memory for memory in _memories(level, found, read) if _says(memory, turn)]
        exact = [memory for memory in memories if _has_ids(memory, turn)]
        if exact or by_id:
            return exact or by_id
        if memories:
            full = any(len(found.get(key, ())) >= CANDIDATES for key in level)
            return memories if not full else [*memories, _UNKNOWN]
    return by_id


def _memories(
    keys: Sequence[str], found: Mapping[str, Sequence[bytes]], read: Mapping[bytes, _Memory | None]
) -> list[_Memory]:
    payloads = dict.fromkeys(payload for key in keys for payload in found.get(key, ()))
    return [memory for memory in map(read.get, payloads) if memory is not None]


def _says(memory: _Memory, turn: TurnFingerprint) -> bool:
    """Whether the remembered turn has every call of the visible one, by what they say."""
    return {said for _, said in turn.calls} <= {said for _, said in memory.calls}


def _is_of(other: TurnFingerprint, memory: _Memory, turn: TurnFingerprint) -> bool:
    """Whether the remembered turn is another one of the history: it stood there, and ids do not say otherwise.

    A history that was trimmed when the turn was heard puts it where a turn before it stands in the whole.
    """
    return other is not turn and (_has_ids(memory, other) or not _has_ids(memory, turn))


def _has_ids(memory: _Memory, turn: TurnFingerprint) -> bool:
    """Whether it has every call of the visible one, by their ids."""
    return bool(turn.calls) and {ident for ident, _ in turn.calls} <= {ident for ident, _ in memory.calls}


def _choose(candidates: list[_Memory], link: str | None) -> list[_Memory]:
    """The memories of the one answer; none where there are several."""
    if link not in (None, _NOTHING_SENT):
        candidates = [memory for memory in candidates if digest(memory.reasoning or "") == link]
    return candidates if len({memory.reasoning for memory in candidates}) == 1 else []


def _read(payload: bytes) -> _Memory | None:
    """A payload of this format; None for one that somebody else wrote."""
    try:
        version, reasoning, calls, link, place = json.loads(payload)
        pairs = tuple((str(ident), str(said)) for ident, said in calls)
    except (ValueError, TypeError, RecursionError):
        return None
    fit = version == _FORMAT and isinstance(reasoning, str | None) and isinstance(link, str) and isinstance(place, str)
    return _Memory(reasoning, pairs, link, place) if fit else None


_UNKNOWN: Final = _Memory("", (), "", "")
"""A candidate that there may be besides those that a full key gave."""
