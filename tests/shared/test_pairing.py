"""What is wrong with the structure of a history is told, whatever the history is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimo_quirks.history.pairing import unpaired_calls
from mimo_quirks.wires import CHAT, MESSAGES, RESPONSES, Wire

from .strategies import histories, json_values

SECRET = "secret-7f3a"


def _asked(*ids: Any) -> dict[str, Any]:
    function = {"name": "weather", "arguments": SECRET}
    return {"role": "assistant", "content": SECRET, "tool_calls": [{"id": each, "function": function} for each in ids]}


def _told(call: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call, "content": SECRET}


USER, SAID = {"role": "user", "content": SECRET}, {"role": "assistant", "content": SECRET}


@pytest.mark.parametrize(
    "history",
    [
        [],
        [USER, SAID, USER],
        [USER, _asked("a"), _told("a"), SAID],
        [USER, _asked("a", "b"), _told("b"), _told("a"), _asked("c"), _told("c"), USER],
        [USER, _asked("a"), _told("a"), _asked("a"), _told("a")],
        [USER, _asked("read:0", "read:0"), _told("read:0"), _told("read:0")],
        [USER, _asked(None, 3), _told(None), _told(3)],
        [USER, {"role": "assistant", "tool_calls": [{"id": "a", "type": "custom"}]}, _told("a")],
        [USER, {"role": "assistant", "content": "", "tool_calls": None}, USER],
    ],
)
def test_nothing_is_wrong(history: list[Any]) -> None:
    """Each call has its result, in whatever order, with whatever ids."""
    assert () == unpaired_calls(history)


ORPHAN = "message {}: tool result without a matching tool call"
UNANSWERED, TWO_UNANSWERED = "message {}: 1 tool call has no result", "message {}: 2 tool calls have no result"


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([_told("a")], [ORPHAN.format(0)]),
        ([USER, SAID, _told("a"), _told("b")], [ORPHAN.format(2), ORPHAN.format(3)]),
        ([USER, _asked("a"), _told("a"), _told("a")], [ORPHAN.format(3)]),
        ([USER, _asked("a"), _told("b")], [ORPHAN.format(2), UNANSWERED.format(1)]),
        ([USER, _asked("a"), USER, _told("a")], [UNANSWERED.format(1), ORPHAN.format(3)]),
        ([USER, _asked("a", "b", "c"), _told("b")], [TWO_UNANSWERED.format(1)]),
        ([_asked("a"), _asked("b"), _told("b"), USER], [UNANSWERED.format(0)]),
        ([_asked("a"), _told(["a"])], [ORPHAN.format(1), UNANSWERED.format(0)]),
    ],
)
def test_what_is_wrong(history: list[Any], expected: list[str]) -> None:
    """Results of no call, and calls without a result, each by its message; and nothing of what these say."""
    assert tuple(expected) == unpaired_calls(history)


@given(history=histories | st.lists(st.builds(_asked, json_values) | st.builds(_told, json_values), max_size=6))
def test_total(history: list[Any]) -> None:
    """Any history has its faults told, or none."""
    assert all(fault.startswith("message ") for fault in unpaired_calls(history))


@pytest.mark.parametrize("wire", [CHAT, MESSAGES, RESPONSES], ids=lambda wire: wire.name)
@given(history=json_values | st.lists(json_values, max_size=4))
def test_total_on_every_wire(wire: Wire, history: Any) -> None:
    """So has whatever a wire can read."""
    view = wire.view(history)

    assert view is None or all(fault.startswith("message ") for fault in unpaired_calls(view.messages))


@given(ids=st.lists(st.text(max_size=3), max_size=4), order=st.randoms())
def test_parallel_calls(ids: list[str], order: Any) -> None:
    """As many results as calls, with their ids, in any order, are nothing to tell; one less is."""
    results = [_told(each) for each in ids]
    order.shuffle(results)

    assert () == unpaired_calls([_asked(*ids), *results])
    assert len(ids[:1]) == len(unpaired_calls([_asked(*ids), *results[1:]]))
