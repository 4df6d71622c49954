"""The chat wire: one request in, one reply out, and one exchange in the ledger.

A wire is a function `(arrival, mode, ledger) -> reply` without any HTTP in it. Another wire is another such
function and one more row in `app.WIRES`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mimo_quirks.simulator import errors
from mimo_quirks.simulator.alignment import Placed, align, place
from mimo_quirks.simulator.checks import first_error
from mimo_quirks.simulator.completion import CACHED_REQUESTS, Completion, completion, document
from mimo_quirks.simulator.errors import WireError, error_bytes, relayed, to_bytes
from mimo_quirks.simulator.history import Asked, conversation_of, identity_of, is_assistant, read_request
from mimo_quirks.simulator.judge import Replayed, examine, refuses
from mimo_quirks.simulator.ledger import Ledger
from mimo_quirks.simulator.model import reply
from mimo_quirks.simulator.modes import Mode
from mimo_quirks.simulator.records import Exchange, Issued
from mimo_quirks.simulator.spellings import SPELLINGS, Spelling
from mimo_quirks.simulator.stream import events, split_characters

_JSON, _EVENTS = "application/json", "text/event-stream"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request as it came in; header names are lower case."""

    path: str
    headers: Mapping[str, str]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes out: `parts` are the separate writes."""

    status: int
    media_type: str
    parts: tuple[bytes, ...]


def chat(arrival: Arrival, mode: Mode, ledger: Ledger) -> Reply:
    """Judge a chat request, answer it, and record both before the first byte leaves."""
    spelling = SPELLINGS[mode.spelling]
    asked = read_request(arrival.raw, spelling)
    conversation = conversation_of(asked.body, mode.conversation)
    room = ledger.turns_of(conversation)
    seats = align(asked.history, room, mode)
    known = _by_identity(asked, spelling, ledger) if conversation is None else map(_issued, seats)
    turns = examine(asked.history, spelling, known, ledger.has_issued)
    outcome = _error(arrival, asked, mode, turns) or reply(asked, mode)
    earlier = ledger.latest(CACHED_REQUESTS)
    exchange = _exchange(arrival, asked, turns, outcome, conversation)
    if isinstance(outcome, WireError):
        ledger.record(exchange)
        return _refusal(outcome, asked, mode)
    ledger.record(exchange, None if conversation is None else place(outcome, asked.history, seats, room))
    return _success(completion(asked, arrival.raw, outcome, spelling, earlier), asked, mode)


def _by_identity(asked: Asked, spelling: Spelling, ledger: Ledger) -> Iterator[Issued | None]:
    # Without a conversation a turn is its own evidence.
    spoken = (message for message in asked.history if is_assistant(message))
    return (ledger.find(identity_of(message), spelling.read(message)) for message in spoken)


def _issued(seat: Placed | None) -> Issued | None:
    return seat.issued if seat else None


def _exchange(
    arrival: Arrival,
    asked: Asked,
    turns: tuple[Replayed, ...],
    outcome: WireError | Issued,
    conversation: str | None,
) -> Exchange:
    return Exchange(
        path=arrival.path,
        headers=arrival.headers,
        raw=arrival.raw,
        body=asked.body,
        thinking=asked.thinking is not False,
        verdicts=tuple(turn.verdict for turn in turns),
        status=outcome.status if isinstance(outcome, WireError) else 200,
        issued=outcome if isinstance(outcome, Issued) else None,
        conversation=conversation,
    )


def _error(arrival: Arrival, asked: Asked, mode: Mode, turns: tuple[Replayed, ...]) -> WireError | None:
    if not _has_key(arrival.headers):
        return errors.INVALID_KEY
    if error := first_error(asked, mode):
        return error
    return errors.REASONING_MISSING if asked.thinking and refuses(mode.accepts, turns) else None


def _has_key(headers: Mapping[str, str]) -> bool:
    # Contract §1.2: both are documented; `x-api-key` was answered with 401 (oh-my-pi#1581).
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return bool(headers.get("api-key") or (scheme.lower() == "bearer" and token.strip()))


def _refusal(error: WireError, asked: Asked, mode: Mode) -> Reply:
    said = relayed(error) if SPELLINGS[mode.spelling].relays else error
    body = error_bytes(said, prefixed=mode.data_prefixed_errors and asked.streams)
    return Reply(error.status, _JSON, (body,))


def _success(answer: Completion, asked: Asked, mode: Mode) -> Reply:
    if not asked.streams:
        return Reply(200, _JSON, (to_bytes(document(answer)),))
    with_usage = _wants_usage(asked.body.get("stream_options"))
    written = events(answer, with_usage=with_usage, late_reasoning=mode.late_reasoning)
    if mode.split_utf8:
        return Reply(200, _EVENTS, tuple(part for event in written for part in split_characters(event)))
    return Reply(200, _EVENTS, tuple(written))


def _wants_usage(options: Any) -> bool:
    # Contract §6: only then a last chunk with `choices: []` carries it.
    return isinstance(options, Mapping) and options.get("include_usage") is True
