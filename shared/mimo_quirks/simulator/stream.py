"""One answer as server-sent events: the same turn as the document, in pieces.

Contract §6 gives the order: role, reasoning, content or calls, finish reason, usage when asked for,
`[DONE]`; late reasoning goes on between and after the calls (lessons 35). Where a text is cut depends on the
text alone, so a failing test fails again; the cuts fall inside tags, line ends and emoji sequences.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from itertools import chain, cycle, pairwise
from typing import Any

from mimo_quirks.simulator.completion import Completion
from mimo_quirks.simulator.errors import to_bytes
from mimo_quirks.simulator.records import Call

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


def deltas(answer: Completion, *, late_reasoning: bool = False) -> Iterator[dict[str, Any]]:
    """The deltas of a turn, without its end; late reasoning is dealt out before, between and after the calls."""
    issued = answer.issued
    thoughts = [answer.spelling.write(piece) for piece in pieces(issued.reasoning or "")]
    runs = len(issued.calls) + 1 if late_reasoning else 1
    edges = [len(thoughts) * run // runs for run in range(runs + 1)]
    shares = iter([thoughts[start:end] for start, end in pairwise(edges)])
    yield {"role": "assistant", "content": ""}
    yield from next(shares)
    yield from ({"content": piece} for piece in pieces(issued.content))
    for index, call in enumerate(issued.calls):
        yield from ({"tool_calls": [{"index": index, **part}]} for part in _call_parts(call))
        yield from next(shares, ())


def _call_parts(call: Call) -> Iterator[dict[str, Any]]:
    yield {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}}
    yield from ({"function": {"arguments": piece}} for piece in pieces(call.arguments))


def chunks(answer: Completion, *, with_usage: bool, late_reasoning: bool = False) -> Iterator[dict[str, Any]]:
    """Every chunk of the stream; usage comes last, on a chunk without choices."""
    for delta in deltas(answer, late_reasoning=late_reasoning):
        yield _chunk(answer, delta, None)
    yield _chunk(answer, {}, answer.finish_reason)
    if with_usage:
        yield {**_frame(answer), "choices": [], "usage": answer.usage}


def _chunk(answer: Completion, delta: Mapping[str, Any], finish_reason: str | None) -> dict[str, Any]:
    return {**_frame(answer), "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}


def _frame(answer: Completion) -> dict[str, Any]:
    return {**answer.envelope, "object": "chat.completion.chunk"}


def events(answer: Completion, *, with_usage: bool, late_reasoning: bool = False) -> Iterator[bytes]:
    """The stream as it is written, one event at a time."""
    for chunk in chunks(answer, with_usage=with_usage, late_reasoning=late_reasoning):
        yield b"data: " + to_bytes(chunk) + b"\n\n"
    yield b"data: [DONE]\n\n"


def split_characters(event: bytes) -> list[bytes]:
    """Cut an event inside each of its multi-byte characters: after the byte that leads it."""
    return _AFTER_LEAD_BYTE.split(event)
