"""A stream of the messages wire as it passes through LiteLLM: bytes, cut anywhere.

Each event is let through as it came; after the last text of a thinking block comes one that LiteLLM did not send, with
the block's carrier as its signature.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from mimo_quirks.history.turns import Message
from mimo_quirks.wires import messages

from .answers import Seal

_END: Final = re.compile(rb"\r?\n\r?\n")


class MessageReader:
    """Puts one answer of the messages wire together. Not thread-safe: one reader per stream."""

    def __init__(self, seal: Seal | None = None) -> None:
        self._seal = seal
        self._rest = b""
        self._blocks: dict[int, dict[str, Any]] = {}
        self.stopped = False
        self.error: Mapping[str, Any] = {}

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Takes the next bytes, and gives those that may go on; what is no whole event yet waits."""
        self._rest += chunk
        while end := _END.search(self._rest):
            event, self._rest = self._rest[: end.end()], self._rest[end.end() :]
            yield from self._events(event)

    def flush(self) -> bytes:
        """What was left when the stream ended."""
        rest, self._rest = self._rest, b""
        return rest

    def turn(self) -> Message:
        """The turn as far as it has come."""
        content = [self._blocks[index] for index in sorted(self._blocks)]
        return messages.as_turn(content)

    def _events(self, event: bytes) -> Iterator[bytes]:
        data = _data(event)
        kind, index = data.get("type"), _index(data)
        if kind == "message_stop":
            self.stopped = True
        elif kind == "error":
            self.error = data
        elif kind == "content_block_start" and isinstance(data.get("content_block"), Mapping):
            self._blocks[index] = {**data["content_block"]}
        elif kind == "content_block_delta" and isinstance(data.get("delta"), Mapping):
            self._feed_delta(self._blocks.setdefault(index, {}), data["delta"])
        elif kind == "content_block_stop":
            yield from self._signature(index)
        yield event

    def _feed_delta(self, block: dict[str, Any], delta: Mapping[str, Any]) -> None:
        for piece, member in _MEMBERS.items():
            if isinstance(delta.get(piece), str):
                held = block.get(member)
                block[member] = (held if isinstance(held, str) else "") + delta[piece]

    def _signature(self, index: int) -> Iterator[bytes]:
        block = self._blocks.get(index, {})
        if self._seal is None or block.get("type") != "thinking" or block.get("signature"):
            return
        carrier = self._seal(str(block.get("thinking") or ""))
        if carrier is not None:
            delta = {"type": "signature_delta", "signature": carrier}
            document = json.dumps({"type": "content_block_delta", "index": index, "delta": delta})
            yield f"event: content_block_delta\ndata: {document}\n\n".encode()


_MEMBERS: Final = {"text": "text", "thinking": "thinking", "signature": "signature", "partial_json": "input"}
"""Member of a delta → member of the block that it goes on with."""


def _index(data: Mapping[str, Any]) -> int:
    index = data.get("index")
    return index if isinstance(index, int) else 0


def _data(event: bytes) -> Mapping[str, Any]:
    lines = (line.partition(b":")[2].strip() for line in event.splitlines() if line.startswith(b"data:"))
    with suppress(ValueError, RecursionError):
        document = json.loads(b"\n".join(lines))
        return document if isinstance(document, Mapping) else {}
    return {}
