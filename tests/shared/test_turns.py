"""Reading a turn, whole or from a stream: the same turn either way."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimo_quirks.facts.reasoning_fields import KEYS, NESTS
from mimo_quirks.history.streaming import TurnReader
from mimo_quirks.history.turns import (
    Call,
    Turn,
    as_message,
    has_whole_calls,
    is_damaged,
    is_placeholder,
    read_reasoning,
    read_turn,
)

from ..cases import CALL, NASTY
from ..timing import LINEAR, growth
from .strategies import assistants, blocks, json_values

texts = st.text(st.characters(exclude_categories=[]), max_size=30)  # lone surrogates too


def _split(data: st.DataObject, text: str) -> list[str]:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@given(
    data=st.data(),
    name=st.sampled_from(["reasoning_content", "reasoning"]),
    reasoning=texts,
    content=texts,
    arguments=texts,
)
def test_every_split_reads_the_same(
    data: st.DataObject, name: str, reasoning: str, content: str, arguments: str
) -> None:
    """However the deltas are cut, interleaved with empty ones, and reasoning resumed after the calls: one turn."""
    head, tail = reasoning[: len(reasoning) // 2], reasoning[len(reasoning) // 2 :]
    call = {"id": "call_1", "function": {"name": "weather", "arguments": arguments}}
    whole = read_turn({"content": content, name: reasoning, "tool_calls": [call, call]})

    reader = TurnReader()
    reader.feed({"role": "assistant", "content": ""})
    for piece in _split(data, head):
        reader.feed({name: piece, "content": None})
    for piece in _split(data, content):
        reader.feed({"content": piece, name: None})
    for index in (0, 1):
        reader.feed(
            {"tool_calls": [{"index": index, "id": "call_1", "function": {"name": "weather", "arguments": ""}}]}
        )
        for piece in _split(data, arguments):
            reader.feed(
                {"tool_calls": [{"index": index, "id": "call_1", "function": {"name": "weather", "arguments": piece}}]}
            )
    for piece in _split(data, tail):
        reader.feed({name: piece})
    reader.feed({}, "tool_calls")

    # A stream cannot tell an empty reasoning from none.
    assert (reader.turn(), reader.turn().reasoning or "") == (_none_if_empty(whole), whole.reasoning or "")


def _none_if_empty(turn: Turn) -> Turn:
    return Turn(turn.content, turn.calls, turn.reasoning or None, turn.complete)


@given(message=assistants)
def test_any_message_is_read(message: dict[str, Any]) -> None:
    """Any JSON that calls itself an assistant message is read, and the capture's repr shows no text."""
    turn = read_turn({**message, "reasoning_content": NASTY})

    assert turn.reasoning == NASTY
    assert "先想一想" not in repr(turn)


def test_arguments_are_not_shown() -> None:
    """What a call was given may quote what was thought: it is left out, and name and id are shown."""
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "東京"}'}}
    turn = read_turn({"role": "assistant", "content": "", "tool_calls": [call]})

    assert "(Call(id='c1', name='weather'),)" in repr(turn)
    assert "東京" not in repr(turn)


_functions = st.dictionaries(st.sampled_from(["name", "arguments"]), json_values) | json_values
_pieces = st.fixed_dictionaries({}, optional={"index": json_values, "id": json_values, "function": _functions})
_reasoning = st.dictionaries(st.sampled_from(KEYS), json_values | blocks)
_deltas = st.fixed_dictionaries(
    {},
    optional={
        "content": json_values | st.lists(blocks),
        "tool_calls": json_values | st.lists(json_values | _pieces),
        **dict.fromkeys(KEYS, json_values | blocks | st.lists(blocks)),
        **dict.fromkeys(NESTS, json_values | _reasoning),
    },
)


@given(deltas=st.lists(json_values | _deltas))
def test_any_delta_is_fed(deltas: list[Any]) -> None:
    """Any JSON goes into the reader, and a turn of texts comes out."""
    reader = TurnReader()
    for delta in deltas:
        reader.feed(delta)
    turn = reader.turn()

    texts = [turn.content, turn.reasoning or "", *(text for c in turn.calls for text in (c.id, c.name, c.arguments))]
    assert {str} == {type(text) for text in texts}
    assert turn.complete is False


@pytest.mark.parametrize("nothing", [[], (), {}, "", None, 0, False])
def test_an_empty_member_of_a_call(nothing: Any) -> None:
    """What says nothing is as if it were not there, whatever its type: a later delta says it."""
    unsaid = TurnReader()
    unsaid.feed({"tool_calls": [{"id": nothing, "function": {"name": nothing, "arguments": nothing}}]})
    reader = TurnReader()
    for call_id, name, arguments in ((nothing, nothing, "{"), ("call_1", "weather", nothing), (nothing, nothing, "}")):
        function = {"name": name, "arguments": arguments}
        reader.feed({"tool_calls": [{"index": 0, "id": call_id, "function": function}]})

    assert (Call("", "", ""),) == unsaid.turn().calls
    assert (Call("call_1", "weather", "{}"),) == reader.turn().calls


def test_content_as_deep_as_the_stack() -> None:
    """A list where a text should be is no text, however deep lists go in it."""
    content: Any = "x"
    for _ in range(sys.getrecursionlimit()):
        content = [{"type": "text", "text": content}]
    reader = TurnReader()
    reader.feed({"content": content})

    assert "" == reader.turn().content


def test_many_calls() -> None:
    """The time for a piece of a call does not depend on how many calls there are already."""

    def work(size: int) -> None:
        reader = TurnReader()
        for number in range(size):
            reader.feed({"tool_calls": [{"id": f"call_{number}", "function": {"name": "weather"}}]})
        assert size == len(reader.turn().calls)

    assert growth(work, 1000) < LINEAR


def test_tool_turn() -> None:
    """A full message gives its calls, content and reasoning."""
    message = {
        "role": "assistant",
        "content": None,
        "reasoning_content": NASTY,
        "tool_calls": [CALL, "junk", {"id": 3}],
    }

    assert Turn("", (Call("call_1", "weather", '{"city": "北京"}'),), NASTY) == read_turn(message)


@pytest.mark.parametrize(
    ("message", "reasoning", "content"),
    [
        ({"content": "<think>a</think>b"}, "a", "b"),
        ({"content": "<think>a"}, None, "<think>a"),
        ({"content": "<think></think>b"}, None, "<think></think>b"),
        (
            {"content": [{"type": "thinking", "thinking": "a"}, {"type": "text", "text": "b"}, {"type": "text"}]},
            "a",
            "b",
        ),
        ({"content": "b", "reasoning_content": ""}, "", "b"),
        ({"content": 3}, None, ""),
        ({"reasoning": {"type": "reasoning", "summary": [{"text": "a"}, {"text": "b"}]}}, "ab", ""),
        ({"reasoning": {"id": "rs_1", "summary": [{"text": "a"}]}}, "a", ""),
        (
            {"reasoning_details": [{"type": "reasoning.summary", "summary": "a"}, {"type": "reasoning.encrypted"}]},
            "a",
            "",
        ),
        ({"reasoning_details": ["a", 3, {"type": 3}, {"type": "odd"}]}, "a", ""),
        ({"content": [{"type": "reasoning_content", "reasoning_content": "a"}]}, "a", ""),
        ({"content": [{"type": "redacted_thinking"}, {"type": "thinking"}, 3]}, None, ""),
    ],
)
def test_spellings(message: dict[str, Any], reasoning: str | None, content: str) -> None:
    """Every vendor's spelling of reasoning is read, and a text that is not reasoning is not."""
    turn = read_turn(message)

    assert (reasoning, content) == (turn.reasoning, turn.content)


def test_parallel_calls_without_an_index() -> None:
    """Relays that leave the index out send whole calls, one per entry."""
    reader = TurnReader()
    reader.feed({"tool_calls": [CALL, CALL, "junk"]})
    reader.feed({"tool_calls": [{"index": 0, "id": "call_1"}]})

    assert [Call("call_1", "weather", '{"city": "北京"}')] * 2 == list(reader.turn().calls)


def test_a_captured_turn_is_a_message_again() -> None:
    """What was captured replays as the message that it was read from."""
    for message in (
        {"role": "assistant", "content": "", "tool_calls": [CALL], "reasoning_content": NASTY},
        {"role": "assistant", "content": "hi"},
    ):
        assert message == as_message(read_turn(message))


def test_calls_in_pieces_without_an_index() -> None:
    """An id begins a call, and pieces without one go on with it; the order is the index's."""
    reader = TurnReader()
    reader.feed({"tool_calls": [{"index": 1, "id": "b", "function": {"name": "g", "arguments": "{}"}}]})
    reader.feed({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}}]})
    reader.feed({"tool_calls": [{"id": "c", "function": {"name": "h", "arguments": "["}}]})
    reader.feed({"tool_calls": [{"function": {"arguments": "]"}}]})

    assert [("a", "{"), ("b", "{}"), ("c", "[]")] == [(call.id, call.arguments) for call in reader.turn().calls]


@pytest.mark.parametrize(("finish_reason", "complete"), [(None, False), ("", False), ("stop", True)])
def test_complete(finish_reason: str | None, complete: bool) -> None:
    """A turn is whole once the API said why it ended; some relays write an empty reason on every chunk."""
    reader = TurnReader()
    reader.feed({"content": "a"}, finish_reason)
    reader.feed(None)  # type: ignore[arg-type]

    assert reader.turn().complete is complete


def test_nested_deltas_are_not_doubled() -> None:
    """The same reasoning under two names in each delta is read once."""
    reader = TurnReader()
    for piece in (" a", "b "):
        reader.feed({"reasoning_content": piece, "provider_specific_fields": {"reasoning_content": piece}})
    nested = TurnReader()
    nested.feed({"provider_specific_fields": {"reasoning_details": [{"type": "reasoning.text", "text": " a"}]}})

    assert (" ab ", " a") == (reader.turn().reasoning, nested.turn().reasoning)


def test_a_real_text_beats_a_placeholder() -> None:
    """A placeholder is read only where no other name holds anything better."""
    assert "a" == read_reasoning({"reasoning_content": "tool call", "reasoning": "a"})
    assert "tool call" == read_reasoning({"reasoning_content": "tool call", "reasoning": " "})


@pytest.mark.parametrize(
    ("text", "expected"), [("", True), (" \n", True), (".", True), ("tool call", True), ("a", False)]
)
def test_placeholders(text: str, expected: bool) -> None:
    """Blank texts and the stand-ins of other tools are no reasoning."""
    assert is_placeholder(text) is expected


@pytest.mark.parametrize(
    ("carried", "issued", "expected"),
    [
        ("a", " a\n", True),
        ("a\nb", "ab", True),
        ("a\n\nb", " a\n b ", True),
        ("先想", "先想一想", True),
        ("", "a", True),
        ("a", "a", False),
        (" a\n", " a\n", False),
        ("b", "ab", False),
        ("ab", "a", False),
        ("a", "b", False),
    ],
)
def test_damaged(carried: str, issued: str, expected: bool) -> None:
    """What a framework leaves of a text: stripped, joined in another way, or cut; never another text."""
    assert is_damaged(carried, issued) is expected


@pytest.mark.parametrize(
    ("text", "blocks", "expected"),
    [
        ("a\nb", [" a", "b "], " ab "),
        ("a", [" a", "b "], " ab "),
        (" ab ", [" a", "b "], " ab "),
        ("other", [" a"], "other"),
        ("a", [], "a"),
        (" ", [" a"], " a"),
    ],
)
def test_blocks_tell_what_joining_damaged(text: str, blocks: list[str], expected: str) -> None:
    """Where a bridge joined or cut the text, the blocks beside it still have it."""
    message = {"reasoning_content": text, "thinking_blocks": [{"type": "thinking", "thinking": b} for b in blocks]}

    assert expected == read_reasoning(message)


@given(text=texts, blocks=st.lists(texts, max_size=3))
def test_damage_changes_no_thought(text: str, blocks: list[str]) -> None:
    """What is read is one of the two, and a text that is only spread otherwise reads as the blocks."""
    joined = "".join(blocks)
    spread = {"thinking_blocks": [{"type": "thinking", "thinking": block} for block in blocks]}

    assert read_reasoning({"reasoning_content": text, **spread}) in (text, joined)
    if not is_placeholder(joined.strip()):
        assert joined == read_reasoning({"reasoning_content": "\n".join(blocks).strip(), **spread})


def _calling(*arguments: object) -> dict[str, Any]:
    return {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": text}} for text in arguments]}


@pytest.mark.parametrize("arguments", [["{}"], ['{"a": {"b": "}"}}\n'], ['{"a": 1}', '{"a": 2}']])
def test_whole_calls(arguments: list[str]) -> None:
    """Calls are whole whose arguments are an object each."""
    assert has_whole_calls(_calling(*arguments))


@pytest.mark.parametrize(
    "arguments",
    [[], [""], [None], ['{"a": "}'], ['{"a": 1}', ""], ["1"], ["[]"], ["[" * 10**5], ['{"a": "' + "x" * 2**20 + '"}']],
)
def test_calls_that_are_not_whole(arguments: list[Any]) -> None:
    """Calls are not whole where something may be missing of one, or where there is none."""
    assert not has_whole_calls(_calling(*arguments))


@given(json_values)
def test_whole_calls_are_total(value: Any) -> None:
    """Whatever stands in the place of calls and of arguments, nothing is raised."""
    assert not has_whole_calls({"tool_calls": value})
    has_whole_calls(_calling(value))


@pytest.mark.parametrize(
    ("arguments", "may_be"),
    [
        ([], False),
        ([["{", '"a": 1', "} "]], True),
        ([["{}"], ["{", "}"]], True),
        ([["{}"], ["{"]], False),
        ([[]], False),
    ],
)
def test_calls_that_may_be_whole(arguments: list[list[str]], may_be: bool) -> None:
    """Told by the last piece of each: there are calls, and each ends as an object does."""
    reader = TurnReader()
    for index, pieces in enumerate(arguments):
        reader.feed({"tool_calls": [{"index": index, "id": f"call_{index}", "function": {"name": "weather"}}]})
        for piece in pieces:
            reader.feed({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})

    assert may_be is reader.may_be_whole
