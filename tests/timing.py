"""How the work of a function grows with the size of what it is given."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

STEP: Final = 16
LINEAR: Final = 64.0
"""What `STEP` times the size may cost: 16 where the time is linear, 256 where it is quadratic."""
_TRIES: Final = 5


def growth(work: Callable[[int], object], size: int) -> float:
    """What `STEP` times the size costs, in ratio, in time of this thread's processor alone.

    Both sizes are tried in turn, so that both meet the machine's quiet moments, and the least of each counts. Tries end
    early when the ratio is a linear one.

    Args:
        work: Does the work for a size.
        size: The smaller size, which takes a millisecond at least.
    """
    small, large = float("inf"), float("inf")
    for _ in range(_TRIES):
        small, large = min(small, _seconds(work, size)), min(large, _seconds(work, STEP * size))
        if large < LINEAR * small:
            break
    return large / small


def _seconds(work: Callable[[int], object], size: int) -> float:
    began = time.thread_time()
    work(size)
    return time.thread_time() - began
