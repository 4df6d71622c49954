"""A chat model that remembers: each answer is captured before the caller has it, and so before it can ask again."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import Field, PrivateAttr, model_validator
from typing_extensions import Self

from mimo_quirks.memory import Memory
from mimo_quirks.quirks import Quirks
from mimo_quirks.recall import Recall
from mimo_quirks.settings import Settings
from mimo_quirks.turns import Message

from .exchange import EXCHANGE, Exchange, memory_of, owner_of, turn_of, turns_of

if TYPE_CHECKING:  # whoever only imports the class does not pay for LangChain's callbacks
    from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, BaseRunManager, CallbackManagerForLLMRun


class Remembering(BaseChatModel):
    """Stands before the class of another package that speaks the wire, and has the subclass build what is sent."""

    store: Any = Field(default=None, exclude=True, repr=False)  # its URL may hold a password
    scope: str | None = None

    _settings: Settings = PrivateAttr(default_factory=Settings.from_env)
    _memory: Memory = PrivateAttr()

    @model_validator(mode="after")
    def _remember(self) -> Self:
        if self.store is not None and not isinstance(self.store, str) and not hasattr(self.store, "aput"):
            raise ValueError(f"store is {type(self.store).__name__}; give a ReasoningStore or a URL such as memory://")
        self._memory = memory_of(self.store, self._settings)
        if self._memory.is_shared and self.scope is None and self._settings.scope is None:
            raise ValueError("other processes see this store: say whose memory it is by scope=... or MIMO_QUIRKS_SCOPE")
        return self

    @abstractmethod
    def _look_up(self, messages: list[BaseMessage], **kwargs: Any) -> None:
        """Asks the memory about a history, so that the exchange in the arguments knows the answer."""

    @abstractmethod
    def _is_last(self, chunk: ChatGenerationChunk) -> bool:
        """Whether the API finishes the turn with this chunk."""

    def _recalled(
        self, history: Sequence[Message], exchange: Exchange, quirks: Quirks, *, doubting: bool = False
    ) -> Recall:
        exchange.scope = self._settings.scope_of(exchange.owner, quirks, shared=self._memory.is_shared)
        if exchange.recall is None:
            exchange.recall = self._memory.recall(history, exchange.scope, doubting=doubting)
        return exchange.recall

    def _exchange(self, run_manager: BaseRunManager | None, kwargs: dict[str, Any]) -> Exchange:
        """The exchange of a call, laid among its arguments."""
        metadata = run_manager.metadata if run_manager else None
        kwargs[EXCHANGE] = exchange = Exchange(owner_of(kwargs.pop("scope", None), self.scope, metadata))
        return exchange

    async def _aexchange(self, messages: list[BaseMessage], run_manager: Any, kwargs: dict[str, Any]) -> Exchange:
        """As `_exchange`, with a look-up that would block the event loop made in a thread beforehand."""
        exchange = self._exchange(run_manager, kwargs)
        if self._memory.is_shared:
            await asyncio.to_thread(self._look_up, messages, **kwargs)
        return exchange

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        exchange = self._exchange(run_manager, kwargs)
        result = super()._generate(messages, stop, run_manager, **kwargs)  # type: ignore[safe-super]
        self._memory.capture(exchange.sent, turns_of(result), exchange.scope)
        return result

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        exchange = await self._aexchange(messages, run_manager, kwargs)
        result = await super()._agenerate(messages, stop, run_manager, **kwargs)
        await self._memory.acapture(exchange.sent, turns_of(result), exchange.scope)
        return result

    def _stream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        """Streams, and remembers the turn before its last chunk leaves: the next request may follow at once."""
        exchange, chunks = self._exchange(_manager(args, kwargs), kwargs), []
        for chunk in super()._stream(messages, *args, **kwargs):
            chunks.append(chunk)
            if self._is_last(chunk):
                self._memory.capture(exchange.sent, turn_of(chunks), exchange.scope)
            yield chunk

    async def _astream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        """As `_stream`, without blocking the event loop."""
        exchange, chunks = await self._aexchange(messages, _manager(args, kwargs), kwargs), []
        async for chunk in super()._astream(messages, *args, **kwargs):
            chunks.append(chunk)
            if self._is_last(chunk):
                await self._memory.acapture(exchange.sent, turn_of(chunks), exchange.scope)
            yield chunk


def _manager(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> BaseRunManager | None:
    """The run manager among the arguments of a stream: the second after the messages."""
    return kwargs["run_manager"] if "run_manager" in kwargs else args[1] if len(args) > 1 else None
