"""What a deployment's rejections teach about it, and what is changed for the one retry.

The rows say what a host wants; reports contradict them and each other, and the API drifts (contract §4.4, §12). So each
rejection is evidence about one deployment: a host, a model family, a wire, and thinking on or off. Evidence is counted
and grows old. One rejection is enough to send another placeholder; what costs the model its thoughts needs two. A
single answer takes nothing back, for some relays enforce a rule now and then (lessons.md 92).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final

from mimo_quirks.facts.digests import digest
from mimo_quirks.facts.quirks import Quirks
from mimo_quirks.history.turns import is_placeholder, is_turn, read_reasoning

from .recognition import RejectionKind

SURE: Final = 2
"""Rejections in a row before reasoning is stripped, or thinking switched off, in a first attempt."""
REFUTED: Final = 3
"""Answers in a row since the last rejection that take back what rejections taught."""
_FORMAT: Final = 2
_DEMANDS: Final = frozenset({RejectionKind.MISSING, RejectionKind.OTHER_FAMILY})


class Remedy(str, Enum):
    """What is changed of a request, each further from what the row says.

    The second is what clients send who pad every assistant message: hermes-agent, GCMP, mateclaw (contract §15).
    """

    NONE = "none"
    """As the quirks have it."""
    PAD = "pad"
    """A space on every turn that has no reasoning, whether it calls tools or not (contract §4.2, §4.3)."""
    STRIP = "strip"
    """No reasoning on any turn."""
    THINKING_OFF = "thinking off"
    """Thinking switched off for the request, and no reasoning (contract §11)."""


ALL_REMEDIES: Final = frozenset(Remedy)


@dataclass(frozen=True, slots=True)
class AttemptSettings:
    """Deployment, thinking flag and remedy of one attempt.

    Attributes:
        quirks: The deployment's, as the rows and the operator have them.
        thinking: Whether the model is asked to think; the remedy may say otherwise.
        remedy: What is changed.
    """

    quirks: Quirks
    thinking: bool
    remedy: Remedy = Remedy.NONE

    @property
    def key(self) -> str:
        """What the evidence is kept under; it tells nothing to whoever reads it."""
        quirks = self.quirks
        return digest("policy", quirks.address or quirks.host, quirks.family, quirks.wire, self.thinking)

    @property
    def effective(self) -> tuple[Quirks, bool]:
        """The quirks to replay by, and whether the model will think."""
        if self.remedy is Remedy.PAD:
            return replace(self.quirks, placeholder=" ", pads_every_turn=True), self.thinking
        if self.remedy in (Remedy.STRIP, Remedy.THINKING_OFF):
            return replace(self.quirks, forbids=True), self.thinking and self.remedy is Remedy.STRIP
        return self.quirks, self.thinking


@dataclass(frozen=True, slots=True)
class Evidence:
    """How a deployment took a request.

    Attributes:
        at: When, in seconds since the epoch.
        remedy: What had been changed of it.
        rejected: As what it was rejected; None where it was answered.
        owner: The digest of whose request it was; empty where there are no owners.
    """

    at: float
    remedy: Remedy
    rejected: RejectionKind | None
    owner: str = ""

    @property
    def order(self) -> tuple[float, str, str, str]:
        """Where it stands among others: by its time, and at one time in an order that every worker has."""
        return self.at, self.remedy.value, self.rejected.value if self.rejected else "", self.owner

    @property
    def tells(self) -> bool:
        """Whether it tells what the deployment wants.

        Not where a signature was rejected, which is of one history; nor where thinking was off, for which another
        policy holds; and where all reasoning was stripped, only the demand for it tells something.
        """
        if self.remedy is Remedy.STRIP:
            return self.rejected in _DEMANDS
        return self.remedy is not Remedy.THINKING_OFF and self.rejected is not RejectionKind.FOREIGN_SIGNATURE

    def to_bytes(self) -> bytes:
        """The form in which workers share it."""
        kind = self.rejected.value if self.rejected else None
        return json.dumps([_FORMAT, self.at, self.remedy.value, kind, self.owner]).encode()

    @classmethod
    def from_bytes(cls, payload: bytes) -> Evidence | None:
        """The evidence that a worker wrote; None for what is none of this format."""
        try:
            version, at, remedy, kind, owner = json.loads(payload)
            seen = cls(float(at), Remedy(remedy), None if kind is None else RejectionKind(kind), str(owner))
        except (ValueError, TypeError, OverflowError, RecursionError):
            return None
        return seen if version == _FORMAT and math.isfinite(seen.at) else None


@dataclass(frozen=True, slots=True)
class HostPolicy:
    """What a deployment is known to want. It holds no text of any message.

    Attributes:
        needs: Rejections of what the row says, as too little.
        needs_more: Rejections of a space on every turn.
        forbids: Rejections of any reasoning.
        answered: Answers since the last of them that speak against all of it.
        answered_more: Answers since then to a space on every turn, which speak against `needs_more` alone.
        expires: When it is forgotten, in seconds since the epoch; None where nothing is known.
    """

    needs: int = 0
    needs_more: int = 0
    forbids: int = 0
    answered: int = 0
    answered_more: int = 0
    expires: float | None = None

    def remedy(self, allowed: frozenset[Remedy] = ALL_REMEDIES) -> Remedy:
        """The remedy to begin with.

        Args:
            allowed: Those that the operator allows; what is known never overrides an operator.
        """
        wanted = (
            (Remedy.STRIP, self.forbids >= SURE),
            (Remedy.THINKING_OFF, self.needs_more + (0 if Remedy.PAD in allowed else self.needs) >= SURE),
            (Remedy.PAD, self.needs > 0),
        )
        return next((remedy for remedy, known in wanted if known and remedy in allowed), Remedy.NONE)


def policy_of(evidence: Iterable[Evidence], now: float, ttl_seconds: float) -> HostPolicy:
    """What the evidence amounts to, in whatever order it comes; what is older than its time counts no more."""
    policy = HostPolicy()
    counts = (seen for seen in evidence if seen.tells and seen.at > now - ttl_seconds)
    for seen in sorted(counts, key=lambda seen: seen.order):
        if seen.rejected is None:
            policy = _after_answer(policy, seen)
        else:
            policy = _after_rejection(policy, seen, seen.at + ttl_seconds)
    return policy


def remedies_for(kind: RejectionKind, tried: Remedy, allowed: frozenset[Remedy] = ALL_REMEDIES) -> Sequence[Remedy]:
    """The remedies that may help after a rejection, in the order to try; the first that changes the body is taken.

    The same one helps where the text of a lost turn has come in since.
    """
    if kind in (RejectionKind.FORBIDDEN, RejectionKind.FOREIGN_SIGNATURE):
        ladder: tuple[Remedy, ...] = (Remedy.STRIP, Remedy.THINKING_OFF)
    else:
        ladder = (Remedy.NONE, Remedy.PAD, Remedy.THINKING_OFF)
    above = ladder[ladder.index(tried) :] if tried in ladder else ladder
    return [] if tried is Remedy.THINKING_OFF else [each for each in above if each in allowed]


def speaks_against(policy: HostPolicy, remedy: Remedy, sent: Sequence[Mapping[str, Any]]) -> bool:
    """Whether an answer to what was sent is evidence against the policy: whether it put the rule to the test."""
    told = [read_reasoning(message) for message in sent if is_turn(message)] if policy.expires is not None else []
    if policy.forbids:
        return remedy in (Remedy.NONE, Remedy.PAD) and any(text is not None for text in told)
    padded = any(text is not None and is_placeholder(text) for text in told)
    return padded and ((remedy is Remedy.PAD and policy.needs_more > 0) or (remedy is Remedy.NONE and policy.needs > 0))


def _after_answer(policy: HostPolicy, seen: Evidence) -> HostPolicy:
    if policy.expires is None:
        return policy
    if seen.remedy is Remedy.PAD and not policy.forbids:
        more = policy.answered_more + 1
        left = policy.needs_more if more < REFUTED else 0
        return replace(policy, needs_more=left, answered_more=more if left else 0)
    return replace(policy, answered=policy.answered + 1) if policy.answered + 1 < REFUTED else HostPolicy()


def _after_rejection(policy: HostPolicy, seen: Evidence, expires: float) -> HostPolicy:
    if seen.rejected is RejectionKind.FORBIDDEN:
        return HostPolicy(forbids=policy.forbids + 1, expires=expires)
    if seen.remedy is Remedy.STRIP:  # it forbids no more; what it needs is not known by that
        return HostPolicy() if policy.forbids else policy
    more = seen.remedy is Remedy.PAD
    needs = max(policy.needs, 1) if more else policy.needs + 1
    return HostPolicy(needs=needs, needs_more=policy.needs_more + more, expires=expires)
