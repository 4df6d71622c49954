"""What operators read: one line per event, under the logger `mimo_quirks`, never with a text of any message."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Sequence
from typing import Final

from mimo_quirks.history.replay import ReplayReport

_LOGGER: Final = logging.getLogger("mimo_quirks")


def log_replay(report: ReplayReport) -> None:
    """Writes down what matters of a replay.

    A history that could not be read is a warning. Lost reasoning is information: the request goes on, but the model
    follows instructions worse without its thoughts, and silence would hide that (EVIDENCE §4.1).
    """
    if report.unreadable:
        _LOGGER.warning("could not read the message history (%s); sent unchanged", report.unreadable)
    elif lost := report.count("placeholder") + report.count("bare"):
        _LOGGER.info("%d of %d assistant messages were sent without their reasoning", lost, len(report.turns))
    if report.spoken:
        _LOGGER.info("%d thoughts stand in the history as visible text: the client made it of them", report.spoken)


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
