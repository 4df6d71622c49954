"""A rejected request: what may be changed for the one retry, and what its sender is told where nothing can be.

A rejection is never transient: the same body is rejected again, for hours if need be (hermes#24784). So a request
is made again once, with another body, or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, Final

from mimo_quirks.facts.digests import digest
from mimo_quirks.history.pairing import unpaired_calls
from mimo_quirks.history.replay import ReplayReport

from .evidence import DEMANDS, AttemptSettings, HostPolicy, Remedy, remedies_for
from .recognition import Demand, RejectionKind

_SHOWN: Final = 5
"""How many turns an error names."""

LOST: Final = frozenset({"placeholder", "bare", "dropped"})
"""What replay does to turns that go out without their reasoning."""
_SAID: Final[Mapping[RejectionKind, str]] = {
    RejectionKind.MISSING: "earlier assistant messages must include their reasoning",
    RejectionKind.OTHER_FAMILY: "earlier assistant messages must include their reasoning",
    RejectionKind.FORBIDDEN: "assistant messages must not include reasoning",
    RejectionKind.FOREIGN_SIGNATURE: "earlier thinking blocks carry signatures it did not issue",
}
_LEFT: Final[Mapping[RejectionKind, str]] = {
    RejectionKind.MISSING: "start a new conversation",
    RejectionKind.OTHER_FAMILY: "start a new conversation",
    RejectionKind.FORBIDDEN: "ask the host's operator what it takes, or set its profile in MIMO_QUIRKS_HOSTS "
    "(`mimo-quirks probe` prints it)",
    RejectionKind.FOREIGN_SIGNATURE: "take thinking blocks of other vendors out of the history",
}
"""What is left to do where the request cannot be changed any further."""
_STORE: Final = "to keep reasoning when the process ends, set MIMO_QUIRKS_STORE to sqlite:/// or redis://"


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


Build = Callable[[AttemptSettings], RequestPlan]
"""Makes a request on these terms."""


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
        field: The field that the host has named and was not sent; empty where there is none.
        then: How the request goes out next; None where no allowed remedy changes it.
        loses: Whether what is remembered is lost when the process ends.
    """

    kind: RejectionKind
    model: str
    attempt: AttemptSettings
    sent: str
    report: ReplayReport
    faults: tuple[str, ...] = ()
    first: Rejection | None = None
    field: str = ""
    then: AttemptSettings | None = None
    loses: bool = False

    @classmethod
    def of(
        cls, demand: Demand, plan: RequestPlan, sent: RequestPlan, *, first: Rejection | None, loses: bool = False
    ) -> Rejection:
        """What is to be known of a rejected request; how it goes out next is for `following` to add.

        Args:
            demand: What the rejection says.
            plan: The request as it was planned, to compare others with.
            sent: The request as it was sent.
            first: The request that it was the retry of, if it was.
            loses: See the class.
        """
        faults, field = unpaired_calls(sent.sent), plan.attempt.misses(demand.field)
        return cls(demand.kind, plan.model, plan.attempt, plan.digest, sent.report, faults, first, field, loses=loses)

    def following(self, allowed: frozenset[Remedy], build: Build) -> Rejection:
        """The same, with how the request goes out next.

        Args:
            allowed: The remedies that the operator allows.
            build: Makes the request with a remedy.
        """
        remedies = remedies_for(self.kind, self.attempt.remedy, allowed)
        attempts = (replace(self.attempt, remedy=each, field=self.field or self.attempt.field) for each in remedies)
        plans = map(build, attempts)
        return replace(self, then=next((plan.attempt for plan in plans if plan.digest != self.sent), None))

    def remedies(self, allowed: frozenset[Remedy]) -> Sequence[Remedy]:
        """The remedies with which it may be made again, in the order to try; none for what was a retry.

        Args:
            allowed: The remedies that the operator allows.
        """
        return [] if self.first is not None else remedies_for(self.kind, self.attempt.remedy, allowed)

    def explain(self) -> str:
        """What happened, and what to do: a line for the log, and the text of an error."""
        lost = _indices(self.turns)
        sentences = [f"the reasoning of {lost} is lost"] if lost else []
        sentences += self.faults
        if self.first is not None:
            sentences.append(f"a changed request ({_changed(self.attempt)}) was rejected too")
        sentences += [f"send it again: {_again(self.then)}"] if self.then else [_NO_CHANGE, self._left()]
        sentences += [_STORE] if lost and self.loses else []
        rejected = f"{self.host} rejected a request to {self.model}: {_SAID[self.kind]}"
        return ". ".join([rejected, *(sentence[0].upper() + sentence[1:] for sentence in sentences)]) + "."

    def _left(self) -> str:
        _, thinks = self.attempt.effective
        or_off = ", or switch thinking off" if thinks and self.kind in DEMANDS else ""
        return _LEFT[self.kind] + or_off

    @property
    def host(self) -> str:
        """The address that rejected it, or where none is known the host's row."""
        return self.attempt.quirks.address or self.attempt.quirks.host

    @property
    def turns(self) -> tuple[int, ...]:
        """The indices of the turns whose reasoning is lost, in the history as messages of the chat wire."""
        return _lost(self.report)


_NO_CHANGE: Final = "no further change to the request is possible or allowed"
_DONE: Final[Mapping[Remedy, str]] = {
    Remedy.NONE: "with reasoning that has been found since",
    Remedy.PAD: "with a space on every assistant message that has no reasoning",
    Remedy.STRIP: "without any reasoning",
    Remedy.THINKING_OFF: "with thinking off",
}


def _changed(attempt: AttemptSettings) -> str:
    """What was changed of a request, or is the next time."""
    if attempt.field and attempt.remedy in (Remedy.NONE, Remedy.PAD):
        space = f", and {_DONE[Remedy.PAD]}" if attempt.remedy is Remedy.PAD else ""
        return f"with the reasoning in the field `{attempt.field}`{space}"
    return _DONE[attempt.remedy]


def _again(attempt: AttemptSettings) -> str:
    """How a request goes out when it is sent again; what costs the model its thoughts only as the retry at first."""
    goes = "it goes out" if attempt.remedy in (Remedy.NONE, Remedy.PAD) else "if rejected once more, it is retried"
    return f"{goes} {_changed(attempt)}"


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
    build: Build,
) -> RequestPlan:
    """The request to send next: the one to begin with, or after a rejection a changed one.

    The ladder is the row's placeholder, the field that the host has named, a space on every turn, thinking off; or
    where the host forbids reasoning, none. A field, once named, is the one that everything goes out in. So the second
    rung is the first one in another field, and what no rung changes is passed over. A retry may go to another
    deployment than the one that rejected; then that is asked as it is known to want it.

    Args:
        rejection: What was rejected of the client's request so far, if anything was.
        attempt: Where the request goes; the remedy and the field are chosen here.
        policy: What is known of the deployment.
        allowed: The remedies that the operator allows.
        build: Makes the request.

    Raises:
        NoRemedyLeft: No remedy makes another request than the rejected one.
    """
    is_same = rejection is not None and rejection.attempt.key == attempt.key
    named = (rejection.field or rejection.attempt.field) if rejection is not None and is_same else ""
    attempt = replace(attempt, field=named or policy.field)

    def with_(remedy: Remedy) -> RequestPlan:
        return build(replace(attempt, remedy=remedy))

    if rejection is None:
        return _initial_plan(policy, allowed, with_)
    remedies = rejection.remedies(allowed)
    plans: Iterable[RequestPlan] = map(with_, remedies)
    if remedies and not is_same:
        plans = chain([_initial_plan(policy, allowed, with_)], plans)
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
    return tuple(turn.index for turn in report.turns if turn.action in LOST)


def _indices(places: Sequence[int]) -> str:
    named = ", ".join(map(str, places[:_SHOWN]))
    more = f" and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
    return f"{'message' if len(places) == 1 else 'messages'} {named}{more}" if places else ""
