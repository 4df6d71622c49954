"""What operators read: one line per event, under the logger `mimo_quirks`, never with a text of any message."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Final

from .errors import status_of
from .faults import faults_of
from .repair import Draft
from .replay import ReplayReport

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


def note_refusal(said: str) -> None:
    """Writes down a refusal, once for a request: what is done about it, or why nothing can be."""
    _LOGGER.warning("%s", said)


def note_faults(draft: Draft, error: object) -> None:
    """Writes down what is wrong with the structure of a history that was answered with 400, whatever that says of it.

    Args:
        draft: What was sent.
        error: What it was answered with.
    """
    faults = faults_of(draft.sent) if status_of(error) == HTTPStatus.BAD_REQUEST else ()
    if faults:
        _LOGGER.warning("a history was sent to %s that is broken: %s", draft.model, "; ".join(faults))
