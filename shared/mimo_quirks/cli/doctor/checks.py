"""One line of the doctor's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, and what was found; it holds no credential and no text of a message.

    Attributes:
        status: How it is.
        name: What was looked at.
        said: What was found.
        remedy: What to do about it; empty where nothing is to be done.
    """

    status: Literal["ok", "warning", "error"]
    name: str
    said: str
    remedy: str = ""
