"""The quirk core: what MiMo's API wants back, and how to put it there.

A pure library over chat wire messages. Frameworks are served by `litellm_mimo` and `langchain_mimo`, its only callers
in this distribution.
"""

from typing import TYPE_CHECKING

from .quirks import Quirks, quirks_for
from .replay import ReplayReport, replay
from .settings import Settings
from .stores import MemoryStore, ReasoningStore, open_store
from .streaming import TurnReader

if TYPE_CHECKING:
    from .refusals import is_refusal

__all__ = [
    "MemoryStore",
    "Quirks",
    "ReasoningStore",
    "ReplayReport",
    "Settings",
    "TurnReader",
    "is_refusal",
    "open_store",
    "quirks_for",
    "replay",
]


def __getattr__(name: str) -> object:
    """Refusals are looked up when they are asked for: every import would pay for compiling their patterns."""
    if name == "is_refusal":
        from .refusals import is_refusal  # noqa: PLC0415 - as above

        return is_refusal
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
