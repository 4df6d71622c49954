"""The thinking switch, in the dialect of each host."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from mimo_quirks.hosts import HOST_NAMES
from mimo_quirks.quirks import quirks_for
from mimo_quirks.thinking import effort_means_thinking, is_thinking, position_of, thinking_parameters

from .strategies import json_values


@pytest.mark.parametrize(
    ("host", "request_", "expected"),
    [
        ("xiaomi", {}, True),
        ("xiaomi", {"thinking": {"type": "disabled"}}, False),
        ("xiaomi", {"thinking": {"type": "enabled"}}, True),
        ("xiaomi", {"thinking": {"type": "adaptive"}}, True),
        ("xiaomi", {"thinking": "disabled"}, True),
        ("xiaomi", {"thinking": None}, True),
        ("xiaomi", {"extra_body": {"thinking": {"type": "disabled"}}}, False),
        ("xiaomi", {"thinking": {"type": "enabled"}, "extra_body": {"thinking": {"type": "disabled"}}}, False),
        ("xiaomi", {"enable_thinking": False}, True),
        ("xiaomi", {"reasoning_effort": "none"}, True),
        ("openrouter", {"reasoning": {"enabled": False}}, False),
        ("openrouter", {"reasoning": {"effort": "none"}}, False),
        ("openrouter", {"reasoning": {"effort": "low"}}, True),
        ("openrouter", {"thinking": {"type": "disabled"}}, True),
        ("alibaba", {"enable_thinking": False}, False),
        ("alibaba", {"enable_thinking": 0}, True),
        ("vllm", {"chat_template_kwargs": {"enable_thinking": False}}, False),
    ],
)
def test_switch(host: str, request_: dict[str, Any], expected: bool) -> None:
    """Thinking is off only where the request says so in words that this host obeys."""
    quirks = quirks_for("mimo-v2.6-pro", host=host)

    assert quirks is not None
    assert is_thinking(request_, quirks) is expected


@pytest.mark.parametrize("host", HOST_NAMES)
@pytest.mark.parametrize("on", [True, False])
def test_what_is_written_is_read(host: str, on: bool) -> None:
    """The parameters that tell a host are read as what they tell."""
    quirks = quirks_for("mimo-v2.6-pro", host=host)

    assert quirks is not None
    assert is_thinking(thinking_parameters(on, quirks.dialect), quirks) is on


def test_quiet_model_thinks_when_asked() -> None:
    """v2-flash thinks only on request."""
    quirks = quirks_for("mimo-v2-flash")

    assert quirks is not None
    assert (False, True) == (is_thinking({}, quirks), is_thinking({"thinking": {"type": "enabled"}}, quirks))


@pytest.mark.parametrize(
    ("thinking", "expected"),
    [
        (None, None),
        (True, True),
        ("enabled", True),
        ({"type": "enabled"}, True),
        (False, False),
        ("disabled", False),
        ({"type": "disabled"}, False),
    ],
)
def test_position(thinking: object, expected: bool | None) -> None:
    """The switch as people write it."""
    assert position_of(thinking) is expected


@pytest.mark.parametrize("thinking", ["off", "on", 1, 0, [], {}, {"type": []}, {"type": "adaptive"}, ["x"]])
def test_no_position(thinking: object) -> None:
    """What is neither on nor off is refused with the words that would do."""
    with pytest.raises(ValueError, match="use True, False"):
        position_of(thinking)


@pytest.mark.parametrize(("effort", "expected"), [("none", False), ("OFF", False), ("low", True), ("xhigh", True)])
def test_effort(effort: str, expected: bool) -> None:
    """An effort asks for thinking or for none; its grades mean nothing to MiMo."""
    assert effort_means_thinking(effort) is expected


@given(value=json_values)
def test_any_value_is_read(value: object) -> None:
    """Any JSON under the switch's name is an answer, never an exception."""
    quirks = quirks_for("mimo-v2.6-pro")

    assert quirks is not None
    assert is_thinking({"thinking": value, "extra_body": value}, quirks) in (True, False)
