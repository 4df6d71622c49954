"""The driver of the exchange: near memory, the far store, and how long a request waits for them."""

from .counting import COUNTED, COUNTERS, Labels, counters
from .driver import ReasoningMemory

__all__ = ["COUNTED", "COUNTERS", "Labels", "ReasoningMemory", "counters"]
