"""One answer on the chat wire as server-sent events: the same turn as the document, in pieces.

EVIDENCE §7.1 gives the order: role, reasoning, content or calls, finish reason, usage when asked for,
`[DONE]`; late reasoning goes on between and after the calls.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from mimo_quirks.simulator.answer import Answer
from mimo_quirks.simulator.completion import envelope, finish_reason, usage
from mimo_quirks.simulator.errors import to_bytes
from mimo_quirks.simulator.pieces import pieces
from mimo_quirks.simulator.records import Call
from mimo_quirks.simulator.spellings import SPELLINGS


def events(answer: Answer) -> Iterator[bytes]:
    """The stream as it is written, one event at a time."""
    for chunk in _chunks(answer):
        yield b"data: " + to_bytes(chunk) + b"\n\n"
    yield b"data: [DONE]\n\n"


def _chunks(answer: Answer) -> Iterator[dict[str, Any]]:
    for delta in _deltas(answer):
        yield _chunk(answer, delta, None)
    yield _chunk(answer, {}, finish_reason(answer))
    if _wants_usage(answer.asked.body.get("stream_options")):
        yield {**_frame(answer), "choices": [], "usage": usage(answer)}


def _deltas(answer: Answer) -> Iterator[dict[str, Any]]:
    # Late reasoning is dealt out before, between and after the calls.
    issued = answer.issued
    spelling = SPELLINGS[answer.mode.spelling]
    thoughts = [spelling.write(piece) for piece in pieces(issued.reasoning or "")]
    runs = len(issued.calls) + 1 if answer.mode.late_reasoning else 1
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


def _chunk(answer: Answer, delta: Mapping[str, Any], finish_reason: str | None) -> dict[str, Any]:
    return {**_frame(answer), "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}


def _frame(answer: Answer) -> dict[str, Any]:
    return {**envelope(answer), "object": "chat.completion.chunk"}


def _wants_usage(options: Any) -> bool:
    # EVIDENCE §7.1: only then a last chunk with `choices: []` carries it.
    return isinstance(options, Mapping) and options.get("include_usage") is True
