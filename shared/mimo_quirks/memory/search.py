"""The search for the turns of a history: what near memory knows, what the far store is asked, and what both prove."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Final

from mimo_quirks.history.found import FoundReasoning, Proof
from mimo_quirks.recall.fingerprints import Marks, Place, id_marks, key_of, marks_of, owner_mark, prefix_mark
from mimo_quirks.recall.lookup import TurnLookup
from mimo_quirks.recall.memories import Memory, guessed, owner_digest
from mimo_quirks.recall.proof import Candidates, Letters, Proven, fits, is_of_end_user, is_rewritten, prove, proves
from mimo_quirks.stores import CANDIDATES

from .near import Held, NearMemory

_NOTHING: Final[Mapping[str, Sequence[bytes]]] = {}


class Search:
    """One look-up: first in near memory, then, with what the far store has, to its end.

    Near memory alone answers for turns that ids prove, and for carried texts that it knows. Of other turns the far
    store, where there is one, may have a second answer.

    Args:
        lookup: What is looked up.
        near: The memory of this process.
        now: The time, of the clock that `near` is used with.
        alone: Whether there is no far store.

    Attributes:
        lost: Indices of the turns that lack their reasoning.
    """

    def __init__(self, lookup: TurnLookup, near: NearMemory, now: float, *, alone: bool) -> None:
        self.lost = frozenset([place.at for place in lookup.lost])
        self._lookup = lookup
        self._near = near
        self._now = now
        self._owner = owner_mark(lookup.whose.scope)
        self._whole: dict[int, str] = {}
        self._used: list[Held] = []
        self._known = Proven()
        self._carried_last: Memory | None = None
        self._alone = alone
        self._marks: dict[int, Marks] = {}
        self._doubted: dict[int, str] = {}
        self._own: dict[int, Memory] = {}
        self._look_near()

    @property
    def keys(self) -> tuple[str, ...]:
        """What to ask the far store for; empty where near memory is enough."""
        return tuple(self._far_keys.values())

    @functools.cached_property
    def _far_keys(self) -> Mapping[bytes, str]:
        """The far store's key of each mark."""
        return {mark: key_of(mark) for marks in self._marks.values() for mark in chain(*marks)}

    def conclude(self, far: Mapping[str, Sequence[bytes]] = _NOTHING) -> FoundReasoning:
        """What is found for the turns of the history; what is taken from the far store is near from now on.

        Args:
            far: What the far store has under the keys that it was asked for.
        """
        proven = self._proven(far) if self._marks else self._known
        self._near.use(self._used, self._now)
        places = self._lookup.places
        as_carried = {place.ordinal: text for place, text, is_plain in self._lookup.carried if is_plain}
        texts, memories = self._whole, proven.memories
        for ordinal, memory in {**self._own, **memories}.items():
            if memory.reasoning is not None and memory.reasoning != as_carried.get(ordinal):
                texts[places[ordinal].at] = memory.reasoning
        last = memories.get(len(places) - 1, self._carried_last)
        place = last.own.place if last else ""
        return FoundReasoning(
            texts,
            {places[ordinal].at: proof for ordinal, proof in proven.proofs.items()},
            frozenset([places[ordinal].at for ordinal in proven.ambiguous]),
            guessed(place) if proven.proofs.get(len(places) - 1) == "cut" else place,
        )

    def _look_near(self) -> None:
        """Takes what near memory knows for certain; what is left is looked up."""
        lookup, owner = self._lookup, owner_digest(self._lookup.whose.scope)
        for place, text, is_plain in lookup.carried:
            held = self._near.with_text(owner, text)
            if held is not None and held.fresh_until > self._now:
                self._used.append(held)
                if place is lookup.places[-1] and self._is_proven(held, place):
                    self._carried_last = held.memory
                if not is_plain:
                    self._whole[place.at] = text
            elif not self._is_known(place):
                self._doubt(place, text)
        left = [place for place in lookup.lost if not self._is_known(place)]
        for ordinal in self._known.doubtful():
            self._known.drop(ordinal)
            left.append(lookup.places[ordinal])
        whose = lookup.whose
        self._marks.update(
            {place.ordinal: marks_of(place, self._owner, whose.system, whose.end_user) for place in left}
        )

    def _doubt(self, place: Place, text: str) -> None:
        """Looks up a turn that carries a text, which a memory mends that needs no chain, or has the same text.

        An answer has no ids, so it is looked for in its round and its gap too.
        """
        whose = self._lookup.whose
        prefix = prefix_mark(place, self._owner, whose.system)
        loose = () if place.calls else marks_of(place, self._owner, whose.system, whose.end_user).loose
        marks = Marks((), (prefix,), loose, id_marks(place, self._owner)[:1])
        if not self._alone or any(map(self._near.get, chain(*marks))):
            self._marks[place.ordinal], self._doubted[place.ordinal] = marks, text

    def _is_known(self, place: Place) -> bool:
        """Takes what near memory knows of a turn, if that is all there is to know."""
        if (marks := id_marks(place, self._owner)) and self._is_taken(place, marks[0], "ids"):
            return True
        mark = prefix_mark(place, self._owner, self._lookup.whose.system)
        return self._alone and self._is_taken(place, mark, "prefix")

    def _is_proven(self, held: Held, place: Place) -> bool:
        whose = self._lookup.whose
        return proves("ids", held.memory, place, whose) or proves("prefix", held.memory, place, whose)

    def _is_taken(self, place: Place, mark: bytes, proof: Proof) -> bool:
        """Takes the one memory under a mark, if it is proven and fresh."""
        held, whose = self._near.get(mark), self._lookup.whose
        if len(held) != 1 or held[0].fresh_until <= self._now or not proves(proof, held[0].memory, place, whose):
            return False
        if not (is_of_end_user(held[0].memory, whose) if proof == "ids" else fits(held[0].memory, place, whose)):
            return False
        self._known.take(place.ordinal, held[0].memory, proof)
        self._used += held
        return True

    def _proven(self, far: Mapping[str, Sequence[bytes]]) -> Proven:
        """Judges what both have, and holds what is taken of it."""
        places = self._lookup.places
        read = {payload: Memory.from_bytes(payload) for payload in set(chain.from_iterable(far.values()))}
        turns, near, found = list[Candidates](), dict[Memory, Held](), dict[Memory, dict[bytes, None]]()
        letters = Letters()
        for ordinal, marks in sorted(self._marks.items()):
            place, candidates, counts = places[ordinal], dict[Memory, None](), dict[bytes, int]()
            for mark in chain(*marks):
                held, payloads = self._near.get(mark), far.get(self._far_keys[mark], ()) if far else ()
                near.update({one.memory: one for one in held})
                for memory in filter(None, map(read.get, payloads)):
                    found.setdefault(memory, {})[mark] = None
                    candidates[memory] = None
                candidates.update(dict.fromkeys([one.memory for one in held]))
                counts[mark] = max(len(held), len(payloads))
            telling = marks.named if any(counts[mark] for mark in marks.named) else marks.prefix
            is_full = any(counts[mark] >= CANDIDATES for mark in telling)
            turns.append(Candidates(place, tuple(candidates), is_full))
            if (own := letters.carried_by(self._doubted.get(ordinal, ""), candidates)) is not None:
                self._own[ordinal] = own
        rewritten = {turn.place.ordinal for turn in turns if is_rewritten(turn.memories, turn.place)}
        rewritten |= {at for at, memory in self._known.memories.items() if is_rewritten([memory], places[at])}
        for turn in turns:
            turn.memories = [one for one in turn.memories if fits(one, turn.place, self._lookup.whose, rewritten)]
        proven = prove(turns, [place.tail for place in places], self._lookup.whose, self._known)
        for memory in (*proven.memories.values(), *self._own.values()):
            if memory in found:
                self._near.add(memory, tuple(found[memory]), self._now)
            elif memory in near:
                self._used.append(near[memory])
        return proven
