"""What an error quotes of the request is a client's, and no word of the host's: it is cut out before anybody reads it.

Validators and filters repeat what a client wrote, whole or cut. Only texts are looked for that could be taken for a
rejection; a single word, as a tool's name may be, only where it stands between quotation marks, for the host may use it
by itself. All of it takes time linear in the size of the request, whatever a client puts there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from .errors import CUT, LONGEST_TEXT, plain_text

_TELLING: Final = ("reasoning", "thinking", "param incorrect", "extra", "signature")
"""One of these is in whatever a rejection is recognised by."""
_SEGMENT: Final = re.compile(r"[\x00-\x7f]+")
"""What a text has between characters that hosts escape, each in its own way."""
_WORD: Final = re.compile(r"[\w.\-]+")
_BLOCK: Final = 16
"""In pieces of which length a text is compared, before it is looked for."""
_MOST: Final = 64
"""How many different texts are looked for. An error that may quote more of them is not read at all."""
_STRUCTURE: Final = frozenset({"type", "role", "model"})
"""Members whose values are words of the wire, or name what the host serves."""
_PLACES: Final = 64
"""At how many places the beginning of one text is compared."""
_LONGEST_ARGUMENTS: Final = 65_536
"""Arguments that are longer are one text."""
_ELLIPSES: Final = (CUT, "...", "…")
_MARKS: Final = "['\"`“”‘’]"


def without_quotes(text: str, *requests: object) -> str | None:
    """An error's text without what it quotes of requests; None where it cannot be told what it quotes.

    Args:
        text: As `error_text` gives it.
        *requests: Bodies, or arguments of calls; any objects.
    """
    if not _is_telling(text):
        return text
    pieces = _Pieces(text)
    told: dict[str, None] = {}
    for said in _telling(requests):
        if said not in told and pieces.may_make(said):
            told[said] = None
            if len(told) > _MOST:
                return None
    for said in sorted(told, key=len, reverse=True):  # one may be a part of another
        text = _cut(text, said)
    return text


class _Pieces:
    """The pieces of a text, for each length that was asked for."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._is_cut = any(end in text for end in _ELLIPSES)
        self._pieces: dict[int, set[str]] = {}

    def may_make(self, said: str) -> bool:
        """Whether the text may quote this: it has each piece of it, or where it cuts short, the first one."""
        if len(said) < _BLOCK:
            return self._has(said)
        pieces = (said[at : at + _BLOCK] for at in range(0, len(said) - _BLOCK + 1, _BLOCK))
        return self._has(next(pieces)) and (self._is_cut or all(map(self._has, pieces)))

    def _has(self, piece: str) -> bool:
        size = len(piece)
        if size not in self._pieces:
            self._pieces[size] = {self._text[at : at + size] for at in range(len(self._text) - size + 1)}
        return piece in self._pieces[size]


def _is_telling(text: str) -> bool:
    lowered = text.lower()
    return any(word in lowered for word in _TELLING)


def _telling(requests: object) -> Iterator[str]:
    """Texts of requests that could be taken for a rejection, in the form that an error has them in."""
    for said in _strings(requests):
        if _is_telling(said):
            segments = [said] if said.isascii() else _SEGMENT.findall(said)
            yield from filter(_is_telling, (plain_text(segment[: 2 * LONGEST_TEXT]) for segment in segments))


def _strings(value: object) -> Iterator[str]:
    """Every text in a value; what is text of JSON is read too."""
    waiting, seen = [value], set[int]()
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
            waiting += _parsed(one)
        elif isinstance(one, Mapping | list | tuple) and id(one) not in seen:
            seen.add(id(one))
            waiting += _members(one) if isinstance(one, Mapping) else one


def _members(mapping: Mapping[Any, Any]) -> list[Any]:
    return [held for name, held in mapping.items() if not (name in _STRUCTURE and isinstance(held, str))]


def _parsed(text: str) -> list[Any]:
    """What the text of a call's arguments holds; nothing where it is no JSON of an object or a list."""
    if not text.startswith(("{", "[")) or len(text) > _LONGEST_ARGUMENTS or not _is_telling(text):
        return []
    try:
        return [json.loads(text)]
    except (ValueError, RecursionError):
        return []


def _cut(text: str, said: str) -> str:
    """The text without this, wherever it stands whole, or its beginning stands before a sign that it was cut."""
    if _WORD.fullmatch(said):
        return re.sub(rf"(?<={_MARKS}){re.escape(said)}(?={_MARKS})", "", text)
    text = text.replace(said, "")
    kept, at = [], 0
    for _ in range(_PLACES if len(said) > _BLOCK else 0):
        found = text.find(said[:_BLOCK], at)
        if found < 0:
            break
        end = found + _common(text, found, said)
        # A point of the text itself may look like the first one of the sign.
        is_quote = any(text.startswith(_ELLIPSES, place) for place in range(end - 2, end + 1))
        kept.append(text[at : found + (not is_quote)])
        at = end if is_quote else found + 1
    return "".join([*kept, text[at:]])


def _common(text: str, at: int, said: str) -> int:
    """How many characters of a text the other has at a place; the half that differs is halved again."""
    low, high = 0, min(len(said), len(text) - at)
    while low < high:
        middle = (low + high + 1) // 2
        if text.startswith(said[low:middle], at + low):
            low = middle
        else:
            high = middle - 1
    return low
