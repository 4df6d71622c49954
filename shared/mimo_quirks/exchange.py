"""One client request with all its attempts, from the history that came in to the turns that are recorded.

Everything that decides what happens next to a request stands here, without I/O. An adapter translates its framework's
request into a `Conversation` and drives the exchange; `memory.ReasoningMemory` reads and writes for it:

    exchange.begin(conversation, attempt, whose)
    plan = exchange.plan(memory.read(exchange.lookup()))     send plan.body
    memory.write(exchange.answered(turns, now))              or, where it was rejected:
    memory.write(exchange.rejected(error, now).writes)       and begin again

A history is walked once for each attempt: the answer goes on where the walk ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from .history.content import string_content
from .history.found import NOTHING, FoundReasoning
from .history.pairing import unpaired_calls
from .history.replay import ReplayReport, replay
from .history.turns import DAMAGED, Message
from .recall.fingerprints import Walk
from .recall.lookup import TurnLookup
from .recall.memories import Recording, Whose, link_of, owner_digest, place_digest, record
from .rejections.errors import status_of
from .rejections.evidence import (
    AttemptSettings,
    Evidence,
    HostPolicy,
    Remedy,
    has_misplaced,
    is_our_doing,
    speaks_against,
)
from .rejections.ladder import Build, Rejection, RequestPlan, choose_plan
from .rejections.recognition import read_demand
from .sealing.sealed_reasoning import opened
from .wires import View, Wire, system_digest


@dataclass(frozen=True, slots=True)
class Conversation:
    """A history on its way to a deployment.

    Attributes:
        wire: The wire that it is written in.
        model: The model's id.
        body: The history as the wire writes it.
        view: The same as messages of the chat wire; None where it cannot be read.
        messages: The view's messages as they go out where nothing is done to them.
        known: The same with all that is known of their reasoning, for which the wire may have no place.
        sidecar: Members that the adapter attached to `known`; they are never sent.
        system: The digest of the system prompt.
        strings: Contents are sent as strings, as hosts of the chat wire want them.
        request: The body or the arguments that the history is of, as the client gave them.
    """

    wire: Wire
    model: str
    body: Any = field(repr=False)
    view: View | None = field(repr=False)
    messages: Sequence[Message] = field(repr=False)
    known: Sequence[Message] = field(repr=False)
    sidecar: frozenset[str] = frozenset()
    system: str = ""
    strings: bool = False
    request: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, request: Mapping[str, Any], wire: Wire, model: str, *, body: Any = None) -> Conversation:
        """The conversation of a request.

        Args:
            request: Its body, or the arguments of a call.
            wire: The wire that it is written in.
            model: The model's id as it goes to the host.
            body: The history, where it is not the request's own member.
        """
        body = request.get(wire.history) if body is None else body
        view = wire.view(body)
        messages = view.messages if view else ()
        system = system_digest(request, wire, messages)
        return cls(wire, model, body, view, messages, messages, system=system, request=request)

    def opened(self, open_: Callable[[str], str | None]) -> Conversation:
        """The conversation with all sealed reasoning decrypted; the same object where there is none.

        Args:
            open_: Gives the text of sealed reasoning, or None; see `SealedReasoning.open`.
        """
        known = opened(self.messages, open_)
        if known is self.messages:
            return self
        sidecar = frozenset({DAMAGED})
        messages = [_without(message, sidecar) for message in known]
        return replace(self, messages=messages, known=known, sidecar=sidecar)

    def knowing(self, known: Sequence[Message], sidecar: Iterable[str] = ()) -> Conversation:
        """The conversation with what is known besides of the reasoning of its messages.

        Args:
            known: For each message the same with more members.
            sidecar: Those of them that are never sent.
        """
        return replace(self, known=known, sidecar=frozenset(sidecar))

    def chosen(self, replayed: Sequence[Message], report: ReplayReport) -> Sequence[Message]:
        """The messages to send: as they are where nothing was done to them, and without sidecars where it was."""
        if replayed is self.messages and not self.strings:
            return replayed
        chosen = list(self.messages)
        is_told = self.known is not self.messages
        used = {turn.index for turn in report.turns if is_told and turn.action in _CHOSEN}
        for place, (known, new) in enumerate(zip(self.known, replayed, strict=True)):
            if new is not known or place in used:
                sent = _without(new, self.sidecar)
                chosen[place] = chosen[place] if sent == chosen[place] else sent
        return [string_content(message) for message in chosen] if self.strings else chosen

    def written(self, messages: Sequence[Message]) -> Any:
        """The history with these messages in the place of the view's; the same object where they are the view's own."""
        return self.body if self.view is None else self.wire.write(self.body, self.view, messages)


def _without(message: Message, sidecar: frozenset[str]) -> Message:
    if sidecar.isdisjoint(message):
        return message
    return {name: value for name, value in message.items() if name not in sidecar}


@dataclass(frozen=True, slots=True)
class Lookup:
    """What the driver reads for one attempt.

    Attributes:
        turns: The turns to look up; None where there is nothing to look up.
        attempt: The deployment, of which other workers may know something.
        has_turns: Whether the history has any turn, so that what is known of the deployment matters.
        owner: Whose request it is; see `Evidence`.
    """

    turns: TurnLookup | None
    attempt: AttemptSettings
    has_turns: bool
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What the driver found.

    Attributes:
        reasoning: For the turns of the history.
        policy: What is known of the deployment.
    """

    reasoning: FoundReasoning = NOTHING
    policy: HostPolicy = field(default_factory=HostPolicy)


@dataclass(frozen=True, slots=True)
class Writes:
    """What the driver writes.

    Attributes:
        recordings: One for each turn that is recorded.
        unscoped: How many turns are not recorded, because the request has no scope.
        attempt: What the evidence is about.
        evidence: How the deployment took the request, where that tells something.
    """

    recordings: Sequence[Recording] = ()
    unscoped: int = 0
    attempt: AttemptSettings | None = None
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What follows an error.

    Attributes:
        rejection: What the API rejected; None where the error is no rejection of reasoning.
        may_retry: Whether the request may be made again, changed. What a retry was answered with is final.
        writes: What it teaches of the deployment.
        malformed: What is wrong with the structure of a history that was answered with any other 400.
    """

    rejection: Rejection | None = None
    may_retry: bool = False
    writes: Writes = field(default_factory=Writes)
    malformed: Sequence[str] = ()


NOT_OURS: Final = Outcome()
"""What follows an error that has nothing to do with reasoning: nothing."""

_CHOSEN: Final = frozenset({"kept", "placeholder"})
"""What replay does to a turn that the wire's own form of it may not show, because only a sidecar does."""


class Trail(NamedTuple):
    """What a request is compared with the one before it by; digests, and what each turn went out with.

    Attributes:
        before: What the request that it goes on from has as `after`.
        after: What is said in it, whose it is, and where it goes.
        marks: See `ReplayReport.marks`.
    """

    before: tuple[str | bytes, ...]
    after: tuple[str | bytes, ...]
    marks: str


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What one attempt is about; it holds the whole history."""

    conversation: Conversation
    settings: AttemptSettings
    whose: Whose | None
    walk: Walk

    @property
    def scope(self) -> str | None:
        """Whose memory it is; None where nothing says so."""
        return self.whose.scope if self.whose else None

    @property
    def owner(self) -> str:
        """The same for evidence."""
        return owner_key(self.scope)


class Exchange:
    """One client request with all its attempts. Not thread-safe: one for each request.

    Args:
        allowed: The remedies that the operator allows.
        loses: Whether what is remembered is lost when the process ends.

    Attributes:
        rejection: The last rejection, where there was one. It holds no text.
        planned: The request as it was planned; None before that, and when it was answered or rejected.
        sent: The same as a framework transformed it on its way out.
    """

    _attempt: _Attempt

    def __init__(self, allowed: frozenset[Remedy], *, loses: bool = False) -> None:
        self._allowed = allowed
        self._loses = loses
        self._build: Build | None = None
        self._policy = HostPolicy()
        self._last = ""
        self.rejection: Rejection | None = None
        self.planned: RequestPlan | None = None
        self.sent: RequestPlan | None = None

    def begin(
        self,
        conversation: Conversation,
        settings: AttemptSettings,
        scope: str | None,
        *,
        end_user: str | None = None,
    ) -> None:
        """Begins an attempt: the first, or one after a rejection.

        Args:
            conversation: What is to be sent.
            settings: Where to, and whether the model is asked to think.
            scope: Whose memory it is; None where nothing says so.
            end_user: Whom the request names as its end user.
        """
        whose = None if scope is None else Whose.of(scope, conversation.system, end_user)
        self._attempt = _Attempt(conversation, settings, whose, Walk(conversation.known))
        self._last = ""

    @property
    def scope(self) -> str | None:
        """Whose memory it is; None where nothing says so, and before and after an attempt."""
        return self._attempt.scope if hasattr(self, "_attempt") else None

    @property
    def told(self) -> RequestPlan | None:
        """The plan that says what was done: as it was planned, or as it was sent where that alone could be read."""
        planned = self.planned
        return self.sent if planned is not None and planned.report.unreadable else planned

    @property
    def trail(self) -> Trail:
        """What the next request of the conversation is compared by with this one."""
        attempt, told = self._attempt, self.told
        conversation, quirks = attempt.conversation, attempt.settings.quirks
        mark = (attempt.owner, conversation.system, conversation.model, quirks.address, quirks.wire)
        after = attempt.walk.next({}).prefix
        return Trail((*mark, attempt.walk.last_prefix), (*mark, after), told.report.marks if told else "")

    def lookup(self) -> Lookup:
        """What to read; of turns nothing without a scope, and nothing where the model does not think."""
        attempt, turns = self._attempt, None
        places = attempt.walk.places
        if places and attempt.whose is not None and attempt.settings.thinking:
            turns = TurnLookup.of(attempt.conversation.known, places, attempt.whose)
        attempt.walk.places = []  # they hold all that was said once more, and the answer goes on without them
        return Lookup(turns, attempt.settings, bool(places), attempt.owner)

    def plan(self, found: Found) -> RequestPlan:
        """The request to send: as the deployment is known to want it, or after a rejection a changed one.

        Raises:
            NoRemedyLeft: It was rejected, and no remedy makes another request of it.
        """
        self._policy, conversation = found.policy, self._attempt.conversation
        self._last = found.reasoning.last

        def build(settings: AttemptSettings) -> RequestPlan:
            return _built(conversation, settings, found.reasoning)

        self.planned = self.sent = choose_plan(
            self.rejection, self._attempt.settings, found.policy, self._allowed, build
        )
        self._build = build
        return self.planned

    def replan(self, conversation: Conversation) -> RequestPlan:
        """The planned request anew, where a framework made another history of it on its way out.

        Where nothing could be planned it goes out as the row says.

        Args:
            conversation: The history as it is about to be sent.
        """
        settings = self.planned.attempt if self.planned else self._attempt.settings
        self.sent = _built(conversation, settings, NOTHING)
        self.planned = self.planned or self.sent
        return self.sent

    def answered(self, turns: Sequence[Message], now: float, *, ended: bool = True) -> Writes:
        """What to record of an answer; nothing where no request was planned, or it was answered already.

        Args:
            turns: The finished assistant messages, with their reasoning; more than one where `n` was.
            now: The time, in seconds since the epoch.
            ended: Whether that was all; a stream that may be left by now may also go on.
        """
        sent = self.sent
        if sent is None:
            return Writes()
        attempt = self._ended() if ended else self._attempt
        whose, evidence = attempt.whose, None
        if ended and speaks_against(self._policy, sent.attempt.remedy, sent.sent):
            evidence = Evidence(now, sent.attempt.remedy, None, attempt.owner)
        if whose is None:
            return Writes(unscoped=len(turns), attempt=sent.attempt, evidence=evidence)
        last = self._last or place_digest(attempt.walk.last_prefix, whose.system)
        link = link_of(sent.sent, last, whose.scope)
        records = [made for turn in turns if (made := record(attempt.walk.next(turn), turn, link, whose)) is not None]
        return Writes(records, attempt=sent.attempt, evidence=evidence)

    def rejected(self, error: object, now: float) -> Outcome:
        """What follows an error: nothing where it is no rejection of reasoning.

        Args:
            error: As the framework raised it, or an event of a stream.
            now: The time, in seconds since the epoch.
        """
        planned, sent = self.planned, self.sent
        if planned is None or sent is None:
            return NOT_OURS
        given = self._attempt.conversation
        demand = read_demand(error, sent.request, given=given.request)
        if demand is None:
            is_bad_request = status_of(error) == HTTPStatus.BAD_REQUEST
            return Outcome(malformed=unpaired_calls(sent.sent)) if is_bad_request else NOT_OURS
        rejection = Rejection.of(demand, planned, sent, first=self.rejection, loses=self._loses)
        self.rejection = rejection.following(self._allowed, self._build) if self._build else rejection
        is_ours = is_our_doing(
            demand.kind, rejection.field, sent.sent, misplaced=has_misplaced(given.request, given.body)
        )
        evidence = Evidence(now, sent.attempt.remedy, demand.kind, self._ended().owner, rejection.field, is_ours)
        may_retry = bool(self.rejection.remedies(self._allowed))
        return Outcome(self.rejection, may_retry, Writes(attempt=sent.attempt, evidence=evidence))

    def _ended(self) -> _Attempt:
        """Lets go of all that an attempt holds of the history."""
        attempt, self.planned, self.sent, self._build = self._attempt, None, None, None
        del self._attempt
        return attempt


def owner_key(scope: str | None) -> str:
    """Whose request it is, for evidence: a digest, which workers may share; nothing where nobody says so."""
    return "" if scope is None else owner_digest(scope)


def _built(conversation: Conversation, settings: AttemptSettings, found: FoundReasoning) -> RequestPlan:
    """The request on these terms, as its wire writes it."""
    quirks, thinking = settings.effective
    if conversation.view is None:
        _, report = replay(conversation.body, quirks, thinking=thinking)
        return RequestPlan(conversation.model, settings, conversation.body, (), report)
    replayed, report = replay(conversation.known, quirks, thinking=thinking, recall=found)
    messages = conversation.chosen(replayed, report)
    body = conversation.written(messages)
    report = replace(report, changed=body is not conversation.body)
    return RequestPlan(conversation.model, settings, body, messages, report)
