"""The policies that a process knows: what it saw itself, and what other workers put into the store it shares.

Evidence is written as entries of its own, so no worker overwrites another's. Each is under a key that its deployment
and its owner have, where many entries of one owner crowd out no other's; and under the deployment's own, where every
owner reads, only if it changes what its owner's rejections teach others: a handful of entries for each owner. It is
read back with the look-up that a request makes anyway, or, where it makes none, after a while.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Final

from mimo_quirks.facts.digests import digest
from mimo_quirks.stores.protocol import Entry

from .evidence import SURE, AttemptSettings, Evidence, HostPolicy, policy_of

_LOGGER: Final = logging.getLogger("mimo_quirks")

DEPLOYMENTS: Final = 256
"""Of how many deployments evidence is kept."""
OWNERS: Final = 32
"""Of how many owners evidence of one deployment is kept."""
ITEMS: Final = 16
"""How much evidence of one owner is kept: more than is counted before it decides, or is taken back."""
ASKED: Final = 4096
"""Of how many owners of deployments it is kept when the store was asked."""
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
        self._known: OrderedDict[str, Mapping[str, tuple[Evidence, ...]]] = OrderedDict()  # by deployment, and owner
        self._asked: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, terms: AttemptSettings, owner: str | None = None) -> HostPolicy:
        """What is known of a deployment on these terms.

        Args:
            terms: The deployment.
            owner: Whose request it is for; None without an owner: then it is what all owners know, or where one owner
                alone has evidence, what that one does.
        """
        known = self._known.get(terms.key, {})
        if owner is None and len(known) == 1:
            (owner,) = known
        evidence = [seen for owned in known.values() for seen in owned]
        return policy_of(evidence, self._clock(), self._ttl, owner)

    def keys(self, terms: AttemptSettings, owner: str) -> tuple[str, ...]:
        """What to ask the store for: what the owner has seen, and what the deployment's owners teach each other."""
        return _own_key(terms, owner), terms.key

    def saw(self, terms: AttemptSettings, evidence: Evidence) -> Entry:
        """Takes note of evidence; returns what other workers shall read of it."""
        before = self._lesson(terms, evidence.owner)
        self._add(terms.key, [evidence])
        _LOGGER.debug(
            "%s of %s on the %s wire, thinking %s: %s",
            terms.quirks.address or terms.quirks.host,
            terms.quirks.family,
            terms.quirks.wire,
            "on" if terms.thinking else "off",
            self.of(terms, evidence.owner),
        )
        teaches = evidence.rejected is not None and before != self._lesson(terms, evidence.owner)
        shared = (terms.key,) if teaches else ()
        return Entry((_own_key(terms, evidence.owner), *shared), evidence.to_bytes(), evidence.owner)

    def now(self) -> float:
        """The time, as evidence has it."""
        return self._clock()

    def is_stale(self, terms: AttemptSettings, owner: str) -> bool:
        """Whether the store has not been asked of late."""
        asked = self._asked.get(_own_key(terms, owner))
        return asked is None or self._clock() - asked > STALE_SECONDS

    def take_in(self, terms: AttemptSettings, owner: str, found: Mapping[str, Sequence[bytes]]) -> None:
        """Takes note of what the store was asked for."""
        key = _own_key(terms, owner)
        with self._lock:
            self._asked[key] = self._clock()
            self._asked.move_to_end(key)
            if len(self._asked) > ASKED:
                self._asked.popitem(last=False)
        payloads = (payload for name in self.keys(terms, owner) for payload in found.get(name, ()))
        read = map(Evidence.from_bytes, payloads)
        self._add(terms.key, [evidence for evidence in read if evidence is not None])

    def forget(self, owners: Container[str]) -> None:
        """Deletes the evidence of these owners."""
        with self._lock:
            for key, known in self._known.items():
                self._known[key] = OrderedDict((owner, seen) for owner, seen in known.items() if owner not in owners)

    def _lesson(self, terms: AttemptSettings, owner: str) -> tuple[object, ...]:
        """What an owner's rejections teach others, as far as more of them would make a difference."""
        owned = self._known.get(terms.key, {}).get(owner, ())
        policy = policy_of([seen for seen in owned if seen.rejected], self._clock(), self._ttl, owner)
        counts = (policy.needs, policy.needs_more, policy.forbids)
        return *(min(count, SURE) for count in counts), policy.field

    def _add(self, key: str, evidence: Iterable[Evidence]) -> None:
        with self._lock:
            known = OrderedDict(self._known.get(key, {}))
            for seen in evidence:
                owned = sorted({*known.get(seen.owner, ()), seen}, key=lambda seen: seen.order)
                known[seen.owner] = tuple(owned[-ITEMS:])
                known.move_to_end(seen.owner)
            while len(known) > OWNERS:
                known.popitem(last=False)
            if known:
                self._known[key] = known
                self._known.move_to_end(key)
            if len(self._known) > DEPLOYMENTS:
                self._known.popitem(last=False)


def _own_key(terms: AttemptSettings, owner: str) -> str:
    """What the evidence of one owner is kept under; it tells nothing to whoever reads it."""
    return digest("own policy", terms.key, owner)
