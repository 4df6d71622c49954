"""The end of a stream, before its last chunk or its error leaves; and its reasoning, before a client carries it.

A client may send its next turn as soon as it has read the last chunk, and LiteLLM has no hook that runs before that for
the SDK: its log events are queued or run in a thread, late by up to 340 ms under load, and with message redaction on
they hold no reasoning at all. So LiteLLM's own streams, one class for each wire, are made to tell when they are about
to hand out the last chunk. They do as before otherwise; other callbacks see no difference.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

import litellm
from litellm.integrations.custom_logger import CustomLogger
from litellm.litellm_core_utils.streaming_handler import CustomStreamWrapper
from litellm.llms.anthropic.pass_through.adapters.transformation import AnthropicAdapter
from litellm.responses.litellm_completion_transformation.streaming_iterator import LiteLLMCompletionStreamingIterator
from litellm.responses.streaming_iterator import (
    MockResponsesAPIStreamingIterator,
    ResponsesAPIStreamingIterator,
    SyncResponsesAPIStreamingIterator,
)

from mimo_quirks.history.streaming import TurnReader
from mimo_quirks.history.turns import Message, as_message
from mimo_quirks.wires import MESSAGES, RESPONSES

from .answers import seal_answer, seal_item, summarised, turns_of
from .call_state import SEAL, SENT, get
from .routes import called_as
from .sse import MessageReader
from .trailing import ReasoningItems


class StreamListener(CustomLogger):
    """A callback that is told of finished streams, and of failed ones."""

    def stream_finished(self, details: dict[str, Any], turns: Sequence[Message]) -> None:
        """Called in the caller's thread before the last chunk of a synchronous stream leaves."""
        raise NotImplementedError

    async def astream_finished(self, details: dict[str, Any], turns: Sequence[Message]) -> None:
        """As `stream_finished`, for an asynchronous stream."""
        raise NotImplementedError

    def stream_failed(self, details: dict[str, Any], error: object) -> None:
        """Called in the caller's thread before the error leaves; `error` is an exception, or an event that says so."""
        raise NotImplementedError

    async def astream_failed(self, details: dict[str, Any], error: object) -> None:
        """As `stream_failed`, for an asynchronous stream; called in the context in which LiteLLM makes it again."""
        raise NotImplementedError


_LOGGER: Final = logging.getLogger("mimo_quirks")
_LISTENING: Final = threading.Lock()


def listen() -> None:
    """Has LiteLLM's streams tell; once a process, whatever the number of calls."""
    if not _LISTENING.acquire(blocking=False):  # taken by the first call and never given back
        return
    _tell_of(CustomStreamWrapper, _read_chat)
    _add_late(LiteLLMCompletionStreamingIterator)
    _tell_of(LiteLLMCompletionStreamingIterator, _read_responses)
    _tell_of(ResponsesAPIStreamingIterator, _read_responses)
    _tell_of(SyncResponsesAPIStreamingIterator, _read_responses)
    _tell_of(MockResponsesAPIStreamingIterator, _read_responses)  # for models whose streams LiteLLM does not trust
    with suppress(ImportError):  # such a stream needs what LiteLLM's proxy extra brings, and so does the import
        from litellm.llms.anthropic.pass_through.messages import streaming_iterator  # noqa: PLC0415 - as it says

        _wrap(streaming_iterator.BaseAnthropicMessagesStreamingIterator, "get_async_streaming_response_iterator")
    _wrap(AnthropicAdapter, "translate_completion_output_params_streaming")


_Read = Callable[[Any, Any], tuple[Any, Sequence[Message]]]
"""Takes a stream and its next chunk, and gives the chunk to hand out, with the turns where it is the last."""


def _harmless(read: _Read) -> _Read:
    """A stream goes on whatever may be in it; what could not be read is not remembered."""

    def attempt(stream: Any, chunk: Any) -> tuple[Any, Sequence[Message]]:
        try:
            return read(stream, chunk)
        except Exception as error:  # noqa: BLE001 - as the docstring says
            _LOGGER.warning("a stream is not remembered, because of a %s", type(error).__name__)
            return chunk, ()

    return attempt


def _tell_of(stream: Any, read: _Read) -> None:
    """Has a stream's class tell."""
    for name, told in (("__next__", _told), ("__anext__", _atold)):
        if name in vars(stream):
            setattr(stream, name, told(vars(stream)[name], _harmless(read)))


def _told(after: Any, read: _Read) -> Any:
    @functools.wraps(after)
    def tell(self: Any) -> Any:
        try:
            chunk, turns = read(self, after(self))
        except Exception as error:
            for listener in _listeners() if not isinstance(error, StopIteration) else ():
                listener.stream_failed(_details(self), error)
            raise
        for listener in _listeners() if turns else ():
            listener.stream_finished(_details(self), turns)
        return chunk

    return tell


def _atold(after: Any, read: _Read) -> Any:
    @functools.wraps(after)
    async def tell(self: Any) -> Any:
        try:
            chunk, turns = read(self, await after(self))
        except Exception as error:
            for listener in _listeners() if not isinstance(error, StopAsyncIteration) else ():
                await listener.astream_failed(_details(self), error)
            raise
        for listener in _listeners() if turns else ():
            await listener.astream_finished(_details(self), turns)
        return chunk

    return tell


def _add_late(stream: Any) -> None:
    """Has a stream's class hand out the items that it leaves out."""
    after, aafter = stream.__next__, stream.__anext__

    @functools.wraps(after)
    def add(self: Any) -> Any:
        waiting = _waiting(self)
        return waiting.popleft() if waiting else _queued(self, waiting, after(self))

    @functools.wraps(aafter)
    async def aadd(self: Any) -> Any:
        waiting = _waiting(self)
        return waiting.popleft() if waiting else _queued(self, waiting, await aafter(self))

    stream.__next__, stream.__anext__ = add, aadd


def _waiting(stream: Any) -> deque[Any]:
    """The events that a stream has still to hand out; it has them, and what it read, to itself."""
    known: dict[str, Any] = vars(stream)
    waiting: deque[Any] = known.setdefault("mimo_quirks_waiting", deque())
    known.setdefault("mimo_quirks_items", ReasoningItems())
    return waiting


def _queued(stream: Any, waiting: deque[Any], event: Any) -> Any:
    waiting.extend([*stream.mimo_quirks_items.feed(event), event])
    return waiting.popleft()


def _wrap(owner: Any, name: str) -> None:
    """Has a function that makes a stream of the messages wire make one that tells."""
    make = getattr(owner, name)

    @functools.wraps(make)
    def made(*args: Any, **kwargs: Any) -> Any:
        stream, logging = make(*args, **kwargs), kwargs.get("litellm_logging_obj")
        if logging is None or not hasattr(stream, "__anext__"):
            return stream
        return _Told(stream, logging.model_call_details)

    setattr(owner, name, made)


class _Told:
    """A stream of the messages wire that tells before its end leaves. Everything else is the stream's own."""

    def __init__(self, stream: Any, details: dict[str, Any]) -> None:
        self._stream = stream
        self._events = self._told(details)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __aiter__(self) -> _Told:
        return self

    async def __anext__(self) -> bytes:
        return await self._events.__anext__()

    async def aclose(self) -> None:
        """Closes the stream."""
        await self._events.aclose()
        await self._stream.aclose()

    async def _told(self, details: dict[str, Any]) -> AsyncGenerator[bytes, None]:
        if SENT not in details and SEAL not in details:  # another family's, of which not a byte waits for its event
            async for chunk in self._stream:
                yield chunk
            return
        reader = MessageReader(get(details, SEAL))
        async for chunk in self._stream:
            events = list(reader.feed(chunk))
            if reader.stopped:
                for listener in _listeners():
                    await listener.astream_finished(details, [reader.turn()])
            if reader.error:
                for listener in _listeners():
                    await listener.astream_failed(details, reader.error)
            for event in events:
                yield event
        if rest := reader.flush():
            yield rest


def _listeners() -> Iterator[StreamListener]:
    return (callback for callback in litellm.callbacks if isinstance(callback, StreamListener))


def _details(stream: Any) -> dict[str, Any]:
    logging = getattr(stream, "logging_obj", None) or getattr(stream, "litellm_logging_obj", None)
    return getattr(logging, "model_call_details", None) or {}


def _read_chat(stream: CustomStreamWrapper, chunk: Any) -> tuple[Any, Sequence[Message]]:
    """The turns are there where the API itself finishes them: a stream that broke off gets a reason of LiteLLM's."""
    choices = getattr(chunk, "choices", None)
    finished = stream.received_finish_reason or stream.intermittent_finish_reason
    return chunk, _turns(stream.chunks) if choices and choices[0].finish_reason and finished else ()


def _read_responses(stream: Any, event: Any) -> tuple[Any, Sequence[Message]]:
    """What reasoning an event finishes is sealed; on its way to the messages wire it is summarised."""
    details, kind = _details(stream), getattr(event, "type", None)
    seal = get(details, SEAL)
    if kind == "response.output_item.done" and seal is not None:
        seal_item(event.item, seal)
    turns: Sequence[Message] = ()
    if kind == "response.completed":
        turns = turns_of(event.response, RESPONSES)
        if seal is not None:
            seal_answer(event.response, RESPONSES, seal)
    return summarised(event) if called_as(details) is MESSAGES else event, turns


def _turns(chunks: list[Any]) -> list[Message]:
    readers: dict[int, TurnReader] = {}
    for chunk in chunks:
        for choice in chunk.choices:
            reader = readers.setdefault(choice.index, TurnReader())
            reader.feed(choice.delta.model_dump(exclude_none=True), choice.finish_reason)
    turns = [reader.turn() for reader in readers.values()]
    return [as_message(turn) for turn in turns if turn.complete or len(turns) == 1]  # LiteLLM keeps one's reason apart
