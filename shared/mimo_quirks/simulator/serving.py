"""One request in, one reply out, and one exchange in the ledger; the same on every wire, and without HTTP.

What differs between wires is a row: how a request is read, what is wrong with it, how an answer is written.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from mimo_quirks.simulator import errors
from mimo_quirks.simulator.alignment import Placed, align, place
from mimo_quirks.simulator.answer import CACHED_REQUESTS, Answer, Sign, bill
from mimo_quirks.simulator.course import Course, Standing
from mimo_quirks.simulator.errors import WireError, error_bytes, to_bytes
from mimo_quirks.simulator.history import Asked, conversation_of
from mimo_quirks.simulator.judge import Replayed, examine, forbids, is_asked, rejects
from mimo_quirks.simulator.ledger import Ledger
from mimo_quirks.simulator.model import reply
from mimo_quirks.simulator.modes import Mode
from mimo_quirks.simulator.pieces import split_characters
from mimo_quirks.simulator.recollection import unread_bytes
from mimo_quirks.simulator.records import Exchange, Issued, WireName
from mimo_quirks.simulator.spellings import SPELLINGS
from mimo_quirks.simulator.wordings import WORDINGS

_JSON, _EVENTS = "application/json", "text/event-stream"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request as it came in; header names are lower case."""

    path: str
    headers: Mapping[str, str]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes out: `parts` are the separate writes, and `cut` says that no end follows them."""

    status: int
    media_type: str
    parts: tuple[bytes, ...]
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Wire:
    """One wire.

    Attributes:
        name: Its name.
        read: Understands a request as far as it can be understood.
        first_error: What is wrong with a request, apart from its key and the reasoning rule.
        forbidden: The rejection of the first reasoning in a request, where there is any.
        document: The answer as JSON.
        events: The answer as the events of a stream.
        relayed: An error of the model's own host as a relay's client sees it.
        frame: An error as an event of a stream.
        ordered: The wire orders the parts of a turn.
    """

    name: WireName
    read: Callable[[bytes, Mode], Asked]
    first_error: Callable[[Asked, Mode, Sign], WireError | None]
    forbidden: Callable[[Asked], WireError | None]
    document: Callable[[Answer], Mapping[str, Any]]
    events: Callable[[Answer], Iterable[bytes]]
    relayed: Callable[[WireError], WireError]
    frame: Callable[[WireError], bytes]
    ordered: bool = True


@dataclass(frozen=True, slots=True)
class _Visit:
    """All that is known of a request while it is here."""

    wire: Wire
    arrival: Arrival
    asked: Asked
    mode: Mode
    ledger: Ledger

    @property
    def conversation(self) -> str | None:
        return conversation_of(self.asked.body, self.mode.conversation)

    def exchange(self, reply: Reply, turns: Sequence[Replayed], issued: Issued | None = None) -> Exchange:
        return Exchange(
            path=self.arrival.path,
            headers=self.arrival.headers,
            raw=self.arrival.raw,
            body=self.asked.body,
            thinking=self.asked.thinking is not False,
            verdicts=tuple(turn.verdict for turn in turns),
            status=reply.status,
            issued=issued,
            error=b"".join(reply.parts) if issued is None else None,
            conversation=self.conversation,
            wire=self.wire.name,
            kept=tuple(turn.kept for turn in turns),
        )


def serve(wire: Wire, arrival: Arrival, course: Course, ledger: Ledger) -> Reply:
    """Judge a request, answer it, and record both before the first byte leaves."""
    mode = course.mode
    visit = _Visit(wire, arrival, wire.read(arrival.raw, mode), mode, ledger)
    if wire.name not in mode.wires:
        answer = Reply(errors.NOT_FOUND.status, _JSON, (errors.NOT_FOUND.raw,))
        ledger.record(visit.exchange(answer, ()))
        return answer
    asked, conversation = visit.asked, visit.conversation
    room = ledger.turns_of(conversation)
    seats = align(asked.history, room, mode)
    known = _by_identity(asked, ledger) if conversation is None else map(_issued, seats)
    turns = examine(asked.history, known, ledger.has_issued)
    if error := _error(visit, turns, course):
        answer = _rejection(visit, error)
        ledger.record(visit.exchange(answer, turns))
        return answer
    issued = reply(asked, mode, ordered=wire.ordered)
    cost = bill(arrival.raw, issued, ledger.latest(CACHED_REQUESTS), unread_bytes(asked.history, mode))
    answer = _success(wire, Answer(asked, mode, issued, cost, ledger.signature))
    placed = None if conversation is None else place(issued, asked.history, seats, room)
    ledger.record(visit.exchange(answer, turns, issued), placed)
    return answer


def _by_identity(asked: Asked, ledger: Ledger) -> Iterator[Issued | None]:
    # Without a conversation a turn is its own evidence.
    return (ledger.find(message.identity, message.reasoning) for message in asked.history if message.is_turn)


def _issued(seat: Placed | None) -> Issued | None:
    return seat.issued if seat else None


def _error(visit: _Visit, turns: Sequence[Replayed], course: Course) -> WireError | None:
    if not _has_key(visit.wire, visit.arrival.headers, visit.mode):
        return errors.INVALID_KEY
    if error := visit.wire.first_error(visit.asked, visit.mode, visit.ledger.signature):
        return error
    offence = _offence(visit, turns)
    rejected = course.rejects("offends" if offence else _standing(visit, turns))
    return (offence or _worded(visit.mode)) if rejected else None


def _offence(visit: _Visit, turns: Sequence[Replayed]) -> WireError | None:
    thinking = bool(visit.asked.thinking)
    if forbids(visit.mode, thinking=thinking):
        return visit.wire.forbidden(visit.asked)
    return _worded(visit.mode) if thinking and rejects(visit.mode, turns) else None


def _standing(visit: _Visit, turns: Sequence[Replayed]) -> Standing:
    asked = visit.asked.thinking and any(is_asked(visit.mode, turn) for turn in turns)
    return "complies" if asked else "unasked"


def _worded(mode: Mode) -> WireError:
    error = WORDINGS[mode.rejection].error
    return error if mode.rejection_status is None else replace(error, status=mode.rejection_status)


def _has_key(wire: Wire, headers: Mapping[str, str], mode: Mode) -> bool:
    # EVIDENCE §3.10: two are documented; `x-api-key` was answered with 401 on the chat wire (oh-my-pi#1581), while
    # reports about the messages wire disagree.
    scheme, _, token = headers.get("authorization", "").partition(" ")
    names = ("api-key", "x-api-key") if wire.name == "messages" and mode.x_api_key else ("api-key",)
    return (scheme.lower() == "bearer" and bool(token.strip())) or any(headers.get(name) for name in names)


def _rejection(visit: _Visit, error: WireError) -> Reply:
    said = visit.wire.relayed(error) if error.upstream and SPELLINGS[visit.mode.spelling].relays else error
    if visit.asked.streams and (visit.mode.first_frame_errors or visit.mode.second_frame_errors):
        opening = (_opening(visit),) if visit.mode.second_frame_errors else ()
        return Reply(200, _EVENTS, (*opening, visit.wire.frame(said)))
    body = error_bytes(said, prefixed=visit.mode.data_prefixed_errors and visit.asked.streams)
    return Reply(error.status, _JSON, (body,))


def _opening(visit: _Visit) -> bytes:
    nothing = Issued(reasoning=None, content="")
    answer = Answer(visit.asked, visit.mode, nothing, bill(visit.arrival.raw, nothing, ()), visit.ledger.signature)
    return next(iter(visit.wire.events(answer)))


def _success(wire: Wire, answer: Answer) -> Reply:
    if not answer.asked.streams:
        return Reply(200, _JSON, (to_bytes(wire.document(answer)),))
    written = list(wire.events(answer))
    sent = list(islice(written, answer.mode.cut_after))
    parts = [part for event in sent for part in split_characters(event)] if answer.mode.split_utf8 else sent
    return Reply(200, _EVENTS, tuple(parts), cut=len(sent) < len(written))
