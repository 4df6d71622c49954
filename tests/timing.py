"""How the work of a function grows with the size of what it is given."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

LINEAR: Final = 8.0
"""What four times the size may cost: 4 where the time is linear, 16 where it is quadratic."""


def growth(work: Callable[[int], object], size: int) -> float:
    """What four times the size costs, in ratio: the least of three runs, in time of this thread's processor alone.

    Args:
        work: Does the work for a size.
        size: The smaller size, which takes some milliseconds at least.
    """
    return _seconds(work, 4 * size) / _seconds(work, size)


def _seconds(work: Callable[[int], object], size: int) -> float:
    taken = []
    for _ in range(3):
        began = time.thread_time()
        work(size)
        taken.append(time.thread_time() - began)
    return min(taken)
