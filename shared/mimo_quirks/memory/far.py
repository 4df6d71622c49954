"""The far store, driven from threads of its own, so that its time is measured where nothing else takes any.

A read is waited for as long as the store may take. A write is never cancelled: it waits in a queue that is bounded in
bytes, is tried again with growing pauses where the store fails, and is made at the latest when the interpreter ends.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent import futures
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any, Final

from mimo_quirks.log import log_frames
from mimo_quirks.stores import Entry, ReasoningStore
from mimo_quirks.stores.packing import size_of

from .counting import COUNTED, STORE
from .threads import Task, Threads

_LOGGER: Final = logging.getLogger("mimo_quirks")

_READERS: Final = 8
_BATCH: Final = 128
"""Entries that are written at once."""
_PAUSES: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds after each failed write until the next, unless a read shows before that the store is back."""
_IDLE: Final = 60.0
"""Seconds without work after which the writing thread ends."""

_NOTHING: Final = "0" * 32
"""A key that nothing is kept under."""

Found = Mapping[str, Sequence[bytes]]


class _Write:
    """Entries that wait for the store; `taken` is done when it took them, or failed for the first time."""

    __slots__ = ("entries", "size", "taken")

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries
        self.size = sum(map(size_of, entries))
        self.taken: Future[None] = Future()

    def release(self) -> None:
        if not self.taken.done():
            self.taken.set_result(None)


class FarStore:
    """A store that other processes may share. Thread-safe; its failures are counted and logged, never raised.

    Args:
        store: It.
        timeout_seconds: How long a read may take, in the store's own time.
        wait_seconds: How long an answer waits for the store to take what is written.
        max_waiting_bytes: How much may wait to be written; then the oldest is dropped.
        counts: Where `read_failed`, `write_failed` and `dropped` are counted.
    """

    def __init__(
        self,
        store: ReasoningStore,
        *,
        timeout_seconds: float,
        wait_seconds: float,
        max_waiting_bytes: int,
        counts: Counter[str],
    ) -> None:
        self._store = store
        self._timeout = timeout_seconds
        self._wait = wait_seconds
        self._max_waiting = max_waiting_bytes
        self._counts = counts
        self.lock = threading.RLock()
        self.begin_anew()

    def begin_anew(self) -> None:
        """Without threads, and with nothing that waits; what a process that was forked does, holding the lock."""
        self._readers = Threads(_READERS)
        self._putting = threading.Lock()
        self._changed = threading.Condition(self.lock)
        self._waiting: deque[_Write] = deque()
        self._waiting_bytes = 0
        self._failures = 0
        self._is_writing = self._is_ending = self._is_back = False
        self._is_silent = self._gives_up = False

    def read(self, keys: Sequence[str]) -> Found:
        """What the store has; nothing where it fails, or takes too long."""
        task = self._readers.do(lambda: self._get(keys))
        while (left := task.left(self._timeout)) > 0:
            futures.wait([task.future], timeout=left)
        return self._read(task)

    async def aread(self, keys: Sequence[str]) -> Found:
        """As `read`, without blocking the event loop."""
        task = self._readers.do(lambda: self._get(keys))
        while (left := task.left(self._timeout)) > 0:
            await _until_done(task.future, left)
        return self._read(task)

    def check(self, address: str) -> None:
        """Asks for a key that does not exist, in the background, and warns where that fails.

        Args:
            address: What the warning calls the store; without credentials.
        """
        asked = self._readers.do(lambda: self._store.get([_NOTHING])).future
        asked.add_done_callback(lambda done: _warn_at_start(address, done))

    def write(self, entries: Sequence[Entry]) -> None:
        """Has entries written, and waits a short while for it."""
        futures.wait([self.write_soon(entries)], timeout=self._wait)

    async def awrite(self, entries: Sequence[Entry]) -> None:
        """As `write`, without blocking the event loop."""
        taken = self.write_soon(entries)
        if not taken.done():
            await _until_done(taken, self._wait)

    def write_soon(self, entries: Sequence[Entry]) -> Future[None]:
        """Has entries written; what is returned is done when the store has taken them, or has failed."""
        write, begins_to_give_up = _Write(entries), False
        with self.lock:
            self._waiting.append(write)
            self._waiting_bytes += write.size
            while self._waiting_bytes > self._max_waiting and len(self._waiting) > 1:
                self._drop_oldest()
                begins_to_give_up, self._gives_up = begins_to_give_up or not self._gives_up, True
            if self._failures:
                write.release()
            if not self._is_writing:
                self._begin_to_write()
            self._changed.notify()
        if begins_to_give_up:
            _LOGGER.warning(
                "reasoning store: more than %d bytes wait to be written; the oldest entries are given up",
                self._max_waiting,
            )
        return write.taken

    def forget(self, owners: Sequence[str]) -> int:
        """Deletes what owners have in the store, and what of theirs waits for it; returns how many entries there were.

        Raises:
            StoreError: The store cannot do it now.
        """
        with self.lock:
            for write in self._waiting:
                write.entries = [entry for entry in write.entries if entry.owner not in owners]
        with self._putting:  # what is about to be put is put before, and deleted, or was taken out above
            return self._store.forget(owners)

    def end(self, seconds: float) -> None:
        """Writes what waits, within a bound: the interpreter is about to end."""
        deadline = time.monotonic() + seconds
        with self.lock:
            self._is_ending = True
            self._changed.notify_all()
            while self._waiting and self._is_writing and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            is_left = bool(self._waiting) and not self._is_writing
        if is_left:
            self._write_all()

    def _get(self, keys: Sequence[str]) -> Found:
        with _timed("read"):
            return self._store.get(keys)

    def _read(self, task: Task[Found]) -> Found:
        if task.future.done():
            error = task.future.exception()
        else:
            error = TimeoutError(f"timed out after {self._timeout * 1000:.0f} ms")
        with self.lock:
            was_silent, self._is_silent = self._is_silent, error is not None
            if self._failures and error is None:
                self._is_back = True
                self._changed.notify_all()
        if error is not None:
            self._count_failed("read")
            if not was_silent:
                _LOGGER.warning("reasoning store: read failed (%s); continuing without it", str(error))
            log_frames("reasoning store: read failed", error)
            return {}
        if was_silent:
            _LOGGER.info("reasoning store: it answers again")
        return task.future.result()

    def _begin_to_write(self) -> None:
        try:
            threading.Thread(target=self._write_all, name="mimo-quirks writer", daemon=True).start()
            self._is_writing = True
        except RuntimeError:  # the interpreter is about to end, and begins no thread any more: see `end`
            self._waiting[-1].release()

    def _write_all(self) -> None:
        """Writes as long as there is something to write; the work of a thread."""
        while (batch := self._next_batch()) is not None:
            try:
                with self._putting, _timed("write"):
                    self._store.put([entry for write in batch for entry in write.entries])
            except Exception as error:  # noqa: BLE001 - whatever a store may raise, it is tried again
                self._pause(batch, error)
            else:
                self._done(batch)

    def _next_batch(self) -> Sequence[_Write] | None:
        with self.lock:
            deadline = time.monotonic() + _IDLE
            while not (self._waiting or self._is_ending) and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            self._is_writing = bool(self._waiting)
            return [*self._waiting][: 1 if self._failures else _BATCH] or None

    def _done(self, batch: Sequence[_Write]) -> None:
        with self.lock:
            self._failures = 0
            self._gives_up = False
            for write in batch:
                write.release()
                if self._take_out(write):
                    self._waiting_bytes -= write.size
            self._changed.notify_all()

    def _pause(self, batch: Sequence[_Write], error: Exception) -> None:
        self._count_failed("write")
        _LOGGER.warning("reasoning store: write failed (%s); it will be tried again", str(error))
        log_frames("reasoning store: write failed", error)
        with self.lock:
            self._failures += 1
            for write in batch:
                write.release()
                if self._take_out(write):  # what fails by itself lets the others pass
                    self._waiting.append(write)
            deadline = time.monotonic() + _PAUSES[min(self._failures, len(_PAUSES)) - 1]
            self._is_back = False
            while not (self._is_ending or self._is_back) and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            if self._is_ending:  # there is no next time
                self._is_writing = False
                self._waiting.clear()
                self._changed.notify_all()

    def _take_out(self, write: _Write) -> bool:
        """Takes a write out of the queue, unless it was dropped since."""
        with suppress(ValueError):
            self._waiting.remove(write)
            return True
        return False

    def _drop_oldest(self) -> None:
        oldest = self._waiting.popleft()
        oldest.release()
        self._waiting_bytes -= oldest.size
        self._counts["dropped"] += len(oldest.entries)
        COUNTED.add(STORE, {"writes_given_up": len(oldest.entries)})

    def _count_failed(self, what: str) -> None:
        self._counts[f"{what}_failed"] += 1
        COUNTED.add(STORE, {f"{what}_failed": 1})


@contextmanager
def _timed(what: str) -> Iterator[None]:
    """Counts the store's own time."""
    began = time.monotonic()
    try:
        yield
    finally:
        COUNTED.add(STORE, {f"{what}_seconds": time.monotonic() - began})


def _warn_at_start(address: str, asked: Future[Any]) -> None:
    error = asked.exception()
    if error is not None:
        _LOGGER.warning(
            "reasoning store %s failed at start (%s): nothing is shared between processes until it works; "
            "check MIMO_QUIRKS_STORE",
            address,
            str(error),
        )
        log_frames("reasoning store failed at start", error)


async def _until_done(future: Future[Any], seconds: float) -> None:
    """Waits until a future of a thread is done, at most so long; it is neither cancelled nor read."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def hear(_: object) -> None:
        with suppress(RuntimeError):  # the loop was closed since
            loop.call_soon_threadsafe(done.set_result, None)

    future.add_done_callback(hear)
    await asyncio.wait([done], timeout=seconds)
