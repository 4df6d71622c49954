"""A rejected request: what may be changed for the one retry, and what its sender is told where nothing can be.

A rejection is never transient: the same body is rejected again, for hours if need be (hermes-agent#24784). So a request
is made again once, with another body, or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from mimo_quirks.facts.digests import digest
from mimo_quirks.history.pairing import unpaired_calls
from mimo_quirks.history.replay import ReplayReport

from .evidence import AttemptSettings, HostPolicy, Remedy, remedies_for
from .recognition import RejectionKind

_SHOWN: Final = 5
"""How many turns an error names."""

_LOST: Final = frozenset({"placeholder", "bare", "dropped"})
_SAID: Final[Mapping[RejectionKind, str]] = {
    RejectionKind.MISSING: "it wants the reasoning of earlier turns back",
    RejectionKind.OTHER_FAMILY: "it wants the reasoning of earlier turns back",
    RejectionKind.FORBIDDEN: "it takes no reasoning from earlier turns",
    RejectionKind.FOREIGN_SIGNATURE: "it did not sign the thinking blocks of earlier turns",
}
_ADVICE: Final[Mapping[RejectionKind, str]] = {
    RejectionKind.MISSING: "begin a new conversation, or go on with thinking off; a store that outlives the process "
    "(MIMO_QUIRKS_STORE) keeps reasoning from being lost",
    RejectionKind.OTHER_FAMILY: "begin a new conversation, or go on with thinking off",
    RejectionKind.FORBIDDEN: "ask the host's operator what it takes, or name its row in MIMO_QUIRKS_HOSTS",
    RejectionKind.FOREIGN_SIGNATURE: "take thinking blocks of other vendors out of the history",
}


@dataclass(frozen=True, slots=True)
class RequestPlan:
    """A request as it can be sent.

    Attributes:
        model: The model's id.
        attempt: Deployment, thinking flag and remedy.
        body: Its history, as the wire writes it.
        sent: The same as messages of the chat wire.
        report: What was done to its turns.
    """

    model: str
    attempt: AttemptSettings
    body: Any = field(repr=False)
    sent: Sequence[Mapping[str, Any]] = field(repr=False)
    report: ReplayReport

    @property
    def digest(self) -> str:
        """What tells two requests apart, as far as we change any."""
        try:
            body = json.dumps(self.sent, sort_keys=True, default=str)
        except (TypeError, ValueError, RecursionError):  # such a history is told from none, and so not sent again
            body = ""
        return digest("body", body, self.attempt.effective[1])

    @property
    def request(self) -> dict[str, Any]:
        """The request as the chat wire would have it, for `classify_rejection`."""
        thinking = "enabled" if self.attempt.effective[1] else "disabled"
        return {"model": self.model, "messages": list(self.sent), "thinking": {"type": thinking}}


@dataclass(frozen=True, slots=True)
class Rejection:
    """A request that was rejected; it holds no text of any message.

    Attributes:
        kind: What the rejection says.
        model: The model's id.
        attempt: Deployment, thinking flag and remedy of it.
        sent: Its digest.
        report: What had been done to its turns.
        faults: Its unpaired tool calls.
        first: The request that it was the retry of, if it was.
    """

    kind: RejectionKind
    model: str
    attempt: AttemptSettings
    sent: str
    report: ReplayReport
    faults: tuple[str, ...] = ()
    first: Rejection | None = None

    @classmethod
    def of(cls, kind: RejectionKind, plan: RequestPlan, sent: RequestPlan, *, first: Rejection | None) -> Rejection:
        """What is to be known of a rejected request.

        Args:
            kind: What the rejection says.
            plan: The request as it was planned, to compare others with.
            sent: The request as it was sent.
            first: The request that it was the retry of, if it was.
        """
        return cls(kind, plan.model, plan.attempt, plan.digest, sent.report, unpaired_calls(sent.sent), first)

    def remedies(self, allowed: frozenset[Remedy]) -> Sequence[Remedy]:
        """The remedies with which it may be made again, in the order to try; none for what was a retry.

        Args:
            allowed: The remedies that the operator allows.
        """
        return [] if self.first is not None else remedies_for(self.kind, self.attempt.remedy, allowed)

    def announce(self, allowed: frozenset[Remedy]) -> str:
        """What happened, what follows, and what to do: a line for the log.

        Args:
            allowed: The remedies that the operator allows.
        """
        return self._told("the next request is changed" if self.remedies(allowed) else "the settings allow no change")

    def explain(self) -> str:
        """What happened, why nothing more can be done about it, and what to do: the text of an error."""
        if self.first is not None:
            return self._told(f"a changed request ({_DONE[self.attempt.remedy]}) was rejected too")
        return self._told("nothing is left that may be changed")

    def _told(self, then: str) -> str:
        host = self.attempt.quirks.address or self.attempt.quirks.host
        lost = _indices(self.turns)
        sentences = [f"a request to {self.model} was rejected by {host}: {_SAID[self.kind]}"]
        sentences += [f"lost: the reasoning of {lost}"] if lost else []
        sentences += [*self.faults, then, f"this is not transient: {_ADVICE[self.kind]}"]
        return ". ".join(sentence[0].upper() + sentence[1:] for sentence in sentences) + "."

    @property
    def turns(self) -> tuple[int, ...]:
        """The indices of the turns whose reasoning is lost, in the history as messages of the chat wire."""
        return _lost(self.report)


_DONE: Final[Mapping[Remedy, str]] = {
    Remedy.NONE: "with reasoning that had been found since",
    Remedy.PAD: "with a space on every turn",
    Remedy.STRIP: "without any reasoning",
    Remedy.THINKING_OFF: "with thinking switched off",
}


class NoRemedyLeft(Exception):  # noqa: N818 - adapters say it in their framework's words
    """A rejected request cannot be changed any further, and is not made again."""

    def __init__(self, rejection: Rejection) -> None:
        super().__init__("no further change to the request is possible")
        self.rejection = rejection


def choose_plan(
    rejection: Rejection | None,
    attempt: AttemptSettings,
    policy: HostPolicy,
    allowed: frozenset[Remedy],
    build: Callable[[Remedy], RequestPlan],
) -> RequestPlan:
    """The request to send next: the one to begin with, or after a rejection a changed one.

    A retry may go to another deployment than the one that rejected; then that is asked as it is known to want it.

    Args:
        rejection: What was rejected of the client's request so far, if anything was.
        attempt: Where the request goes; the remedy is chosen here.
        policy: What is known of the deployment.
        allowed: The remedies that the operator allows.
        build: Makes the request with a remedy.

    Raises:
        NoRemedyLeft: No remedy makes another request than the rejected one.
    """
    if rejection is None:
        return _initial_plan(policy, allowed, build)
    remedies = rejection.remedies(allowed)
    plans: Iterable[RequestPlan] = map(build, remedies)
    if remedies and rejection.attempt.key != attempt.key:
        plans = chain([_initial_plan(policy, allowed, build)], plans)
    changed = next((plan for plan in plans if plan.digest != rejection.sent), None)
    if changed is None:
        raise NoRemedyLeft(rejection)
    return changed


def _initial_plan(
    policy: HostPolicy, allowed: frozenset[Remedy], build: Callable[[Remedy], RequestPlan]
) -> RequestPlan:
    """The request to begin with. Thinking is not switched off for a history that has lost nothing."""
    remedy = policy.remedy(allowed)
    if remedy is not Remedy.THINKING_OFF:
        return build(remedy)
    milder = build(policy.remedy(allowed - {Remedy.THINKING_OFF}))
    return build(remedy) if _lost(milder.report) else milder


def _lost(report: ReplayReport) -> tuple[int, ...]:
    return tuple(turn.index for turn in report.turns if turn.action in _LOST)


def _indices(places: Sequence[int]) -> str:
    named = ", ".join(map(str, places[:_SHOWN]))
    more = f" and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
    return f"{'message' if len(places) == 1 else 'messages'} {named}{more}" if places else ""
