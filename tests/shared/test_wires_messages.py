"""The messages wire: blocks where they stand, foreign ones gone, results as messages of their own."""

from __future__ import annotations

from typing import Any

import pytest

from mimo_quirks.facts.quirks import quirks_for
from mimo_quirks.history.found import FoundReasoning
from mimo_quirks.history.replay import replay
from mimo_quirks.wires import MESSAGES

from ..cases import NASTY

TEXT = {"type": "text", "text": "hi"}
USE = {"type": "tool_use", "id": "c1", "name": "f", "input": {"city": "北京"}}
SIGNED = {"type": "thinking", "thinking": "theirs", "signature": "EsYCC"}
REDACTED = {"type": "redacted_thinking", "data": "xx"}


def _thinking(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "thinking", "thinking": text, **more}


def _sent(content: Any, recalled: str | None = None, *, thinking: bool = True) -> Any:
    """The content of the one turn, as it reaches the host."""
    history = [{"role": "user", "content": "x"}, {"role": "assistant", "content": content}]
    quirks, view = quirks_for("mimo-v2.6-pro", host="xiaomi"), MESSAGES.view(history)
    assert quirks is not None
    assert view is not None
    recall = FoundReasoning({1: recalled} if recalled is not None else {})
    messages, _ = replay(view.messages, quirks.on("messages"), thinking=thinking, recall=recall)
    return MESSAGES.write(history, view, messages)[1]["content"]


@pytest.mark.parametrize(
    "content",
    [
        [_thinking(NASTY), TEXT, USE],
        [_thinking(" a", signature=""), TEXT, _thinking("b\n"), USE, _thinking("")],
        [_thinking("a"), {**USE, "cache_control": {"type": "ephemeral"}}],
        [_thinking(" "), USE],
        [TEXT],
        "hi",
        [],
    ],
)
def test_left_alone(content: Any) -> None:
    """What a client carries whole is the same object afterwards, interleaved as it is."""
    assert _sent(content) is content


@pytest.mark.parametrize(
    ("content", "recalled", "expected"),
    [
        ([TEXT, USE], None, [_thinking(" "), TEXT, USE]),
        ([TEXT, USE], NASTY, [_thinking(NASTY), TEXT, USE]),
        ([TEXT, USE], "", [_thinking(" "), TEXT, USE]),
        ("hi", NASTY, [_thinking(NASTY), TEXT]),
        ("", NASTY, [_thinking(NASTY)]),
        (None, NASTY, [_thinking(NASTY)]),
        ([{"type": "text", "text": ""}, USE], NASTY, [_thinking(NASTY), USE]),
        ([_thinking(NASTY.strip()), TEXT, USE], NASTY, [_thinking(NASTY), TEXT, USE]),
        ([TEXT, _thinking("a"), USE], " a\n", [TEXT, _thinking(" a\n"), USE]),
        ([_thinking("a"), TEXT, _thinking("b"), USE], " a\n b", [_thinking(" a\n b"), TEXT, USE]),
        ([_thinking("mine"), USE], "another", [_thinking("mine"), USE]),
        ([_thinking("tool call"), USE], None, [_thinking(" "), USE]),
        ([SIGNED, TEXT, USE], None, [_thinking(" "), TEXT, USE]),
        ([SIGNED, REDACTED, TEXT, USE], None, [_thinking(" "), TEXT, USE]),
        ([SIGNED, TEXT], None, [TEXT]),
        ([SIGNED, TEXT], "theirs", [_thinking("theirs"), TEXT]),
        ([REDACTED, TEXT], "ours", [TEXT]),
        ([{**TEXT, "text": "<think> a</think>hi"}, USE], None, [_thinking(" a"), TEXT, USE]),
        ("<think> a</think>hi", None, [_thinking(" a"), TEXT]),
        (
            [{**TEXT, "text": "<think> a</th"}, {**TEXT, "text": "ink>"}, {**TEXT, "text": "hi"}, TEXT, USE],
            None,
            [_thinking(" a"), TEXT, TEXT, USE],
        ),
    ],
)
def test_written(content: Any, recalled: str | None, expected: list[Any]) -> None:
    """Blocks are replaced where they stand, and come first where their number is another; the rest stays."""
    assert expected == _sent(content, recalled)


def test_thinking_off() -> None:
    """Nothing is put on a turn while thinking is off; another vendor's block is taken off all the same."""
    assert [[TEXT, USE], [TEXT, USE]] == [_sent(c, thinking=False) for c in ([TEXT, USE], [SIGNED, TEXT, USE])]


@pytest.mark.parametrize(
    ("given", "arguments"),
    [({"a": "é"}, '{"a": "é"}'), (None, "{}"), ({}, "{}"), ('{"a":', '{"a":'), ({"a": object()}, ""), (3, "3")],
)
def test_calls(given: object, arguments: str) -> None:
    """A call's input is written as the chat wire writes it; a stream has it as text, perhaps not whole."""
    view = MESSAGES.view([{"role": "assistant", "content": [{**USE, "input": given}, "junk"]}])

    assert view is not None
    (call,) = view.messages[0]["tool_calls"]
    assert {"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}} == call


def test_results() -> None:
    """Each result is a message, before what else the user's message says."""
    blocks = [{"type": "text", "text": "t"}]
    content = [
        {"type": "text", "text": "also"},
        {"type": "tool_result", "tool_use_id": "c1", "content": blocks},
        {"type": "tool_result", "tool_use_id": "c2", "content": "s"},
        {"type": "tool_result", "tool_use_id": "c3"},
        {"type": "tool_result", "tool_use_id": "c4", "content": {"odd": 1}},
    ]
    view = MESSAGES.view([{"role": "user", "content": content}, {"role": "user", "content": content[1:2]}])

    assert view is not None
    assert [blocks, "s", "", '{"odd": 1}', content[:1], blocks] == [message["content"] for message in view.messages]
    assert ["tool"] * 4 + ["user", "tool"] == [message["role"] for message in view.messages]
    assert (*[(0,)] * 5, (1,)) == tuple(view.places)
