"""Where reasoning waits between a response and the request that replays it: the only I/O of the core.

The core says what a turn is remembered under and what may be put back; a store keeps entries and gives them back,
and decides nothing. Keys arrive already bound to a scope.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Remembered:
    """One captured turn's reasoning, under every key it may be asked for; its repr leaves the text out."""

    keys: tuple[str, ...]
    reasoning: str = field(repr=False)
    family: str


class ReasoningStore(Protocol):
    """A place that remembers reasoning. A key may hold several entries; the caller decides which one is meant.

    Implementations raise on failure: the caller counts it and goes on without recall.
    """

    def get(self, keys: Sequence[str]) -> Mapping[str, Sequence[Remembered]]:
        """Returns the entries under each of the keys, in one look-up; keys without any are left out."""

    def put(self, entries: Sequence[Remembered]) -> None:
        """Remembers the entries; when it returns, another process's `get` finds them."""

    async def aget(self, keys: Sequence[str]) -> Mapping[str, Sequence[Remembered]]:
        """As `get`, without blocking the event loop."""

    async def aput(self, entries: Sequence[Remembered]) -> None:
        """As `put`, without blocking the event loop."""
