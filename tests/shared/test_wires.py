"""What is true of every wire: any JSON may come in, nothing is edited, and what nobody changed is the same object."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimo_quirks.facts.quirks import Quirks, quirks_for
from mimo_quirks.history.found import FoundReasoning
from mimo_quirks.history.replay import ReplayReport, replay
from mimo_quirks.history.turns import is_placeholder, is_turn, read_turn
from mimo_quirks.wires import CHAT, MESSAGES, RESPONSES, View, Wire
from mimo_quirks.wires.wire import blocks_of, changes

from ..conversations import Step, conversations, in_chat, in_messages, in_responses
from .recalling import marks_of_turns
from .strategies import blocks, histories, json_values, text

WIRES = [CHAT, MESSAGES, RESPONSES]
wires = st.sampled_from(WIRES)

_opaque = st.fixed_dictionaries({}, optional={"encrypted_content": text | json_values, "id": text, "status": text})
_kinds = ["reasoning", "message", "function_call", "custom_tool_call", "function_call_output", None, ["message"]]
items = st.one_of(
    st.builds(
        lambda kind, opaque, rest: {"type": kind, **opaque, **rest},
        st.sampled_from(_kinds),
        _opaque,
        st.fixed_dictionaries(
            {},
            optional={
                "role": st.sampled_from(["user", "assistant"]) | json_values,
                "content": text | st.lists(blocks, max_size=3) | json_values,
                "summary": st.lists(blocks, max_size=2) | json_values,
                "call_id": text,
                "arguments": text | json_values,
                "input": text | json_values,
                "output": text | json_values,
            },
        ),
    ),
    st.builds(lambda t: {"type": "reasoning", "content": [{"type": "reasoning_text", "text": t}]}, text),
    st.builds(lambda t: {"type": "reasoning", "summary": [{"type": "summary_text", "text": t}]}, text),
    st.builds(lambda t: {"role": "assistant", "content": t}, text),
    st.dictionaries(text, json_values, max_size=2),
)
_results = st.builds(lambda t, c: {"type": "tool_result", "tool_use_id": t, "content": c}, text, json_values)
_uses = st.builds(lambda t, i: {"type": "tool_use", "id": t, "name": "f", "input": i}, text, json_values)
_contents = text | st.none() | json_values | st.lists(blocks | _results | _uses, max_size=5)
anything = st.one_of(
    histories,
    st.lists(st.builds(lambda r, c: {"role": r, "content": c}, st.sampled_from(["user", "assistant"]), _contents)),
    st.lists(items, max_size=7),
    json_values,
)
recalled_texts = st.none() | text.filter(lambda recalled: not is_placeholder(recalled))  # `record` takes no others


def _quirks(wire: Wire) -> Quirks:
    quirks = quirks_for("mimo-v2.6-pro", host="xiaomi")
    assert quirks is not None
    return quirks.on(wire.name)


def _replayed(
    history: Any, wire: Wire, *, thinking: bool = True, recalled: str | None = None
) -> tuple[Any, ReplayReport]:
    """A history after replay on a wire, and the report; as it came where it cannot be read."""
    view = wire.view(history)
    if view is None:
        return history, ReplayReport(unreadable="no view")
    turns = [index for index, message in enumerate(view.messages) if is_turn(message)]
    recall = FoundReasoning(dict.fromkeys(turns, recalled)) if recalled else FoundReasoning()
    messages, report = replay(view.messages, _quirks(wire), thinking=thinking, recall=recall)
    return wire.write(history, view, messages), report


@given(history=anything, wire=wires)
def test_a_view_written_back_is_the_history(history: Any, wire: Wire) -> None:
    """Who changes nothing gets the very object that went in, and each message has its place."""
    view = wire.view(history)
    if view is None:
        return

    assert wire.write(history, view, view.messages) is history
    assert wire.write(history, view, list(view.messages)) is history
    assert len(view.places) == len(view.messages)


@given(history=anything, wire=wires, thinking=st.booleans(), recalled=recalled_texts)
def test_nothing_is_raised_and_nothing_edited(history: Any, wire: Wire, thinking: bool, recalled: str | None) -> None:
    """Whatever comes in goes through; what the client holds is as it was, and untouched items are the same objects."""
    before = copy.deepcopy(history)
    written, _ = _replayed(history, wire, thinking=thinking, recalled=recalled)

    assert before == history
    if written is not history:
        assert isinstance(written, list)
        others = [item for item in history if item.get("role") in ("user", "tool") and item.get("type") != "reasoning"]
        assert [True] * len(others) == [any(item is one for one in written) for item in others]


@given(history=anything, wire=wires, thinking=st.booleans(), recalled=recalled_texts)
def test_idempotent(history: Any, wire: Wire, thinking: bool, recalled: str | None) -> None:
    """A history that was replayed once is left alone: hooks fire several times, and the last asks nobody."""
    once, _ = _replayed(history, wire, thinking=thinking, recalled=recalled)
    twice, _ = _replayed(once, wire, thinking=thinking)

    assert json.dumps(once) == json.dumps(twice)
    assert once is twice


@given(steps=conversations())
def test_one_conversation_has_one_set_of_keys(steps: list[Step]) -> None:
    """A turn is found again on whichever wire its client comes back."""
    chat, *others = (
        marks_of_turns(_seen(wire, history).messages)
        for wire, history in ((CHAT, in_chat(steps)), (MESSAGES, in_messages(steps)), (RESPONSES, in_responses(steps)))
    )

    assert [chat, chat] == others


@given(steps=conversations())
def test_one_conversation_has_one_reasoning(steps: list[Step]) -> None:
    """Views read the same turns, and what they carry to the byte."""
    thoughts = ["".join(step.thoughts) or None for step in steps]
    for wire, history in ((MESSAGES, in_messages(steps)), (RESPONSES, in_responses(steps))):
        turns = [read_turn(message) for message in _seen(wire, history).messages if is_turn(message)]

        assert thoughts == [turn.reasoning for turn in turns]
        assert [step.text for step in steps] == [turn.content for turn in turns]
        lossless = all(step.thoughts or not step.calls for step in steps)
        assert lossless is (_replayed(history, wire)[0] is history)


def _seen(wire: Wire, history: Any) -> View:
    view = wire.view(history)
    assert view is not None
    return view


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)
@pytest.mark.parametrize("history", [None, 3, {}, ["x"], [{"role": "user"}, None]])
def test_unreadable(history: Any, wire: Wire) -> None:
    """What is no list of objects has no view."""
    assert wire.view(history) is None


def test_chat_takes_every_message() -> None:
    """On the chat wire messages of any role are replaced, because content is mended there."""
    history = [{"role": "tool", "content": ["a"]}, {"role": "assistant", "content": "b"}]
    view = _seen(CHAT, history)
    written = CHAT.write(history, view, [{"role": "tool", "content": "a"}, history[1]])

    assert [{"role": "tool", "content": "a"}, history[1]] == written
    assert written[1] is history[1]


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)
def test_messages_of_another_history_are_rejected(wire: Wire) -> None:
    """A mistake of the caller's is not taken for a history."""
    history = [{"role": "user", "content": "x"}]

    with pytest.raises(ValueError, match="zip"):
        wire.write(history, _seen(wire, history), [])


def test_no_text_in_the_reprs() -> None:
    """Neither a view nor a change shows what was said or thought."""
    view = _seen(MESSAGES, [{"role": "assistant", "content": "secret-7f3a"}])
    (change,) = changes(view, [{"role": "assistant", "content": "secret-7f3a", "reasoning_content": "secret-7f3a"}])

    assert "secret" not in repr(view) + repr(change)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({}, []),
        ({"reasoning_content": " a"}, [" a"]),
        ({"reasoning_content": " a", "thinking_blocks": []}, [" a"]),
        ({"reasoning_content": " a", "thinking_blocks": [{"type": "thinking", "thinking": "b"}, "junk"]}, ["b"]),
        ({"provider_specific_fields": {"thinking_blocks": [{"type": "thinking", "thinking": "c"}]}}, ["c"]),
        ({"provider_specific_fields": 3, "reasoning_content": 3, "thinking_blocks": 3}, []),
    ],
)
def test_blocks(message: dict[str, Any], expected: list[str]) -> None:
    """What is written for a turn: its blocks, else its text, else blocks that are kept elsewhere."""
    assert expected == [block["thinking"] for block in blocks_of(message)]
