"""The policies that a process knows: what it saw itself, and what other workers put into the store it shares.

Evidence is written as entries of its own, each under the digest of its deployment, so no worker overwrites another's.
It is read back with the look-up that a request makes anyway, or, where it makes none, after a while.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from mimo_quirks.stores.protocol import CANDIDATES, Entry

from .evidence import AttemptSettings, Evidence, HostPolicy, policy_of

_LOGGER: Final = logging.getLogger("mimo_quirks")

DEPLOYMENTS: Final = 256
"""Of how many deployments evidence is kept."""
STALE_SECONDS: Final = 5.0
"""After how long the store is asked though a request has no other question."""


class HostPolicies:
    """Evidence by deployment. Thread-safe.

    Args:
        ttl_seconds: How long evidence counts.
        clock: Gives the time, in seconds since the epoch; workers compare theirs.
    """

    def __init__(self, *, ttl_seconds: float, clock: Callable[[], float]) -> None:
        self._ttl = ttl_seconds
        self._clock = clock
        self._known: OrderedDict[str, tuple[Evidence, ...]] = OrderedDict()
        self._asked: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, terms: AttemptSettings) -> HostPolicy:
        """What is known of a deployment on these terms."""
        return policy_of(self._known.get(terms.key, ()), self._clock(), self._ttl)

    def saw(self, terms: AttemptSettings, evidence: Evidence) -> Entry:
        """Takes note of evidence; returns what other workers shall read of it."""
        self._add(terms.key, [evidence])
        _LOGGER.debug(
            "%s of %s on the %s wire, thinking %s: %s",
            terms.quirks.address or terms.quirks.host,
            terms.quirks.family,
            terms.quirks.wire,
            "on" if terms.thinking else "off",
            self.of(terms),
        )
        return Entry((terms.key,), evidence.to_bytes())

    def now(self) -> float:
        """The time, as evidence has it."""
        return self._clock()

    def is_stale(self, terms: AttemptSettings) -> bool:
        """Whether the store has not been asked of late."""
        asked = self._asked.get(terms.key)
        return asked is None or self._clock() - asked > STALE_SECONDS

    def take_in(self, terms: AttemptSettings, found: Mapping[str, Sequence[bytes]]) -> None:
        """Takes note of what the store was asked for."""
        key = terms.key
        with self._lock:
            self._asked[key] = self._clock()
            self._asked.move_to_end(key)
            if len(self._asked) > DEPLOYMENTS:
                self._asked.popitem(last=False)
        read = map(Evidence.from_bytes, found.get(key, ()))
        self._add(key, [evidence for evidence in read if evidence is not None])

    def _add(self, key: str, evidence: Iterable[Evidence]) -> None:
        with self._lock:
            known = sorted({*self._known.get(key, ()), *evidence}, key=lambda seen: seen.order)
            if known:
                self._known[key] = tuple(known[-CANDIDATES:])
                self._known.move_to_end(key)
            if len(self._known) > DEPLOYMENTS:
                self._known.popitem(last=False)
