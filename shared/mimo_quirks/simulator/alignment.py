"""Which turn of its conversation each assistant message is, when neither ids nor texts need to tell.

A client may rewrite ids, write arguments anew, reorder parallel calls or lose some, replace the beginning of a
history by a summary, ask again, or go back and branch. So messages are placed by their order. The rule:

1. Every turn follows another: the one that the last recognised assistant message of its request was or, where
   there was none, the newest of the conversation. A turn with all that it follows is a *line*.
2. A message *fits* a turn of its kind: with calls, if the names are among the turn's, as often as there or less
   often; without, if the text is the same apart from its edges. A token that nobody can guess, an id or a text
   issued as `unique`, is proof, and needs no line.
3. On a line every message, from the last one backwards, is the nearest turn that it fits, before the turn of the
   message after it. One that fits none is a stranger, and takes no place.
4. The line that places most messages holds; among equals one whose end answered the very history before the last
   assistant message, reasoning apart (a retry, a branch); then the newest. On a linear conversation, whole or
   compacted, these are the last k turns.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mimo_quirks.simulator.errors import to_bytes
from mimo_quirks.simulator.history import Message
from mimo_quirks.simulator.modes import Mode
from mimo_quirks.simulator.records import Identity, Issued


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A turn in its conversation.

    Attributes:
        issued: The turn.
        state: Fingerprint of the history that it answered.
        earlier: The turn that it follows; out of the repr, since it goes back to the beginning.
    """

    issued: Issued
    state: bytes
    earlier: "Placed | None" = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Spoken:
    """An assistant message as far as it is looked at; `proven` is the turn whose token it carries."""

    names: Counter[str] | None
    text: str
    proven: Placed | None

    def fits(self, turn: Issued) -> bool:
        if self.names is None or not turn.calls:
            return self.names is None and not turn.calls and self.text == turn.content.strip()
        return self.names <= Counter(call.name for call in turn.calls)


def align(history: Sequence[Message], turns: Sequence[Placed], mode: Mode) -> tuple[Placed | None, ...]:
    """Find the turn of every assistant message among those of its conversation, oldest first; see the rule above."""
    owners = _owners(turns, mode)
    spoken = [_spoken(message, owners) for message in history if message.is_turn]
    best: tuple[Placed | None, ...] = (None,) * len(spoken)
    if not spoken or not turns:
        return best
    last = max(position for position, message in enumerate(history) if message.is_turn)
    before = state_of(history[:last])
    newest_first = turns[::-1]
    for end in sorted(newest_first, key=lambda turn: turn.state != before):
        found = _on_line(spoken, end)
        if None not in found:
            return found
        best = max(best, found, key=_count)
    return best


def place(
    issued: Issued, history: Sequence[Message], aligned: Sequence[Placed | None], turns: Sequence[Placed]
) -> Placed:
    """Give a new turn its place in the conversation of the history that it answers."""
    known = [turn for turn in aligned if turn is not None] or turns
    return Placed(issued, state_of(history), known[-1] if known else None)


def state_of(history: Sequence[Message]) -> bytes:
    """Fingerprint what a client shows of a history, without any reasoning: requests of one state ask the same."""
    shown = [(message.is_turn, *_tokens(message.identity)) for message in history]
    return hashlib.sha256(to_bytes(shown)).digest()


def _on_line(spoken: Sequence[_Spoken], end: Placed) -> tuple[Placed | None, ...]:
    found: list[Placed | None] = []
    rest: Placed | None = end
    for message in reversed(spoken):
        turn = message.proven or next((turn for turn in _line(rest) if message.fits(turn.issued)), None)
        rest = rest if turn is None else turn.earlier
        found.append(turn)
    return tuple(reversed(found))


def _line(turn: Placed | None) -> Iterator[Placed]:
    while turn is not None:
        yield turn
        turn = turn.earlier


def _count(found: Sequence[Placed | None]) -> int:
    return sum(turn is not None for turn in found)


def _spoken(message: Message, owners: Mapping[str, Placed]) -> _Spoken:
    tokens = _tokens(message.identity)
    proven = next((owners[token] for token in tokens if token in owners), None)
    names = Counter(call.name for call in message.calls) if message.calls else None
    return _Spoken(names, message.text.strip(), proven)


def _owners(turns: Sequence[Placed], mode: Mode) -> Mapping[str, Placed]:
    proofs = {True: mode.ids == "unique", False: mode.answers == "unique"}
    telling = [turn for turn in turns if proofs[bool(turn.issued.calls)]]
    return {token: turn for turn in telling for token in _tokens(turn.issued.identity)}


def _tokens(identity: Identity) -> Sequence[str]:
    return (identity,) if isinstance(identity, str) else sorted(identity)
