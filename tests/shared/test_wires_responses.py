"""The responses wire: items where they stand, text as content and never as summary, ids that do not repeat."""

from __future__ import annotations

from typing import Any

import pytest

from mimo_quirks.facts.quirks import quirks_for
from mimo_quirks.history.found import FoundReasoning
from mimo_quirks.history.replay import replay
from mimo_quirks.wires import RESPONSES
from mimo_quirks.wires.responses import reasoning_item

from ..cases import NASTY

USER = {"role": "user", "content": "x"}
SAID = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]}
CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
OTHER = {**CALL, "call_id": "c2"}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "1"}


def _item(text: str, ident: str = "rs_a", **more: Any) -> dict[str, Any]:
    content = [{"type": "reasoning_text", "text": text}]
    return {"type": "reasoning", "id": ident, "summary": [], "content": content, **more}


def _summary(*texts: str, **more: Any) -> dict[str, Any]:
    return {"type": "reasoning", "id": "rs_a", "summary": [{"type": "summary_text", "text": t} for t in texts], **more}


def _sent(history: Any, recalled: str | None = None, *, thinking: bool = True) -> Any:
    """The history as it reaches the host; what is recalled is for the first turn."""
    quirks, view = quirks_for("mimo-v2.6-pro", host="xiaomi"), RESPONSES.view(history)
    assert quirks is not None
    assert view is not None
    index = next((n for n, message in enumerate(view.messages) if message.get("role") == "assistant"), 0)
    recall = FoundReasoning({index: recalled} if recalled is not None else {})
    messages, _ = replay(view.messages, quirks.on("responses"), thinking=thinking, recall=recall)
    return RESPONSES.write(history, view, messages)


def _texts(history: Any) -> list[Any]:
    """Each item by what tells it: the text of reasoning, or the object itself."""
    return [item["content"][0]["text"] if item.get("type") == "reasoning" else item for item in history]


@pytest.mark.parametrize(
    "history",
    [
        "x",
        [USER, _item(NASTY), CALL, RESULT],
        [USER, _item(" a"), SAID, _item("b\n"), CALL, _item("c"), OTHER, _item("d"), RESULT],
        [USER, _item("a", status="completed"), {**SAID, "id": "msg_1"}],
        [USER, {"role": "assistant", "content": "hi"}, {"type": "item_reference", "id": "x"}, {}],
        [USER, _item(""), CALL],
    ],
)
def test_left_alone(history: Any) -> None:
    """What a client carries whole is the same object afterwards, items before, between and after the calls."""
    assert _sent(history) is history


@pytest.mark.parametrize(
    ("history", "recalled", "expected"),
    [
        ([USER, CALL, OTHER, RESULT], NASTY, [USER, NASTY, CALL, OTHER, RESULT]),
        ([USER, CALL, RESULT, SAID], None, [USER, "", CALL, RESULT, SAID]),
        ([USER, SAID], NASTY, [USER, NASTY, SAID]),
        ([USER, SAID, _item("a"), CALL], " a\n", [USER, SAID, " a\n", CALL]),
        ([USER, _item("a"), SAID, _item("b"), CALL], " a\n b", [USER, " a\n b", SAID, CALL]),
        ([USER, _item("mine"), CALL], "another", [USER, "mine", CALL]),
        ([USER, _item("a", encrypted_content="gAAA"), CALL], None, [USER, "", CALL]),
        ([USER, _item("ours", encrypted_content="gAAA"), CALL], "ours", [USER, "ours", CALL]),
        ([USER, _item("a", encrypted_content="gAAA"), CALL], "ours", [USER, "", CALL]),
        ([USER, _item("a", encrypted_content="gAAA"), SAID], None, [USER, SAID]),
        ([USER, _summary(" a"), CALL], None, [USER, " a", CALL]),
        ([USER, _summary(" a"), SAID, _summary("b ", "c"), CALL], None, [USER, " a", SAID, "b c", CALL]),
        ([USER, _summary("s", content=_item(" a")["content"]), CALL], None, [USER, " a", CALL]),
        ([USER, _summary("s", encrypted_content="gAAA"), CALL], None, [USER, "", CALL]),
    ],
)
def test_written(history: Any, recalled: str | None, expected: list[Any]) -> None:
    """Items are replaced where they stand, and come first in their turn where their number is another."""
    sent = _sent(history, recalled)

    assert expected == _texts(sent)
    assert [[]] * len(sent) == [item.get("summary") or [] for item in sent]
    assert [] == [item for item in sent if "encrypted_content" in item]


def test_a_summary_goes_while_thinking_is_off_too() -> None:
    """The service folds it in whatever the switch says."""
    assert [USER, " a", CALL] == _texts(_sent([USER, _summary(" a"), CALL], thinking=False))


@pytest.mark.parametrize(
    ("content", "left"),
    [
        ("<think> a</think>hi", "hi"),
        ([{"type": "output_text", "text": "<think> a</think>hi"}], [{"type": "output_text", "text": "hi"}]),
        (
            [{"type": "output_text", "text": text} for text in ("<think> a", "</think>", "h", "i")],
            [{"type": "output_text", "text": "h"}, {"type": "output_text", "text": "i"}],
        ),
    ],
)
def test_think_in_the_text(content: Any, left: Any) -> None:
    """Reasoning that a relay wrote into the answer is an item, and not said as well."""
    sent = _sent([USER, {**SAID, "content": content}, CALL, {**SAID, "content": 3}])

    assert [USER, " a", {**SAID, "content": left}, CALL, {**SAID, "content": 3}] == _texts(sent)


def test_think_alone() -> None:
    """An answer of which nothing is left is no item."""
    assert [USER, " a", CALL] == _texts(_sent([USER, {"role": "assistant", "content": "<think> a</think>"}, CALL]))


def test_ids() -> None:
    """What stands in for several lost turns has as many ids, the same in every request; old items keep theirs."""
    history = [USER, CALL, RESULT, OTHER, {**RESULT, "call_id": "c2"}]
    first, second = _sent(history), _sent([*history, SAID])
    idents = [item["id"] for item in first if item.get("type") == "reasoning"]

    assert 2 == len(set(idents))
    assert first == second[: len(first)]
    replaced = _sent([USER, _item("a", "rs_7", status="completed"), CALL], " a")[1]
    assert {**_item(" a", "rs_7"), "status": "completed"} == replaced


def test_an_item() -> None:
    """Text goes into content; lone surrogates have ids too."""
    assert [{"type": "reasoning_text", "text": "\ud800"}] == reasoning_item("\ud800")["content"]
    assert reasoning_item("a")["id"] != reasoning_item("a", "1")["id"]


@pytest.mark.parametrize(
    ("item", "ident", "arguments"),
    [
        (CALL, "c1", "{}"),
        ({**CALL, "call_id": None, "id": "fc_1", "arguments": {"a": 1}}, "fc_1", '{"a": 1}'),
        ({"type": "custom_tool_call", "call_id": "c1", "name": "f", "input": "ls"}, "c1", '{"content": "ls"}'),
    ],
)
def test_calls(item: dict[str, Any], ident: str, arguments: str) -> None:
    """A call's arguments as the chat wire writes them."""
    view = RESPONSES.view([item])

    assert view is not None
    (call,) = view.messages[0]["tool_calls"]
    assert {"id": ident, "type": "function", "function": {"name": "f", "arguments": arguments}} == call


def test_results() -> None:
    """A result is a message of the tool; other items are what they are."""
    parts = [{"type": "input_text", "text": "t"}]
    outputs: list[Any] = ["1", parts, {"odd": 1}]
    view = RESPONSES.view([*({**RESULT, "output": output} for output in outputs), USER])

    assert view is not None
    assert ["1", parts, '{"odd": 1}', "x"] == [message["content"] for message in view.messages]
    assert USER is view.messages[3]
