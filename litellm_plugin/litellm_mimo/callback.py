"""The callback: LiteLLM's hooks, each a few lines of translation away from the core.

Out: `async_pre_call_deployment_hook` is where LiteLLM lets a callback change a request after it chose the deployment.
It does not run for synchronous calls, does not see a URL that a provider takes from the environment, and runs once for
a call whose fallbacks the SDK itself goes through. `log_pre_api_call` runs everywhere, last, with the finished body of
one attempt, so it serves what the first hook cannot; what has been done already it leaves alone. A call that LiteLLM
bridges to another wire comes to both hooks again as the call that it became.

Back: each answer is remembered before the caller has it, and so before it can ask again: by the success hook of
asynchronous calls, by `log_post_api_call` for synchronous ones, and for streams by `stream`. A rejection is heard by
the failure hook of the attempt, before LiteLLM makes the next.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Final

from litellm.types.utils import CallTypes

from mimo_quirks.facts.quirks import Quirks
from mimo_quirks.history.found import NOTHING
from mimo_quirks.history.turns import Message
from mimo_quirks.log import note
from mimo_quirks.memory import Memory
from mimo_quirks.rejections.evidence import AttemptSettings, HostPolicy, Remedy
from mimo_quirks.rejections.ladder import NoRemedyLeft, RequestPlan
from mimo_quirks.request.thinking import is_thinking
from mimo_quirks.sealing.sealed_reasoning import SealedReasoning, opened
from mimo_quirks.settings import Settings, SettingsError
from mimo_quirks.wires import CHAT, MESSAGES, RESPONSES, Wire

from .answers import raw_turns, seal_answer, summarise, turns_of
from .attempts import (
    FALLBACKS,
    FIELDS,
    Attempt,
    Sent,
    attempt_of_details,
    body_of,
    is_async,
    lay_beside,
    readable,
)
from .bridges import across, signed
from .call_state import ASKED, DRAFT, PASSING, SEAL, SENT, forget, get, put, take
from .fixes import fix_body, register_models, switch_off, with_switch, with_tools
from .rejections import ReasoningRejectedError, Rejections
from .retries import RETRY_STATE, trace_of
from .routes import CALLS, Call, called_as, details_of
from .scope import owner_of
from .start import memory_of, warn_of_workers
from .stream import StreamListener, listen

_LOGGER: Final = logging.getLogger("mimo_quirks")


class MiMoCallback(StreamListener):
    """Carries the reasoning of MiMo deployments through LiteLLM and leaves every other deployment alone.

    LiteLLM ignores some hooks that are inherited: a subclass must define again what it wants to keep.

    Args:
        settings: The operator's settings; read from the environment by default.

    Raises:
        SettingsError: A `MIMO_QUIRKS_*` variable is unknown or its value cannot be used.
        ImportError: The store or the secret needs an extra; the message tells how to install it.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__()
        self._settings = settings or Settings.from_env()
        self._opened: Memory | None = None
        self._opening = threading.Lock()
        self._rejections = Rejections(self._settings)
        self.carriers = SealedReasoning(
            self._settings.secret,
            max_bytes=self._settings.sealed_max_bytes,
            ttl_seconds=self._settings.sealed_ttl_seconds,
        )
        if "tools" in self._settings.fix:
            register_models()
        warn_of_workers(self._settings)

    @property
    def memory(self) -> Memory:
        """What is remembered, and the counts of it; opened by its first use, when LiteLLM is configured."""
        with self._opening:
            if self._opened is None:
                self._opened = memory_of(self._settings)
                listen()
            return self._opened

    async def async_pre_call_deployment_hook(
        self, kwargs: dict[str, Any], call_type: CallTypes | None
    ) -> dict[str, Any] | None:
        """Returns the call's arguments as the deployment wants them, or None where nothing changes.

        Raises:
            ReasoningRejectedError: LiteLLM makes a rejected call again, or falls back from it, and must not.
        """
        try:
            return await self._prepared(kwargs, call_type)
        except (SettingsError, ReasoningRejectedError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a LiteLLM of tomorrow does, the request goes on
            _LOGGER.warning("a request goes out as it came, because of a %s", type(error).__name__)
            return None

    async def _prepared(self, kwargs: dict[str, Any], call_type: CallTypes | None) -> dict[str, Any] | None:
        """A call with fallbacks of its own is left to its finished bodies.

        LiteLLM would hand changed arguments to the fallback's provider too.
        """
        call = Call.of(kwargs, call_type)
        if call is None:
            return None
        if call.is_outer_call:  # a fallback has the details of the call before
            forget(call.details, ASKED, PASSING, SEAL, DRAFT)
            self._rejections.follow_up(call)
        if any(kwargs.get(name) for name in FALLBACKS):
            return None
        quirks = call.deployment.quirks(self._settings, call.upstream or call.wire)
        if quirks is None:
            self._rejections.gone_on(call)
            changed = _without_carriers(kwargs, call.wire)
            return {**kwargs, **changed} if changed else None
        fixes = self._settings.fix
        fixed = with_switch(call, quirks.dialect) if "thinking" in fixes else dict(kwargs)
        if call.upstream is CHAT and "tools" in fixes:
            fixed |= with_tools(call)
        history = await self._history(replace(call, arguments=fixed), quirks)
        drafted: RequestPlan | None = get(call.details, DRAFT)
        if drafted is not None and drafted.terms.step is Remedy.THINKING_OFF:
            fixed = with_switch(replace(call, arguments=fixed), quirks.dialect, off=True)
        changed = {**fixed, FIELDS[call.wire.name]: history}
        return None if _same(changed, kwargs) else changed

    async def _history(self, call: Call, quirks: Quirks) -> Any:
        """The history to send, or the one that shall come to the hooks again on another wire."""
        given = call.arguments.get(FIELDS[call.wire.name])
        owner = owner_of(call.arguments, self._settings)
        scope = self._settings.scope_of(owner, quirks, shared=self.memory.is_shared)
        carried = self._settings.scope_of(owner, quirks, shared=True)  # what a client carries outlives this process
        asked = get(call.details, ASKED)
        terms = AttemptSettings(quirks, is_thinking(call.arguments, quirks) if asked is None else asked)
        attempt = Attempt.of(readable(given), terms, call.wire, scope)
        attempt = attempt.opened(partial(self.carriers.open, scope=carried))
        if self.carriers.issues and call.wire is not CHAT and not call.is_cached:
            put(call.details, SEAL, partial(self.carriers.seal, scope=carried))
        if call.upstream is None:
            return _given_or(given, across(attempt), attempt)
        verify_carried = _may_be_damaged(call.details, call.wire)
        recall = await self.memory.arecall(attempt.beside, scope, verify_carried=verify_carried, terms=terms)
        try:
            draft = self._rejections.draft(attempt, recall, call.deployment.model, self.memory.contract(terms))
        except NoRemedyLeft as error:
            raise self._rejections.given_up(error, call) from None
        note(draft.report)
        put(call.details, DRAFT, draft)
        self._rejections.gone_on(call)
        if attempt.view is None:
            return given
        if not call.passes:
            return signed(draft.body, quirks.family)
        if call.wire is MESSAGES:
            put(call.details, PASSING, draft)
            return list(draft.body)  # a list of our own, for the next hook to edit
        return _given_or(given, draft.body, attempt)

    async def async_pre_request_hook(
        self,
        model: str,  # noqa: ARG002 - LiteLLM gives it by keyword
        messages: list[Any],
        kwargs: dict[str, Any],
    ) -> dict[str, Any] | None:
        """Puts back what LiteLLM takes off the messages wire as empty: blocks that hold a placeholder.

        LiteLLM reads nothing back here but the list itself, which the hook before has made.
        """
        passing = take(details_of(kwargs), PASSING)
        if passing is not None:
            tidied = Attempt.of(messages, passing.terms, MESSAGES, scope=None)
            messages[:] = tidied.draft(NOTHING, passing.model, step=passing.terms.step).body
        return None

    def log_pre_api_call(self, model: str, messages: object, kwargs: dict[str, Any]) -> None:
        """Puts the history that the deployment wants into the body that is about to be sent.

        An asynchronous call was looked up by the other hook; here a look-up would block its event loop. The messages
        wire's own body is written down already when it comes here; what is done to it then is nothing.
        """
        forget(kwargs, SENT)  # a fallback has the same details, and its answer is not this attempt's
        body, wire = body_of(kwargs)
        if wire is None:
            return
        asks = not is_async(kwargs)
        if asks:
            RETRY_STATE.set(RETRY_STATE.get().attempting(kwargs.get("litellm_params") or {}, trace_of(kwargs)))
        finished = attempt_of_details(kwargs, self._settings, shared=self.memory.is_shared)
        if finished is None:
            body.update(_without_carriers(body, wire))
            return
        dialect = finished.terms.quirks.dialect
        if "thinking" in self._settings.fix:
            fix_body(body, kwargs, finished.wire, dialect)
        attempt = lay_beside(finished.opened(lambda _: None), messages)
        draft = self._finished(attempt, kwargs, str(body.get("model") or model), asks=asks)
        if draft.terms.step is Remedy.THINKING_OFF:
            switch_off(body, kwargs, dialect)
        if draft.report.changed:
            body[FIELDS[attempt.wire.name]] = draft.body
        put(kwargs, SENT, Sent(draft, get(kwargs, DRAFT) or draft, attempt.scope))
        if draft.report.changed or asks:  # what the other hook has noted is not noted again
            note(draft.report)

    def _finished(self, attempt: Attempt, details: Mapping[str, Any], model: str, *, asks: bool) -> RequestPlan:
        """The request as it is sent: on the terms that the other hook has found, or on those to be found here.

        LiteLLM swallows what is raised here. So its synchronous Router repeats a rejected call that cannot be changed,
        and falls back from it, whatever the operator decided.
        """
        plain = "content" in self._settings.fix
        verify_carried = _may_be_damaged(details, attempt.wire)
        recall = NOTHING
        if asks:
            recall = self.memory.recall(
                attempt.beside, attempt.scope, verify_carried=verify_carried, terms=attempt.terms
            )
        if get(details, DRAFT) is None:
            with suppress(NoRemedyLeft):
                contract = self.memory.contract(attempt.terms)
                return self._rejections.draft(attempt, recall, model, contract, plain=plain)
        return attempt.draft(recall, model, step=attempt.terms.step, plain=plain)

    async def async_post_call_failure_deployment_hook(
        self,
        request_data: Mapping[str, Any],
        exception: Exception,
        call_type: CallTypes | None,  # noqa: ARG002 - LiteLLM's signature
        fallback_depth: int | None = None,  # noqa: ARG002 - as above
    ) -> None:
        """Takes note of a rejection, before LiteLLM makes the call again."""
        await self.astream_failed(details_of(request_data), exception)

    async def astream_failed(self, details: dict[str, Any], error: object) -> None:
        """As the hook before, for a rejection that comes within a stream."""
        rejected = self._rejections.heard(error, _sent(details), details)
        if rejected is not None:
            await self.memory.alearn(rejected.terms, rejected.kind)

    def log_failure_event(self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any) -> None:  # noqa: ARG002 - by keyword
        """As the hook before, for synchronous calls."""
        if not is_async(kwargs):
            self.stream_failed(kwargs, kwargs.get("exception"))

    def stream_failed(self, details: dict[str, Any], error: object) -> None:
        """Takes note of a rejection of a synchronous call."""
        rejected = self._rejections.heard(error, _sent(details), details)
        if rejected is not None:
            self.memory.learn(rejected.terms, rejected.kind)

    async def async_post_call_failure_hook(
        self,
        request_data: dict[str, Any],
        original_exception: Exception,  # noqa: ARG002 - by keyword
        user_api_key_dict: Any,  # noqa: ARG002 - by keyword
        traceback_str: str | None = None,  # noqa: ARG002 - by keyword
    ) -> Any:
        """Tells a proxy's client why a request was rejected, except on the messages route and within a stream."""
        return self._rejections.answer(request_data.get("litellm_call_id"))

    async def async_post_call_success_deployment_hook(
        self, request_data: dict[str, Any], response: Any, call_type: CallTypes | None
    ) -> None:
        """Remembers the answer of an asynchronous call, and gives the client what it can carry."""
        wire, details = CALLS.get(call_type), details_of(request_data)
        if wire is None:
            return
        turns = turns_of(response, wire)
        if turns:
            await self.astream_finished(details, turns)
        seal = get(details, SEAL)
        if seal is not None and wire is not CHAT:
            seal_answer(response, wire, seal)
        if wire is RESPONSES and called_as(details) is MESSAGES:
            summarise(response)

    def log_post_api_call(self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any) -> None:  # noqa: ARG002 - by keyword
        """Remembers the answer of a synchronous call, which LiteLLM has here as the host wrote it."""
        turns = [] if is_async(kwargs) else raw_turns(kwargs.get("original_response"))
        if turns:  # none is the beginning of a stream
            self.stream_finished(kwargs, turns)

    def stream_finished(self, details: dict[str, Any], turns: Sequence[Message]) -> None:
        """Remembers what a synchronous call was answered."""
        sent = _sent(details)
        if sent is not None:
            self.memory.capture(sent.draft.sent, turns, sent.scope, terms=sent.draft.terms)

    async def astream_finished(self, details: dict[str, Any], turns: Sequence[Message]) -> None:
        """Remembers what an asynchronous call was answered."""
        sent = _sent(details)
        if sent is not None:
            await self.memory.acapture(sent.draft.sent, turns, sent.scope, terms=sent.draft.terms)

    def contract(
        self,
        model: str,
        base_url: str | None = None,
        provider: str | None = None,
        *,
        wire: str = "chat",
        thinking: bool = True,
    ) -> HostPolicy | None:
        """What the API's rejections have taught about a deployment, as far as this process has heard.

        Args:
            model: The model's id, as in a deployment's `litellm_params`; without its provider's prefix.
            base_url: The deployment's `api_base`.
            provider: The prefix.
            wire: The wire that its host is spoken to on: `chat`, `messages` or `responses`.
            thinking: Of requests that think, or that do not.

        Returns:
            The evidence; None for a deployment that is not ours to touch. `step()` is what a request begins with.
        """
        quirks = self._settings.quirks_for(model, base_url, provider, wire=wire)
        return None if quirks is None else self.memory.contract(AttemptSettings(quirks, thinking))


def _sent(details: dict[str, Any]) -> Sent | None:
    """What was sent, which is of no more use when it was answered.

    None for another family's, and the second time: a call behind a bridge ends with the one that the caller made.
    """
    forget(details, DRAFT)
    sent: Sent | None = take(details, SENT)
    return sent


def _may_be_damaged(details: Mapping[str, Any], wire: Wire) -> bool:
    """Whether a history passed one of LiteLLM's bridges, or a wire on which clients tidy what they show."""
    return wire is not CHAT or called_as(details) is not CHAT


def _without_carriers(request: Mapping[str, Any], wire: Wire) -> dict[str, Any]:
    """What is to change in a request to another family, so that it holds nothing of ours; nothing where it does not."""
    name = FIELDS[wire.name]
    history = readable(request.get(name))
    view = wire.view(history)
    messages = opened(view.messages, lambda _: None) if view else ()
    if view is None or messages is view.messages:
        return {}
    return {name: wire.write(history, view, messages)}


def _given_or(given: Any, history: Any, attempt: Attempt) -> Any:
    """The history, or the caller's own objects where nothing was done to it."""
    return given if history is attempt.history else history


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return one.keys() == other.keys() and all(one[name] is other[name] for name in one)
