"""What operators read."""

from __future__ import annotations

import logging

import pytest

from mimo_quirks.facts.quirks import quirks_for
from mimo_quirks.history.found import FoundReasoning
from mimo_quirks.history.replay import replay
from mimo_quirks.log import log_frames, log_malformed, log_rejection, log_replay

from ..cases import CALL

TOOL_TURN = {"role": "assistant", "content": "secret", "tool_calls": [CALL]}


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        (
            "secret",
            [("WARNING", "could not read the message history (the messages are str, not a list); sent unchanged")],
        ),
        (
            [TOOL_TURN, {**TOOL_TURN, "reasoning_content": "secret"}],
            [("INFO", "1 of 2 assistant messages were sent without their reasoning")],
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
        log_replay(replay(messages, quirks, thinking=True)[1])

    assert expected == [(record.levelname, record.message) for record in caplog.records]


def test_a_rejection_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """It is no information that somebody may miss, and a per cent sign in it is one."""
    log_rejection("100 % rejected")

    assert [("mimo_quirks", logging.WARNING, "100 % rejected")] == caplog.record_tuples


def test_a_broken_history_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """Every fault stands in one line; where there is none, there is no line."""
    log_malformed("mimo-v2.6-pro", ())
    log_malformed("mimo-v2.6-pro", ["message 1: 1 tool call has no result", "message 3: tool result without a call"])

    told = "the history sent to mimo-v2.6-pro is malformed: "
    faults = "message 1: 1 tool call has no result; message 3: tool result without a call"
    assert [("mimo_quirks", logging.WARNING, told + faults)] == caplog.record_tuples


def test_frames_of_what_was_swallowed(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever looks for it reads where it was raised and of what class it is, never its text; others read nothing."""

    def fails() -> None:
        raise KeyError("secret-7f3a")

    for level in (logging.DEBUG, logging.INFO):
        with caplog.at_level(level, logger="mimo_quirks"):
            try:
                fails()
            except KeyError as error:
                log_frames("a test", error)
    (told,) = caplog.messages
    first, *frames = told.splitlines()

    assert "a test: KeyError" == first
    assert ["test_frames_of_what_was_swallowed", "fails"] == [frame.rpartition(" in ")[2] for frame in frames]
    assert [True, True] == [frame.startswith(f"  {__file__}:") for frame in frames]
    assert "secret-7f3a" not in caplog.text


def test_a_thought_that_a_client_made_a_text_of(caplog: pytest.LogCaptureFixture) -> None:
    """It is counted, without its text."""
    quirks = quirks_for("mimo-v2.6-pro")
    assert quirks is not None
    history = [{"role": "user", "content": "secret"}, TOOL_TURN]
    with caplog.at_level(logging.INFO, logger="mimo_quirks"):
        log_replay(replay(history, quirks, thinking=True, recall=FoundReasoning({1: "secret"}))[1])

    said = "1 thoughts stand in the history as visible text: the client made it of them"
    assert [said] == [record.message for record in caplog.records]
