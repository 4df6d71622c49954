"""What follows a rejection: another body where LiteLLM makes the call again, and an error where it must not go on.

LiteLLM's Router makes a call again, or hands it to a fallback, in the context of the first, with new details outside a
proxy; and it says which it is: the attempts are counted in the metadata, the fallbacks among the arguments, and the id
of the client's request stays. So what a retry has to know of the attempt before is in a context variable, and nothing
else is. The SDK says nothing of the attempts that it makes by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, Final
from weakref import WeakValueDictionary

from mimo_quirks import (
    MESSAGES,
    Exchange,
    Rejection,
    Settings,
    Wire,
    Writes,
    log_malformed,
    log_rejection,
    unrecognised,
)

from ._internals import BadRequestError
from .call import Call, CallState, Deployment, called_as
from .scope import is_proxy

_REJECTED: Final[WeakValueDictionary[str, CallState]] = WeakValueDictionary()
"""The state of a proxy's rejected call, by LiteLLM's id of it, as long as LiteLLM has the call.

When the proxy asks what to answer a client, it has taken the logging object off the request, and what the failure hook
of an attempt was given in place of the error is a copy: the id is all that leads from the request to its call.
"""


_MOST_SUSPECTS: Final = 64
"""Deployments that are warned of; a client of a proxy may make up model ids."""


@dataclass(frozen=True, slots=True)
class RetryState:
    """What became of a client's request so far.

    Attributes:
        trace: LiteLLM's id of it, the same in all its attempts; the next request of the same task has another.
        depth: How many fallbacks LiteLLM has gone on to.
        exchange: The request, where it was rejected at this depth.
        is_stuck: Whether nothing was attempted since.
    """

    trace: object = None
    depth: int = 0
    exchange: Exchange | None = None
    is_stuck: bool = False

    def after(self, exchange: Exchange) -> RetryState:
        """What it is after a rejection."""
        return replace(self, exchange=exchange, is_stuck=True)

    def of(self, trace: object) -> RetryState:
        """What it is for the request of this id: nothing for another than this one."""
        return self if trace == self.trace else RetryState(trace)

    def escaped(self, call: Mapping[str, Any], trace: object) -> Rejection | None:
        """The rejection that LiteLLM's Router gets around with a call: with a fallback, or with one made again."""
        is_escape = self.is_stuck and trace == self.trace and _depth_of(call) > self.depth
        return self.exchange.rejection if self.exchange is not None and is_escape else None

    def attempting(self, call: Mapping[str, Any], trace: object) -> RetryState:
        """What it is while a call is attempted; only a retry has a past.

        Args:
            call: The arguments of the call, or the parameters among its details.
            trace: LiteLLM's id of the request.
        """
        depth = _depth_of(call)
        if _is_retry(call) and (trace, depth) == (self.trace, self.depth):
            return replace(self, is_stuck=False)
        return RetryState(trace, depth)


RETRY_STATE: Final[ContextVar[RetryState]] = ContextVar("mimo_quirks_retry", default=RetryState())  # noqa: B039 - frozen
"""Of the request that was made last in this context."""


def begin_attempt(call: Mapping[str, Any], details: Mapping[str, Any]) -> None:
    """Takes note of an attempt.

    Args:
        call: Its arguments, or the parameters among its details.
        details: Of its logging object.
    """
    RETRY_STATE.set(RETRY_STATE.get().attempting(call, trace_of(details)))


def trace_of(details: Mapping[str, Any]) -> object:
    """LiteLLM's id of the client's request that a call is made for, from the details of the call."""
    return details.get("litellm_trace_id")


class ReasoningRejectedError(BadRequestError):
    """The API rejects the history for its reasoning, and a changed request would not help or did not.

    The message says which turns it is about and what to do, and holds no text of any message.

    Attributes:
        kind: `missing`, `other family`, `forbidden` or `foreign signature`; see `RejectionKind`.
        turns: The indices of the messages whose reasoning is lost, in the history as messages of the chat wire.
    """

    def __init__(self, rejection: Rejection, provider: str | None, said: str | None = None) -> None:
        super().__init__(said or rejection.explain(), model=rejection.model, llm_provider=provider or "")
        self.kind = rejection.kind.value
        self.turns = rejection.turns


class Rejections:
    """Hears of rejections, and decides by them how a client's request goes on.

    Args:
        settings: The operator's settings.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._suspects: set[Deployment] = set()

    def follow_up(self, call: Call) -> None:
        """What a rejection means for the call that follows it: a retry knows of it, a fallback goes on or does not.

        Raises:
            ReasoningRejectedError: It is a fallback that the operator did not ask for.
        """
        rejection = RETRY_STATE.get().escaped(call.arguments, trace_of(call.details))
        if rejection is not None:
            how, model = self._settings.on_rejection, call.deployment.model
            if how != "fallback":
                stopped = f"Fallback to {model} blocked by MIMO_QUIRKS_ON_REJECTION={how}."
                said = f"{rejection.explain()} {stopped}"
                raise ReasoningRejectedError(rejection, call.deployment.provider, said)
            log_rejection(
                f"{rejection.host} rejected a request to {rejection.model}: "
                f"LiteLLM falls back to {model} (MIMO_QUIRKS_ON_REJECTION=fallback)"
            )
        begin_attempt(call.arguments, call.details)
        _REJECTED.pop(str(call.details.get("litellm_call_id")), None)  # what it may fail with now is another matter

    def exchange(self) -> Exchange:
        """The exchange of the attempt that has begun: a retry goes on with the one that was rejected."""
        loses = self._settings.store.lower() == "memory://"
        return RETRY_STATE.get().exchange or Exchange(self._settings.allowed_remedies, loses=loses)

    def given_up(self, exchange: Exchange, rejection: Rejection, call: Call) -> ReasoningRejectedError:
        """What to raise in place of a call that would be rejected again."""
        RETRY_STATE.set(RETRY_STATE.get().after(exchange))
        _keep(rejection, call.details)
        return ReasoningRejectedError(rejection, call.deployment.provider)

    def heard(self, exchange: Exchange, error: object, details: dict[str, Any], now: float) -> Writes:
        """What an error of a request that was sent teaches; a rejection is told once.

        Args:
            exchange: The request.
            error: An exception, or an event of a stream.
            details: Of the call's logging object.
            now: The time, in seconds since the epoch.
        """
        model = exchange.sent.model if exchange.sent else ""
        outcome = exchange.rejected(error, now)
        log_malformed(model, outcome.malformed)
        if outcome.rejection is not None:
            RETRY_STATE.set(RETRY_STATE.get().of(trace_of(details)).after(exchange))
            _keep(outcome.rejection, details)
            if outcome.rejection.first is None:
                log_rejection(outcome.rejection.explain())
        return outcome.writes

    def watch(self, state: CallState, deployment: Deployment, body: Mapping[str, Any], wire: Wire) -> None:
        """Takes note of a request that nothing is done to, where nothing says what its deployment is; see `read`."""
        if deployment in self._suspects or len(self._suspects) >= _MOST_SUSPECTS:
            return
        if self._settings.is_unknown(deployment.model, deployment.base_url, deployment.provider):
            state.unrecognised = deployment, body, wire

    def read(self, error: object, state: CallState) -> None:
        """Warns, once for each deployment, of one that is not recognised and rejects in MiMo's words."""
        sent, state.unrecognised = state.unrecognised, None
        if sent is None:
            return
        deployment, body, wire = sent
        said = unrecognised(error, body, wire, deployment.model, deployment.base_url)
        if said is not None and deployment not in self._suspects and len(self._suspects) < _MOST_SUSPECTS:
            self._suspects.add(deployment)
            log_rejection(said)

    def answer(self, call_id: object) -> Exception | None:
        """What a proxy answers the client of a rejected call with, in place of its error; None for any other call."""
        state = _REJECTED.pop(str(call_id), None)
        return None if state is None or state.rejection is None else _as_answer(state.rejection)


def _keep(rejection: Rejection, details: dict[str, Any]) -> None:
    """Keeps a rejection for the client of a proxy; on the messages route LiteLLM hears no answer but its own."""
    state = CallState.of(details)
    state.rejection = rejection
    if is_proxy() and called_as(details) is not MESSAGES:
        _REJECTED[str(details.get("litellm_call_id"))] = state


def _as_answer(rejection: Rejection) -> Exception:
    """What LiteLLM's proxy answers a client with, in place of the error that it would have passed on.

    LiteLLM makes `message` the error's own, gives it the type `invalid_request_error` and the code 400, and hands the
    rest out as `provider_specific_fields`.
    """
    from fastapi import HTTPException  # noqa: PLC0415 - only a proxy has it, and only a proxy answers

    said = {"message": rejection.explain(), "kind": rejection.kind.value, "turns": list(rejection.turns)}
    return HTTPException(400, said)


def _is_retry(call: Mapping[str, Any]) -> bool:
    """Whether LiteLLM's Router makes a call again; it counts in the first of these, and the other may be a client's."""
    counted = next((call[name] for name in ("litellm_metadata", "metadata") if call.get(name)), None)
    return isinstance(counted, Mapping) and bool(counted.get("attempted_retries"))


def _depth_of(call: Mapping[str, Any]) -> int:
    depth = call.get("fallback_depth")
    return depth if isinstance(depth, int) else 0
