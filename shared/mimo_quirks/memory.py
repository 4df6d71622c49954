"""A store at work, as both adapters use it: one look-up before a request, one write after an answer.

The core decides what is asked and what an answer is; a store only keeps. The same look-up and the same write carry what
workers learn of a deployment from its rejections. Between the two stands what may go wrong: a failing or slow store
costs recall, never the request, and is counted. Each step comes twice, for callers with an event loop and without; the
rules are in neither.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from mimo_quirks.history.found import NOTHING, FoundReasoning
from mimo_quirks.history.turns import Message, is_turn
from mimo_quirks.recall.matching import Question, answer, ask, remember
from mimo_quirks.rejections.evidence import AttemptSettings, Evidence, HostPolicy, speaks_against
from mimo_quirks.rejections.policies import HostPolicies
from mimo_quirks.rejections.recognition import RejectionKind

from .settings import Settings
from .stores import Entry, MemoryStore, ReasoningStore

_LOGGER: Final = logging.getLogger("mimo_quirks")
_NOT_FOUND: Final[Mapping[str, Sequence[bytes]]] = {}


class Memory:
    """Recalls what was captured, inside one scope at a time, and what deployments want. As thread-safe as its store.

    Args:
        store: Where to remember; None remembers nothing.
        timeout_seconds: How long an asynchronous call waits for the store. A synchronous one relies on the store's own.
        policy_ttl_seconds: How long it is remembered what a deployment's rejections taught.

    Attributes:
        counts: How many lost turns were `recalled`, `missed` or `ambiguous`, how many turns were `captured`, or not
            because they were `nobody's`, how many requests were `rejected`, and how often the store was `not asked` or
            `not written`, because it failed or was too slow.
    """

    def __init__(
        self, store: ReasoningStore | None, *, timeout_seconds: float = 0.25, policy_ttl_seconds: float = 3600
    ) -> None:
        self._store = store
        self._timeout = timeout_seconds
        self._contracts = HostPolicies(ttl_seconds=policy_ttl_seconds, clock=time.time)
        self.counts: Counter[str] = Counter()

    @classmethod
    def around(cls, store: ReasoningStore | None, settings: Settings) -> Memory:
        """A memory of this store, with what the settings say of it."""
        return cls(
            store,
            timeout_seconds=settings.store_timeout_seconds,
            policy_ttl_seconds=settings.policy_ttl_seconds,
        )

    @property
    def is_shared(self) -> bool:
        """Whether it leaves this process: others may see it, and a call may wait for a file or a server."""
        return not isinstance(self._store, MemoryStore | None)

    def contract(self, terms: AttemptSettings) -> HostPolicy:
        """What is known that a deployment wants, as far as this process has heard."""
        return self._contracts.of(terms)

    def recall(
        self,
        history: Sequence[Message],
        scope: str | None,
        *,
        verify_carried: bool = False,
        terms: AttemptSettings | None = None,
    ) -> FoundReasoning:
        """What is remembered for the turns of a history that lack their reasoning; nothing without a scope.

        Args:
            history: Messages of the chat wire.
            scope: Whose memory it is.
            verify_carried: Whether what turns carry may be damaged, so that they are looked up too.
            terms: Of the request: where it does not think, no reasoning is looked up; and what other workers know of
                the deployment is.
        """
        question = self._question(history, scope, terms, verify_carried=verify_carried)
        keys = self._keys(question, history, terms)
        if self._store is None or not keys:
            return NOTHING
        try:
            found = self._store.get(keys)
        except Exception as error:  # noqa: BLE001 - whatever a store may raise, the request goes on
            found = self._failed("not asked", error)
        return self._judge(question, found, terms)

    async def arecall(
        self,
        history: Sequence[Message],
        scope: str | None,
        *,
        verify_carried: bool = False,
        terms: AttemptSettings | None = None,
    ) -> FoundReasoning:
        """As `recall`, without blocking the event loop."""
        question = self._question(history, scope, terms, verify_carried=verify_carried)
        keys = self._keys(question, history, terms)
        if self._store is None or not keys:
            return NOTHING
        try:
            found = await asyncio.wait_for(self._store.aget(keys), self._timeout)
        except Exception as error:  # noqa: BLE001 - as above
            found = self._failed("not asked", error)
        return self._judge(question, found, terms)

    def capture(
        self,
        sent: Sequence[Message],
        turns: Sequence[Message],
        scope: str | None,
        *,
        terms: AttemptSettings | None = None,
    ) -> None:
        """Remembers finished turns.

        Args:
            sent: The history that they answer, as it was sent.
            turns: The assistant messages, more than one where `n` was.
            scope: Whose memory it is; without one no turn is remembered.
            terms: Of the request, so that its answer counts as evidence.
        """
        entries = self._entries(sent, turns, scope)
        self._put(entries + self._answered(sent, terms), turns=len(entries))

    async def acapture(
        self,
        sent: Sequence[Message],
        turns: Sequence[Message],
        scope: str | None,
        *,
        terms: AttemptSettings | None = None,
    ) -> None:
        """As `capture`, without blocking the event loop."""
        entries = self._entries(sent, turns, scope)
        await self._aput(entries + self._answered(sent, terms), turns=len(entries))

    def learn(self, terms: AttemptSettings, kind: RejectionKind) -> None:
        """Takes note of a rejection, for this process and for those that share the store."""
        self._put(self._rejected(terms, kind))

    async def alearn(self, terms: AttemptSettings, kind: RejectionKind) -> None:
        """As `learn`, without blocking the event loop."""
        await self._aput(self._rejected(terms, kind))

    def _put(self, entries: Sequence[Entry], *, turns: int = 0) -> None:
        if self._store is None or not entries:
            return
        try:
            self._store.put(entries)
        except Exception as error:  # noqa: BLE001 - as above
            self._failed("not written", error)
        else:
            self.counts["captured"] += turns

    async def _aput(self, entries: Sequence[Entry], *, turns: int = 0) -> None:
        if self._store is None or not entries:
            return
        try:
            await asyncio.wait_for(self._store.aput(entries), self._timeout)
        except Exception as error:  # noqa: BLE001 - as above
            self._failed("not written", error)
        else:
            self.counts["captured"] += turns

    def _keys(self, question: Question, history: Sequence[Message], terms: AttemptSettings | None) -> Sequence[str]:
        """What to ask the store for; for the deployment alone only after a while, and only where it matters."""
        keys = question.keys
        if terms is None or not self.is_shared:
            return keys
        matters = any(is_turn(message) for message in history) and self._contracts.is_stale(terms)
        return (*keys, terms.key) if keys or matters else ()

    def _answered(self, sent: Sequence[Message], terms: AttemptSettings | None) -> list[Entry]:
        """An answer is evidence only where it speaks against what rejections have taught."""
        if terms is None or not speaks_against(self._contracts.of(terms), terms.step, sent):
            return []
        return self._shared(self._contracts.saw(terms, Evidence(self._contracts.now(), terms.step, None)))

    def _rejected(self, terms: AttemptSettings, kind: RejectionKind) -> list[Entry]:
        """A rejection is evidence only where it tells of the deployment, and not of one history."""
        self.counts["rejected"] += 1
        evidence = Evidence(self._contracts.now(), terms.step, kind)
        return self._shared(self._contracts.saw(terms, evidence)) if evidence.tells else []

    def _shared(self, entry: Entry) -> list[Entry]:
        return [entry] if self.is_shared else []

    def _question(
        self, history: Sequence[Message], scope: str | None, terms: AttemptSettings | None, *, verify_carried: bool
    ) -> Question:
        if self._store is None or scope is None or (terms is not None and not terms.thinking):
            return Question()
        return ask(history, scope, verify_carried=verify_carried)

    def _judge(
        self, question: Question, found: Mapping[str, Sequence[bytes]], terms: AttemptSettings | None
    ) -> FoundReasoning:
        if terms is not None and self.is_shared:
            self._contracts.take_in(terms, found)
        recall = answer(question, found)
        lost = {turn.index for turn in question.turns} - question.doubted
        self.counts["recalled"] += len(lost & recall.texts.keys())
        self.counts["ambiguous"] += len(lost & recall.ambiguous)
        self.counts["missed"] += len(lost - recall.texts.keys() - recall.ambiguous)
        return recall

    def _entries(self, sent: Sequence[Message], turns: Sequence[Message], scope: str | None) -> list[Entry]:
        if self._store is None:
            return []
        if scope is None:
            self._passed_over(len(turns))
            return []
        entries = (remember(sent, turn, scope) for turn in turns)
        return [entry for entry in entries if entry is not None]

    def _passed_over(self, turns: int) -> None:
        if turns and not self.counts["nobody's"]:
            _LOGGER.warning(
                "answers are not remembered where nobody says whose they are: others see this store, so set "
                "MIMO_QUIRKS_SCOPE, or mimo_scope in a request's metadata"
            )
        self.counts["nobody's"] += turns

    def _failed(self, what: str, error: Exception) -> Mapping[str, Sequence[bytes]]:
        self.counts[what] += 1
        _LOGGER.warning("the store was %s, and the request goes on without it: %s", what, str(error) or "too slow")
        return _NOT_FOUND
