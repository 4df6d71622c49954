"""How a stream is cut: texts into the pieces of events, and events into writes.

Where a text is cut depends on the text alone, so a failing test fails again; the cuts fall inside tags, line ends
and emoji sequences.
"""

import hashlib
import re
from collections.abc import Iterator
from itertools import chain, cycle

from mimo_quirks.simulator.errors import to_bytes

_LONGEST_PIECE = 7
_MARK = "[DONE]"
"""Cut like any other word: no vocabulary holds it in one token, and LiteLLM 1.106 drops an event that does."""
_AFTER_LEAD_BYTE = re.compile(rb"(?<=[\xc2-\xf4])")


def pieces(text: str) -> Iterator[str]:
    """Cut a text into short pieces at character boundaries; the first is a single character."""
    sizes = cycle(byte % _LONGEST_PIECE + 1 for byte in hashlib.sha256(to_bytes(text)).digest())
    start = 0
    for size in chain((1,), sizes):
        if start >= len(text):
            return
        piece = text[start : start + size]
        if _MARK in piece:
            piece = piece[: piece.index(_MARK) + 1]
        yield piece
        start += len(piece)


def split_characters(event: bytes) -> list[bytes]:
    """Cut an event inside each of its multi-byte characters: after the byte that leads it."""
    return _AFTER_LEAD_BYTE.split(event)
