"""The thinking switch, in the dialect of each host."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from mimo_quirks.facts.hosts import HOST_NAMES
from mimo_quirks.facts.quirks import quirks_for
from mimo_quirks.request.thinking import (
    asked_to_think,
    effort_means_thinking,
    is_thinking,
    position_of,
    switch_of,
    thinking_parameters,
)

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
    """What is neither on nor off is rejected with the words that would do."""
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


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, None),
        ({"thinking": None, "reasoning_effort": None, "reasoning": {}, "enable_thinking": None}, None),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, True),
        ({"thinking": {"type": "enabled", "budget_tokens": 0}}, False),
        ({"thinking": {"type": "adaptive"}}, True),
        ({"thinking": {"type": "disabled"}}, False),
        ({"thinking": "disabled"}, False),
        ({"thinking": True}, True),
        ({"thinking": {"type": "disabled"}, "reasoning_effort": "high"}, False),
        ({"reasoning_effort": "none"}, False),
        ({"reasoning_effort": "minimal"}, True),
        ({"reasoning_effort": ""}, None),
        ({"reasoning_effort": {"effort": "none", "summary": "auto"}}, False),
        ({"reasoning_effort": 3}, None),
        ({"reasoning": {"effort": "high"}}, True),
        ({"reasoning": {"effort": "none"}}, False),
        ({"reasoning": {"enabled": False, "effort": "high"}}, False),
        ({"reasoning": {"max_tokens": 2000}}, None),
        ({"enable_thinking": False}, False),
        ({"enable_thinking": "false"}, False),
        ({"chat_template_kwargs": {"enable_thinking": True}}, True),
    ],
)
def test_asked(parameters: dict[str, Any], expected: bool | None) -> None:
    """Every vendor's spelling is heard, the switch before the efforts, and no word is no word."""
    assert asked_to_think(parameters) is expected


@pytest.mark.parametrize("host", HOST_NAMES)
@pytest.mark.parametrize("wire", ["chat", "messages", "responses"])
@pytest.mark.parametrize("on", [True, False])
def test_what_a_host_is_told_is_understood(host: str, wire: str, on: bool) -> None:
    """The parameters of every dialect on every wire are read as what they tell, by themselves and from a client."""
    quirks = quirks_for("mimo-v2.6-pro", host=host)
    assert quirks is not None
    dialect = quirks.on(wire).dialect

    assert (on, on) == (
        switch_of(thinking_parameters(on, dialect), dialect),
        asked_to_think(thinking_parameters(on, dialect)),
    )
    assert switch_of({}, dialect) is None


@given(value=json_values)
def test_any_value_is_asked(value: object) -> None:
    """Any JSON in the place of a switch is an answer, never an exception."""
    for name in ("thinking", "reasoning", "reasoning_effort", "enable_thinking", "chat_template_kwargs"):
        assert asked_to_think({name: value}) in (True, False, None)
