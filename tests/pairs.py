"""All pairs in place of all combinations: a grid of tests that grows with its two longest axes alone.

What goes wrong mostly goes wrong for one value, or for two that meet. `make test-long` (`TEST_SCALE`) runs every row.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from itertools import combinations, product
from typing import Any, Final

LONG: Final = "TEST_SCALE" in os.environ
Row = tuple[Any, ...]


def pairs(*axes: Collection[Any], every: bool = LONG, exists: Callable[..., bool] = lambda *_: True) -> list[Row]:
    """Rows for `pytest.mark.parametrize`, in the order of the whole grid.

    Args:
        axes: The values of each; one that is a tuple fills as many columns as it has members.
        every: All combinations, and not only as many as it takes for any two values of two axes to meet.
        exists: Whether there is such a combination.
    """
    split = (tuple(zip(*row, strict=True)) for row in product(*map(enumerate, axes)))
    grid = {places: values for places, values in split if exists(*values)}
    rows = grid if every else sorted(_covering(grid))
    return [_flat(grid[row]) for row in rows]


def _covering(grid: Iterable[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """The row with the most pairs that are still to come, until none is; of equals the one that comes first."""
    left = {row: set(combinations(enumerate(row), 2)) or {row} for row in grid}
    chosen = []
    while left:
        best = max(left, key=lambda row: len(left[row]))
        chosen.append(best)
        met = left[best].copy()
        left = {row: rest for row, of_row in left.items() if (rest := of_row - met)}
    return chosen


def _flat(values: Row) -> Row:
    return tuple(column for value in values for column in (value if isinstance(value, tuple) else (value,)))
