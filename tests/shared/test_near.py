"""Near memory: bounded in bytes and in time, and nothing of a memory outlives it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mimo_quirks.memory.near import NearMemory
from mimo_quirks.recall.memories import Link, Memory

from ..cases import NASTY


def _memory(reasoning: str | None, owner: str = "o", ordinal: int = 0) -> Memory:
    return Memory(reasoning, "t" if reasoning else "", b"p", ordinal, (), (), "", Link(), owner, "", "")


def _near(max_bytes: int = 2**20, ttl: float = 10, fresh: float = 5) -> NearMemory:
    return NearMemory(max_bytes=max_bytes, ttl_seconds=ttl, fresh_seconds=fresh)


def _reasons(near: NearMemory, mark: bytes) -> list[str | None]:
    return [held.memory.reasoning for held in near.get(mark)]


def test_what_is_added_is_found() -> None:
    """Under each of its marks, the newest first, and by its text in its owner's name."""
    near = _near()
    near.add(_memory("one"), (b"a", b"b"), 0.0)
    near.add(_memory("two"), (b"b",), 0.0)

    assert [["one"], ["two", "one"], []] == [_reasons(near, mark) for mark in (b"a", b"b", b"c")]
    held = near.with_text("o", "one")
    assert held is not None
    assert "one" == held.memory.reasoning
    assert [None, None] == [near.with_text("o", "three"), near.with_text("p", "one")]


def test_the_same_memory_is_held_once() -> None:
    """A memory that comes again, from a store that knows it by other marks, is the one that is held, fresh again."""
    near = _near()
    for now, marks in ((0.0, (b"a", b"b")), (4.0, (b"b", b"c"))):
        near.add(_memory(NASTY), marks, now)

    assert [[NASTY]] * 3 == [_reasons(near, mark) for mark in (b"a", b"b", b"c")]
    assert [9.0] * 3 == [near.get(mark)[0].fresh_until for mark in (b"a", b"b", b"c")]


def test_the_least_recently_used_goes_first() -> None:
    """Over the bound, what was not used for longest goes, from all its marks; looking is no use."""
    near = _near()
    near.add(_memory("x" * 1000), (b"a", b"all"), 0.0)
    near = _near(max_bytes=3 * near.get(b"a")[0].size)
    for mark in (b"a", b"b", b"c"):
        near.add(_memory(mark.decode() * 1000), (mark, b"all"), 0.0)
    near.use(near.get(b"a"), 1.0)
    near.add(_memory("d" * 1000), (b"d", b"all"), 1.0)

    assert [1, 0, 1, 1] == [len(near.get(mark)) for mark in (b"a", b"b", b"c", b"d")]
    assert ["d", "c", "a"] == [str(reasoning)[0] for reasoning in _reasons(near, b"all")]
    assert near.with_text("o", "b" * 1000) is None


def test_an_equal_text_outlives_an_older_one() -> None:
    """What is known by its text is the newest, and goes with it alone."""
    near = _near(ttl=10)
    near.add(_memory("one"), (b"a",), 0.0)
    near.add(_memory("one", ordinal=1), (b"b",), 5.0)
    near.use((), 12.0)

    assert [[], ["one"]] == [_reasons(near, mark) for mark in (b"a", b"b")]
    held = near.with_text("o", "one")
    assert held is not None
    assert 1 == held.memory.ordinal


def test_it_goes_when_it_was_not_used_for_its_time() -> None:
    """The time counts from the last use, for each memory by itself."""
    near = _near(ttl=10)
    near.add(_memory("one"), (b"a",), 0.0)
    near.add(_memory("two"), (b"b",), 0.0)
    near.use(near.get(b"a"), 5.0)
    near.use((), 12.0)

    assert [["one"], []] == [_reasons(near, mark) for mark in (b"a", b"b")]
    gone = near.get(b"a")
    near.use((), 20.0)
    near.use(gone, 20.0)
    assert [] == _reasons(near, b"a")


def test_what_is_too_large_is_not_held() -> None:
    """Nor is anything where nothing may be."""
    near = _near(max_bytes=5000)
    near.add(_memory("x" * 10_000), (b"a",), 0.0)

    assert [] == _reasons(near, b"a")
    assert "NearMemory(0 memories, 0 bytes)" == repr(near)


def test_a_repr_tells_no_text() -> None:
    """Neither of the whole nor of one."""
    near = _near()
    near.add(_memory(NASTY), (b"a",), 0.0)

    assert NASTY.strip() not in f"{near!r}{near.get(b'a')!r}{near.get(b'a')[0].memory!r}"


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcdef"),
            st.sets(st.sampled_from([b"1", b"2", b"3"]), min_size=1),
            st.floats(0, 3),
            st.booleans(),
        )
    )
)
def test_marks_and_size_match_what_is_held(steps: list[tuple[str, set[bytes], float, bool]]) -> None:
    """Whatever is added and used, marks and texts lead to what is held alone, and its size is what is counted."""
    near, now = _near(max_bytes=8000, ttl=4), 0.0
    for name, marks, later, uses in steps:
        now += later
        if uses:
            near.use([held for mark in marks for held in near.get(mark)], now)
        else:
            near.add(_memory(name * 500), tuple(sorted(marks)), now)
        held = {*near._order}

        assert sum(one.size for one in held) == near._bytes <= 8000
        assert held == {one for found in near._by_mark.values() for one in found}
        assert {*near._by_text.values()} <= held
        assert all(found for found in near._by_mark.values())
        assert all(one.expires > now for one in held)
