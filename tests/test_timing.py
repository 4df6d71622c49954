"""What holds the bounds on time can tell linear from quadratic."""

from __future__ import annotations

from .timing import LINEAR, growth


def _linear(size: int) -> int:
    return sum(number % 7 for number in range(100 * size))


def _quadratic(size: int) -> int:
    return sum(sum(range(size)) for _ in range(size))


def test_linear() -> None:
    """Sixteen times as much of a work that is linear stays below the bound."""
    assert growth(_linear, 200) < LINEAR


def test_quadratic() -> None:
    """A work that is quadratic does not, however often it is tried."""
    assert growth(_quadratic, 60) > LINEAR
