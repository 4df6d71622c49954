"""The calls of a chat model that remembers: an answer is recorded before the caller has it, and can ask again.

A rejected request is made again once, with another body, or the caller is told why that would not help. What happens
next to a request is the core's `Exchange` to say; LangChain builds the body of a request inside the call that sends it,
so the exchange travels with the call's arguments.
"""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, BaseRunManager, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import add_usage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult, Generation
from langchain_core.runnables import RunnableConfig
from pydantic import Field, PrivateAttr, model_validator
from typing_extensions import Self

from mimo_quirks import (
    AttemptSettings,
    Conversation,
    Exchange,
    Found,
    Message,
    NoRemedyLeft,
    Outcome,
    Quirks,
    ReasoningMemory,
    RequestPlan,
    Settings,
    is_thinking,
    log_frames,
    log_malformed,
    log_rejection,
    set_log_level,
)

from .memories import memory_of, owner_of, scoped
from .messages import left_turn_of, messages_of, says_something, turn_of, turns_of
from .rejection import ReasoningRejectedError

REPORT: Final = "mimo_reasoning"
"""The member of an answer's `response_metadata` that says what was done to its request."""
_CALL: Final = "mimo_call"
"""The argument that holds a call; it never reaches the wire."""
_OF_THE_CALL: Final = frozenset({_CALL, "run_manager", "stop", "stream_usage"})
"""Arguments of a parent's method that are no parameters of the request."""


@dataclass(slots=True)
class Call:
    """What belongs to one call of a model.

    Attributes:
        run: LangChain's id of it.
        owner: Whose memory it is, as far as the application said.
        memory: The memory.
        exchange: The request with all its attempts.
        error: How the API rejected it, if it did.
        prepared: The body of the next attempt, where it was made before the parent asked for it.
        known: The arguments that it was made of.
        chunks: What was heard of the attempt, where it streams and has no end yet.
        report: What was done to it, until that is said; None where nothing is to be said.
        attempt: Where it is sent; None where it is not ours.
    """

    run: object
    owner: str | None
    memory: ReasoningMemory
    exchange: Exchange
    error: Exception | None = None
    prepared: dict[str, Any] | None = None
    known: frozenset[str] = frozenset()
    chunks: list[ChatGenerationChunk] = field(default_factory=list)
    report: dict[str, int] | None = None
    attempt: AttemptSettings | None = None

    def tell(self, given: Sequence[ChatGeneration]) -> None:
        """Says on the first answer, or on the first chunk of a stream, what was done to its request, once."""
        if self.report is not None and given:
            given[0].message.response_metadata[REPORT], self.report = self.report, None

    def record(self, turns: Sequence[Message], *, ended: bool = True) -> None:
        """Records an answer, or what was heard of one that may go on."""
        self.memory.write(self.exchange.answered(turns, self.memory.now(), ended=ended))

    async def arecord(self, turns: Sequence[Message], *, ended: bool = True) -> None:
        """As `record`, without blocking the event loop."""
        await self.memory.awrite(self.exchange.answered(turns, self.memory.now(), ended=ended))

    def spend(self, given: Sequence[ChatGeneration]) -> None:
        """Counts the tokens that an answer, or the chunks of a stream, say its request had."""
        told = [usage for one in given if (usage := getattr(one.message, "usage_metadata", None))]
        if self.attempt is not None and told:
            self.memory.spent(self.attempt, functools.reduce(add_usage, told))

    def left(self) -> list[Message]:
        """What is to be recorded of a stream without an end, because it broke or the application left it.

        Nothing is raised, for it is asked while a generator closes.
        """
        if self.exchange.sent is None:  # it was answered, or rejected
            return []
        try:
            return left_turn_of(self.chunks[:])
        except Exception as error:  # noqa: BLE001 - see above
            log_frames("could not record a stream that was left", error)
            return []


_LAST: Final[ContextVar[Call | None]] = ContextVar("mimo_stream", default=None)
"""The last stream of whoever calls. One that was left may be closed by the event loop only after the next request."""


def _record_last() -> None:
    """Records the last stream of whoever calls, as far as it was heard."""
    call = _LAST.get()
    if call is not None and (turns := call.left()):
        call.record(turns, ended=False)


async def _arecord_last() -> None:
    """As `_record_last`, without blocking the event loop."""
    call = _LAST.get()
    if call is not None and (turns := call.left()):
        await call.arecord(turns, ended=False)


class Remembering(BaseChatModel):
    """Stands before the class of another package that speaks the wire, and has the subclass build what is sent."""

    _sdk_error: ClassVar[type[Exception]]  # what a rejection comes as
    _rejected_as: ClassVar[type[ReasoningRejectedError]] = ReasoningRejectedError

    store: Any = Field(default=None, exclude=True, repr=False)  # its URL may hold a password
    scope: str | None = None

    _settings: Settings = PrivateAttr(default_factory=Settings.from_env)
    _memory: ReasoningMemory = PrivateAttr()

    @model_validator(mode="after")
    def _remember(self) -> Self:
        if self.store is not None and not isinstance(self.store, str) and not hasattr(self.store, "put"):
            raise ValueError(f"store is {type(self.store).__name__}; give a ReasoningStore or a URL such as memory://")
        if self.scope is not None and not self.scope.strip():
            raise ValueError("scope must not be blank; leave it out for no scope")
        set_log_level(self._settings.log)
        self._memory = memory_of(self.store, self._settings)
        if self._memory.is_shared and self.scope is None and self._settings.scope is None:
            raise ValueError("a shared store needs a scope: pass scope=... or set MIMO_QUIRKS_SCOPE")
        return self

    @abstractmethod
    def _begun(
        self, messages: list[BaseMessage], call: Call, stop: list[str] | None, kwargs: dict[str, Any]
    ) -> tuple[dict[str, Any], Quirks | None]:
        """The body of a request, with its exchange begun; without quirks where nothing is ours to do, and it is done.

        Args:
            messages: The history.
            call: What it belongs to.
            stop: As for the parent, and so are the arguments.
            kwargs: See there; what is ours is taken out.
        """

    @abstractmethod
    def _put(self, plan: RequestPlan, payload: dict[str, Any], quirks: Quirks) -> None:
        """Puts a plan into the body of a request."""

    # Every method that takes a config ends in one of these; what they call themselves is told no more than metadata.

    def invoke(
        self,
        input: LanguageModelInput,  # noqa: A002 - the parent's name
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """As LangChain's, of whom the config says."""
        return super().invoke(input, config, stop=stop, **scoped(kwargs, config))

    async def ainvoke(
        self,
        input: LanguageModelInput,  # noqa: A002 - the parent's name
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """As LangChain's, of whom the config says."""
        return await super().ainvoke(input, config, stop=stop, **scoped(kwargs, config))

    def stream(
        self,
        input: LanguageModelInput,  # noqa: A002 - the parent's name
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> Iterator[AIMessageChunk]:
        """As LangChain's, of whom the config says."""
        return super().stream(input, config, stop=stop, **scoped(kwargs, config))

    def astream(
        self,
        input: LanguageModelInput,  # noqa: A002 - the parent's name
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessageChunk]:
        """As LangChain's, of whom the config says."""
        return super().astream(input, config, stop=stop, **scoped(kwargs, config))

    if not TYPE_CHECKING:  # for type checkers they are the parent's, with its overloads

        def stream_events(self, input: Any, config: Any = None, **kwargs: Any) -> Any:  # noqa: A002 - as above
            """As LangChain's, of whom the config says."""
            return super().stream_events(input, config, **scoped(kwargs, config))

        def astream_events(self, input: Any, config: Any = None, **kwargs: Any) -> Any:  # noqa: A002 - as above
            """As LangChain's, of whom the config says."""
            return super().astream_events(input, config, **scoped(kwargs, config))

    def _call(self, run_manager: BaseRunManager | None, kwargs: dict[str, Any]) -> Call:
        """A new call, of whom its arguments or its metadata say."""
        metadata = run_manager.metadata if run_manager else self.metadata
        owner = owner_of(kwargs.pop("scope", None), self.scope, metadata)
        exchange = Exchange(self._settings.allowed_remedies, loses=not self._memory.is_shared)
        return Call(run_manager and run_manager.run_id, owner, self._memory, exchange)

    def _started(self, run_manager: BaseRunManager | None, kwargs: dict[str, Any]) -> Call:
        """A new call, among its own arguments if the hook that takes it out again is called."""
        call = self._call(run_manager, kwargs)
        if hasattr(super(), "_get_request_payload"):
            kwargs[_CALL] = call
        return call

    def _begin(self, call: Call, conversation: Conversation, payload: Mapping[str, Any], quirks: Quirks) -> None:
        """Begins an attempt."""
        attempt = AttemptSettings(quirks, is_thinking(payload, quirks))
        scope = self._settings.scope_of(call.owner, quirks, shared=self._memory.is_shared)
        call.exchange.begin(conversation, attempt, scope, end_user=payload.get("user"))

    def _payload(self, input_: LanguageModelInput, stop: list[str] | None, kwargs: dict[str, Any]) -> dict[str, Any]:
        """The body of a request: as it was prepared, or made now."""
        call = kwargs.pop(_CALL, None)
        if not isinstance(call, Call):  # the body alone is asked for
            call = self._call(None, kwargs)
        if call.prepared is not None:
            prepared, call.prepared = call.prepared, None
            return {**prepared, **{name: value for name, value in kwargs.items() if name not in call.known}}
        payload, quirks = self._begun(messages_of(input_), call, stop, kwargs)
        if quirks is not None:
            self._finish(call, payload, quirks, self._memory.read(call.exchange.lookup()))
        return payload

    async def _prepare(self, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]) -> None:
        """Makes the body beforehand where the store would block the event loop in which the parent asks for it."""
        call = kwargs.get(_CALL)
        if call is None or not self._memory.is_shared:
            return
        arguments = {name: value for name, value in kwargs.items() if name not in _OF_THE_CALL}
        call.known = frozenset(arguments)
        payload, quirks = self._begun(messages, call, stop, arguments)
        if quirks is not None:
            self._finish(call, payload, quirks, await self._memory.aread(call.exchange.lookup()))
        call.prepared = payload

    def _finish(self, call: Call, payload: dict[str, Any], quirks: Quirks, found: Found) -> None:
        """Finishes the body of a request.

        Raises:
            NoRemedyLeft: It was rejected, and cannot be changed any further.
        """
        plan = call.exchange.plan(found)
        call.memory.note(call.exchange, call.run)
        call.attempt = plan.attempt
        call.report = plan.report.summary if self._settings.report else None
        self._put(plan, payload, quirks)

    def _outcome(self, call: Call, error: Exception) -> Outcome | None:
        """What follows an error; None where it is no rejection of reasoning.

        Raises:
            ReasoningRejectedError: There was nothing to change after the last one.
        """
        if isinstance(error, NoRemedyLeft):
            raise self._rejected_as(error.rejection, call.error or error) from None
        model = call.exchange.sent.model if call.exchange.sent else ""
        outcome = call.exchange.rejected(error, self._memory.now())
        log_malformed(model, outcome.malformed)
        return outcome if outcome.rejection else None

    def _ready(self, call: Call, outcome: Outcome, error: Exception) -> None:
        """Readies a call for the retry.

        Raises:
            ReasoningRejectedError: There is none.
        """
        rejection = outcome.rejection
        if rejection is not None and rejection.first is None:
            log_rejection(rejection.explain())
        if rejection is not None and not outcome.may_retry:
            raise self._rejected_as(rejection, error) from None  # an error's own words may quote the request
        call.error = error

    def _begins_again(self, call: Call, error: Exception) -> bool:
        """Whether a call that failed is made again, with another body; False for what is no rejection.

        Raises:
            ReasoningRejectedError: It is one, and is not made again.
        """
        outcome = self._outcome(call, error)
        if outcome is not None:
            self._memory.write(outcome.writes)
            self._ready(call, outcome, error)
        return outcome is not None

    async def _abegins_again(self, call: Call, error: Exception) -> bool:
        """As `_begins_again`, without blocking the event loop."""
        outcome = self._outcome(call, error)
        if outcome is not None:
            await self._memory.awrite(outcome.writes)
            self._ready(call, outcome, error)
        return outcome is not None

    def _convert_cached_generations(self, cache_val: list[Generation]) -> list[ChatGeneration]:
        """An answer of a cache is to no request, and says of none what was done to it."""
        converted = super()._convert_cached_generations(cache_val)
        for generation in converted:
            message = generation.message
            if REPORT in message.response_metadata:
                metadata = {name: value for name, value in message.response_metadata.items() if name != REPORT}
                generation.message = message.model_copy(update={"response_metadata": metadata})
        return converted

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        _record_last()
        call, result = self._started(run_manager, kwargs), None
        while result is None:
            try:
                result = super()._generate(messages, stop, run_manager, **kwargs)  # type: ignore[safe-super]
            except (NoRemedyLeft, self._sdk_error) as error:
                if not self._begins_again(call, error):
                    raise
        call.record(turns_of(result))
        call.spend(result.generations)
        call.tell(result.generations)
        return result

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        await _arecord_last()
        call, result = self._started(run_manager, kwargs), None
        while result is None:
            try:
                await self._prepare(messages, stop, kwargs)
                result = await super()._agenerate(messages, stop, run_manager, **kwargs)
            except (NoRemedyLeft, self._sdk_error) as error:
                if not await self._abegins_again(call, error):
                    raise
        await call.arecord(turns_of(result))
        call.spend(result.generations)
        call.tell(result.generations)
        return result

    def _stream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        """Streams, and remembers the turn before its last chunk leaves: the next request may follow at once.

        Chunks that say nothing wait for one that does, because a rejection may follow them.
        """
        _record_last()
        call, ended = self._started(_manager(args, kwargs), kwargs), False
        _LAST.set(call)
        while not ended:
            chunks, given = call.chunks, 0
            try:
                for chunk in super()._stream(messages, *args, **kwargs):
                    chunks.append(chunk)
                    if _is_last(chunk):
                        call.record(turn_of(chunks))
                    if given or says_something(chunk):
                        call.tell(chunks)
                        yield from chunks[given:]
                        given = len(chunks)
                ended = True
            except (NoRemedyLeft, self._sdk_error) as error:
                if given or not self._begins_again(call, error):
                    raise
            finally:
                if turns := call.left():
                    call.record(turns)
                call.chunks = []
        call.spend(chunks)
        call.tell(chunks)
        yield from chunks[given:]

    async def _astream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        """As `_stream`, without blocking the event loop."""
        await _arecord_last()
        call, ended = self._started(_manager(args, kwargs), kwargs), False
        _LAST.set(call)
        while not ended:
            chunks, given = call.chunks, 0
            try:
                await self._prepare(messages, args[0] if args else kwargs.get("stop"), kwargs)
                async for chunk in super()._astream(messages, *args, **kwargs):
                    chunks.append(chunk)
                    if _is_last(chunk):
                        await call.arecord(turn_of(chunks))
                    if given or says_something(chunk):
                        call.tell(chunks)
                        for waiting in chunks[given:]:
                            yield waiting
                        given = len(chunks)
                ended = True
            except (NoRemedyLeft, self._sdk_error) as error:
                if given or not await self._abegins_again(call, error):
                    raise
            finally:
                if turns := call.left():
                    await call.arecord(turns)
                call.chunks = []
        call.spend(chunks)
        call.tell(chunks)
        for waiting in chunks[given:]:
            yield waiting


def _is_last(chunk: ChatGenerationChunk) -> bool:
    """Whether the API finishes the turn with this chunk: each wire says why, one beside the message and one in it."""
    reason = (chunk.generation_info or {}).get("finish_reason")
    return bool(reason or chunk.message.response_metadata.get("stop_reason"))


def _manager(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> BaseRunManager | None:
    """The run manager among the arguments of a stream: the second after the messages."""
    return kwargs["run_manager"] if "run_manager" in kwargs else args[1] if len(args) > 1 else None
