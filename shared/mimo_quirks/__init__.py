"""The quirk core: what MiMo's API wants back, and how to put it there.

A pure library over chat wire messages. Frameworks are served by `litellm_mimo` and `langchain_mimo`, its only callers
in this distribution.
"""

from typing import TYPE_CHECKING

from mimo_quirks.facts.quirks import Quirks, quirks_for
from mimo_quirks.history.replay import ReplayReport, replay
from mimo_quirks.history.streaming import TurnReader

from .settings import Settings
from .stores import MemoryStore, ReasoningStore, open_store

if TYPE_CHECKING:
    from mimo_quirks.rejections.recognition import is_reasoning_rejection

__all__ = [
    "MemoryStore",
    "Quirks",
    "ReasoningStore",
    "ReplayReport",
    "Settings",
    "TurnReader",
    "is_reasoning_rejection",
    "open_store",
    "quirks_for",
    "replay",
]


def __getattr__(name: str) -> object:
    """Rejections are looked up when they are asked for: every import would pay for compiling their patterns."""
    if name == "is_reasoning_rejection":
        from mimo_quirks.rejections.recognition import is_reasoning_rejection  # noqa: PLC0415 - as above

        return is_reasoning_rejection
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
