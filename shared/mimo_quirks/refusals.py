"""Recognise the refusals: the 400s about reasoning, told apart from each other and from every other 400.

The useful words stand in `param`, not in `message` (contract §5.1), and relays wrap, reword and cut them, so the whole
text of an error is searched, wherever its library keeps it. "Missing" and "forbidden" need opposite repairs: padding a
host that forbids the field would be as wrong as stripping one that demands it (contract §5.4; lessons.md 94).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from .families import family_of
from .kinds import RefusalKind
from .quirks import quirks_for
from .thinking import is_thinking
from .turns import is_placeholder, is_tool_turn, is_turn, read_reasoning


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Row:
    kind: RefusalKind
    text: re.Pattern[str]
    source: str


_PLACES: Final = r"messages\S{0,40}reasoning|messages\S{0,40}content\S{0,20}thinking|input\S{0,20}reasoning"
_FIELD: Final = rf"(?:reasoning_content|reasoning_details|thinking_blocks|{_PLACES})\b"
_EXTRA: Final = r"(?:extra inputs are not permitted|extra_forbidden)"
_PASSED_BACK: Final = r"\s+in\s+(?:the\s+)?thinking\s+mode\s+must\s+be\s+passed\s+ba"

_ROWS: Final = (
    _Row(
        RefusalKind.FOREIGN_SIGNATURE,
        _any(
            r"invalid\W{1,6}signature\W{1,6}in\W{1,6}thinking",
            r"thinking\.signature\W{0,4}:\s*field required",
            r"expected\W{1,6}thinking\W{1,6}or\W{1,6}redacted_thinking\W{1,6}but found",
        ),
        "F9: Claude",
    ),
    _Row(
        RefusalKind.FORBIDDEN,
        _any(
            rf"{_FIELD}.{{0,80}}?{_EXTRA}",
            rf"{_EXTRA}.{{0,80}}?{_FIELD}",
            rf"(?:unknown|unsupported|unrecognized|unexpected)\s+(?:field|param\w*|property|key).{{0,40}}?{_FIELD}",
            rf"{_FIELD}\W{{1,8}}(?:field\s+)?is\s+(?:not\s+(?:supported|allowed|permitted)|unsupported)",
        ),
        "F10: the strict hosts in hermes-agent's table",
    ),
    _Row(
        RefusalKind.OTHER_FAMILY,
        _any(
            rf"`reasoning[ _]content`{_PASSED_BACK}",
            rf"content\W{{0,4}}\.thinking`?{_PASSED_BACK}",
            rf"reasoning content{_PASSED_BACK}",
            r"thinking\s+is\s+enabled\s+but\s+reasoning_content\s+is\s+missing",
        ),
        "F1, F2, F4 to F8: DeepSeek quotes the name, its Anthropic wire names the block, Kimi words it otherwise",
    ),
    _Row(
        RefusalKind.MISSING,
        _any(rf"\breasoning_content['\"]?{_PASSED_BACK}"),
        "E1 to E5, E7 to E13, E15; F3 too, which only the refused model tells apart",
    ),
)

_BARE: Final = re.compile(r"\bparam incorrect\b(?!\s*[:(]\s*\S)", re.IGNORECASE)
_EXPLAINED: Final = re.compile(r"""\bparam["']?\s*[:=]\s*["'`]*(?!null|none|["'`\s},])\S""", re.IGNORECASE)
_BARE_EXTRA: Final = re.compile(_EXTRA, re.IGNORECASE)
_NAMED_EXTRA: Final = re.compile(
    rf"\b(?!error|detail|message|msg)[a-z_][\w.\[\]]{{0,200}}\s*:\s*{_EXTRA}|['\"]loc['\"]", re.IGNORECASE
)
_ESCAPED_SPACE: Final = re.compile(r"\\+[nrt]")


def classify_refusal(error: object, request: Mapping[str, Any] | None = None) -> RefusalKind | None:
    """Tells what kind of refusal an error is, or None where it is none of ours.

    Args:
        error: The error as its library raised it, or the response's body as text or parsed JSON.
        request: The body that was refused. It names the model where the words do not, and it decides about errors
            that lost their words on the way: a bare ``Param Incorrect`` is a refusal only of a request that could
            have been refused for its reasoning.
    """
    text = error_text(error)
    for row in _ROWS:
        if row.text.search(text):
            return _of_family(row.kind, request)
    if _BARE.search(text) and not _EXPLAINED.search(text) and _lacks_reasoning(request):
        return RefusalKind.MISSING
    if _BARE_EXTRA.search(text) and not _NAMED_EXTRA.search(text) and _has_reasoning(request):
        return RefusalKind.FORBIDDEN
    return None


def is_refusal(error: object, request: Mapping[str, Any] | None = None) -> bool:
    """Whether an error is the API's refusal of missing or forbidden reasoning; see `classify_refusal`."""
    return classify_refusal(error, request) is not None


def error_text(error: object) -> str:
    """Everything an error says of itself, in one text: its message, `param`, `body` and response.

    Relays nest JSON in strings in JSON, so the escapes are undone.
    """
    return _ESCAPED_SPACE.sub(" ", "\n".join(_texts(error))).replace("\\", "")


def _texts(error: object) -> Iterator[str]:
    yield _printed(error)
    for name in ("message", "param", "body"):
        yield _printed(_attribute(error, name))
    response = _attribute(error, "response")
    yield _printed(_attribute(response, "text"))
    yield _printed(_attribute(error, "__cause__"))


def _printed(value: object) -> str:
    try:
        return "" if value is None else str(value)
    except Exception:  # noqa: BLE001 - somebody else's __str__ must not break the reading of its error
        return ""


def _attribute(value: object, name: str) -> object:
    try:
        return getattr(value, name, None)
    except Exception:  # noqa: BLE001 - httpx raises from `text` of a response that was not read
        return None


def _of_family(kind: RefusalKind, request: Mapping[str, Any] | None) -> RefusalKind:
    """The same words without quotes are used by two vendors; the refused model tells which."""
    model = request.get("model") if isinstance(request, Mapping) else None
    family = family_of(model) if isinstance(model, str) else None
    if kind is RefusalKind.MISSING and family not in (None, "mimo"):
        return RefusalKind.OTHER_FAMILY
    return kind


def _turns(request: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    messages = request.get("messages") if isinstance(request, Mapping) else None
    for message in messages if isinstance(messages, list | tuple) else ():
        if isinstance(message, Mapping) and is_turn(message):
            yield message


def _lacks_reasoning(request: Mapping[str, Any] | None) -> bool:
    """Whether the request could have been refused: thinking is on, and a tool turn has no reasoning (contract §5.3)."""
    quirks = quirks_for(str(request.get("model"))) if isinstance(request, Mapping) else None
    if request and quirks and not is_thinking(request, quirks):
        return False
    told = [read_reasoning(turn) for turn in _turns(request) if is_tool_turn(turn)]
    return any(reasoning is None or is_placeholder(reasoning) for reasoning in told)


def _has_reasoning(request: Mapping[str, Any] | None) -> bool:
    return any(read_reasoning(turn) is not None for turn in _turns(request))
