"""What operators read: one line per event, under the logger `mimo_quirks`, never with a text of any message."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Final

from mimo_quirks.history.pairing import unpaired_calls
from mimo_quirks.history.replay import ReplayReport
from mimo_quirks.rejections.errors import status_of
from mimo_quirks.rejections.ladder import RequestPlan

_LOGGER: Final = logging.getLogger("mimo_quirks")


def note(report: ReplayReport) -> None:
    """Writes down what matters of a replay.

    A history that could not be read is a warning. Lost reasoning is information: the request goes on, but the model
    follows instructions worse without its thoughts, and silence would hide that (contract §14).
    """
    if report.unreadable:
        _LOGGER.warning("history sent as it came, because %s", report.unreadable)
    elif lost := report.count("placeholder") + report.count("bare"):
        _LOGGER.info("%d of %d turns go without their reasoning", lost, len(report.turns))


def log_rejection(said: str) -> None:
    """Writes down a rejection, once for a request: what is done about it, or why nothing can be."""
    _LOGGER.warning("%s", said)


def log_malformed(draft: RequestPlan, error: object) -> None:
    """Writes down what is wrong with the structure of a history that was answered with 400, whatever that says of it.

    Args:
        draft: What was sent.
        error: What it was answered with.
    """
    faults = unpaired_calls(draft.sent) if status_of(error) == HTTPStatus.BAD_REQUEST else ()
    if faults:
        _LOGGER.warning("a history was sent to %s that is broken: %s", draft.model, "; ".join(faults))
