"""A store at work, as both adapters use it: one look-up before a request, one write after an answer.

The core decides what is asked and what an answer is; a store only keeps. Between the two stands what may go wrong: a
failing or slow store costs recall, never the request (G4), and is counted. Each step comes twice, for callers with an
event loop and without; the rules are in neither.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from .recall import NOTHING, Question, Recall, answer, ask, remember
from .stores import Entry, MemoryStore, ReasoningStore
from .turns import Message

_LOGGER: Final = logging.getLogger("mimo_quirks")
_NOT_FOUND: Final[Mapping[str, Sequence[bytes]]] = {}


class Memory:
    """Recalls what was captured, inside one scope at a time. Thread-safe as far as its store is.

    Args:
        store: Where to remember; None remembers nothing.
        timeout_seconds: How long an asynchronous call waits for the store. A synchronous one relies on the store's own.

    Attributes:
        counts: How many lost turns were `recalled`, `missed` or `ambiguous`, how many turns were `captured`, and how
            often the store was `not asked` or `not written`, because it failed or was too slow.
    """

    def __init__(self, store: ReasoningStore | None, *, timeout_seconds: float = 0.25) -> None:
        self._store = store
        self._timeout = timeout_seconds
        self.counts: Counter[str] = Counter()

    @property
    def is_shared(self) -> bool:
        """Whether it leaves this process: others may see it, and a call may wait for a file or a server."""
        return not isinstance(self._store, MemoryStore | None)

    def recall(self, history: Sequence[Message], scope: str | None, *, doubting: bool = False) -> Recall:
        """What is remembered for the turns of a history that lack their reasoning; nothing without a scope.

        Args:
            history: Messages of the chat wire.
            scope: Whose memory it is.
            doubting: Whether what turns carry may be damaged, so that they are looked up too.
        """
        question = self._question(history, scope, doubting=doubting)
        if self._store is None or not question.turns:
            return NOTHING
        try:
            found = self._store.get(question.keys)
        except Exception as error:  # noqa: BLE001 - whatever a store may raise, the request goes on
            found = self._failed("not asked", error)
        return self._judge(question, found)

    async def arecall(self, history: Sequence[Message], scope: str | None, *, doubting: bool = False) -> Recall:
        """As `recall`, without blocking the event loop."""
        question = self._question(history, scope, doubting=doubting)
        if self._store is None or not question.turns:
            return NOTHING
        try:
            found = await asyncio.wait_for(self._store.aget(question.keys), self._timeout)
        except Exception as error:  # noqa: BLE001 - as above
            found = self._failed("not asked", error)
        return self._judge(question, found)

    def capture(self, sent: Sequence[Message], turns: Sequence[Message], scope: str | None) -> None:
        """Remembers finished turns.

        Args:
            sent: The history that they answer, as it was sent.
            turns: The assistant messages, more than one where `n` was.
            scope: Whose memory it is; without one nothing is remembered.
        """
        entries = self._entries(sent, turns, scope)
        if self._store is None or not entries:
            return
        try:
            self._store.put(entries)
        except Exception as error:  # noqa: BLE001 - as above
            self._failed("not written", error)
        else:
            self.counts["captured"] += len(entries)

    async def acapture(self, sent: Sequence[Message], turns: Sequence[Message], scope: str | None) -> None:
        """As `capture`, without blocking the event loop."""
        entries = self._entries(sent, turns, scope)
        if self._store is None or not entries:
            return
        try:
            await asyncio.wait_for(self._store.aput(entries), self._timeout)
        except Exception as error:  # noqa: BLE001 - as above
            self._failed("not written", error)
        else:
            self.counts["captured"] += len(entries)

    def _question(self, history: Sequence[Message], scope: str | None, *, doubting: bool) -> Question:
        return Question() if self._store is None or scope is None else ask(history, scope, doubting=doubting)

    def _judge(self, question: Question, found: Mapping[str, Sequence[bytes]]) -> Recall:
        recall = answer(question, found)
        lost = {turn.index for turn in question.turns} - question.doubted
        self.counts["recalled"] += len(lost & recall.texts.keys())
        self.counts["ambiguous"] += len(lost & recall.ambiguous)
        self.counts["missed"] += len(lost - recall.texts.keys() - recall.ambiguous)
        return recall

    def _entries(self, sent: Sequence[Message], turns: Sequence[Message], scope: str | None) -> list[Entry]:
        if self._store is None or scope is None:
            return []
        entries = (remember(sent, turn, scope) for turn in turns)
        return [entry for entry in entries if entry is not None]

    def _failed(self, what: str, error: Exception) -> Mapping[str, Sequence[bytes]]:
        self.counts[what] += 1
        _LOGGER.warning("the store was %s, and the request goes on without it: %s", what, str(error) or "too slow")
        return _NOT_FOUND
