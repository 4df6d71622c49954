"""Find again what a client dropped: exactly one answer for a turn, or none.

A request asks a store once, for the keys of every turn that lacks its reasoning; what comes back is judged here. The
strongest level that has candidates decides. A candidate that lacks a call of the turn is none; where some have the very
ids of the turn, the others are none; if their texts are all the same, that is the answer.

Several different texts are told apart by the turn that follows: it was remembered with a *link*, the digest of what was
sent for the turn before it, so that a choice once made in a conversation holds when a twin of it turns up later. What
still has two answers has none: somebody else's reasoning is worse than a placeholder (lessons.md 55, 59, 70).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from .keys import Sight, digest, sights
from .spellings import split_think
from .stores.protocol import Entry
from .turns import Message, is_placeholder, is_turn, read_reasoning, read_turn

_NOTHING_SENT: Final = digest("")


@dataclass(frozen=True, slots=True)
class Recall:
    """What was found for the turns of one history.

    Attributes:
        texts: Reasoning by the index of its turn.
        ambiguous: Indices of turns with several answers.
    """

    texts: Mapping[int, str] = field(default_factory=dict, repr=False)
    ambiguous: frozenset[int] = frozenset()


NOTHING: Final = Recall()
"""What is found where nobody asks."""


@dataclass(frozen=True, slots=True)
class Question:
    """The turns of a history that lack their reasoning, and the keys to ask for."""

    turns: tuple[Sight, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key once."""
        return tuple(dict.fromkeys(key for turn in self.turns for level in turn.levels for key in level))


@dataclass(frozen=True, slots=True)
class _Memory:
    reasoning: str
    calls: tuple[tuple[str, str], ...]
    link: str


def ask(history: Sequence[Message], scope: str) -> Question:
    """What to ask the store before a history is sent; nothing where every turn carries its reasoning."""
    lost = {index for index, message in enumerate(history) if is_turn(message) and _lacks(message)}
    return Question(tuple(sight for sight in sights(history, scope) if sight.index in lost)) if lost else Question()


def answer(question: Question, found: Mapping[str, Sequence[bytes]]) -> Recall:
    """Judges what the store found. The last turn comes first, for it may vouch for the one before."""
    texts: dict[int, str] = {}
    ambiguous, links = set(), dict[int, str]()
    for turn in reversed(question.turns):
        candidates = _candidates(turn, found)
        chosen = _choose(candidates, links.get(turn.ordinal))
        if chosen:
            texts[turn.index] = chosen.reasoning
            links[turn.ordinal - 1] = chosen.link
        elif candidates:
            ambiguous.add(turn.index)
    return Recall(texts, frozenset(ambiguous))


def remember(sent: Sequence[Message], message: Message, scope: str) -> Entry | None:
    """What to store of a finished turn, or None where there is nothing to remember.

    Args:
        sent: The history that the turn answers, as it was sent; its keys are those of the client's own form of it.
        message: The turn, as an assistant message of the chat wire with its reasoning.
        scope: Whose memory it is.
    """
    reasoning = read_turn(message).reasoning
    if reasoning is None or (reasoning and is_placeholder(reasoning)):
        return None
    turn = sights([*sent, {**message, "role": "assistant"}], scope)[-1]
    previous = next((read_reasoning(earlier) for earlier in reversed(sent) if is_turn(earlier)), None)
    payload = [reasoning, turn.calls, digest(previous or "")]
    return Entry(Question((turn,)).keys, json.dumps(payload, separators=(",", ":")).encode())


def _lacks(message: Message) -> bool:
    reasoning = read_reasoning(message)
    return (reasoning is None or is_placeholder(reasoning)) and split_think(message.get("content")) is None


def _candidates(turn: Sight, found: Mapping[str, Sequence[bytes]]) -> list[_Memory]:
    for level in turn.levels:
        payloads = dict.fromkeys(payload for key in level for payload in found.get(key, ()))
        memories = [memory for memory in map(_read, payloads) if _holds(memory, turn, 1) or level is turn.levels[-1]]
        if memories:
            return [memory for memory in memories if _holds(memory, turn, 0)] or memories
    return []


def _holds(memory: _Memory, turn: Sight, part: int) -> bool:
    """Whether the remembered turn has every call of the visible one, by its ids (0) or by what they say (1)."""
    return {call[part] for call in turn.calls} <= {call[part] for call in memory.calls}


def _choose(candidates: list[_Memory], link: str | None) -> _Memory | None:
    by_text = {memory.reasoning: memory for memory in candidates}
    if link not in (None, _NOTHING_SENT):
        by_text = {text: memory for text, memory in by_text.items() if digest(text) == link}
    return next(iter(by_text.values())) if len(by_text) == 1 else None


def _read(payload: bytes) -> _Memory:
    reasoning, calls, link = json.loads(payload)
    return _Memory(reasoning, tuple((ident, said) for ident, said in calls), link)
