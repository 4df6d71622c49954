"""One answer on the responses wire, as a document and as events (EVIDENCE §4.8)."""

from collections.abc import Iterator
from itertools import count
from typing import Any

from mimo_quirks.simulator.answer import Answer
from mimo_quirks.simulator.errors import to_bytes
from mimo_quirks.simulator.pieces import pieces


def document(answer: Answer) -> dict[str, Any]:
    """The whole answer at once; items of reasoning come before, and where the mode is late after, what is said."""
    return _response(answer, list(_items(answer)), "completed")


def events(answer: Answer) -> Iterator[bytes]:
    """The stream as it is written, one event at a time."""
    for number, event in zip(count(), _events(answer)):
        numbered = {**event, "sequence_number": number}
        yield f"event: {event['type']}\n".encode() + b"data: " + to_bytes(numbered) + b"\n\n"


def _response(answer: Answer, output: list[dict[str, Any]], status: str) -> dict[str, Any]:
    return {
        "id": f"resp_{answer.id}",
        "object": "response",
        "created_at": answer.created,
        "status": status,
        "model": answer.model,
        "output": output,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 0.95,
        "usage": _usage(answer) if status == "completed" else None,
    }


def _usage(answer: Answer) -> dict[str, Any]:
    bill = answer.bill
    return {
        "input_tokens": bill.prompt,
        "input_tokens_details": {"cached_tokens": bill.cached},
        "output_tokens": bill.output,
        "output_tokens_details": {"reasoning_tokens": bill.thought},
        "total_tokens": bill.prompt + bill.output,
    }


def _items(answer: Answer) -> Iterator[dict[str, Any]]:
    calls = iter(answer.issued.calls)
    for place, (kind, text) in enumerate(answer.issued.parts):
        own = f"{place}_{answer.id}"
        if kind == "thinking":
            content = [{"type": "reasoning_text", "text": text}]
            yield {"type": "reasoning", "id": f"rs_{own}", "status": "completed", "content": content, "summary": []}
        elif kind == "text":
            said = [{"type": "output_text", "text": text, "annotations": []}]
            yield {"type": "message", "id": f"msg_{own}", "status": "completed", "role": "assistant", "content": said}
        else:
            call = next(calls)
            yield {
                "type": "function_call",
                "id": f"fc_{own}",
                "status": "completed",
                "call_id": call.id,
                "name": call.name,
                "arguments": call.arguments,
            }


def _events(answer: Answer) -> Iterator[dict[str, Any]]:
    begun = _response(answer, [], "in_progress")
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(_items(answer)):
        empty: dict[str, Any] = {"arguments": ""} if item["type"] == "function_call" else {"content": []}
        opened = {**item, **empty, "status": "in_progress"}
        yield {"type": "response.output_item.added", "output_index": index, "item": opened}
        yield from _filled(item, {"item_id": item["id"], "output_index": index})
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": "response.completed", "response": document(answer)}


def _filled(item: dict[str, Any], place: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if item["type"] == "function_call":
        name = "response.function_call_arguments"
        yield from ({"type": f"{name}.delta", **place, "delta": piece} for piece in pieces(item["arguments"]))
        yield {"type": f"{name}.done", **place, "name": item["name"], "arguments": item["arguments"]}
        return
    (part,) = item["content"]
    here = {**place, "content_index": 0}
    # The SDK's schema asks for likelihoods beside what is said, and for none beside what is thought.
    extra: dict[str, Any] = {"logprobs": []} if part["type"] == "output_text" else {}
    yield {"type": "response.content_part.added", **here, "part": {**part, "text": ""}}
    for piece in pieces(part["text"]):
        yield {"type": f"response.{part['type']}.delta", **here, "delta": piece, **extra}
    yield {"type": f"response.{part['type']}.done", **here, "text": part["text"], **extra}
    yield {"type": "response.content_part.done", **here, "part": part}
