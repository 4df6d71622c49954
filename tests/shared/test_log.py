"""What operators read."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from mimo_quirks import log
from mimo_quirks.facts.quirks import quirks_for
from mimo_quirks.history.found import NOTHING, FoundReasoning, Proof
from mimo_quirks.history.replay import replay
from mimo_quirks.history.words import RequestLine
from mimo_quirks.log import (
    log_frames,
    log_malformed,
    log_rejection,
    log_request,
    set_log_level,
    use_handlers_of,
)

from ..cases import CALL

TOOL_TURN = {"role": "assistant", "content": "secret", "tool_calls": [CALL]}


def _line(messages: Any, recall: FoundReasoning = NOTHING, model: str = "mimo-v2.6-pro") -> RequestLine:
    quirks = quirks_for("mimo-v2.6-pro", "https://api.xiaomimimo.com/v1")
    assert quirks is not None
    return RequestLine("r1", model, quirks, replay(messages, quirks, thinking=True, recall=recall)[1])


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
    with caplog.at_level(logging.INFO, logger="mimo_quirks"):
        log_request(_line(messages))

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
    history = [{"role": "user", "content": "secret"}, TOOL_TURN]
    with caplog.at_level(logging.INFO, logger="mimo_quirks"):
        log_request(_line(history, FoundReasoning({1: "secret"})))

    said = "reasoning is visible text in 1 of the messages: the client wrote thinking blocks into their content"
    assert [said] == [record.message for record in caplog.records]


def test_a_changed_request(caplog: pytest.LogCaptureFixture) -> None:
    """One line says what was done, to which messages and why, and forges no other; what is unchanged has no line."""
    kept, other = {**TOOL_TURN, "reasoning_content": "secret"}, {**TOOL_TURN, "reasoning": "secret"}
    history = [kept, other, TOOL_TURN, TOOL_TURN, TOOL_TURN, TOOL_TURN, {"role": "assistant", "content": "secret"}]
    proofs: dict[int, Proof] = {2: "ids", 3: "chain", 4: "chain"}
    found = FoundReasoning(dict.fromkeys(proofs, "secret"), proofs, frozenset({5}))
    with caplog.at_level(logging.DEBUG, logger="mimo_quirks"):
        log_request(_line([kept]))
        log_request(_line(history, found, "mimo\nforged"))

    (line,) = [record.message for record in caplog.records if record.levelno == logging.DEBUG]
    told = "2 kept, 3 found (1 by ids, 2 by chain), 1 placeholder, 1 ambiguous"
    assert [
        f"request r1: mimo?forged at api.xiaomimimo.com: {told}",
        "message 1: respelled, this host reads it as reasoning_content",
        "message 2: found by ids, its tool call ids are those that it was recorded with",
        "message 3: found by chain, it stands next to a message whose reasoning is proven",
        "message 4: found by chain, it stands next to a message whose reasoning is proven",
        "message 5: placeholder, several recorded answers fit, and none is proven",
    ] == line.split("; ")


def test_nothing_is_written_out_for_nobody(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Where the level is off, no word is looked up."""
    monkeypatch.setattr("mimo_quirks.history.words.summed", None)
    with caplog.at_level(logging.INFO, logger="mimo_quirks"):
        log_request(_line([TOOL_TURN]))

    assert ["INFO"] == [record.levelname for record in caplog.records]


class _Framework(logging.Handler):
    """A handler of a framework's; it keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@contextmanager
def _handlers(*root: logging.Handler) -> Iterator[None]:
    """A program whose logging has these handlers, and neither pytest's nor a level of ours."""
    ours, of_root = logging.getLogger("mimo_quirks"), logging.getLogger()
    level, handlers, lender = ours.level, of_root.handlers, log._LINES.lender
    of_root.handlers, log._LINES.lender = [*root], None
    try:
        yield
    finally:
        of_root.handlers = handlers
        ours.setLevel(level)
        log._LINES.lender = lender


def test_a_line_has_time_level_and_name(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is configured a line goes to standard error; DEBUG and INFO where they are asked for."""
    with _handlers():
        log_request(_line([TOOL_TURN]))
        set_log_level(None)
        log_rejection("rejected")
        set_log_level("debug")
        log_request(_line([TOOL_TURN]))
        lines = capsys.readouterr().err.splitlines()
        monkeypatch.setattr("sys.stderr", None)
        log_rejection("a window has no standard error")

    assert ["WARNING", "INFO", "DEBUG"] == [line.split()[2] for line in lines]
    assert {"mimo_quirks:"} == {line.split()[3] for line in lines}
    assert [True] * 3 == [line[:4].isdigit() for line in lines]


def test_a_broken_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that cannot be written breaks no request."""
    broken = io.StringIO()
    broken.close()
    monkeypatch.setattr("sys.stderr", broken)
    monkeypatch.setattr(logging, "raiseExceptions", False)
    with _handlers():
        log_rejection("rejected")


@pytest.mark.parametrize("is_root", [False, True])
@pytest.mark.parametrize("level", [logging.DEBUG, logging.ERROR])
def test_a_framework_s_handlers(level: int, is_root: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """They have each line once, whatever their level, and whether or not they are also those of the root."""
    framework, handler = logging.Logger("a framework"), _Framework()
    handler.setLevel(level)
    framework.addHandler(handler)
    with _handlers(*([handler] if is_root else [])):
        use_handlers_of(framework)
        log_rejection("rejected")

    assert (["rejected"], "") == (handler.lines, capsys.readouterr().err)


def test_an_application_s_handlers(capsys: pytest.CaptureFixture[str]) -> None:
    """An application that has configured logging has each line once, and nobody else has it."""
    framework, handler, own = logging.Logger("a framework"), _Framework(), _Framework()
    framework.addHandler(handler)
    with _handlers(logging.NullHandler(), own):
        use_handlers_of(framework)
        log_rejection("rejected")

    assert ([], ["rejected"], "") == (handler.lines, own.lines, capsys.readouterr().err)


def test_a_logger_that_hands_nothing_on(capsys: pytest.CaptureFixture[str]) -> None:
    """Handlers further up that our lines do not come to are none of theirs."""
    ours = logging.getLogger("mimo_quirks")
    with _handlers(own := _Framework()):
        ours.propagate = False
        log_rejection("rejected")
        ours.propagate = True

    assert ([], True) == (own.lines, capsys.readouterr().err.endswith("WARNING mimo_quirks: rejected\n"))
