"""Where reasoning waits between a response and the request that replays it: the only I/O of the core.

The core says what a turn is remembered under and what may be put back; a store keeps entries under their keys and gives
them back, and decides nothing.
"""

from .opening import open_store, store_address
from .protocol import CANDIDATES, RENEWED_AFTER, Entry, ReasoningStore, StoreError

__all__ = ["CANDIDATES", "RENEWED_AFTER", "Entry", "ReasoningStore", "StoreError", "open_store", "store_address"]
