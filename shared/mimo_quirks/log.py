"""What operators read: one line per event, under the logger `mimo_quirks`, never with a text of any message."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Sequence
from typing import Final

from mimo_quirks.history.replay import ReplayReport
from mimo_quirks.history.words import RequestLine

_LOGGER: Final = logging.getLogger("mimo_quirks")


class _Lines(logging.Handler):
    """Gives our lines to a framework's handlers, or writes them itself; nothing where the application has handlers."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self.lender: logging.Logger | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a line down once. The framework's handlers take it whatever their level is: ours has been asked."""
        lent = self.lender.handlers if self.lender is not None else []
        others = self._others()
        if any(handler not in lent for handler in others):
            return
        for handler in lent:
            if handler not in others or record.levelno < handler.level:
                handler.handle(record)
        if not lent and sys.stderr is not None:
            try:
                sys.stderr.write(f"{self.format(record)}\n")
            except Exception:  # noqa: BLE001 - as logging's own handlers do
                self.handleError(record)

    def _others(self) -> list[logging.Handler]:
        """The handlers that a line of ours comes to besides."""
        found: list[logging.Handler] = []
        logger: logging.Logger | None = _LOGGER
        while logger is not None:
            found += logger.handlers
            logger = logger.parent if logger.propagate else None
        return [one for one in found if one is not self and not isinstance(one, logging.NullHandler)]


_LINES: Final = _Lines()
_LOGGER.addHandler(_LINES)


def set_log_level(level: str | None) -> None:
    """Has the log say so much; `None` leaves it as it is."""
    if level is not None:
        _LOGGER.setLevel(level.upper())


def use_handlers_of(logger: logging.Logger) -> None:
    """Has our lines written by a framework's handlers, as they are at each line, unless the application has its own."""
    _LINES.lender = logger


def log_request(line: RequestLine) -> None:
    """Writes down what was done to a request."""
    _log_replay(line.report)
    if line.report.changed:
        _LOGGER.debug("%s", line)


def _log_replay(report: ReplayReport) -> None:
    """Writes down what matters of a replay.

    A history that could not be read is a warning. Lost reasoning is information: the request goes on, but the model
    follows instructions worse without its thoughts, and silence would hide that (EVIDENCE §4.1).
    """
    if report.unreadable:
        _LOGGER.warning("could not read the message history (%s); sent unchanged", report.unreadable)
    elif lost := report.count("placeholder") + report.count("bare"):
        _LOGGER.info("%d of %d assistant messages were sent without their reasoning", lost, len(report.turns))
    if report.spoken:
        _LOGGER.info(
            "reasoning is visible text in %d of the messages: the client wrote thinking blocks into their content",
            report.spoken,
        )


def log_rejection(said: str) -> None:
    """Writes down a rejection, once for a request: what is done about it, or why nothing can be."""
    _LOGGER.warning("%s", said)


def log_malformed(model: str, faults: Sequence[str]) -> None:
    """Writes down what is wrong with the structure of a history that was answered with 400, if anything is.

    Args:
        model: The model's id.
        faults: One sentence for each fault; see `unpaired_calls`.
    """
    if faults:
        _LOGGER.warning("the history sent to %s is malformed: %s", model, "; ".join(faults))


def log_frames(what: str, error: BaseException) -> None:
    """Writes down where an error that was swallowed came from: its frames alone, for its text may quote a message.

    Args:
        what: What was being done.
        error: The error.
    """
    if _LOGGER.isEnabledFor(logging.DEBUG):
        frames = traceback.extract_tb(error.__traceback__)
        places = "".join(f"\n  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)
        _LOGGER.debug("%s: %s%s", what, type(error).__name__, places)
