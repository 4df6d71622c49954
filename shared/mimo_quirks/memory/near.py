"""Near memory: what this process recorded and found, decoded, bounded in bytes and in time since its last use."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Container, Iterable
from typing import Final

from mimo_quirks.recall.memories import Memory
from mimo_quirks.stores.protocol import CANDIDATES

_UPKEEP: Final = 1024
"""Bytes that a memory takes besides its text, its calls and its marks."""
_UPKEEP_OF_A_MARK: Final = 160
_UPKEEP_OF_A_CALL: Final = 256


class Held:
    """A memory that is held near.

    Attributes:
        memory: It.
        fresh_until: Until when the far store need not be asked for it, in seconds.
    """

    __slots__ = ("expires", "fresh_until", "marks", "memory", "size")

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.marks: tuple[bytes, ...] = ()
        self.size = 0
        self.expires = self.fresh_until = 0.0


class NearMemory:
    """Memories of this process, by their marks. Thread-safe; times are arguments, in seconds of any one clock.

    Args:
        max_bytes: How much is held at most; 0 holds nothing.
        ttl_seconds: How long a memory is held after its last use.
        fresh_seconds: How long a memory is answered for without asking the far store, whose copy a read renews.

    Attributes:
        lock: Whoever holds it may fork the process.
    """

    def __init__(self, *, max_bytes: int, ttl_seconds: float, fresh_seconds: float) -> None:
        self._max_bytes = max_bytes
        self._ttl = ttl_seconds
        self._fresh = fresh_seconds
        self.lock = threading.Lock()
        self._order: OrderedDict[Held, None] = OrderedDict()  # least recently used first
        self._by_mark: dict[bytes, tuple[Held, ...]] = {}  # newest first, at most `CANDIDATES`
        self._by_text: dict[tuple[str, str], Held] = {}
        self._bytes = 0

    def get(self, mark: bytes) -> tuple[Held, ...]:
        """What is held under a mark, newest first, at most `CANDIDATES`. It is used only by `use`."""
        return self._by_mark.get(mark, ())

    def with_text(self, owner: str, text: str) -> Held | None:
        """The newest memory of an owner with just this reasoning; see `Memory.owner`."""
        return self._by_text.get((owner, text))

    def add(self, memory: Memory, marks: tuple[bytes, ...], now: float) -> None:
        """Holds a memory that the far store has, or will have; with more marks where it is held already."""
        with self.lock:
            same = (held for mark in marks for held in self.get(mark) if held.memory == memory)
            held = next(same, None) or Held(memory)
            new = tuple([mark for mark in dict.fromkeys(marks) if held not in self.get(mark)])
            for mark in new:
                self._by_mark[mark] = (held, *self.get(mark))[:CANDIDATES]
            held.marks += new
            self._bytes -= held.size
            held.size = _size_of(held)
            self._bytes += held.size
            if memory.reasoning:
                self._by_text[memory.owner, memory.reasoning] = held
            held.fresh_until = now + self._fresh
            self._touch(held, now)
            self._evict(now)

    def use(self, used: Iterable[Held], now: float) -> None:
        """Has memories live on from now, and lets go of what has expired."""
        with self.lock:
            for held in used:
                if held in self._order:
                    self._touch(held, now)
            self._evict(now)

    def forget(self, owners: Container[str]) -> int:
        """Lets go of all memories of these owners; returns how many there were."""
        with self.lock:
            forgotten = [held for held in self._order if held.memory.owner in owners]
            for held in forgotten:
                self._forget(held)
        return len(forgotten)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._order)} memories, {self._bytes} bytes)"

    def _touch(self, held: Held, now: float) -> None:
        held.expires = now + self._ttl
        self._order[held] = None
        self._order.move_to_end(held)

    def _evict(self, now: float) -> None:
        while self._order:
            oldest = next(iter(self._order))
            if oldest.expires > now and self._bytes <= self._max_bytes:
                return
            self._forget(oldest)

    def _forget(self, held: Held) -> None:
        del self._order[held]
        self._bytes -= held.size
        for mark in held.marks:
            left = tuple([other for other in self.get(mark) if other is not held])
            if left:
                self._by_mark[mark] = left
            else:
                self._by_mark.pop(mark, None)
        text = (held.memory.owner, held.memory.reasoning or "")
        if self._by_text.get(text) is held:
            del self._by_text[text]


def _size_of(held: Held) -> int:
    marks = sum(map(len, held.marks)) + _UPKEEP_OF_A_MARK * len(held.marks)
    calls = _UPKEEP_OF_A_CALL * (len(held.memory.calls) + len(held.memory.before))
    return _UPKEEP + sys.getsizeof(held.memory.reasoning) + calls + marks
