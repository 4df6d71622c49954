"""Ids of calls: whether they were drawn, so that no two calls have the same, and in what form."""

from __future__ import annotations

import functools
import re
from string import ascii_letters, digits, hexdigits
from typing import Final, NamedTuple

LONGEST_ID: Final = 256
"""Characters of an id that are looked at; the API draws some thirty."""

_WORD: Final = re.compile(r"[\w-]+")
_ALPHANUMERIC: Final = ascii_letters + digits
_DRAWN: Final = 12
"""Characters that a drawn id ends in, at the least."""


class Form(NamedTuple):
    """How ids of one maker look.

    Attributes:
        head: The text before the part that was drawn.
        length: Characters of that part.
        alphabet: Whether it has capitals, small letters, and letters that are no hexadecimal digits.
    """

    head: str
    length: int
    alphabet: tuple[bool, bool, bool]


def form_of(ident: str) -> Form | None:
    """The form of a drawn id such as `call_00_x9ab…`; None for a counted one such as `get_current_weather_0`."""
    return _form_of(ident) if len(ident) <= LONGEST_ID else None


@functools.lru_cache(maxsize=8192)
def _form_of(ident: str) -> Form | None:
    """Each request has the ids of the one before."""
    head = ident.rstrip(_ALPHANUMERIC)
    drawn = ident[len(head) :]
    figures = sum(map(drawn.count, digits)) if len(drawn) >= _DRAWN else 0
    if not 1 < figures < len(drawn) or _WORD.fullmatch(ident) is None:
        return None
    return Form(head, len(drawn), (drawn != drawn.lower(), drawn != drawn.upper(), bool(drawn.strip(hexdigits))))
