"""A stream of the messages wire as it passes through LiteLLM: bytes, cut anywhere.

Each event is let through as it came; after the last text of a thinking block comes one that LiteLLM did not send, with
the block's carrier as its signature.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from mimo_quirks import Message, content_as_turn, has_whole_calls, log_frames

from .call import Seal

EVENT_LIMIT: Final = 16 * 1024 * 1024
"""Bytes of the largest event that is read, or waited for."""

_LOGGER: Final = logging.getLogger("mimo_quirks")
_END: Final = re.compile(rb"\r?\n\r?\n")
_LONGEST_END: Final = 4


@dataclass(slots=True)
class _Block:
    """A block as it began, and what came after in pieces: to join them one by one would copy all for each."""

    start: Mapping[str, Any] = field(default_factory=dict)
    pieces: dict[str, list[str]] = field(default_factory=dict)
    ended: bool = False

    @property
    def calls(self) -> bool:
        """Whether it calls a tool."""
        return self.start.get("type") == "tool_use"

    def feed(self, delta: Mapping[str, Any]) -> None:
        """Takes what a delta adds to any member."""
        for piece, member in _MEMBERS.items():
            if isinstance(delta.get(piece), str):
                self.pieces.setdefault(member, []).append(delta[piece])

    def whole(self) -> dict[str, Any]:
        """The block as far as it has come."""
        return {**self.start, **{member: "".join(self._texts(member)) for member in self.pieces}}

    def _texts(self, member: str) -> list[str]:
        held = self.start.get(member)
        return [held, *self.pieces[member]] if isinstance(held, str) else self.pieces[member]


class MessageReader:
    """Puts one answer of the messages wire together. Not thread-safe: one reader per stream.

    An event above the limit, and all that follows it, goes through unread, and the answer does not count as stopped.
    """

    def __init__(self, seal: Seal | None = None, *, limit: int = EVENT_LIMIT) -> None:
        self._seal = seal
        self._limit = limit
        self._unread = False
        self._rest = bytearray()
        self._blocks: dict[int, _Block] = {}
        self.stopped = False
        self.calls_tools = False
        self.error: Mapping[str, Any] = {}

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Takes the next bytes, and gives those that may go on; what is no whole event yet waits."""
        if self._unread:
            yield chunk
            return
        begin, searched = 0, max(0, len(self._rest) - _LONGEST_END + 1)
        self._rest += chunk
        while end := _END.search(self._rest, max(begin, searched)):
            if end.end() - begin > self._limit:
                break
            event = bytes(self._rest[begin : end.end()])
            begin = end.end()
            yield from self._events(event)
        del self._rest[:begin]
        if len(self._rest) > self._limit:
            self._unread = True
            _LOGGER.warning("could not record a streamed response: one event is larger than %d bytes", self._limit)
            yield self.flush()

    def flush(self) -> bytes:
        """What was left when the stream ended."""
        rest, self._rest = bytes(self._rest), bytearray()
        return rest

    def left(self) -> Sequence[Message]:
        """The turn of a stream that may have been left, if its calls are whole."""
        turn = self.turn() if all(block.ended for block in self._blocks.values() if block.calls) else {}
        return [turn] if has_whole_calls(turn) else []

    def turn(self) -> Message:
        """The turn as far as it has come."""
        return content_as_turn([self._blocks[index].whole() for index in sorted(self._blocks)])

    def _events(self, event: bytes) -> Iterator[bytes]:
        data = _data(event)
        kind, index = data.get("type"), _index(data)
        if kind == "message_stop":
            self.stopped = True
        elif kind == "error":
            self.error = data
        elif kind == "content_block_start" and isinstance(data.get("content_block"), Mapping):
            block = self._blocks[index] = _Block(data["content_block"])
            self.calls_tools |= block.calls
        elif kind == "content_block_delta" and isinstance(data.get("delta"), Mapping):
            self._blocks.setdefault(index, _Block()).feed(data["delta"])
        elif kind == "content_block_stop":
            yield from self._signature(index)
        yield event

    def _signature(self, index: int) -> Iterator[bytes]:
        """The event with the carrier of a block that ends; it ends once, however often a host says so."""
        known = self._blocks.get(index)
        if known is None or known.ended:
            return
        known.ended = True
        if self._seal is None or known.start.get("type") != "thinking":
            return
        block = known.whole()
        if block.get("signature"):
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
    try:
        document = json.loads(b"\n".join(lines))
    except (ValueError, RecursionError) as error:
        log_frames("an event of a stream could not be read", error)
        return {}
    return document if isinstance(document, Mapping) else {}
