"""Reads and writes the store for both adapters; its failures never reach the request.

The core decides what is read and what an answer is; a store only keeps. The same read and the same write carry what
workers learn of a deployment from its rejections. Between the two stands what may go wrong: a failing or slow store
costs recall, never the request, and is counted. Each step comes twice, for callers with an event loop and without; the
rules are in neither.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from .exchange import Found, Lookup, Writes
from .log import log_frames
from .recall.matching import Query, match
from .rejections.evidence import AttemptSettings, HostPolicy
from .rejections.policies import HostPolicies
from .settings import Settings
from .stores import Entry, MemoryStore, ReasoningStore

_LOGGER: Final = logging.getLogger("mimo_quirks")
_NOTHING: Final[Mapping[str, Sequence[bytes]]] = {}
_MOST_TEXTS: Final = 65_536
"""Of how many texts the digest is kept, some 150 bytes each: what is known to be whole is not looked up again."""


class ReasoningMemory:
    """What was recorded, inside one scope at a time, and what deployments want. As thread-safe as its store.

    Args:
        store: Where reasoning is recorded; None records nothing.
        timeout_seconds: How long an asynchronous call waits for the store. A synchronous one relies on the store's own.
        policy_ttl_seconds: How long it is remembered what a deployment's rejections taught.

    Attributes:
        counts: How many lost turns were `found`, `missed` or `ambiguous`, how many turns were `recorded`, or not, being
            `unscoped`, how many requests were `rejected`, and how often the store was `read_failed` or
            `write_failed`, because it failed or was too slow.
    """

    def __init__(
        self, store: ReasoningStore | None, *, timeout_seconds: float = 0.25, policy_ttl_seconds: float = 3600
    ) -> None:
        self._store = store
        self._timeout = timeout_seconds
        self._policies = HostPolicies(ttl_seconds=policy_ttl_seconds, clock=time.time)
        self._texts = _Recent(_MOST_TEXTS)
        self.counts: Counter[str] = Counter()

    @classmethod
    def around(cls, store: ReasoningStore | None, settings: Settings) -> ReasoningMemory:
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

    def policy(self, attempt: AttemptSettings, owner: str | None = None) -> HostPolicy:
        """What is known that a deployment wants, as far as this process has heard; see `HostPolicies.of`."""
        return self._policies.of(attempt, owner)

    def now(self) -> float:
        """The time, in seconds since the epoch, as evidence has it."""
        return self._policies.now()

    def read(self, lookup: Lookup) -> Found:
        """What is known of the turns of an exchange and of its deployment; see `Exchange.lookup`."""
        query = self._query(lookup)
        keys = self._keys(query, lookup)
        found = _NOTHING
        if self._store is not None and keys:
            try:
                found = self._store.get(keys)
            except Exception as error:  # noqa: BLE001 - whatever a store may raise, the request goes on
                self._failed("read", error)
        return self._found(query, found, lookup, asked=bool(keys))

    async def aread(self, lookup: Lookup) -> Found:
        """As `read`, without blocking the event loop."""
        if not self.is_shared:
            return self.read(lookup)
        query = self._query(lookup)
        keys = self._keys(query, lookup)
        found = _NOTHING
        if self._store is not None and keys:
            try:
                found = await asyncio.wait_for(self._store.aget(keys), self._timeout)
            except Exception as error:  # noqa: BLE001 - as above
                self._failed("read", error)
        return self._found(query, found, lookup, asked=bool(keys))

    def write(self, writes: Writes) -> None:
        """Records what an exchange has to say of an answer or of a rejection; see `Writes`."""
        entries = self._entries(writes)
        if self._store is None or not entries:
            return
        try:
            self._store.put(entries)
        except Exception as error:  # noqa: BLE001 - as above
            self._failed("write", error)
        else:
            self.counts["recorded"] += len(writes.entries)

    async def awrite(self, writes: Writes) -> None:
        """As `write`, without blocking the event loop."""
        if not self.is_shared:
            self.write(writes)
            return
        entries = self._entries(writes)
        if self._store is None or not entries:
            return
        try:
            await asyncio.wait_for(self._store.aput(entries), self._timeout)
        except Exception as error:  # noqa: BLE001 - as above
            self._failed("write", error)
        else:
            self.counts["recorded"] += len(writes.entries)

    def _query(self, lookup: Lookup) -> Query:
        if self._store is None or lookup.turns is None:
            return Query()
        return lookup.turns.query(self._texts)

    def _keys(self, query: Query, lookup: Lookup) -> Sequence[str]:
        """What to ask the store for; for the deployment alone only after a while, and only where it matters."""
        keys = query.keys
        if not self.is_shared:
            return keys
        matters = lookup.has_turns and self._policies.is_stale(lookup.attempt, lookup.owner)
        return (*keys, *self._policies.keys(lookup.attempt, lookup.owner)) if keys or matters else ()

    def _found(self, query: Query, found: Mapping[str, Sequence[bytes]], lookup: Lookup, *, asked: bool) -> Found:
        if asked and self.is_shared:
            self._policies.take_in(lookup.attempt, lookup.owner, found)
        policy = self._policies.of(lookup.attempt, lookup.owner)
        if not (query.turns or query.verified):
            return Found(policy=policy)
        reasoning = match(query, found)
        self._texts.add(reasoning.digests)
        lost = {turn.index for turn in query.turns} - query.doubted
        self.counts["found"] += len(lost & reasoning.texts.keys())
        self.counts["ambiguous"] += len(lost & reasoning.ambiguous)
        self.counts["missed"] += len(lost - reasoning.texts.keys() - reasoning.ambiguous)
        return Found(reasoning, policy)

    def _entries(self, writes: Writes) -> list[Entry]:
        """What the store is given; evidence of others' use only where they can see it."""
        evidence, entries = writes.evidence, list(writes.entries)
        if self._store is not None:
            self._texts.add(writes.texts)
            self._pass_over(writes.unscoped)
        if writes.attempt is not None and evidence is not None:
            self.counts["rejected"] += evidence.rejected is not None
            if evidence.tells:
                entry = self._policies.saw(writes.attempt, evidence)
                entries += [entry] if self.is_shared else []
        return entries

    def _pass_over(self, turns: int) -> None:
        if turns and not self.counts["unscoped"]:
            _LOGGER.warning(
                "answers are not remembered where nobody says whose they are: others see this store, so set "
                "MIMO_QUIRKS_SCOPE, or mimo_scope in a request's metadata"
            )
        self.counts["unscoped"] += turns

    def _failed(self, what: str, error: Exception) -> None:
        self.counts[f"{what}_failed"] += 1
        said = {"read": "not asked", "write": "not written"}[what]
        _LOGGER.warning("the store was %s, and the request goes on without it: %s", said, str(error) or "too slow")
        log_frames(f"the store was {said}", error)


class _Recent:
    """The members that were added last, as many as it holds. Thread-safe."""

    def __init__(self, most: int) -> None:
        self._members: OrderedDict[str, None] = OrderedDict()
        self._most = most
        self._lock = threading.Lock()

    def __contains__(self, member: object) -> bool:
        return member in self._members

    def add(self, members: Iterable[str]) -> None:
        """Adds members, and lets go of the oldest."""
        with self._lock:
            for member in members:
                self._members[member] = None
                self._members.move_to_end(member)
            while len(self._members) > self._most:
                self._members.popitem(last=False)
