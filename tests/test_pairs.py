"""The rows that stand for a whole grid."""

from __future__ import annotations

from itertools import combinations, product

import pytest

from .pairs import pairs

GRIDS = [[3], [2, 2], [2, 1], [1, 1, 1], [5, 9, 2, 4], [10, 6, 2], [2, 2, 2, 2, 2], [4, 7, 3, 3]]


def _axes(sizes: list[int]) -> list[list[str]]:
    return [[f"{'abcde'[axis]}{value}" for value in range(size)] for axis, size in enumerate(sizes)]


@pytest.mark.parametrize("sizes", GRIDS, ids=str)
def test_any_two_values_meet(sizes: list[int]) -> None:
    """Each value of an axis stands in a row with each value of every other axis, and no row stands there twice."""
    axes = _axes(sizes)
    rows = pairs(*axes, every=False)

    assert {value for axis in axes for value in axis} == {value for row in rows for value in row}
    expected = {pair for one, other in combinations(axes, 2) for pair in product(one, other)}
    assert expected == {pair for row in rows for pair in combinations(row, 2)}
    assert len(rows) == len(set(rows))


def test_few_rows_are_enough() -> None:
    """They are hardly more than the two longest axes make, and always the same ones."""
    axes = _axes([5, 9, 2, 4])
    rows = pairs(*axes, every=False)

    assert 45 <= len(rows) <= 50
    assert rows == pairs(*axes, every=False)


@pytest.mark.parametrize("sizes", GRIDS, ids=str)
def test_every_row(sizes: list[int]) -> None:
    """On demand it is the whole grid, in its order."""
    axes = _axes(sizes)

    assert list(product(*axes)) == pairs(*axes, every=True)


def test_what_does_not_exist() -> None:
    """A combination that there is not is no row, and the values in it meet the others all the same."""
    rows = pairs("ab", "xy", [1, 2], every=False, exists=lambda one, other, _: (one, other) != ("b", "y"))

    assert {("a", "x"), ("a", "y"), ("b", "x")} == {row[:2] for row in rows}
    assert {("a", 1), ("a", 2), ("b", 1), ("b", 2)} == {(row[0], row[2]) for row in rows}
    assert {("x", 1), ("x", 2), ("y", 1), ("y", 2)} == {row[1:] for row in rows}


def test_a_tuple_fills_several_columns() -> None:
    """Values that belong together are one value of an axis."""
    assert [("a", 1, "x"), ("b", 2, "x")] == pairs([("a", 1), ("b", 2)], ["x"], every=False)
