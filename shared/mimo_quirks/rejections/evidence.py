"""What a deployment's rejections teach about it, and what is changed for the one retry.

The rows say what a host wants; reports contradict them and each other, and the API drifts (EVIDENCE §4.4, §14). So each
rejection is evidence about one deployment: a host, a model family, a wire, and thinking on or off. Evidence is counted
and grows old. One rejection is enough to send another placeholder; what costs the model its thoughts needs two. A
single answer takes nothing back, for some relays enforce a rule now and then (EVIDENCE §4.4).

Evidence has an owner, whose own it is at once. What one owner's rejections teach is no reason to change the requests of
others: they may be about what that owner's client does, or be provoked. So others learn what two owners were taught;
see `policy_of`.
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
from mimo_quirks.facts.reasoning_fields import KEYS
from mimo_quirks.history.turns import is_placeholder, is_turn, read_reasoning, without_reasoning

from .recognition import RejectionKind

SURE: Final = 2
"""Rejections of one owner in a row before reasoning is stripped, or thinking switched off, in a first attempt."""
REFUTED: Final = 3
"""Answers to one owner in a row since the last rejection that take back, for that owner, what rejections taught."""
AGREED: Final = 2
"""Owners whose own rejections teach the same before it holds for others too."""
FIELDS: Final = ("reasoning_content", "reasoning")
"""The fields of a message that a host may name as the one that it misses: those that hold a text."""
_FORMAT: Final = 3
DEMANDS: Final = frozenset({RejectionKind.MISSING, RejectionKind.OTHER_FAMILY})
"""What says that reasoning is missing."""


class Remedy(str, Enum):
    """What is changed of a request, each further from what the row says.

    The second is what clients send who pad every assistant message: hermes-agent, GCMP, mateclaw (EVIDENCE §11.2).
    """

    NONE = "none"
    """As the quirks have it."""
    PAD = "pad"
    """A space on every turn that has no reasoning, whether it calls tools or not (EVIDENCE §4.2, §4.3)."""
    STRIP = "strip"
    """No reasoning on any turn."""
    THINKING_OFF = "thinking off"
    """Thinking switched off for the request, and no reasoning (EVIDENCE §11.1)."""


ALL_REMEDIES: Final = frozenset(Remedy)


@dataclass(frozen=True, slots=True)
class AttemptSettings:
    """Deployment, thinking flag and remedy of one attempt.

    Attributes:
        quirks: The deployment's, as the rows and the operator have them.
        thinking: Whether the model is asked to think; the remedy may say otherwise.
        remedy: What is changed.
        field: The field that the host itself has named, which beats its dialect; empty where it has named none.
    """

    quirks: Quirks
    thinking: bool
    remedy: Remedy = Remedy.NONE
    field: str = ""

    @property
    def key(self) -> str:
        """What the evidence is kept under; it tells nothing to whoever reads it."""
        quirks = self.quirks
        return digest("policy", quirks.address or quirks.host, quirks.family, quirks.wire, self.thinking)

    @property
    def effective(self) -> tuple[Quirks, bool]:
        """The quirks to replay by, and whether the model will think."""
        quirks = self.quirks
        if self.field:
            quirks = replace(quirks, dialect=replace(quirks.dialect, fields=(self.field,), alternatives=()))
        if self.remedy is Remedy.PAD:
            return replace(quirks, placeholder=" ", pads_every_turn=True), self.thinking
        if self.remedy in (Remedy.STRIP, Remedy.THINKING_OFF):
            return replace(quirks, forbids=True), self.thinking and self.remedy is Remedy.STRIP
        return quirks, self.thinking

    def misses(self, named: str) -> str:
        """The field that a host has named, where it is one that it was not sent; else nothing."""
        quirks, _ = self.effective
        return "" if named in quirks.dialect.fields else named


@dataclass(frozen=True, slots=True)
class Evidence:
    """How a deployment took a request.

    Attributes:
        at: When, in seconds since the epoch.
        remedy: What had been changed of it.
        rejected: As what it was rejected; None where it was answered.
        owner: The digest of whose request it was; empty where there are no owners.
        field: The field that the deployment has named and was not sent; empty where there is none.
        is_ours: Whether what was rejected may be what we put there, and not what a client did; see `is_our_doing`.
    """

    at: float
    remedy: Remedy
    rejected: RejectionKind | None
    owner: str = ""
    field: str = ""
    is_ours: bool = True

    @property
    def order(self) -> tuple[float, str, str, str, str]:
        """Where it stands among others: by its time, and at one time in an order that every worker has."""
        return self.at, self.remedy.value, self.rejected.value if self.rejected else "", self.owner, self.field

    @property
    def tells(self) -> bool:
        """Whether it tells what the deployment wants.

        Not where it is not about what we put there; not where a signature was rejected, which is of one history; nor
        where thinking was off, for which another policy holds; and where all reasoning was stripped, only the demand
        for it tells something.
        """
        if not self.is_ours:
            return False
        if self.remedy is Remedy.STRIP:
            return self.rejected in DEMANDS
        return self.remedy is not Remedy.THINKING_OFF and self.rejected is not RejectionKind.FOREIGN_SIGNATURE

    def to_bytes(self) -> bytes:
        """The form in which workers share it."""
        kind = self.rejected.value if self.rejected else None
        return json.dumps([_FORMAT, self.at, self.remedy.value, kind, self.owner, self.field]).encode()

    @classmethod
    def from_bytes(cls, payload: bytes) -> Evidence | None:
        """The evidence that a worker wrote; None for bytes of another format."""
        try:
            version, at, remedy, kind, owner, named = json.loads(payload)
            seen = cls(float(at), Remedy(remedy), None if kind is None else RejectionKind(kind), str(owner), str(named))
        except (ValueError, TypeError, OverflowError, RecursionError):
            return None
        return seen if version == _FORMAT and math.isfinite(seen.at) and seen.field in ("", *FIELDS) else None


@dataclass(frozen=True, slots=True)
class HostPolicy:
    """What a deployment is known to want. It holds no text of any message.

    Attributes:
        needs: Rejections of what the row says, as too little.
        needs_more: Rejections of a space on every turn.
        forbids: Rejections of any reasoning.
        field: The field that it has named, where its dialect has another.
        answered: Answers since the last of them that speak against all of it.
        answered_more: Answers since then to a space on every turn, which speak against `needs_more` alone.
        expires: When it is forgotten, in seconds since the epoch; None where nothing is known.
    """

    needs: int = 0
    needs_more: int = 0
    forbids: int = 0
    field: str = ""
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


def policy_of(evidence: Iterable[Evidence], now: float, ttl_seconds: float, owner: str | None = "") -> HostPolicy:
    """What the evidence amounts to for an owner, in whatever order it comes; what is older than its time is forgotten.

    An owner's own evidence counts at once, rejections and answers. What others' rejections teach is added at the time
    when it came to hold for others: of each other owner the rejections are counted alone, as if there were no other
    and no answers; of each count holds what `AGREED` owners have reached, and so does a field that they were named.
    So `SURE` rejections of each of two owners strip a third one's reasoning, and one of each is nothing to it. Where
    they were taught opposites, the later counts. It replaces the owner's own counts where they say the opposite, else
    the higher count holds. Rejections and answers of the owner's own that come after it go on from there; so `REFUTED`
    answers take it back for that owner, and for no other.

    Args:
        evidence: Of one deployment, of any owners.
        now: The time, in seconds since the epoch.
        ttl_seconds: How long evidence counts.
        owner: Whose request it is about; None for one who has no evidence.
    """
    by_owner: dict[str, list[Evidence]] = {}
    for seen in sorted(evidence, key=lambda seen: seen.order):
        if seen.tells and seen.at > now - ttl_seconds:
            by_owner.setdefault(seen.owner, []).append(seen)
    own = by_owner.pop(owner, []) if owner is not None else []
    rejections = ([seen for seen in others if seen.rejected] for others in by_owner.values())
    taught = _agreed([_after(HostPolicy(), others, ttl_seconds) for others in rejections])
    if taught.expires is None:
        return _after(HostPolicy(), own, ttl_seconds)
    before = [seen for seen in own if seen.at + ttl_seconds <= taught.expires]
    policy = _taught_too(_after(HostPolicy(), before, ttl_seconds), taught)
    return _after(policy, own[len(before) :], ttl_seconds)


def is_our_doing(kind: RejectionKind, field: str, sent: Sequence[Mapping[str, Any]], *, misplaced: bool) -> bool:
    """Whether a rejection may be about what we put on a request, so that it is evidence about its host.

    Args:
        kind: As what it was rejected.
        field: The field that the host has named and was not sent, if it has.
        sent: Its history.
        misplaced: Whether the client has put reasoning where none belongs; see `has_misplaced`.
    """
    if misplaced:
        return False
    if field or kind not in DEMANDS:
        return True
    told = (read_reasoning(message) for message in sent if is_turn(message))
    return any(text is None or is_placeholder(text) for text in told)


def has_misplaced(request: Mapping[str, Any], history: object) -> bool:
    """Whether reasoning stands where none belongs: on a message that is no turn, or among members of the request.

    Args:
        request: Its body, or the arguments of a call.
        history: As the client wrote it, on any wire.
    """
    extra = request.get("extra_body")
    for members in (request, extra if isinstance(extra, Mapping) else {}):
        values = (members.get(key) for key in KEYS)
        if any(value is not None and not isinstance(value, Mapping) for value in values):  # a mapping is the switch
            return True
    items = history if isinstance(history, list | tuple) else ()
    others = (item for item in items if isinstance(item, Mapping) and item.get("role") not in (None, "assistant"))
    return any(without_reasoning(message) is not message for message in others)


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


def _after(policy: HostPolicy, seen: Iterable[Evidence], ttl_seconds: float) -> HostPolicy:
    """A policy after further evidence of one owner, in order."""
    for each in seen:
        if each.rejected is None:
            policy = _after_answer(policy, each)
        else:
            policy = _after_rejection(policy, each, each.at + ttl_seconds)
    return policy


def _agreed(policies: Sequence[HostPolicy]) -> HostPolicy:
    """What these owners' policies teach others."""
    demanding, forbidding = [each for each in policies if each.needs], [each for each in policies if each.forbids]
    wanted = HostPolicy(
        needs=_count(each.needs for each in demanding),
        needs_more=_count(each.needs_more for each in demanding),
        expires=_date(demanding),
    )
    banned = HostPolicy(forbids=_count(each.forbids for each in forbidding), expires=_date(forbidding))
    taught = max(wanted, banned, key=_until)
    fields = (
        HostPolicy(field=name, expires=_date([each for each in policies if each.field == name])) for name in FIELDS
    )
    named = max(fields, key=_until)
    if named.expires is None:
        return taught
    return replace(taught, field=named.field, expires=max(named.expires, _until(taught)))


def _count(counts: Iterable[int]) -> int:
    """The count that enough owners have reached."""
    return next(iter(sorted(counts, reverse=True)[AGREED - 1 :]), 0)


def _date(policies: Iterable[HostPolicy]) -> float | None:
    """Until when there are enough of them."""
    return next(iter(sorted(map(_until, policies), reverse=True)[AGREED - 1 :]), None)


def _until(policy: HostPolicy) -> float:
    return -math.inf if policy.expires is None else policy.expires


def _taught_too(own: HostPolicy, taught: HostPolicy) -> HostPolicy:
    """An owner's own policy, with what others were taught since."""
    if (own.forbids and taught.needs) or (own.needs and taught.forbids):
        own = HostPolicy(field=own.field)
    return HostPolicy(
        needs=max(own.needs, taught.needs),
        needs_more=max(own.needs_more, taught.needs_more),
        forbids=max(own.forbids, taught.forbids),
        field=taught.field or own.field,
        expires=taught.expires,
    )


def _without_counts(policy: HostPolicy) -> HostPolicy:
    """What is left where the counts are taken back: no answer says that another field would do."""
    return HostPolicy(field=policy.field, expires=policy.expires) if policy.field else HostPolicy()


def _after_answer(policy: HostPolicy, seen: Evidence) -> HostPolicy:
    if policy.expires is None:
        return policy
    if seen.remedy is Remedy.PAD and not policy.forbids:
        more = policy.answered_more + 1
        left = policy.needs_more if more < REFUTED else 0
        return replace(policy, needs_more=left, answered_more=more if left else 0)
    answered = policy.answered + 1
    return replace(policy, answered=answered) if answered < REFUTED else _without_counts(policy)


def _after_rejection(policy: HostPolicy, seen: Evidence, expires: float) -> HostPolicy:
    if seen.rejected is RejectionKind.FORBIDDEN:
        return HostPolicy(forbids=policy.forbids + 1, field=policy.field, expires=expires)
    if seen.remedy is Remedy.STRIP:  # it forbids no more; what it needs is not known by that
        return _without_counts(policy) if policy.forbids else policy
    if seen.field:  # nothing is known of what it would have made of that
        return HostPolicy(needs=policy.needs, needs_more=policy.needs_more, field=seen.field, expires=expires)
    more = seen.remedy is Remedy.PAD
    needs = max(policy.needs, 1) if more else policy.needs + 1
    return HostPolicy(needs=needs, needs_more=policy.needs_more + more, field=policy.field, expires=expires)
