"""The list of what is slow."""

from __future__ import annotations

from .quick import SHARING, SLOW, TESTS, is_quick, place, together


def test_what_is_listed_is_there() -> None:
    """A file that was renamed would be in the inner loop unnoticed; none stands there twice."""
    assert list(SLOW) == [name for name in SLOW if (TESTS / name).is_file()]
    assert len(SLOW) == len(set(SLOW))
    assert set(SLOW) >= {*SHARING, *SHARING.values()}


def test_what_is_slow_comes_first() -> None:
    """In the order of the list; the rest, and every folder, is quick."""
    listed, other = [TESTS / name for name in SLOW], TESTS / "shared" / "test_replay.py"

    assert listed == sorted([other, *reversed(listed)], key=place)[:-1]
    assert [False, True, True] == [is_quick(listed[0]), is_quick(other), is_quick(other.parent)]


def test_what_shares_proxies_is_together() -> None:
    """One worker runs a file; and files that share proxies, one after the other."""
    assert {name: SHARING.get(name, name) for name in SLOW} == {name: together(name) for name in SLOW}
