"""One answer on the messages wire, as a document and as events (EVIDENCE §4.7, §7.2)."""

import json
from collections.abc import Iterator
from typing import Any

from mimo_quirks.simulator.answer import Answer
from mimo_quirks.simulator.errors import to_bytes
from mimo_quirks.simulator.pieces import pieces


def document(answer: Answer) -> dict[str, Any]:
    """The whole answer at once; reasoning comes as blocks before, and where the mode is late after, what is said."""
    return _message(answer, list(_blocks(answer)), _stop_reason(answer), _usage(answer))


def events(answer: Answer) -> Iterator[bytes]:
    """The stream as it is written, one event at a time."""
    for event in _events(answer):
        yield f"event: {event['type']}\n".encode() + b"data: " + to_bytes(event) + b"\n\n"


def _message(
    answer: Answer, content: list[dict[str, Any]], stop_reason: str | None, usage: dict[str, int]
) -> dict[str, Any]:
    return {
        "id": f"msg_{answer.id}",
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": usage,
    }


def _blocks(answer: Answer) -> Iterator[dict[str, Any]]:
    calls = iter(answer.issued.calls)
    for kind, text in answer.issued.parts:
        if kind == "thinking":
            yield {"type": "thinking", "thinking": text, **_signature(answer, text)}
        elif kind == "text":
            yield {"type": "text", "text": text}
        else:
            call = next(calls)
            yield {"type": "tool_use", "id": call.id, "name": call.name, "input": json.loads(call.arguments)}


def _signature(answer: Answer, text: str) -> dict[str, str]:
    if answer.mode.signatures == "absent":
        return {}
    return {"signature": "" if answer.mode.signatures == "empty" else answer.sign(text)}


def _stop_reason(answer: Answer) -> str:
    return "tool_use" if answer.issued.calls else "end_turn"


def _usage(answer: Answer) -> dict[str, int]:
    # As Anthropic counts: what was cached is no part of `input_tokens`.
    bill = answer.bill
    return {
        "input_tokens": bill.prompt - bill.cached,
        "output_tokens": bill.output,
        "cache_read_input_tokens": bill.cached,
    }


def _events(answer: Answer) -> Iterator[dict[str, Any]]:
    usage = _usage(answer)
    yield {"type": "message_start", "message": _message(answer, [], None, {**usage, "output_tokens": 0})}
    for index, block in enumerate(_blocks(answer)):
        yield {"type": "content_block_start", "index": index, "content_block": _opened(block)}
        for delta in _deltas(block):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": _stop_reason(answer), "stop_sequence": None},
        "usage": usage,
    }
    yield {"type": "message_stop"}


_FILLED: dict[str, Any] = {"thinking": "", "signature": "", "text": "", "input": {}}
"""What deltas fill, as it is before them."""


def _opened(block: dict[str, Any]) -> dict[str, Any]:
    return {key: _FILLED.get(key, value) for key, value in block.items()}


def _deltas(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if block["type"] == "tool_use":
        written = to_bytes(block["input"]).decode()
        yield from ({"type": "input_json_delta", "partial_json": piece} for piece in pieces(written))
        return
    kind = block["type"]
    yield from ({"type": f"{kind}_delta", kind: piece} for piece in pieces(block[kind]))
    if block.get("signature"):
        yield {"type": "signature_delta", "signature": block["signature"]}
