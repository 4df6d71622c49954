"""Texts as every client means them, in time that is linear in what comes in, whatever it is."""

from __future__ import annotations

import json
import os
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mimo_quirks.facts.reasoning_fields import split_think, without_think
from mimo_quirks.history.canonical import Effort, canonical_arguments, canonical_content, canonical_text
from mimo_quirks.recall.fingerprints import Walk

from .recalling import marks_of_turns

LONG = "TEST_SCALE" in os.environ
"""Whether sizes are full, up to 4 MB; a small form is for every day."""
SIZES = [2**20, 2**21, 2**22] if LONG else [2**18, 2**19]
ROUNDS = 40
MOST = 3.0
"""How many times what ASCII of the same size takes."""
CAP = 2**15
"""The longest text that is tidied: there is effort for two in a history."""
WHITE = [character for character in map(chr, range(0x3001)) if character.isspace()]
MARKS = {
    "stack": "\u0300\u0316",
    "vowel signs that hide two marks": "\u0f73",
    "ordered": "\u0316",
    "stacks that are just not too high": "a" + "\u0300\u0316" * 15,
    "NFD": "e\u0301",
    "jamo": "\u1100\u1161\u11a8",
    "CJK": "推理",
    "é and space": "é ",
    "zero-width": "\u200b",
    "another white space": "\x85",
    "surrogates": "\ud800",
}


@pytest.fixture(name="untraced")
def _untraced() -> Iterator[None]:
    """Coverage of lines makes a loop many times as slow as what is not written in Python."""
    tracer = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(tracer)


def _least(work: Callable[[], object], rounds: int = 5) -> float:
    """The least processor time of this thread that the work takes."""
    took = []
    for _ in range(rounds):
        begun = time.thread_time()
        work()
        took.append(time.thread_time() - begun)
    return min(took)


def _ratio(work: Callable[[], object], other: Callable[[], object], enough: float = MOST) -> float:
    """How many times as long the work takes, by the least of each: measured in turn, until it is enough."""
    ours = theirs = float("inf")
    for _ in range(ROUNDS):
        ours, theirs = min(ours, _least(work, 1)), min(theirs, _least(other, 1))
        if ours <= enough * theirs:
            break
    return ours / theirs


def _of_size(unit: str, size: int) -> str:
    """So many bytes of a text that begins with a letter."""
    return "a" + unit * (size // len(unit.encode("utf-8", "surrogatepass")))


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("unit", MARKS.values(), ids=MARKS)
def test_a_text_takes_no_longer_than_ascii(unit: str, size: int) -> None:
    """As a content, and as arguments."""
    hostile, plain = _of_size(unit, size), "abcdefg " * (size // 8)

    assert _ratio(lambda: canonical_text(hostile), lambda: canonical_text(plain)) <= MOST
    assert _ratio(lambda: canonical_arguments(hostile), lambda: canonical_arguments(plain)) <= MOST


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("unit", MARKS.values(), ids=MARKS)
def test_a_text_below_the_cap_is_linear(unit: str) -> None:
    """Where Unicode is tidied, four times the text takes no more than some four times as long."""
    whole = ("a" + unit * CAP)[:CAP]
    quarter = whole[: CAP // 4]

    assert _ratio(lambda: canonical_text(whole), lambda: canonical_text(quarter), 8) <= 8
    arguments, fewer = json.dumps([whole], ensure_ascii=False), json.dumps([quarter], ensure_ascii=False)
    assert _ratio(lambda: canonical_arguments(arguments), lambda: canonical_arguments(fewer), 8) <= 8


def _turn(content: Any = "", *calls: tuple[str, str, str]) -> dict[str, Any]:
    made = [{"id": ident, "function": {"name": name, "arguments": given}} for ident, name, given in calls]
    return {"role": "assistant", "content": content, "tool_calls": made}


def _nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


HISTORIES: dict[str, Callable[[int], list[dict[str, Any]]]] = {
    "think tags": lambda size: [_turn("<think></think>" * (size // 15))],
    "think tags that do not end": lambda size: [_turn("<think>" * (size // 7))],
    "think tags in a list": lambda size: [_turn([{"type": "text", "text": "<think></think>" * (size // 15)}])],
    "deep JSON": lambda size: [_turn("", ("i", "f", "[" * size))],
    "deep blocks": lambda size: [{"role": "user", "content": [_nested(size // 100)]}],
    "an id of letters": lambda size: [_turn("", ("a" * size, "f", "{}"))],
    "an id of digits": lambda size: [_turn("", ("1" * size, "f", "{}"))],
    "a name": lambda size: [_turn("", ("i", "f" * size, "{}"))],
    "results": lambda size: [{"role": "tool", "tool_call_id": "i", "content": "\u0300\u0316" * (size // 4)}],
    "a role": lambda size: [{"role": "\u0300\u0316" * (size // 4), "content": "x"}],
}


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
def test_a_walk_takes_no_longer_than_over_ascii(history: Callable[[int], Any], size: int) -> None:
    """Whatever part of a history is hostile, its turns and their keys take what as much plain text takes."""
    hostile = history(size)
    plain = [_turn("abcdefg " * (size // 8))]

    assert _ratio(lambda: marks_of_turns(hostile), lambda: marks_of_turns(plain)) <= MOST


def _pieces(unit: str, size: int, each: int = 30_000) -> list[str]:
    """So many bytes of a text, in pieces of so many characters, none of which is another."""
    piece = ("a" + unit * each)[:each]
    return [f"{n} {piece}" for n in range(size // len(piece.encode("utf-8", "surrogatepass")))]


def _users(pieces: list[str]) -> Any:
    return [*({"role": "user", "content": piece} for piece in pieces), _turn("x")]


def _called(pieces: list[str]) -> Any:
    return [_turn("", *(("i", "f", piece) for piece in pieces))]


ASCII = "abcdefg "
WHOLE = 2**22


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("unit", MARKS.values(), ids=MARKS)
def test_many_texts_take_no_longer_than_ascii(unit: str) -> None:
    """A history of texts each of which would be tidied by itself; white space in so many kinds goes with the rest."""
    hostile, plain = _users(_pieces(unit, WHOLE)), _users(_pieces(ASCII, WHOLE))

    assert _ratio(lambda: marks_of_turns(hostile), lambda: marks_of_turns(plain)) <= MOST


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("unit", ["1e3,", "1,", '{"a":1},', "[],", '"\\u0301",', '"e\u0301",', f"{'9' * 4000},"])
def test_many_arguments_take_no_longer_than_ascii(unit: str) -> None:
    """Calls each of which would be parsed by itself."""
    hostile = _called([f"[{piece[piece.index('a') + 1 :].rpartition(',')[0]}]" for piece in _pieces(unit, WHOLE)])
    plain = _called(_pieces(ASCII, WHOLE))

    assert _ratio(lambda: marks_of_turns(hostile), lambda: marks_of_turns(plain)) <= MOST


@pytest.mark.parametrize("made", [_users, _called, lambda pieces: [_turn(piece) for piece in pieces]])
@pytest.mark.parametrize("unit", ["e\u0301", "1e3,"])
def test_effort_is_spent_from_the_beginning(unit: str, made: Callable[[list[str]], Any]) -> None:
    """A history that goes on has the turns that it had, and an answer is read as the next request reads it."""
    history = [one for piece in _pieces(unit, 2**18, 10_000) for one in made([piece])]
    whole = Walk(history).places

    for at, place in enumerate(whole):
        before = Walk(history[: place.at])
        assert whole[:at] == before.places
        assert [place._replace(at=-1)] * 2 == [before.next(history[place.at]), before.next(history[place.at])]


def test_what_finds_no_effort_is_as_it_is() -> None:
    """Then only white space is nothing, and what takes less may still be tidied."""
    effort = Effort(3)

    assert canonical_text("e\u0301e\u0301 \u3000", effort) == "e\u0301e\u0301".encode()
    assert canonical_text("e\u0301", effort) == "é".encode()
    assert effort.left == 1
    assert canonical_text("é推" * 99, effort) == ("é推" * 99).encode()
    assert not effort.parses("[1]")
    assert effort.left == 1


def test_every_character_is_one_composed_and_apart() -> None:
    """Whether a text has a character that may be composed is seen of all that there are."""
    for character in map(chr, range(0x110000)):
        apart = unicodedata.normalize("NFD", character)
        if apart != character or unicodedata.combining(character):
            composed = unicodedata.normalize("NFC", f"a\u0315{character}")
            assert canonical_text(f"a\u0315{character}") == canonical_text(composed)
            assert canonical_text(apart) == canonical_text(unicodedata.normalize("NFC", apart))


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("ident", ["a" * 250, "1" * 250, "a1" * 125, "a-" * 125, "é" * 125])
def test_ids_take_no_longer_than_short_ones(ident: str, size: int) -> None:
    """Whether an id was drawn is seen in time that is linear in its length."""
    hostile, plain = ([_turn("", *[(one, "f", "{}")] * (size // 250))] for one in (ident, "call_1f3a9c2e4b6d8"))

    assert _ratio(lambda: marks_of_turns(hostile), lambda: marks_of_turns(plain)) <= MOST


@pytest.mark.parametrize(
    ("ident", "is_found"),
    [
        ("call_00_x9ab3c4d5e6f7", True),
        ("call_1f3a9c2e4b6d8", True),
        ("toolu_01A09q90qw90lq917835lq9", True),
        ("1f3a9c2e4b6d", True),
        ("x1f3a9c2e4b6d", True),
        ("1f3a9c2e4b6", False),  # too short
        ("call_abcdefghijklmnop", False),
        ("call_abcdefghijklmn1", False),  # one figure counts
        ("call_123456789012", False),
        ("read_file:0", False),
        ("get_current_weather_0", False),
        ("call 1f3a9c2e4b6d8", False),
        ("call_1f3a9c2e4b6d8\n", False),
        ("", False),
        ("a" * 240 + "1f3a9c2e4b6d8", True),
        ("a" * 250 + "1f3a9c2e4b6d8", False),
    ],
)
def test_which_ids_are_drawn(ident: str, is_found: bool) -> None:
    """Letters and figures at the end, of which nobody makes up the same twice."""
    ((_, marks),) = marks_of_turns([_turn("", (ident, "f", "{}"))])

    assert is_found is bool(marks.ids)


def test_arguments_of_large_numbers() -> None:
    """A number that is written in five characters does not become three hundred."""
    numbers = f"[{','.join(['1e308'] * 10_000)}]"

    assert len(canonical_arguments(numbers)) < 2 * len(numbers)
    assert canonical_arguments("[1e3, 1.0e3]") == canonical_arguments("[1000,1000.0]")
    assert canonical_arguments("1e300") == canonical_arguments("1.0E+300")
    assert canonical_arguments(f"[{'9' * 101}]") == canonical_arguments(f"[ {'9' * 101} ]")
    assert canonical_arguments(f"[{'9' * 101}]") != canonical_arguments(f"[{'9' * 102}]")


@pytest.mark.parametrize(("padding", "is_parsed"), [(2**16 - 20, True), (2**16, False)])
def test_long_arguments_are_a_text(padding: int, is_parsed: bool) -> None:
    """Above 64 Ki characters nothing is parsed: the order of keys counts there, and white space still does not."""
    one = json.dumps({"a": 1, "b": "x" * padding})
    other = json.dumps({"b": "x" * padding, "a": 1})

    assert is_parsed is (len(one) <= 2**16)
    assert is_parsed is (canonical_arguments(one) == canonical_arguments(other))
    assert is_parsed is (canonical_arguments(one) == canonical_arguments(one.replace("1", "1.0", 1)))
    assert canonical_arguments(one) == canonical_arguments(one.replace(" ", "" if is_parsed else "\n  "))
    assert canonical_arguments(one) != canonical_arguments(one.replace("xx", "xy", 1))


def test_which_characters_hide_marks() -> None:
    """Python's Unicode has three that are no marks and begin with one; a stack of them is a stack."""
    hiding = [
        character
        for character in map(chr, range(0x110000))
        if not unicodedata.combining(character) and unicodedata.combining(unicodedata.normalize("NFD", character)[0])
    ]

    assert ["\u0f73", "\u0f75", "\u0f81"] == hiding
    for character in hiding:
        apart = unicodedata.normalize("NFD", character)
        assert apart == unicodedata.normalize("NFC", character)
        assert canonical_text(f"a{character}") == canonical_text(f"a{apart}")


@given(st.text(st.sampled_from("aé\u0301\u0316\u0f73\u0f71\u0f72\u200b 　\x85\n\x1c推\u1100\u1161각"), max_size=25))
@example("e\u0301 ")
@example("\ud800\u0301")
def test_composition_is_nothing(said: str) -> None:
    """A text is the same however its characters are composed, and in one part as a content."""
    composed, apart = (unicodedata.normalize(form, said) for form in ("NFC", "NFD"))

    assert canonical_text(composed) == canonical_text(apart) == canonical_text(said)
    assert canonical_content(said) == canonical_content([{"type": "text", "text": said}]) == canonical_text(said)


@given(st.lists(st.tuples(st.sampled_from(["a", "é", "推", "각", "👩‍💻"]), st.sampled_from(["", *WHITE])), max_size=12))
def test_white_space_is_nothing(words: list[tuple[str, str]]) -> None:
    """Of any kind and in any place: whoever joins the parts of a text may put some between them."""
    assert canonical_text("".join(map("".join, words))) == "".join(word for word, _ in words).encode()


@given(st.text(), st.text())
def test_other_texts_are_others(one: str, other: str) -> None:
    """Nothing else is nothing."""
    meant = [unicodedata.normalize("NFC", "".join(unicodedata.normalize("NFC", said).split())) for said in (one, other)]

    assert (canonical_text(one) == canonical_text(other)) is (canonical_text(meant[0]) == canonical_text(meant[1]))


def test_a_stack_of_marks_is_as_it_is() -> None:
    """More marks than any language has are not put in order; fewer are, and so the same in any order."""
    one, other = "a" + "\u0316\u0300" * 20, "a" + "\u0300\u0316" * 20

    assert canonical_text(one) != canonical_text(other) == other.encode()
    assert canonical_text(one[:21]) == canonical_text(other[:21])


@pytest.mark.parametrize("said", ["<think>a", "<think>a</think><think>b", "a<think></think>"])
def test_a_thought_that_does_not_end_is_text(said: str) -> None:
    """Only what is closed, and stands at the beginning, is none of a turn's text."""
    (left,) = (place.text.decode() for place in Walk([_turn(said)]).places)

    assert said.removeprefix("<think>a</think>") == left


@given(st.lists(st.sampled_from(["<think>", "</think>", "a", "<", " "]), max_size=12).map("".join))
def test_every_thought_at_the_beginning(said: str) -> None:
    """What is left of a text is what is left when one thought after the other is taken off it."""
    left = said
    while split := split_think(left):
        left = split[1]

    assert left == without_think(said)
    assert (left == said) is (without_think(said) is said)
    assert [{"type": "text", "text": left}] == without_think([{"type": "text", "text": said}])


def test_what_calls_say_is_kept_in_bounds() -> None:
    """Only what calls of usual length say is kept for the next request: neither long arguments nor a long name."""
    from mimo_quirks.recall.fingerprints import _kept

    before = _kept.cache_info()
    for name, given_ in (("n" * 2000, "{}"), ("n", '{"a": "%s"}' % ("x" * 2000)), ("bounded", "{}")):
        Walk([_turn("", ("i", name, given_))])
    after = _kept.cache_info()

    assert 1 == after.misses + after.hits - before.misses - before.hits
