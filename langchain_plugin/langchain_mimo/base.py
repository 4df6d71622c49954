"""A chat model that remembers: each answer is captured before the caller has it, and so before it can ask again.

A rejected request is made again once, with another body, or the caller is told why that would not help.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import Field, PrivateAttr, model_validator
from typing_extensions import Self

from .deferred import Deferred, parts

if TYPE_CHECKING:  # whoever only imports the class does not pay for LangChain's callbacks
    from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, BaseRunManager, CallbackManagerForLLMRun


class Remembering(Deferred, BaseChatModel):
    """Stands before the class of another package that speaks the wire, and has the subclass build what is sent."""

    _sdk_error: ClassVar[type[Exception]]  # what a rejection comes as

    store: Any = Field(default=None, exclude=True, repr=False)  # its URL may hold a password
    scope: str | None = None

    # Types in comments, because annotations of a class are evaluated with it, and would load the core.
    _settings = PrivateAttr(default_factory=lambda: parts.Settings.from_env())  # type: parts.Settings # noqa: PLW0108
    _memory = PrivateAttr()  # type: parts.Memory

    @model_validator(mode="after")
    def _remember(self) -> Self:
        if self.store is not None and not isinstance(self.store, str) and not hasattr(self.store, "aput"):
            raise ValueError(f"store is {type(self.store).__name__}; give a ReasoningStore or a URL such as memory://")
        if self.scope is not None and not self.scope.strip():
            raise ValueError("scope is blank and names nobody: leave it out where nobody is meant")
        self._memory = parts.memory_of(self.store, self._settings)
        if self._memory.is_shared and self.scope is None and self._settings.scope is None:
            raise ValueError("other processes see this store: say whose memory it is by scope=... or MIMO_QUIRKS_SCOPE")
        return self

    def __repr_args__(self) -> Any:
        """As it is serialised: without credentials."""
        shown = self.lc_attributes
        return [(name, shown.get(name, value)) for name, value in super().__repr_args__()]

    @abstractmethod
    def _look_up(self, messages: list[BaseMessage], **kwargs: Any) -> None:
        """Asks the memory about a history, so that the exchange in the arguments knows the answer."""

    @abstractmethod
    def _is_last(self, chunk: ChatGenerationChunk) -> bool:
        """Whether the API finishes the turn with this chunk."""

    @abstractmethod
    def _deployment(self) -> parts.Quirks | None:
        """The quirks of the model on its host; None where it is not ours to touch."""

    @abstractmethod
    def _rejection(self, rejected: parts.Rejection, error: Exception) -> Exception:
        """What to raise where nothing more can be done about a rejection."""

    def contract(self, *, thinking: bool = True) -> parts.HostPolicy | None:
        """What the API's rejections have taught about the model's host, as far as this process has heard.

        Args:
            thinking: Of requests that think, or that do not.

        Returns:
            The evidence; None for a model that is not ours to touch. `step()` is what a request begins with.
        """
        quirks = self._deployment()
        return None if quirks is None else self._memory.contract(parts.AttemptSettings(quirks, thinking))

    def _recalled(
        self,
        history: Sequence[parts.Message],
        exchange: parts.Exchange,
        terms: parts.AttemptSettings,
        *,
        verify_carried: bool = False,
    ) -> parts.FoundReasoning:
        exchange.scope = self._settings.scope_of(exchange.owner, terms.quirks, shared=self._memory.is_shared)
        if exchange.recall is None:
            exchange.recall = self._memory.recall(history, exchange.scope, verify_carried=verify_carried, terms=terms)
        return exchange.recall

    def _drafted(
        self,
        exchange: parts.Exchange,
        terms: parts.AttemptSettings,
        build: Callable[[parts.AttemptSettings], parts.RequestPlan],
    ) -> parts.RequestPlan:
        """The request on the terms that the deployment is known to want, or after a rejection on others.

        Raises:
            NoRemedyLeft: No other terms make another request.
        """
        draft = parts.choose_plan(
            exchange.rejected,
            terms,
            self._memory.contract(terms),
            self._settings.steps,
            lambda step: build(replace(terms, step=step)),
        )
        if exchange.draft is None:  # what a look-up in a thread has built, or a retry repeats, was noted before
            parts.note(draft.report)
        exchange.draft = draft
        return draft

    def _exchange(self, run_manager: BaseRunManager | None, kwargs: dict[str, Any]) -> parts.Exchange:
        """The exchange of a call, laid among its arguments."""
        metadata = run_manager.metadata if run_manager else None
        kwargs[parts.EXCHANGE] = exchange = parts.Exchange(
            parts.owner_of(kwargs.pop("scope", None), self.scope, metadata)
        )
        return exchange

    async def _asked(self, messages: list[BaseMessage], kwargs: dict[str, Any]) -> None:
        """Makes a look-up that would block the event loop in a thread beforehand."""
        if self._memory.is_shared:
            await asyncio.to_thread(self._look_up, messages, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        exchange, result = self._exchange(run_manager, kwargs), None
        while result is None:
            try:
                result = super()._generate(messages, stop, run_manager, **kwargs)  # type: ignore[safe-super]
            except (parts.NoRemedyLeft, self._sdk_error) as error:
                if not self._begins_again(exchange, error):
                    raise
        self._captured(exchange, parts.turns_of(result))
        return result

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        exchange, result = self._exchange(run_manager, kwargs), None
        while result is None:
            try:
                await self._asked(messages, kwargs)
                result = await super()._agenerate(messages, stop, run_manager, **kwargs)
            except (parts.NoRemedyLeft, self._sdk_error) as error:
                if not await self._abegins_again(exchange, error):
                    raise
        await self._acaptured(exchange, parts.turns_of(result))
        return result

    def _stream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        """Streams, and remembers the turn before its last chunk leaves: the next request may follow at once.

        Chunks that say nothing wait for one that does, because a rejection may follow them.
        """
        exchange, ended = self._exchange(_manager(args, kwargs), kwargs), False
        while not ended:
            chunks, given = list[ChatGenerationChunk](), 0
            try:
                for chunk in super()._stream(messages, *args, **kwargs):
                    chunks.append(chunk)
                    if self._is_last(chunk):
                        self._captured(exchange, parts.turn_of(chunks))
                    if given or parts.says_something(chunk):
                        yield from chunks[given:]
                        given = len(chunks)
                ended = True
            except (parts.NoRemedyLeft, self._sdk_error) as error:
                if given or not self._begins_again(exchange, error):
                    raise
        yield from chunks[given:]

    async def _astream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        """As `_stream`, without blocking the event loop."""
        exchange, ended = self._exchange(_manager(args, kwargs), kwargs), False
        while not ended:
            chunks, given = list[ChatGenerationChunk](), 0
            try:
                await self._asked(messages, kwargs)
                async for chunk in super()._astream(messages, *args, **kwargs):
                    chunks.append(chunk)
                    if self._is_last(chunk):
                        await self._acaptured(exchange, parts.turn_of(chunks))
                    if given or parts.says_something(chunk):
                        for waiting in chunks[given:]:
                            yield waiting
                        given = len(chunks)
                ended = True
            except (parts.NoRemedyLeft, self._sdk_error) as error:
                if given or not await self._abegins_again(exchange, error):
                    raise
        for waiting in chunks[given:]:
            yield waiting

    def _captured(self, exchange: parts.Exchange, turns: Sequence[parts.Message]) -> None:
        if exchange.draft is not None:
            self._memory.capture(exchange.draft.sent, turns, exchange.scope, terms=exchange.draft.terms)

    async def _acaptured(self, exchange: parts.Exchange, turns: Sequence[parts.Message]) -> None:
        if exchange.draft is not None:
            await self._memory.acapture(exchange.draft.sent, turns, exchange.scope, terms=exchange.draft.terms)

    def _begins_again(self, exchange: parts.Exchange, error: Exception) -> bool:
        """Whether a call that failed is made again, with another body; False for what is no rejection.

        Raises:
            ReasoningRejectedError: It is one, and is not made again.
        """
        rejected = self._rejected(exchange, error)
        if rejected is not None:
            self._memory.learn(rejected.terms, rejected.kind)
            self._ready(exchange, rejected, error)
        return rejected is not None

    async def _abegins_again(self, exchange: parts.Exchange, error: Exception) -> bool:
        """As `_begins_again`, without blocking the event loop."""
        rejected = self._rejected(exchange, error)
        if rejected is not None:
            await self._memory.alearn(rejected.terms, rejected.kind)
            self._ready(exchange, rejected, error)
        return rejected is not None

    def _rejected(self, exchange: parts.Exchange, error: Exception) -> parts.Rejection | None:
        """What an error rejects; None where it is no rejection of reasoning.

        Raises:
            ReasoningRejectedError: There was nothing to change after the last one.
        """
        if isinstance(error, parts.NoRemedyLeft) and exchange.rejected and exchange.error:
            raise self._rejection(exchange.rejected, exchange.error) from None
        if exchange.draft is None:
            return None
        from mimo_quirks.rejections.recognition import classify_rejection  # noqa: PLC0415 - its patterns are compiled where it fails

        kind = classify_rejection(error, exchange.draft.request)
        if kind is not None:
            return parts.Rejection.of(kind, exchange.draft, first=exchange.rejected)
        parts.log_malformed(exchange.draft, error)
        return None

    def _ready(self, exchange: parts.Exchange, rejected: parts.Rejection, error: Exception) -> None:
        """Readies an exchange for the retry.

        Raises:
            ReasoningRejectedError: There is none.
        """
        if rejected.first is None:
            parts.log_rejection(rejected.announce(self._settings.steps))
        if not rejected.steps(self._settings.steps):
            raise self._rejection(rejected, error) from None  # an error's own words may quote the request
        exchange.rejected, exchange.error, exchange.recall = rejected, error, None


def _manager(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> BaseRunManager | None:
    """The run manager among the arguments of a stream: the second after the messages."""
    return kwargs["run_manager"] if "run_manager" in kwargs else args[1] if len(args) > 1 else None
