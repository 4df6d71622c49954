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
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any, Final

from mimo_quirks import MESSAGES, RESPONSES, Message, TurnReader, as_message, log_frames

from ._internals import stream_classes, stream_makers
from .answers import ReasoningItems, seal_answer, seal_item, summarised, turns_of
from .call import CallState, called_as
from .sse import MessageReader

_LOGGER: Final = logging.getLogger("mimo_quirks")
_LISTENING: Final = threading.Lock()

_Read = Callable[[Any, Any], tuple[Any, Sequence[Message]]]
"""Takes a stream and its next chunk, and gives the chunk to hand out, with the turns where it is the last."""


def listen() -> None:
    """Has LiteLLM's streams tell; once a process, whatever the number of calls."""
    if not _LISTENING.acquire(blocking=False):  # taken by the first call and never given back
        return
    for name, stream in stream_classes().items():
        if name == "LiteLLMCompletionStreamingIterator":
            _add_trailing(stream)
        _tell_of(stream, _read_chat if name == "CustomStreamWrapper" else _read_responses)
    for owner, name in stream_makers():
        _wrap(owner, name)


def _tell_of(stream: Any, read: _Read) -> None:
    """Has a stream's class tell."""
    for name, told in (("__next__", _told), ("__anext__", _atold)):
        if name in vars(stream):
            setattr(stream, name, told(vars(stream)[name], read))


def _told(after: Any, read: _Read) -> Any:
    @functools.wraps(after)
    def tell(self: Any) -> Any:
        try:
            chunk, turns = _seen(read, self, after(self))
        except Exception as error:
            listener = None if isinstance(error, StopIteration) else CallState.of(_details(self)).listener
            if listener is not None:
                listener.stream_failed(_details(self), error)
            raise
        listener = CallState.of(_details(self)).listener if turns else None
        if listener is not None:
            listener.stream_finished(_details(self), turns)
        return chunk

    return tell


def _atold(after: Any, read: _Read) -> Any:
    @functools.wraps(after)
    async def tell(self: Any) -> Any:
        try:
            chunk, turns = _seen(read, self, await after(self))
        except Exception as error:
            listener = None if isinstance(error, StopAsyncIteration) else CallState.of(_details(self)).listener
            if listener is not None:
                await listener.astream_failed(_details(self), error)
            raise
        listener = CallState.of(_details(self)).listener if turns else None
        if listener is not None:
            await listener.astream_finished(_details(self), turns)
        return chunk

    return tell


def _seen(read: _Read, stream: Any, chunk: Any) -> tuple[Any, Sequence[Message]]:
    """A stream goes on whatever may be in it; what could not be read is not remembered."""
    try:
        return read(stream, chunk)
    except Exception as error:  # noqa: BLE001 - as the docstring says
        _LOGGER.warning("a stream is not remembered, because of a %s", type(error).__name__)
        log_frames("a stream is not remembered", error)
        return chunk, ()


def _add_trailing(stream: Any) -> None:
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
        state = CallState.of(details)
        if not state.is_sent and state.seal is None:  # another family's, of which not a byte waits for its event
            async for chunk in self._stream:
                yield chunk
            return
        reader, listener = MessageReader(state.seal), state.listener
        async for chunk in self._stream:
            events = list(reader.feed(chunk))
            if listener is not None and reader.stopped:
                await listener.astream_finished(details, [reader.turn()])
            elif listener is not None and reader.error:
                await listener.astream_failed(details, reader.error)
            if reader.stopped or reader.error:
                listener = None  # it is told once
            for event in events:
                yield event
        if rest := reader.flush():
            yield rest


def _details(stream: Any) -> dict[str, Any]:
    logging = getattr(stream, "logging_obj", None) or getattr(stream, "litellm_logging_obj", None)
    return getattr(logging, "model_call_details", None) or {}


def _read_chat(stream: Any, chunk: Any) -> tuple[Any, Sequence[Message]]:
    """The turns are there where the API itself finishes them: a stream that broke off gets a reason of LiteLLM's."""
    choices = getattr(chunk, "choices", None)
    if not choices or not choices[0].finish_reason:
        return chunk, ()
    finished = stream.received_finish_reason or stream.intermittent_finish_reason
    return chunk, _turns(stream.chunks) if finished else ()


def _read_responses(stream: Any, event: Any) -> tuple[Any, Sequence[Message]]:
    """What reasoning an event finishes is sealed; on its way to the messages wire it is summarised."""
    details, kind = _details(stream), getattr(event, "type", None)
    seal = CallState.of(details).seal
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
            reader.feed(_said(choice.delta), choice.finish_reason)
    turns = [reader.turn() for reader in readers.values()]
    return [as_message(turn) for turn in turns if turn.complete or len(turns) == 1]  # LiteLLM keeps one's reason apart


def _said(delta: Any) -> Mapping[str, Any]:
    """A delta's members; calls are objects of LiteLLM's, which have to be written out."""
    if getattr(delta, "tool_calls", None):
        written: Mapping[str, Any] = delta.model_dump(exclude_none=True)
        return written
    return {**vars(delta), **(delta.model_extra or {})}
