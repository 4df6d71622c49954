"""An error as the first event of a stream that was answered with 200, in each wire's form (EVIDENCE §7.1)."""

from mimo_quirks.simulator.errors import WireError, to_bytes


def chat_frame(error: WireError) -> bytes:
    """A chunk that has an `error` and no choices, as relays write it; their envelope stays what it is."""
    body = error.body if isinstance(error.body, dict) and "error" in error.body else {"error": error.detail}
    return b"data: " + to_bytes(body) + b"\n\n"


def messages_frame(error: WireError) -> bytes:
    """Anthropic's `error` event, which holds an object."""
    return b"event: error\ndata: " + to_bytes({"type": "error", "error": error.detail}) + b"\n\n"


def responses_frame(error: WireError) -> bytes:
    """OpenAI's `error` event, which is flat."""
    return b"event: error\ndata: " + to_bytes({**error.detail, "type": "error", "sequence_number": 0}) + b"\n\n"
