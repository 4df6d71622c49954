"""Parameters that a host does not obey."""

from __future__ import annotations

from typing import Any

import pytest

from mimo_quirks.facts.quirks import Quirks, quirks_for
from mimo_quirks.request.parameters import dropped_demand, is_forced, rejected_choices, without_forced_tools


def _quirks(url: str) -> Quirks:
    quirks = quirks_for("mimo-v2.6-pro", url)
    assert quirks is not None
    return quirks


XIAOMI, PLAN = _quirks("https://api.xiaomimimo.com/v1"), _quirks("https://token-plan-cn.xiaomimimo.com/v1")
RELAY = _quirks("https://relay.example/v1")
REQUEST = {"tools": [{}], "parallel_tool_calls": False}


@pytest.mark.parametrize("quirks", [XIAOMI, PLAN])
@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "f"}}, {"type": "any"}])
def test_a_forced_choice_is_left_out(choice: Any, quirks: Quirks) -> None:
    """Xiaomi's hosts get the tools without it."""
    assert without_forced_tools({**REQUEST, "tool_choice": choice}, quirks) == REQUEST


@pytest.mark.parametrize("choice", ["none", {"type": "none"}])
def test_no_tools(choice: Any) -> None:
    """None is obeyed by sending no tools."""
    assert {"model": "m"} == without_forced_tools({**REQUEST, "tool_choice": choice, "model": "m"}, XIAOMI)


@pytest.mark.parametrize(
    ("request_", "quirks"),
    [
        (REQUEST, XIAOMI),
        ({**REQUEST, "tool_choice": "auto"}, XIAOMI),
        ({**REQUEST, "tool_choice": {"type": "auto"}}, XIAOMI),
        ({**REQUEST, "tool_choice": "required"}, RELAY),
    ],
)
def test_the_same_object(request_: dict[str, Any], quirks: Quirks) -> None:
    """Where nothing is to be left out, the request is the object that came in."""
    assert request_ is without_forced_tools(request_, quirks)


def test_is_forced() -> None:
    """Every framework's spelling of a demand is one."""
    assert [False] * 5 == [is_forced(choice) for choice in (None, False, "auto", "none", {"type": "auto"})]
    assert [True] * 4 == [is_forced(choice) for choice in (True, "any", "required", {"type": "function"})]


@pytest.mark.parametrize(
    ("n", "quirks", "rejected"),
    [
        (2, XIAOMI, True),
        (2, PLAN, True),
        (1, XIAOMI, False),
        (None, XIAOMI, False),
        ("2", XIAOMI, False),
        (2, RELAY, False),
    ],
)
def test_choices(n: Any, quirks: Quirks, rejected: bool) -> None:
    """More than one choice is rejected by name where the host rejects it."""
    reason = rejected_choices(n, quirks)

    assert rejected is (reason is not None)
    assert reason is None or reason.startswith("n=2 is not supported by ")


def test_dropped_demand() -> None:
    """Where a host forces nothing, a demand is dropped, and why is told; what demands nothing is not."""
    xiaomi, relay = (
        quirks_for("mimo-v2.6-pro", provider="xiaomi_mimo"),
        quirks_for("mimo-v2.6-pro", "https://r.example"),
    )
    assert xiaomi is not None
    assert relay is not None

    assert "tool_choice='required' dropped" in str(dropped_demand("required", xiaomi))
    assert [None] * 3 == [dropped_demand(choice, xiaomi) for choice in (None, "auto", {"type": "none"})]
    assert dropped_demand("required", relay) is None
