"""Whether a candidate is a turn's memory: keys find candidates, proof decides; without proof none is taken.

One of these makes a candidate the turn's memory:

    ids      the API drew them, and the client kept them
    prefix   all that was said before is the same, under the same system prompt
    chain    it stands beside a turn that is proven: the running digest leads from the one place to the other, or the
             one was recorded when the other was sent for the turn before it (its link), which survives what breaks
             the digest: cleared results, injected messages, dropped calls
    cut      no turn is proven, for the beginning was cut off: one run of candidates chains through the whole history

And these make it a stranger's: a drawn id, of the turn or of the last one before it that has calls, that differs from
the remembered one of the same form, a link that names another text, other words of the user's right before it, another
end user. Two different texts that are equally proven are none (EVIDENCE §12.2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Final

from mimo_quirks.history.found import Proof
from mimo_quirks.history.turns import Call
from mimo_quirks.stores.protocol import CANDIDATES

from .fingerprints import Before, Place, prefix_after
from .ids import LONGEST_ID, form_of
from .memories import Link, Memory, Whose, asks_digest, guessed

_FAR: Final = 16
"""Over how many turns without a memory a chain goes back at most, each of which is one digest for each candidate."""


@dataclass(slots=True)
class Candidates:
    """What was found for a turn.

    Attributes:
        place: Where the turn stands.
        memories: Those that were found; those that nothing speaks against where they are judged (see `fits`).
        is_full: Whether more may be kept under what was said before than was found.
    """

    place: Place
    memories: Sequence[Memory]
    is_full: bool = False


@dataclass(slots=True)
class Proven:
    """What is proven of a history, by the ordinals of its turns.

    Attributes:
        memories: One for each turn that has one.
        proofs: What proves it.
        ambiguous: The turns for which several different texts are proven.
    """

    memories: dict[int, Memory] = field(default_factory=dict)
    proofs: dict[int, Proof] = field(default_factory=dict)
    ambiguous: set[int] = field(default_factory=set)

    @property
    def systems(self) -> frozenset[str]:
        """The system prompts under which the proven turns were made."""
        return frozenset([memory.system for memory in self.memories.values()])

    def take(self, ordinal: int, memory: Memory, proof: Proof) -> None:
        """A memory is a turn's."""
        self.memories[ordinal], self.proofs[ordinal] = memory, proof
        self.ambiguous.discard(ordinal)

    def drop(self, ordinal: int) -> None:
        """Nothing is proven of a turn."""
        del self.memories[ordinal], self.proofs[ordinal]

    def doubtful(self) -> Sequence[int]:
        """The turns that only what stands before them proves, where the next turn's link names another text."""
        return [
            ordinal
            for ordinal, proof in self.proofs.items()
            if proof == "prefix"
            and (following := self.memories.get(ordinal + 1)) is not None
            and following.link.text not in ("", self.memories[ordinal].text)
        ]


def fits(memory: Memory, place: Place, whose: Whose, rewritten: AbstractSet[int] = frozenset()) -> bool:
    """Whether nothing speaks against a candidate: it has every visible call, and nothing that tells it apart.

    Drawn ids speak of their own turn and of those after it until the next that has calls, so plain turns are told apart
    too. What users say speaks of the turn that answers them, but for the first one, before which a summary may stand.

    Args:
        memory: The candidate.
        place: Where the turn stands.
        whose: Whose request it is.
        rewritten: The ordinals of turns whose ids the client made up.
    """
    if not is_of_end_user(memory, whose):
        return False
    if is_kept(memory, place):
        return True
    remembered, before = [said for _, said in memory.calls], place.before
    if any(said not in remembered for said in place.said) or _has_another_id(memory.calls, place.calls, place.said):
        return False
    if before.ordinal not in rewritten and _has_another_id(memory.before, before.calls, before.said):
        return False
    if not memory.asks or not place.asks or (place.ordinal == 0 and not place.answers):
        return True
    return memory.prefix == place.prefix or memory.asks == asks_digest(place)  # what users said is in the prefix too


def is_of_end_user(memory: Memory, whose: Whose) -> bool:
    """Whether a memory is of the request's end user, where both name one."""
    return memory.end_user == whose.end_user or not (memory.end_user and whose.end_user)


def proves(proof: Proof, memory: Memory, place: Place, whose: Whose) -> bool:
    """Whether ids, or all that was said before, prove a candidate that `fits`."""
    if proof == "ids":
        return is_kept(memory, place)
    return memory.prefix == place.prefix and memory.system == whose.system


def is_rewritten(memories: Sequence[Memory], place: Place) -> bool:
    """Whether a client made up the ids of a turn's calls: the memories that it has know ids of another form."""
    drawn = [(form, said) for call, said in zip(place.calls, place.said, strict=True) if (form := form_of(call.id))]
    return (
        bool(drawn)
        and not any(has_ids(memory, place) for memory in memories)
        and any(
            form_of(ident) != form
            for memory in memories
            for ident, remembered in memory.calls
            for form, said in drawn
            if said == remembered
        )
    )


def is_kept(memory: Memory, place: Place) -> bool:
    """Whether it has every visible call by its id, and one of these was drawn."""
    return has_ids(memory, place) and any(form_of(call.id) for call in place.calls)


def has_ids(memory: Memory, place: Place) -> bool:
    """Whether it has every visible call by its id, drawn or not."""
    remembered = [ident for ident, _ in memory.calls]
    return bool(place.calls) and all(call.id[:LONGEST_ID] in remembered for call in place.calls)


def prove(turns: Sequence[Candidates], tails: Sequence[bytes], whose: Whose, known: Proven) -> Proven:
    """Judges the candidates of a history.

    Args:
        turns: The turns that are looked for, in order.
        tails: Of every turn of the history; see `Place.tail`.
        whose: Whose request it is.
        known: What is proven already, of other turns.
    """
    proven = Proven({**known.memories}, {**known.proofs})
    pools = {turn.place.ordinal: turn.memories for turn in turns if turn.memories}
    for turn in reversed(turns):
        ordinal = turn.place.ordinal
        proof, memories = _direct(turn, whose)
        if proof is not None:
            pools[ordinal] = memories
            _choose(proven, ordinal, memories, proof)
    if not proven.memories and not proven.ambiguous:
        _take_run(proven, turns, tails, whose)
    elif not proven.memories.keys() >= pools.keys():
        _chain_forward(proven, pools, tails)
        _chain_back(proven, pools, tails)
    return proven


def only(memories: Sequence[Memory]) -> Memory | None:
    """The memory of the one answer; None where there are several, or none.

    A turn that was recorded twice, the first time before its end, is the longer one: it has the same drawn ids. Of
    several with one text nobody can say after which turn it was made.
    """
    longest = max(memories, key=lambda memory: len(memory.reasoning or ""), default=None)
    if longest is None or len(memories) == 1:
        return longest
    if any(memory.reasoning != longest.reasoning for memory in memories):
        drawn = any(form_of(ident) for ident, _ in longest.calls)
        grew = [(longest.reasoning or "").startswith(memory.reasoning or "") for memory in memories]
        return longest if drawn and all(grew) and len({memory.calls for memory in memories}) == 1 else None
    return longest if len({memory.link for memory in memories}) == 1 else replace(longest, link=Link())


class Letters:
    """What memories say but for white space, of which each is read once."""

    def __init__(self) -> None:
        self._read: dict[Memory, str] = {}

    def carried_by(self, text: str, memories: Iterable[Memory]) -> Memory | None:
        """The memory that a turn carries with other white space, which proves itself; several such are none."""
        said = "".join(text.split())
        return only([one for one in memories if self._of(one) == said]) if said else None

    def _of(self, memory: Memory) -> str:
        if memory not in self._read:
            self._read[memory] = "".join((memory.reasoning or "").split())
        return self._read[memory]


def _direct(turn: Candidates, whose: Whose) -> tuple[Proof | None, Sequence[Memory]]:
    """What proves candidates by themselves, and those that it proves."""
    place = turn.place
    by_ids = [memory for memory in turn.memories if proves("ids", memory, place, whose)]
    if by_ids:
        return "ids", by_ids
    same = [memory for memory in turn.memories if proves("prefix", memory, place, whose)]
    kept = [memory for memory in same if has_ids(memory, place)] or [m for m in same if _stands_after(m, place.before)]
    if same and turn.is_full and not kept:
        return "prefix", [*same, _UNKNOWN]
    return ("prefix", kept or same) if same else (None, ())


def _choose(proven: Proven, ordinal: int, memories: Sequence[Memory], proof: Proof) -> None:
    """Takes the one that the next turn's link does not speak against; several different ones are none."""
    following = proven.memories.get(ordinal + 1)
    if following is not None and following.link.text:
        linked = [memory for memory in memories if memory.text == following.link.text]
        memories = linked if linked or proof != "ids" else memories
    memory = only(memories)
    if memory is not None:
        proven.take(ordinal, memory, proof)
    elif memories:
        proven.ambiguous.add(ordinal)


def _chain_forward(proven: Proven, pools: Mapping[int, Sequence[Memory]], tails: Sequence[bytes]) -> None:
    """From each turn that is proven to those after it."""
    before, at, prefix, systems = None, 0, b"", proven.systems
    for ordinal, tail in enumerate(tails):
        prefix = prefix_after(prefix, tail)
        if before is not None and ordinal not in proven.memories:
            near = ordinal == at + 1
            chained = [
                memory
                for memory in pools.get(ordinal, ())
                if _follows(memory, before, prefix, adjacent=near, same_systems=memory.system in systems)
            ]
            _choose(proven, ordinal, chained, "chain")
        if ordinal in proven.memories:
            before, at = proven.memories[ordinal], ordinal
            prefix = before.prefix


def _chain_back(proven: Proven, pools: Mapping[int, Sequence[Memory]], tails: Sequence[bytes]) -> None:
    """From each turn that is proven to those before it."""
    after, systems = None, proven.systems
    for ordinal in range(len(tails) - 1, -1, -1):
        if after is not None and ordinal not in proven.memories and after - ordinal <= _FAR:
            following, between, near = proven.memories[after], tails[ordinal + 1 : after + 1], after == ordinal + 1
            chained = [
                memory
                for memory in pools.get(ordinal, ())
                if (near and _was_sent(following, memory))
                or _follows(
                    following,
                    memory,
                    _rolled(memory.prefix, between),
                    adjacent=near,
                    same_systems=memory.system in systems,
                )
            ]
            _choose(proven, ordinal, chained, "chain")
        if ordinal in proven.memories:
            after = ordinal


@dataclass(frozen=True, slots=True)
class _Run:
    """Candidates that chain, the last one and those before it; `prefix` is the running digest where the run is."""

    memory: Memory
    ordinal: int
    prefix: bytes
    before: _Run | None = None


def _take_run(proven: Proven, turns: Sequence[Candidates], tails: Sequence[bytes], whose: Whose) -> None:
    """The one run through every turn that has candidates, where more turns stood before it than do now.

    All of it was made under the system prompt of the request, for nothing else tells it from another agent's; and no
    other turns stand before it but one, which may be the client's own answer to its summary.
    """
    covered = [turn for turn in turns if turn.memories]
    if len(covered) < _LEAST_RUN or covered[0].place.ordinal > 1:
        return
    first, *others = covered
    at = first.place.ordinal
    runs = [_Run(memory, at, memory.prefix) for memory in first.memories]
    for turn in others:
        between = tails[at + 1 : turn.place.ordinal + 1]
        at = turn.place.ordinal
        rolled = [(run, _rolled(run.prefix, between)) for run in runs]
        runs = [
            _Run(memory, at, memory.prefix, run)
            for run, prefix in rolled
            for memory in turn.memories
            if _follows(
                memory,
                run.memory,
                prefix,
                adjacent=at == run.ordinal + 1,
                same_systems=memory.system == run.memory.system,
            )
        ]
        if len(runs) > CANDIDATES:
            break
    rivals = {tuple(memory.reasoning for _, memory in _steps(run)) for run in runs[: CANDIDATES + 1]}
    if len(rivals) == 1 and len(runs) <= CANDIDATES:
        steps = [step for run in runs for step in _steps(run)]
        if any(ordinal >= memory.ordinal or memory.system != whose.system for ordinal, memory in steps):
            return
        for ordinal, memory in _steps(runs[0]):
            proven.take(ordinal, memory, "cut")
    elif runs:
        proven.ambiguous.update(turn.place.ordinal for turn in covered)


_LEAST_RUN: Final = 2


def _steps(run: _Run | None) -> Sequence[tuple[int, Memory]]:
    steps = []
    while run is not None:
        steps.append((run.ordinal, run.memory))
        run = run.before
    return steps


def _follows(after: Memory, before: Memory, prefix: bytes, *, adjacent: bool, same_systems: bool) -> bool:
    """Whether two memories are of one conversation.

    Args:
        after: The one that was recorded later.
        before: The other.
        prefix: The running digest at the place of the later one, as what is visible leads to it from the other.
        adjacent: Whether no turn stands between them.
        same_systems: Whether the one that is judged was recorded under a system prompt of this conversation, which may
            have several agents.
    """
    if adjacent and after.link.text:
        if after.link == before.own:
            return True
        if after.link.text != before.text:
            return False
    return same_systems and after.prefix == prefix


def _was_sent(after: Memory, before: Memory) -> bool:
    """Whether it was sent for a cut history, and that one answered: no proof, but the history stays as it was."""
    return after.link == Link(before.text, guessed(before.own.place))


def _rolled(prefix: bytes, tails: Sequence[bytes]) -> bytes:
    for tail in tails:
        prefix = prefix_after(prefix, tail)
    return prefix


def _stands_after(memory: Memory, before: Before) -> bool:
    """Whether the turn before it that had calls had a visible, drawn id."""
    visible = {call.id for call in before.calls} if memory.before else ()
    return any(ident in visible for ident, _ in memory.before)


def _has_another_id(remembered: Sequence[tuple[str, bytes]], calls: Sequence[Call], said: Sequence[bytes]) -> bool:
    """Whether a visible call has a drawn id where the remembered calls that say the same have others of its form."""
    if not remembered:
        return False
    for call, what in zip(calls, said, strict=True):
        form = form_of(call.id)
        same = [ident for ident, other in remembered if other == what] if form else []
        if same and all(ident != call.id and form_of(ident) == form for ident in same):
            return True
    return False


_UNKNOWN: Final = Memory("", "", b"", 0, (), (), "", Link(), "", "", "")
"""A candidate that there may be besides those that a full key gave."""
