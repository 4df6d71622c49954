"""Where reasoning waits between a response and the request that replays it: the only I/O of the core.

The core says what a turn is remembered under and what may be put back; a store keeps entries under their keys and gives
them back, and decides nothing.
"""

from .memory import MemoryStore
from .opening import open_store
from .protocol import CANDIDATES, Entry, ReasoningStore, StoreError

__all__ = ["CANDIDATES", "Entry", "MemoryStore", "ReasoningStore", "StoreError", "open_store"]
