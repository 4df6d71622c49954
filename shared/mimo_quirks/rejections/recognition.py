"""Recognise the rejections: the 400s about reasoning, told apart from each other and from every other 400.

The useful words stand in `param`, not in `message` (EVIDENCE §5.1), and relays wrap, reword and cut them, so the whole
text of an error is searched, wherever its library keeps it. "Missing" and "forbidden" need opposite repairs: padding a
host that forbids the field would be as wrong as stripping one that demands it (EVIDENCE §5.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from mimo_quirks.facts.families import family_of
from mimo_quirks.facts.quirks import quirks_for
from mimo_quirks.history.turns import Message, is_placeholder, is_tool_turn, is_turn, read_reasoning
from mimo_quirks.request.thinking import asked_to_think
from mimo_quirks.wires import CHAT, MESSAGES, RESPONSES, Wire

from .errors import CUT, error_text, status_of
from .quotes import without_quotes


class RejectionKind(Enum):
    """What a rejection says of the reasoning in the request."""

    MISSING = "missing"
    """The family's own demand: a tool turn came back without its reasoning (EVIDENCE §5.1)."""
    OTHER_FAMILY = "other family"
    """The same demand by another family's API (EVIDENCE §5.2, F1 to F8)."""
    FORBIDDEN = "forbidden"
    """The host takes no reasoning field (EVIDENCE §5.2, F10)."""
    FOREIGN_SIGNATURE = "foreign signature"
    """A signed thinking block was changed, lost or put before the wrong vendor (EVIDENCE §5.2, F9)."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a rejection says.

    Attributes:
        kind: Of the reasoning in the request.
        field: The field that the host itself says is missing; empty where it names none.
    """

    kind: RejectionKind
    field: str = ""


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Row:
    kind: RejectionKind
    text: re.Pattern[str]
    source: str


_PATH: Final = r"""[\w.\[\]'",\s]"""
_FIELD: Final = (
    r"(?:reasoning_content|reasoning_details|thinking_blocks"
    rf"|messages{_PATH}{{0,60}}?(?:reasoning|thinking)|input{_PATH}{{1,60}}?reasoning)\b"
)
_EXTRA: Final = r"(?:extra inputs are not permitted|extra_forbidden)"
_PASSED_BACK: Final = r"\s+in\s+(?:the\s+)?thinking\s+mode\s+must\s+be\s+passed\s+ba"

_ROWS: Final = (
    _Row(
        RejectionKind.FOREIGN_SIGNATURE,
        _any(
            r"invalid\W{1,6}signature\W{1,6}in\W{1,6}thinking",
            r"thinking\.signature\W{0,4}:\s*field required",
            r"expected\W{1,6}thinking\W{1,6}or\W{1,6}redacted_thinking\W{1,6}but found",
        ),
        "F9: Claude",
    ),
    _Row(
        RejectionKind.FORBIDDEN,
        _any(
            # Between the name and the complaint stands nothing else, for one error may have several of both.
            rf"{_FIELD}[\W_]{{0,12}}(?:msg|message)?[\W_]{{0,6}}{_EXTRA}",
            rf"{_EXTRA}[^\w{{}}]{{1,8}}(?:loc|field|at)[^\w{{}}]{{1,8}}{_PATH}{{0,80}}?{_FIELD}",
            rf"additional properties are not allowed\W{{1,4}}[^)]{{0,60}}?{_FIELD}",
            r"(?:unknown|unsupported|unrecognized|unexpected)\s+(?:request\s+)?(?:field|param\w*|property|key|argument)"
            rf"(?:\s+supplied)?\W{{1,4}}[\w.\[\]]{{0,60}}?{_FIELD}",
            rf"{_FIELD}\W{{1,8}}(?:field\s+)?is\s+(?:unsupported|not\s+(?:supported|allowed|permitted))"
            r"(?!\s+to\b|\s+(?:in|on|for)\s+(?:user|system|tool)\b)",
        ),
        "F10: the strict hosts in hermes-agent's table",
    ),
    _Row(
        RejectionKind.OTHER_FAMILY,
        _any(
            rf"`reasoning[ _]content`{_PASSED_BACK}",
            rf"content\W{{0,4}}\.thinking`?{_PASSED_BACK}",
            rf"reasoning content{_PASSED_BACK}",
            r"thinking\s+is\s+enabled\s+but\s+reasoning_content\s+is\s+missing",
        ),
        "F1, F2, F4 to F8: DeepSeek quotes the name, its Anthropic wire names the block, Kimi words it otherwise",
    ),
    _Row(
        RejectionKind.MISSING,
        _any(rf"\breasoning(?:_content)?['\"]?{_PASSED_BACK}"),
        "E1 to E5, E7 to E13, E15; F3 too, which only the rejected model tells apart",
    ),
)

_NAMED: Final = re.compile(rf"\b(reasoning_content|reasoning)['\"`]?(?:{_PASSED_BACK}|\s+is\s+missing)", re.IGNORECASE)
_RELAYED: Final = re.compile(r"\bprovider_name\b")
"""A relay that says whose error it is: the field in it is another host's, and the relay itself may want another."""

_BARE: Final = re.compile(r"\bparam incorrect\b(?!\s*[:(]\s*\S)", re.IGNORECASE)
_EXPLAINED: Final = re.compile(r"""\bparam["']?\s*[:=]\s*["'`]*(?!null|none|["'`\s},])\S""", re.IGNORECASE)
_BARE_EXTRA: Final = re.compile(_EXTRA, re.IGNORECASE)
_NAMED_EXTRA: Final = re.compile(
    rf"\b(?!error|detail|message|msg)[a-z_][\w.\[\]]{{0,200}}\s*:?\s*{_EXTRA}|{_EXTRA}\W{{1,4}}field\W|['\"]loc['\"]",
    re.IGNORECASE,
)
_MODERATED: Final = re.compile(
    r"""\bcode["'`]?\s*[:=]\s*["'`]?(?:421|441)\b|\bcontent[ _-]?(?:filter|policy|was filtered)"""
    r"""|\brisk[ _-]control|\bmoderat(?:ed|ion)\b|\bflagged\b""",
    re.IGNORECASE,
)
"""An error that may quote what a user wrote, who may have asked about a rejection (EVIDENCE §5.3)."""
_ECHO: Final = re.compile(rf"""\binput(?:_value)?["']?\s*[:=]\s*(["']).*?(?:\1|{CUT})""", re.IGNORECASE | re.DOTALL)
"""What a validator repeats of the request."""
_OF_BARE: Final = (None, 400)
_OF_BARE_EXTRA: Final = (None, 400, 422)
_OF_SERVERS: Final = 500


def classify_rejection(
    error: object, request: Mapping[str, Any] | None = None, wire: Wire | None = None
) -> RejectionKind | None:
    """Tells what kind of rejection an error is, or None where it is none of ours.

    Args:
        error: The error as its library raised it, an event of a stream, or the response's body as text or parsed JSON.
        request: The body that was rejected. It names the model where the words do not, and it decides about errors
            that lost their words on the way: a bare ``Param Incorrect`` is a rejection only of a request that could
            have been rejected for its reasoning.
        wire: The wire of the request. Where nobody says, it is the first that can read a tool turn in it: a turn of the
            chat wire has ``tool_calls``, one of the messages wire has ``tool_use`` blocks, and a request of the
            responses wire has ``input``.
    """
    demand = read_demand(error, request, wire)
    return None if demand is None else demand.kind


def read_demand(
    error: object, request: Mapping[str, Any] | None = None, wire: Wire | None = None, *, given: object = None
) -> Demand | None:
    """As `classify_rejection`, with the field that the host names.

    Args:
        error: See there, and so are `request` and `wire`.
        request: See there. What the error quotes of it is not read.
        wire: See there.
        given: What else the client gave that the error may quote.
    """
    status = status_of(error)
    if not _may_reject(status):
        return None
    text = without_quotes(_ECHO.sub("", error_text(error)), request, given)
    if text is None or _MODERATED.search(text):
        return None
    for row in _ROWS:
        if row.text.search(text):
            return Demand(_of_family(row.kind, request), _named(text))
    if status in _OF_BARE and _BARE.search(text) and not _EXPLAINED.search(text) and _lacks_reasoning(request, wire):
        return Demand(RejectionKind.MISSING)
    if status in _OF_BARE_EXTRA and _is_bare_extra(text) and _has_reasoning(request, wire):
        return Demand(RejectionKind.FORBIDDEN)
    return None


def is_reasoning_rejection(error: object, request: Mapping[str, Any] | None = None, wire: Wire | None = None) -> bool:
    """Whether an error is the API's rejection of missing or forbidden reasoning; see `classify_rejection`."""
    return classify_rejection(error, request, wire) is not None


def _may_reject(status: int | None) -> bool:
    """EVIDENCE §5.4: 400 where it is known, 422 of strict hosts, and 5xx of relays, which reword it."""
    return status in _OF_BARE_EXTRA or (status or 0) >= _OF_SERVERS


def _named(text: str) -> str:
    named = None if _RELAYED.search(text) else _NAMED.search(text)
    return named[1].lower() if named else ""


def _is_bare_extra(text: str) -> bool:
    return bool(_BARE_EXTRA.search(text)) and not _NAMED_EXTRA.search(text)


def _of_family(kind: RejectionKind, request: Mapping[str, Any] | None) -> RejectionKind:
    """The same words without quotes are used by two vendors; the rejected model tells which."""
    model = request.get("model") if isinstance(request, Mapping) else None
    family = family_of(model) if isinstance(model, str) else None
    if kind is RejectionKind.MISSING and family not in (None, "mimo"):
        return RejectionKind.OTHER_FAMILY
    return kind


def _lacks_reasoning(request: Mapping[str, Any] | None, wire: Wire | None) -> bool:
    """Whether it could have been rejected: thinking is on, and a tool turn has no reasoning (EVIDENCE §5.3)."""
    tool_turns = ([message for message in messages if is_tool_turn(message)] for messages in _views(request, wire))
    turns = next((turns for turns in tool_turns if turns), [])
    return any(is_placeholder(read_reasoning(turn) or "") for turn in turns) and _thinks(request or {})


def _has_reasoning(request: Mapping[str, Any] | None, wire: Wire | None) -> bool:
    turns = (message for messages in _views(request, wire) for message in messages if is_turn(message))
    return any(read_reasoning(turn) is not None for turn in turns)


def _thinks(request: Mapping[str, Any]) -> bool:
    """Whether nobody doubts that the model thinks: which switch its host obeys is not known here."""
    extra = request.get("extra_body")
    asked = asked_to_think({**request, **extra} if isinstance(extra, Mapping) else request)
    quirks = quirks_for(str(request.get("model")))
    return asked is True or (asked is None and (quirks is None or quirks.thinks_by_default))


def _views(request: Mapping[str, Any] | None, wire: Wire | None) -> Iterator[Sequence[Message]]:
    """The history as each wire sees it that it can be of."""
    body = request if isinstance(request, Mapping) else {}
    views = (one.view(body.get(one.history)) for one in (CHAT, MESSAGES, RESPONSES) if wire in (None, one))
    return (view.messages for view in views if view is not None)
