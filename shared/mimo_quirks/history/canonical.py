"""Texts and arguments as every client means them, however each writes them down.

Everything here takes time linear in the size of what comes in, whatever is in it.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from .content import written

_MEDIA: Final = ("source", "image_url", "input_audio", "file", "data", "url", "file_data", "file_id")
"""Members of a block, and of what is in them, that hold an image or a file: Anthropic's and OpenAI's two wires."""

_LONGEST_ARGUMENTS: Final = 2**16
"""Characters of arguments that are parsed: parsing more holds up every other request of the process."""


def canonical_arguments(arguments: str) -> str:
    """Arguments as every client means them: order of keys, spaces, escapes and `1.0` for `1` are nothing.

    What is no JSON, or too much of it, is told by the digest of its text.
    """
    if len(arguments) <= _LONGEST_ARGUMENTS:
        try:
            value = _WHOLE_NUMBERS.decode(arguments or "{}")  # no arguments at all are none
            return _composed(_SORTED.encode(value))
        except (ValueError, RecursionError):
            pass
    return hashlib.blake2b(canonical_text(arguments)).hexdigest()[:32]


def _number(text: str) -> float | int:
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < _EXACT else value


_EXACT: Final = 2**53
"""Below this a float is the whole number that it was written for; a larger one has up to 309 digits."""
_WHOLE_NUMBERS: Final = json.JSONDecoder(parse_float=_number)
_SORTED: Final = json.JSONEncoder(sort_keys=True, ensure_ascii=False)


def canonical_content(content: object) -> bytes:
    """The text of a content, and what its other blocks hold; see `canonical_text`."""
    if isinstance(content, str):
        return canonical_text(content)
    blocks = content if isinstance(content, list | tuple) else ()
    return canonical_text("".join(map(_block_text, blocks)))


def _block_text(block: Any) -> str:
    text = block.get("text") if isinstance(block, Mapping) else block
    return text if isinstance(text, str) else _media(block) or canonical_arguments(written(block))


def _media(block: Any) -> str:
    """An image or a file, which each wire wraps in its own way, by the URL or the data of it; nothing of another."""
    for name in _MEDIA if isinstance(block, Mapping) else ():
        held = block.get(name)
        values = [held, *map(held.get, _MEDIA)] if isinstance(held, Mapping) else [held]
        for value in values:
            if isinstance(value, str):
                return value.rpartition(";base64,")[2]
    return ""


_WHITE: Final = b"\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f "
_OTHER_WHITE: Final = re.compile("[\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")
_LONGEST_TEXT: Final = 2**15
"""Characters of a text whose Unicode is tidied; a longer one is taken as it is, but for its ASCII white space."""
_STACK: Final = re.compile(rb"[^\0]{31}")
"""More combining characters in a row than any language has: putting them into their order takes quadratic time."""

_HIDDEN: Final = (("\u0f73", "\u0f71\u0f72"), ("\u0f75", "\u0f71\u0f74"), ("\u0f81", "\u0f71\u0f80"))
"""The characters that are made of combining ones and are none themselves, and what they are made of."""


def canonical_text(text: str) -> bytes:
    """The text without white space, in composed Unicode: whoever joins its parts may put line ends between them."""
    if not text.isascii() and len(text) <= _LONGEST_TEXT:
        text = _OTHER_WHITE.sub("", _composed(text))
    return text.encode("utf-8", "surrogatepass").translate(None, _WHITE)


def _composed(text: str) -> str:
    """The text in Unicode's form NFC; as it is where that would take long."""
    if text.isascii() or unicodedata.is_normalized("NFC", text):
        return text
    for one, parts in _HIDDEN:
        text = text.replace(one, parts)
    if _STACK.search(bytes(map(unicodedata.combining, text))):
        return text
    return unicodedata.normalize("NFC", text)
