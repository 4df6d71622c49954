"""Measuring works in turns, and printing what they took.

The smallest of many rounds counts, and CPU time: so a busy machine shows less.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable
from typing import Any

Clock = Callable[[], float]


def best(rounds: int, *works: Callable[[], Any], number: int = 1, clock: Clock = time.process_time) -> list[float]:
    """The smallest of many rounds of each work, in seconds of CPU time, measured in turns.

    Args:
        rounds: How many.
        *works: Each is run once before.
        number: How often each is run in a round.
        clock: `cpu_of_children` for works that run in processes of their own.
    """
    times = [float("inf")] * len(works)
    for work in works:
        work()
    for _ in range(rounds):
        for place, work in enumerate(works):
            gc.collect(0)
            start = clock()
            for _ in range(number):
                work()
            times[place] = min(times[place], (clock() - start) / number)
    return times


def cpu_of_children() -> float:
    """The CPU time of processes that this one has started and that have ended, in seconds."""
    used = os.times()
    return used.children_user + used.children_system


def header(title: str) -> None:
    """The head of a part of the table."""
    print(f"\n{title:<58}{'beside':>12}{'ours':>12}{'ratio':>8}{'bound':>8}")


def show(what: str, beside: float, ours: float, bound: float | None = None) -> None:
    """A row of two works, and what the one may cost in terms of the other."""
    ratio = ours / beside
    print(f"{what:<58}{_ms(beside)}{_ms(ours)}{ratio:>8.2f}{_verdict(ratio, bound, '{:.2f}')}")


def show_time(what: str, ours: float, bound: float) -> None:
    """A row of one work, and what it may take, in seconds."""
    print(f"{what:<58}{'':>12}{_ms(ours)}{'':>8}{_verdict(ours * 1e3, bound * 1e3, '{:.2f} ms')}")


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:>9.3f} ms"


def _verdict(value: float, bound: float | None, form: str) -> str:
    if bound is None:
        return ""
    return f"{form.format(bound):>8}  {'holds' if value <= bound else 'MISSED'}"
