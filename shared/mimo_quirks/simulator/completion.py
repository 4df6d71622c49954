"""One answer on the chat wire as a document."""

from typing import Any

from mimo_quirks.simulator.answer import Answer
from mimo_quirks.simulator.spellings import SPELLINGS


def document(answer: Answer) -> dict[str, Any]:
    """The whole answer at once; `tool_calls` is there only when there are some."""
    issued = answer.issued
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in issued.calls
    ]
    reasoning = SPELLINGS[answer.mode.spelling].write(issued.reasoning)
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": issued.content, **reasoning}
        | ({"tool_calls": calls} if calls else {}),
        "finish_reason": finish_reason(answer),
    }
    return {**envelope(answer), "object": "chat.completion", "choices": [choice], "usage": usage(answer)}


def finish_reason(answer: Answer) -> str:
    """Why the turn ended."""
    return "tool_calls" if answer.issued.calls else "stop"


def envelope(answer: Answer) -> dict[str, Any]:
    """Fields that repeat on every chunk."""
    return {"id": answer.id, "created": answer.created, "model": answer.model}


def usage(answer: Answer) -> dict[str, Any]:
    """The bill in the words of the chat wire (EVIDENCE §7.2)."""
    bill = answer.bill
    return {
        "prompt_tokens": bill.prompt,
        "completion_tokens": bill.output,
        "total_tokens": bill.prompt + bill.output,
        "completion_tokens_details": {"reasoning_tokens": bill.thought},
        "prompt_tokens_details": {"cached_tokens": bill.cached},
    }
