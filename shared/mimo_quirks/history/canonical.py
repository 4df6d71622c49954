"""Texts and arguments as every client means them, however each writes them down.

Everything here takes time linear in the size of what comes in, whatever is in it. What takes many times as long as to
read a text, its Unicode or its JSON, has a bound for a whole history; see `Effort`.
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


class Effort:
    """How much may be done yet for the texts of one history, so that it holds up no other request.

    It is spent from the beginning of a history, by what stands there and nothing else: so a history that goes on is
    read as it was before, and an answer as the next request will read it. What finds none left is digested as it is
    written.

    Args:
        left: How much it is, in characters whose Unicode is tidied.
    """

    __slots__ = ("left",)

    def __init__(self, left: int = 2**17) -> None:
        self.left = left

    def takes(self, cost: int) -> bool:
        """Whether there is as much left; then it is spent."""
        if cost > self.left:
            return False
        self.left -= cost
        return True

    def tidies(self, text: str) -> bool:
        """Whether a text is composed; one without characters that may be composed costs nothing."""
        return _UNTIDY.search(text) is not None and self.takes(len(text))

    def parses(self, arguments: str) -> bool:
        """Whether arguments are parsed, and the Unicode in them is tidied."""
        return len(arguments) <= _LONGEST_ARGUMENTS and self.takes(cost_of_parsing(arguments))


def cost_of_parsing(arguments: str) -> int:
    """What it takes to parse arguments, and to tidy the Unicode in them; see `Effort`."""
    values = arguments.count(",") + arguments.count("[") + arguments.count("{")
    is_untidy = not arguments.isascii() and _UNTIDY.search(arguments) is not None
    return _VALUE * values + (len(arguments) if is_untidy else arguments.count("\\u"))


_VALUE: Final = 4
"""What parsing a value and writing it out again takes, in characters whose Unicode is tidied."""


def canonical_arguments(arguments: str, *, is_parsed: bool | None = None) -> str:
    """Arguments as every client means them: order of keys, spaces, escapes and `1.0` for `1` are nothing.

    What is no JSON, or too much of it, is told by the digest of its text.

    Args:
        arguments: They, as JSON.
        is_parsed: Whether there is effort for it; see `Effort.parses`.
    """
    if Effort().parses(arguments) if is_parsed is None else is_parsed:
        try:
            value = _WHOLE_NUMBERS.decode(arguments or "{}")  # no arguments at all are none
            return _composed(_SORTED.encode(value))
        except (ValueError, RecursionError):
            pass
    return hashlib.blake2b(canonical_text(arguments, Effort(0))).hexdigest()[:32]


def _number(text: str) -> float | int:
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < _EXACT else value


def _whole(text: str) -> int | str:
    return int(text) if len(text) <= _DIGITS else f"int {text}"


_EXACT: Final = 2**53
"""Below this a float is the whole number that it was written for; a larger one has up to 309 digits."""
_DIGITS: Final = 100
"""To read more of them, and to write them again, takes quadratic time."""
_WHOLE_NUMBERS: Final = json.JSONDecoder(parse_float=_number, parse_int=_whole)
_SORTED: Final = json.JSONEncoder(sort_keys=True, ensure_ascii=False)


def canonical_content(content: object, effort: Effort | None = None) -> bytes:
    """The text of a content, and what its other blocks hold; see `canonical_text`."""
    effort = effort or Effort()
    if isinstance(content, str):
        return canonical_text(content, effort)
    blocks = content if isinstance(content, list | tuple) else ()
    return canonical_text("".join([_block_text(block, effort) for block in blocks]), effort)


def _block_text(block: Any, effort: Effort) -> str:
    text = block.get("text") if isinstance(block, Mapping) else block
    if isinstance(text, str):
        return text
    if media := _media(block):
        return media
    described = written(block)
    return canonical_arguments(described, is_parsed=effort.parses(described))


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
_SPACES: Final = "".join(map(chr, range(0x2000, 0x200B)))
_OTHER_WHITE: Final = f"\x85\xa0\u1680{_SPACES}\u2028\u2029\u202f\u205f\u3000"
_SOME_WHITE: Final = re.compile(f"[{_OTHER_WHITE}]")
_TIDY: Final = (
    "\0-\u02ff\u0388-\u0482\u048a-\u0590\u1e00-\u1eff\u2002-\u20cf\u2500-\u27ff\u3000-\u3029\u3030-\u3098"
    "\u309b-\ua66e\uac00-\uf8ff\ufe30-\uffff\U0001f000-\U0001faff\U00020000-\U0002f7ff"
)
_UNTIDY: Final = re.compile(f"[^{_TIDY}]")
"""The characters that are not composed, or that combine with others, and all of the scripts that have many of them."""
_LONGEST_TEXT: Final = 2**15
"""Characters of a text that is tidied; a longer one is taken as it is, but for its ASCII white space."""
_STACK: Final = re.compile(rb"\0[^\0]{31}")
"""More combining characters in a row than any language has: putting them into their order takes quadratic time."""

_HIDDEN: Final = (("\u0f73", "\u0f71\u0f72"), ("\u0f75", "\u0f71\u0f74"), ("\u0f81", "\u0f71\u0f80"))
"""The characters that are made of combining ones and are none themselves, and what they are made of."""


def canonical_text(text: str, effort: Effort | None = None) -> bytes:
    """The text without white space, in composed Unicode: whoever joins its parts may put line ends between them.

    Args:
        text: It.
        effort: What there is for its history.
    """
    if not text.isascii() and len(text) <= _LONGEST_TEXT:
        text = _composed(text) if (effort or Effort()).tidies(text) else text
        if _SOME_WHITE.search(text):
            for white in _OTHER_WHITE:
                text = text.replace(white, "")
    return text.encode("utf-8", "surrogatepass").translate(None, _WHITE)


def _composed(text: str) -> str:
    """The text in Unicode's form NFC; as it is where that would take long."""
    if text.isascii():
        return text
    for one, parts in _HIDDEN:
        text = text.replace(one, parts)
    if _STACK.search(b"\0" + bytes(map(unicodedata.combining, text))):
        return text
    return unicodedata.normalize("NFC", text)
