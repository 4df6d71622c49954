"""What an error says of itself, wherever its library keeps it.

The useful words may be in the message, in `param`, in a `body`, in the response that came with it, or in the error that
was there before: LiteLLM raises its own for an SDK's and keeps of it what it prints. Relays nest JSON in strings in
JSON. So all of it is read as one text, and its status is that of the error that came first.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from typing import Final

CUT: Final = "\0"
"""Stands where the rest of a text was left out."""

_LONGEST_CHAIN: Final = 8
LONGEST_TEXT: Final = 16_384
"""How much of a text is read, from its beginning: a validator may repeat a whole history, and a relay send a page."""
_LINKS: Final = ("original_exception", "__cause__")
"""Where an error names another as its reason: LiteLLM's errors inside of a stream, and Python's own."""

_IN_STREAM: Final = "is_pre_first_chunk"
"""What LiteLLM's errors in the middle of a stream have besides (LiteLLM 1.106, `MidStreamFallbackError`)."""

_ESCAPED_SPACE: Final = re.compile(r"(?<!\\)\\+[nrt]", re.IGNORECASE)
_ESCAPED_CHARACTER: Final = re.compile(r"(?<!\\)\\+u00([0-7][0-9a-f])", re.IGNORECASE)
_UNSAID: Final = re.compile(r"\b\w+=None\b")
"""What the repr of an SDK's event says of the fields that it does not have."""


def error_text(error: object) -> str:
    """Everything an error says of itself, in one line: its message, `param`, `body` and response.

    Escapes of JSON and of HTML are undone, however often they were made, and what is white is one space. Of each part
    that is very long the beginning is there, up to `CUT`.
    """
    parts = dict.fromkeys(_beginning(said) for one in _chain(error) for said in _texts(one))
    return plain_text(_UNSAID.sub("", "\n".join(parts)))


def plain_text(text: str) -> str:
    """A text in one line, without the escapes of JSON and HTML; what an error quotes is compared in this form."""
    if "\\" not in text and "&" not in text:
        return " ".join(text.split())
    text = _ESCAPED_CHARACTER.sub(lambda escape: chr(int(escape[1], 16)), text)
    text = _ESCAPED_SPACE.sub(" ", text).replace("\\", "")
    return " ".join((html.unescape(html.unescape(text)) if "&" in text else text).split())


def status_of(error: object) -> int | None:
    """The HTTP status of an error.

    None where it is not known: of what is no HTTP error, and of one in the middle of a stream, which was answered with
    200 and has a status that somebody made up.
    """
    chain = _chain(error)
    if any(_attribute(one, _IN_STREAM) is not None for one in chain):
        return None
    holders = (holder for one in reversed(chain) for holder in (one, _attribute(one, "response")))
    statuses = (_attribute(holder, "status_code") for holder in holders)
    status = next((status for status in statuses if isinstance(status, int)), None)
    return None if status == 200 else status  # noqa: PLR2004 - OK


def _chain(error: object) -> list[object]:
    """The error, and those that it was made of, the first one last."""
    chain: list[object] = []
    links = [error]
    while links and len(chain) < _LONGEST_CHAIN:
        one = links.pop(0)
        if not any(one is known for known in chain):
            chain.append(one)
            links += [link for link in _linked(one) if link is not None]
    return chain


def _linked(error: object) -> Iterator[object]:
    for name in _LINKS:
        yield _attribute(error, name)
    # Whatever was being handled: a fallback's error has the one of the deployment before it there, which is none of its
    # reasons. An error that was made of another repeats it, or what its body says.
    context, printed = _attribute(error, "__context__"), _printed(error)
    body = _attribute(context, "body")
    messages = (_attribute(context, "message"), body.get("message") if isinstance(body, Mapping) else None)
    if any(said.strip() and said in printed for said in map(_printed, messages)):
        yield context


def _texts(error: object) -> Iterator[str]:
    yield _printed(error)
    for name in ("message", "param", "body"):
        yield _printed(_attribute(error, name))
    yield _printed(_attribute(_attribute(error, "response"), "text"))


def _beginning(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + CUT


def _printed(value: object) -> str:
    try:
        if isinstance(value, bytes | bytearray):
            return value.decode("utf-8", "replace")
        return "" if value is None else str(value)
    except Exception:  # noqa: BLE001 - a foreign __str__ must not break the reading of its error
        return ""


def _attribute(value: object, name: str) -> object:
    try:
        return getattr(value, name, None)
    except Exception:  # noqa: BLE001 - httpx raises from `text` of a response that was not read
        return None
