"""The quirk core: what MiMo's API wants back, and how to put it there.

A pure library over chat wire messages. Frameworks are served by `litellm_mimo` and `langchain_mimo`, its only callers
in this distribution.
"""

from .quirks import Quirks, quirks_for
from .refusals import is_refusal
from .replay import ReplayReport, replay
from .settings import Settings
from .stores import MemoryStore, ReasoningStore, open_store
from .streaming import TurnReader

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
