"""Feed the deltas of one streamed choice, read the finished turn: the only stateful object of the core.

The deltas are put together into the message that a request without streaming would have returned, each spelling on its
own, and that message is read by the same function as any other. So the turn is the same however the stream was split.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mimo_quirks.facts.reasoning_fields import KEYS, NESTS

from .turns import Turn, read_turn

_Pieces = dict[str, list[Any]]


class TurnReader:
    """Puts one choice of a stream together. Not thread-safe: one reader per choice of one stream."""

    def __init__(self) -> None:
        self._message: _Pieces = {}
        self._nests: dict[str, _Pieces] = {}
        self._calls: dict[int, _Pieces] = {}
        self._last = -1
        self._finished = False

    def feed(self, delta: Mapping[str, Any], finish_reason: str | None = None) -> None:
        """Takes the next delta; anything it cannot read is passed over.

        Args:
            delta: The `delta` of the choice; may be empty.
            finish_reason: The choice's `finish_reason`; the turn is complete once there was one. Some relays write
                `""` on every chunk, which is none.
        """
        if not isinstance(delta, Mapping):
            return
        self._finished = self._finished or bool(finish_reason)
        _collect(self._message, delta, ("content", *KEYS))
        for nest in NESTS:
            inner = delta.get(nest)
            if isinstance(inner, Mapping):
                _collect(self._nests.setdefault(nest, {}), inner, KEYS)
        calls = delta.get("tool_calls")
        for call in calls if isinstance(calls, list | tuple) else ():
            if isinstance(call, Mapping):
                self._feed_call(call)

    @property
    def may_be_whole(self) -> bool:
        """Whether it calls tools, and the arguments of each end as an object does, without putting them together."""
        pieces = [call.get("arguments") for call in self._calls.values()]
        return bool(pieces) and all(held and str(held[-1]).rstrip().endswith("}") for held in pieces)

    def turn(self) -> Turn:
        """The turn as far as it has come; its `complete` tells whether the API finished it."""
        nests = {nest: _whole(pieces) for nest, pieces in self._nests.items()}
        calls = [_whole_call(self._calls[index]) for index in sorted(self._calls)]
        return read_turn({**_whole(self._message), **nests, "tool_calls": calls}, complete=self._finished)

    def _feed_call(self, piece: Mapping[str, Any]) -> None:
        index = self._index_of(piece)
        self._last = max(self._last, index)
        known = self._calls.setdefault(index, {})
        _collect(known, piece, ("id",))
        function = piece.get("function")
        if isinstance(function, Mapping):
            _collect(known, function, ("name", "arguments"))

    def _index_of(self, piece: Mapping[str, Any]) -> int:
        """The call that a piece belongs to. Without an index, an id begins a call and anything else goes on with it."""
        index = piece.get("index")
        if isinstance(index, int):
            return index
        return self._last + 1 if piece.get("id") or self._last < 0 else self._last


def _collect(pieces: _Pieces, delta: Mapping[str, Any], keys: tuple[str, ...]) -> None:
    for key in keys:
        value = delta.get(key)
        if value:
            pieces.setdefault(key, []).extend(value if isinstance(value, list | tuple) else [value])


def _whole(pieces: _Pieces) -> dict[str, Any]:
    return {
        key: "".join(held) if all(isinstance(piece, str) for piece in held) else held for key, held in pieces.items()
    }


def _whole_call(pieces: _Pieces) -> dict[str, Any]:
    """Some relays repeat a call's id and name on each delta; only the arguments come in parts (EVIDENCE §7.1)."""
    first = {key: held[0] for key, held in pieces.items()}
    return {
        "id": first.get("id"),
        "function": {"name": first.get("name"), "arguments": _whole(pieces).get("arguments")},
    }
