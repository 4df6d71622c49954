"""Reads and writes for an exchange: near memory first, and the far store for what others may know.

The core decides what is read and what an answer is; a store only keeps. The same read and the same write carry what
workers learn of a deployment from its rejections. A failing or slow store costs what other processes recorded, never
the request, and is counted. Each step comes twice, for callers with an event loop and without; the rules are in
neither.
"""

from __future__ import annotations

import atexit
import logging
import os
import time
import weakref
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from mimo_quirks.exchange import Exchange, Found, Lookup, Writes, owner_key
from mimo_quirks.history.words import RequestLine
from mimo_quirks.log import log_request
from mimo_quirks.rejections.evidence import AttemptSettings, HostPolicy
from mimo_quirks.rejections.policies import HostPolicies
from mimo_quirks.settings import Settings
from mimo_quirks.stores import RENEWED_AFTER, Entry, ReasoningStore, store_address

from .counting import COUNTED, Labels, Trails, tokens_of
from .far import FarStore
from .near import NearMemory
from .search import Search
from .spans import tell_span

_LOGGER: Final = logging.getLogger("mimo_quirks")
_UNSCOPED: Final = (
    "No scope for this request and the store is shared: its reasoning is not stored. Set MIMO_QUIRKS_SCOPE or "
    "metadata.mimo_scope."
)

_ENDING_SECONDS: Final = 3.0
"""How long the interpreter's end waits for what is not written yet."""


class ReasoningMemory:
    """What was recorded, inside one scope at a time, and what deployments want. Thread-safe.

    Args:
        store: What other processes share, and what outlives this one; None where nothing does.
        settings: How much is held near, how long, and how long a request waits for the store.
        unscoped: What is logged, once, where nothing says whose memory a request is.

    Attributes:
        counts: How many lost turns were `found`, `missed` or `ambiguous`, how many turns were `recorded`, or not, being
            `unscoped`, how many requests were `rejected`, how often the store was `read_failed` or `write_failed`,
            because it failed or was too slow, and how many entries were `dropped`, because too many waited for it.
    """

    def __init__(
        self, store: ReasoningStore | None = None, settings: Settings | None = None, *, unscoped: str | None = None
    ) -> None:
        self._settings = settings = settings or Settings()
        self.counts: Counter[str] = Counter()
        self._unscoped = unscoped or _UNSCOPED
        self.is_off = store is None and settings.store == "off"
        self._trails = Trails()
        self._policies = HostPolicies(ttl_seconds=settings.policy_ttl_seconds, clock=time.time)
        self._near = NearMemory(
            max_bytes=settings.near_max_bytes,
            ttl_seconds=settings.store_ttl_seconds,
            fresh_seconds=settings.store_ttl_seconds * (1 if store is None else RENEWED_AFTER),
        )
        self._far = store and FarStore(
            store,
            timeout_seconds=settings.store_timeout_seconds,
            wait_seconds=settings.write_wait_seconds,
            max_waiting_bytes=settings.near_max_bytes,
            counts=self.counts,
        )
        _ALL.add(self)

    @property
    def is_shared(self) -> bool:
        """Whether it leaves this process: others may see it, and a call may wait for a file or a server."""
        return self._far is not None

    def policy(self, attempt: AttemptSettings, owner: str | None = None) -> HostPolicy:
        """What is known that a deployment wants, as far as this process has heard; see `HostPolicies.of`."""
        return self._policies.of(attempt, owner)

    def now(self) -> float:
        """The time, in seconds since the epoch, as evidence has it."""
        return self._policies.now()

    def read(self, lookup: Lookup) -> Found:
        """What is known of the turns of an exchange and of its deployment; see `Exchange.lookup`."""
        search = self._search(lookup)
        keys = self._keys(search, lookup)
        return self._found(search, lookup, self._far.read(keys) if self._far and keys else None)

    async def aread(self, lookup: Lookup) -> Found:
        """As `read`, without blocking the event loop."""
        search = self._search(lookup)
        keys = self._keys(search, lookup)
        return self._found(search, lookup, await self._far.aread(keys) if self._far and keys else None)

    def read_near(self, lookup: Lookup) -> Found:
        """As `read`, of what this process knows: for callers that can wait for nothing."""
        return self._found(self._search(lookup), lookup, None)

    def write(self, writes: Writes) -> None:
        """Records what an exchange has to say of an answer or of a rejection; see `Writes`."""
        entries = self._entries(writes)
        if self._far and entries:
            self._far.write(entries)

    async def awrite(self, writes: Writes) -> None:
        """As `write`, without blocking the event loop."""
        entries = self._entries(writes)
        if self._far and entries:
            await self._far.awrite(entries)

    def write_soon(self, writes: Writes) -> None:
        """As `write`, without waiting for the store: for callers that can wait for nothing."""
        entries = self._entries(writes)
        if self._far and entries:
            self._far.write_soon(entries)

    def note(self, exchange: Exchange, request: object, span: Any = None) -> None:
        """Takes note of a request that is about to be sent: in the log, the counters and its span.

        Args:
            exchange: It, planned.
            request: Its id, by which the framework knows it.
            span: What traces it, where the framework says; see `tell_span`.
        """
        told = exchange.told
        if told is None:
            return
        quirks, report = told.attempt.quirks, told.report
        log_request(RequestLine(request, told.model, quirks, report))
        counts = report.counts
        counts["retried"] = int(exchange.rejection is not None)
        counts["prefix_breaks"] = int(self._trails.breaks(exchange.trail))
        COUNTED.add(Labels.of(told.attempt), {**counts, "requests": 1})
        tell_span(counts, span)

    def spent(self, attempt: AttemptSettings, usage: Any, span: Any = None) -> None:
        """Takes note of the tokens that an answer says its request had.

        Args:
            attempt: Where it was sent.
            usage: As the wire or the framework tells.
            span: As for `note`.
        """
        tokens = tokens_of(usage)
        COUNTED.add(Labels.of(attempt), tokens)
        tell_span(tokens, span)

    def check(self) -> None:
        """Asks the store, and warns where it fails. Nothing here waits for it."""
        if self._far:
            self._far.check(store_address(self._settings.store))

    def forget(self, owner: str) -> int:
        """Deletes all that is remembered of an owner: turns, and what rejections of its requests taught.

        Other processes go on with what they hold near of it until it expires, or they end.

        Args:
            owner: As for `Settings.scope_of`.

        Returns:
            How many entries the store had of it, or this process where there is no store.

        Raises:
            StoreError: The store cannot delete it now, and may have deleted a part.
        """
        owners = [owner_key(scope) for scope in self._settings.scopes_of(owner)]
        there = 0
        try:
            there = self._far.forget(owners) if self._far else 0
        finally:  # after the store: a request may have read from it what was not deleted yet
            self._policies.forget(owners)
            held = self._near.forget(owners)
        return there if self._far else held

    def end(self, seconds: float = _ENDING_SECONDS) -> None:
        """Writes what waits for the store, within a bound; it happens by itself when the interpreter ends."""
        if self._far:
            self._far.end(seconds)

    def hold(self) -> None:
        """Takes every lock, so that a process can be forked; `go_on` lets go of them."""
        self._near.lock.acquire()
        if self._far:
            self._far.lock.acquire()

    def go_on(self, *, anew: bool) -> None:
        """Goes on after a fork; in the new process without threads, and with nothing that waits to be written."""
        if anew:
            self._trails = Trails()
        if self._far:
            if anew:
                self._far.begin_anew()
            self._far.lock.release()
        self._near.lock.release()

    def _search(self, lookup: Lookup) -> Search | None:
        if lookup.turns is None or self.is_off:
            return None
        return Search(lookup.turns, self._near, time.monotonic(), alone=self._far is None)

    def _keys(self, search: Search | None, lookup: Lookup) -> Sequence[str]:
        """What to ask the far store for; for the deployment alone only after a while, and only where it matters."""
        if self._far is None:
            return ()
        keys = search.keys if search else ()
        matters = lookup.has_turns and self._policies.is_stale(lookup.attempt, lookup.owner)
        return (*keys, *self._policies.keys(lookup.attempt, lookup.owner)) if keys or matters else ()

    def _found(self, search: Search | None, lookup: Lookup, far: Mapping[str, Sequence[bytes]] | None) -> Found:
        if far is not None:
            self._policies.take_in(lookup.attempt, lookup.owner, far)
        policy = self._policies.of(lookup.attempt, lookup.owner)
        if search is None:
            return Found(policy=policy)
        reasoning = search.conclude(far or {})
        if search.lost:
            found, ambiguous = reasoning.texts.keys() & search.lost, reasoning.ambiguous & search.lost
            self.counts["found"] += len(found)
            self.counts["ambiguous"] += len(ambiguous)
            self.counts["missed"] += len(search.lost) - len(found) - len(ambiguous)
        return Found(reasoning, policy)

    def _entries(self, writes: Writes) -> list[Entry]:
        """Takes note of what is written; returns what the far store is given."""
        if not self.is_off:
            self._pass_over(writes.unscoped)
            self.counts["recorded"] += len(writes.recordings)
            if writes.attempt is not None:
                added = {"recorded": len(writes.recordings), "unscoped": writes.unscoped}
                COUNTED.add(Labels.of(writes.attempt), added)
            for memory, marks in writes.recordings:
                self._near.add(memory, marks, time.monotonic())
        entries = [recording.entry for recording in writes.recordings] if self._far else []
        evidence = writes.evidence
        if writes.attempt is not None and evidence is not None:
            self.counts["rejected"] += evidence.rejected is not None
            COUNTED.add(Labels.of(writes.attempt), {"rejected": evidence.rejected is not None})
            if evidence.tells:
                entries.append(self._policies.saw(writes.attempt, evidence))
        return entries

    def _pass_over(self, turns: int) -> None:
        if turns and not self.counts["unscoped"]:
            _LOGGER.warning("%s", self._unscoped)
        self.counts["unscoped"] += turns


_ALL: Final[weakref.WeakSet[ReasoningMemory]] = weakref.WeakSet()


def _end_all() -> None:
    for memory in tuple(_ALL):
        memory.end()


def _hold_all() -> None:
    _HELD.extend(_ALL)
    for memory in _HELD:
        memory.hold()


def _go_on(*, anew: bool) -> None:
    for memory in reversed(_HELD):
        memory.go_on(anew=anew)
    _HELD.clear()


_HELD: Final[list[ReasoningMemory]] = []
"""Those whose locks a thread holds that is about to fork."""

atexit.register(_end_all)
with suppress(AttributeError):  # Windows has no forks
    os.register_at_fork(
        before=_hold_all, after_in_parent=lambda: _go_on(anew=False), after_in_child=lambda: _go_on(anew=True)
    )
