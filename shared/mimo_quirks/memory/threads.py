"""Threads that end with the process.

A store that hangs holds up neither the event loop, nor the application's thread pool, nor the interpreter's end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")


class Task(Generic[T]):
    """A piece of work that a thread does.

    Attributes:
        future: What comes of it.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self.future: Future[T] = Future()
        self._work = work
        self._asked = time.monotonic()
        self._begun: float | None = None
        self._excused = 0.0
        self._until: float | None = None

    def left(self, limit_seconds: float) -> float:
        """How long to wait now, and then to ask again; nothing where the work is done, or too slow.

        It may take so long to begin, and as long again from then on. What passes while whoever waits cannot go on
        is not counted: there this process was held up, and its threads were too.
        """
        now = time.monotonic()
        if self._until is not None:
            self._excused += max(0.0, now - self._until)
        since = self._asked if self._begun is None else self._begun
        left = 0.0 if self.future.done() else since + limit_seconds + self._excused - now
        left = min(left, limit_seconds / 2)
        self._until = now + left
        return left

    def run(self) -> None:
        """Does the work."""
        self._begun = time.monotonic()
        try:
            result = self._work()
        except Exception as error:  # noqa: BLE001 - whoever asked is told
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


class Threads:
    """A bounded number of threads, each begun when there is work that no other is free for.

    Args:
        most: How many there are at most.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._tasks: SimpleQueue[Task[object]] = SimpleQueue()
        self._idle = self._count = 0

    def do(self, work: Callable[[], T]) -> Task[T]:
        """Has work done in one of the threads, or at once where none can be begun: the interpreter is about to end."""
        task = Task(work)
        with self._lock:
            if self._idle <= 0 and self._count < self._most:
                self._begin()
            if self._count:
                self._idle -= 1
                self._tasks.put(task)  # type: ignore[arg-type] # a queue takes tasks of every result
        if not self._count:
            task.run()
        return task

    def _begin(self) -> None:
        with suppress(RuntimeError):
            threading.Thread(target=self._run, name="mimo-quirks", daemon=True).start()
            self._idle += 1
            self._count += 1

    def _run(self) -> None:
        while True:
            self._tasks.get().run()
            with self._lock:
                self._idle += 1
