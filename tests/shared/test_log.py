"""What operators read."""

from __future__ import annotations

import logging

import pytest

from mimo_quirks.facts.quirks import quirks_for
from mimo_quirks.history.replay import replay
from mimo_quirks.log import log_rejection, note

from ..cases import CALL

TOOL_TURN = {"role": "assistant", "content": "secret", "tool_calls": [CALL]}


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ("secret", [("WARNING", "history sent as it came, because the messages are str, not a list")]),
        (
            [TOOL_TURN, {**TOOL_TURN, "reasoning_content": "secret"}],
            [("INFO", "1 of 2 turns go without their reasoning")],
        ),
        ([{**TOOL_TURN, "reasoning_content": "secret"}], []),
    ],
)
def test_lines(
    messages: list[dict[str, object]], expected: list[tuple[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    """One line per event, without any text; nothing where all is well."""
    quirks = quirks_for("mimo-v2.6-pro")
    assert quirks is not None
    with caplog.at_level(logging.DEBUG, logger="mimo_quirks"):
        note(replay(messages, quirks, thinking=True)[1])

    assert expected == [(record.levelname, record.message) for record in caplog.records]


def test_a_rejection_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """It is no information that somebody may miss, and a per cent sign in it is one."""
    log_rejection("100 % rejected")

    assert [("mimo_quirks", logging.WARNING, "100 % rejected")] == caplog.record_tuples
