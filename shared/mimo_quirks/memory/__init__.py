"""The driver of the exchange: near memory, the far store, and how long a request waits for them."""

from .driver import ReasoningMemory

__all__ = ["ReasoningMemory"]
