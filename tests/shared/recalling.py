"""A memory of turns for tests of what is found again: near memory alone, or an empty one in front of a store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mimo_quirks.history.found import FoundReasoning
from mimo_quirks.memory.near import NearMemory
from mimo_quirks.memory.search import Search
from mimo_quirks.recall.fingerprints import Marks, Walk, marks_of, owner_mark
from mimo_quirks.recall.lookup import TurnLookup
from mimo_quirks.recall.memories import Recording, Whose, link_of, place_digest, record

from ..dict_store import DictStore

Messages = Sequence[dict[str, Any]]
_A: Final = Whose("a")


def near_memory(*, max_bytes: int = 2**20, fresh_seconds: float = 600) -> NearMemory:
    """An empty near memory."""
    return NearMemory(max_bytes=max_bytes, ttl_seconds=600, fresh_seconds=fresh_seconds)


def recorded(
    sent: Messages, message: dict[str, Any], whose: Whose, *, found: FoundReasoning | None = None
) -> Recording | None:
    """What is recorded of a turn that answers a history, of which this was found."""
    walk = Walk(sent)
    last = (found.last if found else "") or place_digest(walk.last_prefix, whose.system)
    return record(walk.next(message), message, link_of(sent, last, whose.scope), whose)


class Recall:
    """Turns that are recorded and looked up.

    Args:
        is_far: Whether they are in a store alone, so that each look-up is another process's.
    """

    def __init__(self, *, is_far: bool) -> None:
        self.is_far = is_far
        self._near = near_memory()
        self._store = DictStore()

    def put(self, recording: Recording | None) -> None:
        """Keeps what was recorded."""
        if recording is None:
            return
        if self.is_far:
            self._store.put([recording.entry])
        else:
            self._near.add(recording.memory, recording.marks, 0.0)

    def look_up(self, history: Messages, whose: Whose) -> FoundReasoning:
        """What is found for the turns of a history."""
        lookup = TurnLookup.of(history, Walk(history).places, whose)
        if not self.is_far:
            return Search(lookup, self._near, 1.0, alone=True).conclude()
        near = near_memory()
        search = Search(lookup, near, 1.0, alone=False)
        found = search.conclude(self._store.get(search.keys))
        again = Search(lookup, near, 2.0, alone=False)
        near_by_now = again.conclude(self._store.get(again.keys))
        assert lookup.carried or found == near_by_now
        return found


def marks_of_turns(history: Messages, whose: Whose = _A) -> list[tuple[list[tuple[str, bytes]], Marks]]:
    """For every turn of a history its calls, with their ids, and what it is found by."""
    places = Walk(history).places
    calls = [[(call.id, said) for call, said in zip(place.calls, place.said, strict=True)] for place in places]
    owner = owner_mark(whose.scope)
    return list(zip(calls, [marks_of(place, owner, whose.system, whose.end_user) for place in places], strict=True))
