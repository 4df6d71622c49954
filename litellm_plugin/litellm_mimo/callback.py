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
from dataclasses import replace
from functools import partial
from typing import Any, Final

from litellm.integrations.custom_logger import CustomLogger

from mimo_quirks import (
    CHAT,
    MESSAGES,
    RESPONSES,
    AttemptSettings,
    Conversation,
    Exchange,
    HostPolicy,
    Message,
    NoRemedyLeft,
    Quirks,
    ReasoningMemory,
    Remedy,
    RequestPlan,
    SealedReasoning,
    Settings,
    SettingsError,
    is_thinking,
    log_frames,
)

from ._internals import come_back
from .answers import raw_turns, seal_answer, summarise, turns_of
from .call import (
    FALLBACKS,
    Call,
    CallState,
    body_of,
    called_as,
    deployment_of,
    details_of,
    is_async,
    span_of,
    wire_of,
)
from .conversations import across, finished, is_as_planned, readable, signed, without_sealed
from .fixes import fix_body, register_models, switch_off, with_switch, with_tools
from .rejections import ReasoningRejectedError, Rejections, begin_attempt
from .scope import end_user_of, memory_of, scope_of, warn_of_workers
from .start import Start
from .stream import hear_open_streams, listen

_LOGGER: Final = logging.getLogger("mimo_quirks")
_REPLACED: Final = "litellm.callbacks was replaced by a list without mimo_callback, which puts itself back"


HEADER: Final = "x-mimo-reasoning"
"""What a proxy's answer says of its request."""


class MiMoCallback(CustomLogger):
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
        self._opened: ReasoningMemory | None = None
        self._opening = threading.Lock()
        self._was_replaced = False
        self._rejections = Rejections(self._settings)
        self.sealed = SealedReasoning(
            self._settings.secret,
            max_bytes=self._settings.sealed_max_bytes,
            ttl_seconds=self._settings.sealed_ttl_seconds,
            signs=self._settings.sign,
        )
        if "tools" in self._settings.fix:
            register_models()
        warn_of_workers(self._settings)
        self._start = Start(self._settings, lambda: self.memory)
        self._start.begin()

    @property
    def memory(self) -> ReasoningMemory:
        """What is remembered, and the counts of it; opened by its first use, when LiteLLM is configured."""
        with self._opening:
            memory = self._opened
            if memory is None:
                memory = self._opened = memory_of(self._settings)
                listen()
        self._start.tell()
        return memory

    async def async_pre_call_deployment_hook(self, kwargs: dict[str, Any], call_type: object) -> dict[str, Any] | None:
        """Returns the call's arguments as the deployment wants them, or None where nothing changes.

        Raises:
            ReasoningRejectedError: LiteLLM makes a rejected call again, or falls back from it, and must not.
        """
        try:
            return await self._prepared(kwargs, call_type)
        except (SettingsError, ReasoningRejectedError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a LiteLLM of tomorrow does, the request goes on
            _LOGGER.warning("internal error (%s); request sent unchanged", type(error).__name__)
            log_frames("internal error; request sent unchanged", error)
            return None

    async def _prepared(self, kwargs: dict[str, Any], call_type: object) -> dict[str, Any] | None:
        """A call with fallbacks of its own, or whose history was given by position, is left to its finished bodies.

        LiteLLM would hand changed arguments to the fallback's provider too, and takes no argument twice.
        """
        call = Call.of(kwargs, call_type)
        if call is None:
            return None
        if call.is_outer_call:
            self._rejections.follow_up(call)
            call.state.begin()
        if any(kwargs.get(name) for name in FALLBACKS) or call.wire.history not in kwargs:
            return None
        quirks = call.deployment.quirks(self._settings, call.upstream or call.wire)
        if quirks is None:
            changed = without_sealed(kwargs, call.wire)
            return {**kwargs, **changed} if changed else None
        fixes = self._settings.fix
        fixed = with_switch(call, quirks.dialect) if "thinking" in fixes else dict(kwargs)
        if call.upstream is CHAT and "tools" in fixes:
            fixed |= with_tools(call)
        history = await self._history(replace(call, arguments=fixed), quirks)
        planned = call.state.exchange.planned if call.state.exchange else None
        if planned is not None and planned.attempt.remedy is Remedy.THINKING_OFF:
            fixed = with_switch(replace(call, arguments=fixed), quirks.dialect, off=True)
        changed = {**fixed, call.wire.history: history}
        return None if _same(changed, kwargs) else changed

    async def _history(self, call: Call, quirks: Quirks) -> Any:
        """The history to send, or the one that shall come to the hooks again on another wire."""
        arguments, state = call.arguments, call.state
        given = arguments.get(call.wire.history)
        conversation = Conversation.of(arguments, call.wire, call.deployment.model, body=readable(given))
        carried = None
        if self.sealed.has_secret:  # what is carried outlives this process
            carried = scope_of(arguments, self._settings, quirks, shared=True)
        conversation = conversation.opened(partial(self.sealed.open, scope=carried))
        if call.wire is not CHAT:
            scope = carried if self.sealed.issues and not call.is_cached else None
            state.seal, state.sign = partial(self.sealed.seal, scope=scope), partial(self.sealed.sign, scope=scope)
        if call.upstream is None:
            return _given_or(given, across(conversation, quirks.family), conversation)
        thinks = is_thinking(arguments, quirks) if state.asked is None else state.asked
        exchange = state.exchange = self._begun(conversation, AttemptSettings(quirks, thinks), arguments)
        found = await self.memory.aread(exchange.lookup())
        try:
            plan = exchange.plan(found)
        except NoRemedyLeft as error:
            raise self._rejections.given_up(exchange, error.rejection, call) from None
        if conversation.view is None:
            return given
        if not call.passes:
            return signed(plan.body, quirks.family)
        if call.wire is MESSAGES:
            state.passes_messages = True
            return list(plan.body)  # a list of our own, for the next hook to edit
        return _given_or(given, plan.body, conversation)

    def _begun(self, conversation: Conversation, attempt: AttemptSettings, arguments: Mapping[str, Any]) -> Exchange:
        """The exchange of a call, with an attempt begun.

        Args:
            conversation: What is to be sent.
            attempt: Where, and whether the model is asked to think.
            arguments: Of the call, or the parameters among its details.
        """
        memory = self.memory
        scope = scope_of(arguments, self._settings, attempt.quirks, shared=memory.is_shared)
        hear_open_streams(scope)  # one may have been left, and this request may have the results of its calls
        exchange = self._rejections.exchange()
        exchange.begin(conversation, attempt, scope, end_user=end_user_of(arguments))
        return exchange

    async def async_pre_request_hook(
        self,
        model: str,  # noqa: ARG002 - LiteLLM gives it by keyword
        messages: list[Any],
        kwargs: dict[str, Any],
    ) -> dict[str, Any] | None:
        """Puts back what LiteLLM takes off the messages wire as empty: blocks that hold a placeholder.

        LiteLLM reads nothing back here but the list itself, which the hook before has made.
        """
        state = CallState.of(details_of(kwargs))
        passes, state.passes_messages = state.passes_messages, False
        exchange = state.exchange
        if passes and exchange is not None and exchange.planned is not None and messages != exchange.planned.body:
            tidied = Conversation.of({"messages": messages}, MESSAGES, exchange.planned.model)
            messages[:] = exchange.replan(tidied).body
        return None

    def log_pre_api_call(self, model: str, messages: object, kwargs: dict[str, Any]) -> None:
        """Puts the history that the deployment wants into the body that is about to be sent.

        An asynchronous call was looked up by the other hook; here a look-up would block its event loop. The messages
        wire's own body is written down already when it comes here; what is done to it then is nothing.
        """
        self._come_back()
        state = CallState.of(kwargs)
        state.is_sent = False  # a fallback has the same details, and its answer is not this attempt's
        state.unrecognised = state.attempt = None
        body, wire = body_of(kwargs)
        if wire is None:
            return
        is_sync = not is_async(kwargs)
        if is_sync:
            begin_attempt(kwargs.get("litellm_params") or {}, kwargs)
        if is_sync or state.is_of_body:
            state.exchange = None
        deployment = deployment_of(kwargs, body)
        quirks = deployment.quirks(self._settings, wire)
        if quirks is None:  # whatever was planned: the SDK goes on to other providers by itself
            body.update(without_sealed(body, wire))
            self._rejections.watch(state, deployment, body, wire)
            return
        planned = state.exchange.planned if state.exchange else None
        quirks = planned.attempt.quirks if planned else quirks  # the other hook may know the host by another name
        if "thinking" in self._settings.fix:
            fix_body(body, wire, quirks.dialect, asked=state.asked)
        strings = "content" in self._settings.fix
        state.is_sent, state.listener = True, self
        if planned is not None and is_as_planned(body, wire, planned.body, strings=strings):
            plan = planned
        else:
            conversation = finished(body, wire, str(body.get("model") or model), messages, strings=strings)
            plan = self._planned_anew(conversation, quirks, kwargs, is_sync=is_sync)
            if plan.report.changed:
                body[wire.history] = plan.body
        self._note(state, kwargs)
        if plan.attempt.remedy is Remedy.THINKING_OFF:
            switch_off(body, kwargs, quirks.dialect)

    def _note(self, state: CallState, details: Mapping[str, Any]) -> None:
        """Takes note of an attempt that is about to be sent, once."""
        exchange = state.exchange
        told = exchange.told if exchange else None
        if exchange is not None and told is not None and state.report is not told.report:
            state.report, state.attempt = told.report, told.attempt
            self.memory.note(exchange, details.get("litellm_call_id"), span_of(details))

    def _come_back(self) -> None:
        """Stays with an application that sets `litellm.callbacks` at every call, as crewai does; says so once."""
        if come_back(self) and not self._was_replaced:
            self._was_replaced = True
            _LOGGER.warning("%s", _REPLACED)

    def _planned_anew(
        self, conversation: Conversation, quirks: Quirks, details: dict[str, Any], *, is_sync: bool
    ) -> RequestPlan:
        """The request of a finished body: as the other hook has planned it, or as it is planned here.

        LiteLLM swallows what is raised here. So its synchronous Router repeats a rejected call that cannot be changed,
        and falls back from it, whatever the operator decided.
        """
        state = CallState.of(details)
        if state.exchange is not None and state.exchange.planned is not None:
            return state.exchange.replan(conversation)
        body, _ = body_of(details)
        attempt = AttemptSettings(quirks, is_thinking(body, quirks))
        parameters = details.get("litellm_params") or {}
        exchange = state.exchange = self._begun(conversation, attempt, parameters)
        state.is_of_body = True
        read = self.memory.read if is_sync else self.memory.read_near  # the other would block the event loop
        try:
            return exchange.plan(read(exchange.lookup()))
        except NoRemedyLeft as error:
            log_frames("a rejected request is made again as it was", error)
            return exchange.replan(conversation)

    async def async_post_call_failure_deployment_hook(
        self,
        request_data: Mapping[str, Any],
        exception: Exception,
        call_type: object,  # noqa: ARG002 - LiteLLM's signature
        fallback_depth: int | None = None,  # noqa: ARG002 - as above
    ) -> None:
        """Takes note of a rejection, before LiteLLM makes the call again."""
        await self.astream_failed(details_of(request_data), exception)

    async def astream_failed(self, details: dict[str, Any], error: object) -> None:
        """As the hook before, for a rejection that comes within a stream."""
        exchange = CallState.of(details).taken()
        if exchange is not None:
            await self.memory.awrite(self._rejections.heard(exchange, error, details, self.memory.now()))
        else:
            self._rejections.read(error, CallState.of(details))

    def log_failure_event(self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any) -> None:  # noqa: ARG002 - by keyword
        """As the hook before, for synchronous calls."""
        if not is_async(kwargs):
            self.stream_failed(kwargs, kwargs.get("exception"))

    def stream_failed(self, details: dict[str, Any], error: object) -> None:
        """Takes note of a rejection of a synchronous call."""
        exchange = CallState.of(details).taken()
        if exchange is not None:
            self.memory.write(self._rejections.heard(exchange, error, details, self.memory.now()))
        else:
            self._rejections.read(error, CallState.of(details))

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
        self, request_data: dict[str, Any], response: Any, call_type: object
    ) -> None:
        """Remembers the answer of an asynchronous call, and gives the client what it can carry."""
        wire, details = wire_of(call_type), details_of(request_data)
        if wire is None:
            return
        turns = turns_of(response, wire)
        if turns:
            await self.astream_finished(details, turns)
        state = CallState.of(details)
        seal = state.sign if wire is MESSAGES else state.seal
        if seal is not None and wire is not CHAT:
            seal_answer(response, wire, seal)
        if wire is RESPONSES and called_as(details) is MESSAGES:
            summarise(response)

    async def async_log_success_event(
        self,
        kwargs: dict[str, Any],
        response_obj: Any,
        start_time: Any,  # noqa: ARG002 - by keyword
        end_time: Any,  # noqa: ARG002 - by keyword
    ) -> None:
        """Counts the tokens of an answer, as LiteLLM has them when it is whole."""
        self._spent(kwargs, response_obj)

    def log_success_event(self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any) -> None:  # noqa: ARG002 - by keyword
        """As the hook before, for synchronous calls."""
        if not is_async(kwargs):
            self._spent(kwargs, response_obj)

    def _spent(self, details: dict[str, Any], answer: Any) -> None:
        state = CallState.of(details)
        attempt, state.attempt = state.attempt, None
        usage = answer.get("usage") if isinstance(answer, Mapping) else getattr(answer, "usage", None)
        if attempt is not None and usage is not None:
            self.memory.spent(attempt, usage, span_of(details))

    async def async_post_call_response_headers_hook(
        self,
        data: Mapping[str, Any],
        user_api_key_dict: Any,  # noqa: ARG002 - by keyword
        response: Any,  # noqa: ARG002 - by keyword
        request_headers: Mapping[str, str] | None = None,  # noqa: ARG002 - by keyword
        litellm_call_info: Mapping[str, Any] | None = None,  # noqa: ARG002 - by keyword
    ) -> dict[str, str] | None:
        """Tells a proxy's client what was done to its request; nothing of one that LiteLLM's cache answered."""
        state = CallState.of(details_of(data))
        if state.report is None or not state.is_sent or not self._settings.report:
            return None
        return {HEADER: " ".join(f"{name}={count}" for name, count in state.report.summary.items())}

    def log_post_api_call(self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any) -> None:  # noqa: ARG002 - by keyword
        """Remembers the answer of a synchronous call, which LiteLLM has here as the host wrote it."""
        turns = [] if is_async(kwargs) else raw_turns(kwargs.get("original_response"))
        if turns:  # none is the beginning of a stream
            self.stream_finished(kwargs, turns)

    def stream_finished(self, details: dict[str, Any], turns: Sequence[Message]) -> None:
        """Remembers what a synchronous call was answered."""
        exchange = CallState.of(details).taken()
        if exchange is not None:
            self.memory.write(exchange.answered(turns, self.memory.now()))

    async def astream_finished(self, details: dict[str, Any], turns: Sequence[Message]) -> None:
        """Remembers what an asynchronous call was answered."""
        exchange = CallState.of(details).taken()
        if exchange is not None:
            await self.memory.awrite(exchange.answered(turns, self.memory.now()))

    def stream_left(self, state: CallState, turns: Sequence[Message]) -> None:
        """Remembers what was heard of a stream that may have been left, and may go on."""
        exchange = state.exchange if state.is_sent else None
        if exchange is not None:
            self.memory.write_soon(exchange.answered(turns, self.memory.now(), ended=False))

    def policy(
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
            The evidence; None for a deployment that is not ours to touch. `remedy()` is what a request begins with
            whose owner has no evidence of its own; where one owner alone has any, what that one's begins with.
        """
        quirks = self._settings.quirks_for(model, base_url, provider, wire=wire)
        return None if quirks is None else self.memory.policy(AttemptSettings(quirks, thinking))


def _given_or(given: Any, history: Any, conversation: Conversation) -> Any:
    """The history, or the caller's own objects where nothing was done to it."""
    return given if history is conversation.body else history


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return one.keys() == other.keys() and all(one[name] is other[name] for name in one)
