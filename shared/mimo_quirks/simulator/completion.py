"""One answer on the chat wire: what a document and a stream of events share, and the document."""

import secrets
import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mimo_quirks.simulator.history import Asked
from mimo_quirks.simulator.records import Exchange, Issued
from mimo_quirks.simulator.spellings import Spelling

MODELS = ("mimo-v2.6-pro", "mimo-v2.6-flash")
"""Contract §2: the current chat models."""

_BYTES_PER_TOKEN = 4
CACHED_REQUESTS = 64
"""How many requests back the prompt cache reaches."""


@dataclass(frozen=True, slots=True)
class Completion:
    """A turn with all that its envelope says about it.

    Attributes:
        issued: The turn.
        spelling: How the host spells its reasoning.
        usage: The bill, as on the wire.
        envelope: Fields that repeat on every chunk.
    """

    issued: Issued
    spelling: Spelling
    usage: Mapping[str, Any]
    envelope: Mapping[str, Any]

    @property
    def finish_reason(self) -> str:
        """Why the turn ended."""
        return "tool_calls" if self.issued.calls else "stop"


def completion(asked: Asked, raw: bytes, issued: Issued, spelling: Spelling, earlier: Sequence[Exchange]) -> Completion:
    """Wrap a turn for the request that asked for it; `earlier` are the exchanges that the prompt cache reaches."""
    envelope = {
        "id": secrets.token_hex(16),
        "created": int(time.time()),
        "model": asked.body.get("model", MODELS[0]),
    }
    return Completion(issued, spelling, _usage(raw, issued, earlier), envelope)


def document(answer: Completion) -> dict[str, Any]:
    """The whole answer at once; `tool_calls` is there only when there are some."""
    issued = answer.issued
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in issued.calls
    ]
    message = {"role": "assistant", "content": issued.content, **answer.spelling.write(issued.reasoning)}
    choice = {
        "index": 0,
        "message": message | ({"tool_calls": calls} if calls else {}),
        "finish_reason": answer.finish_reason,
    }
    return {**answer.envelope, "object": "chat.completion", "choices": [choice], "usage": answer.usage}


def _usage(raw: bytes, issued: Issued, earlier: Sequence[Exchange]) -> dict[str, Any]:
    # Contract §6: reasoning is part of completion_tokens. §7: the cache is implicit and holds the longest
    # prefix that was sent before, so a history that changed shows here, as it does on the bill.
    cached = max((_shared(raw, exchange.raw) for exchange in earlier if exchange.issued), default=0)
    thought = _tokens(issued.reasoning or "")
    spoken = _tokens(issued.content) + sum(_tokens(call.name + call.arguments) for call in issued.calls)
    prompt = len(raw) // _BYTES_PER_TOKEN
    return {
        "prompt_tokens": prompt,
        "completion_tokens": thought + spoken,
        "total_tokens": prompt + thought + spoken,
        "completion_tokens_details": {"reasoning_tokens": thought},
        "prompt_tokens_details": {"cached_tokens": cached // _BYTES_PER_TOKEN},
    }


def _shared(one: bytes, other: bytes) -> int:
    sizes = range(1, min(len(one), len(other)) + 1)
    return bisect_left(sizes, 1, key=lambda size: int(one[:size] != other[:size]))


def _tokens(text: str) -> int:
    return -(-len(text.encode("utf-8", "backslashreplace")) // _BYTES_PER_TOKEN)
