"""The end of a stream, before its last chunk or its error leaves; and its reasoning, before a client carries it.

A client may send its next turn as soon as it has read the last chunk, and LiteLLM has no hook that runs before that for
the SDK: its log events are queued or run in a thread, late by up to 340 ms under load, and with message redaction on
they hold no reasoning at all. So LiteLLM's own streams, one class for each wire, are made to tell when they are about
to hand out the last chunk. They do as before otherwise; other callbacks see no difference.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import logging
import threading
import weakref
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any, Final

from mimo_quirks import (
    MESSAGES,
    RESPONSES,
    Message,
    TurnReader,
    as_message,
    has_whole_calls,
    items_as_turn,
    log_frames,
)

from ._internals import stream_classes, stream_makers
from .answers import ReasoningItems, as_dict, seal_answer, seal_item, summarised, turns_of
from .call import CallState, called_as
from .sse import MessageReader

_LOGGER: Final = logging.getLogger("mimo_quirks")
_LISTENING: Final = threading.Lock()

_Read = Callable[[Any, Any], tuple[Any, Sequence[Message]]]
"""Takes a stream and its next chunk, and gives the chunk to hand out, with the turns where it is the last."""


_OPEN: Final[dict[int, CallState]] = {}
"""The calls whose streams call tools and have not ended. A plain dict needs no lock, and so may be changed by what the
interpreter runs in the middle of anything."""


def hear_open_streams(scope: str | None) -> None:
    """Records what is whole of the open streams of a scope: a client may have left one, and nobody says so."""
    for state in tuple(_OPEN.values()):
        exchange = state.exchange
        if exchange is None:
            _OPEN.pop(id(state), None)
        elif exchange.scope == scope:
            _hear(state)


def _open(stream: Any, heard: Callable[[], Sequence[Message]]) -> None:
    """Takes note of a stream that begins to call tools."""
    state = CallState.of(_details(stream))
    if state.listener is None or state.heard is not None:  # one behind a bridge has been noted
        return
    state.heard = heard
    _OPEN[id(state)] = state
    weakref.finalize(stream, _drop, state).atexit = False


def _drop(state: CallState) -> None:
    """As `_leave`, in the midst of whatever the interpreter was doing when it dropped the stream, locks held."""
    if state.exchange is None:  # it has ended
        _OPEN.pop(id(state), None)
        return
    try:
        asyncio.get_running_loop().call_soon(_leave, state)
    except RuntimeError:
        threading.Thread(target=_leave, args=(state,), daemon=True).start()


def _leave(state: CallState) -> None:
    """A stream was left."""
    if _OPEN.pop(id(state), None) is not None:
        _hear(state)


def _hear(state: CallState) -> None:
    """Records what is whole of a stream. It may go on: what comes of it is recorded as well."""
    try:
        turns = state.heard() if state.heard is not None and state.exchange is not None else ()
        if turns and turns != state.left and state.listener is not None:  # each request of an owner hears them all
            state.left = turns
            state.listener.stream_left(state, turns)
    except Exception as error:  # noqa: BLE001 - whoever is here wants something else
        log_frames("could not record a stream that was left", error)


@atexit.register
def _leave_all() -> None:
    for state in tuple(_OPEN.values()):
        _leave(state)


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
        except asyncio.CancelledError:
            _leave(CallState.of(_details(self)))
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
        _LOGGER.warning("could not record a streamed response (%s)", type(error).__name__)
        log_frames("could not record a streamed response", error)
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
        if not state.is_sent and state.sign is None:  # another family's, of which not a byte waits for its event
            async for chunk in self._stream:
                yield chunk
            return
        reader = MessageReader(state.sign)
        try:
            async for chunk in self._read(reader, state, details):
                yield chunk
        finally:  # it may have been closed in the middle
            _leave(state)

    async def _read(
        self, reader: MessageReader, state: CallState, details: dict[str, Any]
    ) -> AsyncGenerator[bytes, None]:
        listener = state.listener
        async for chunk in self._stream:
            events = list(reader.feed(chunk))
            if listener is not None and reader.stopped:
                await listener.astream_finished(details, [reader.turn()])
            elif listener is not None and reader.error:
                await listener.astream_failed(details, reader.error)
            if reader.stopped or reader.error:
                listener = None  # it is told once
            elif (
                listener is not None and reader.calls_tools and state.heard is None
            ):  # none behind a bridge is heard of
                state.heard, _OPEN[id(state)] = reader.left, state
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
    if not choices:
        return chunk, ()
    if not choices[0].finish_reason:
        if getattr(choices[0].delta, "tool_calls", None) and _HEARD not in vars(stream):
            setattr(stream, _HEARD, Heard(stream.chunks))
            _open(stream, getattr(stream, _HEARD).left)
        return chunk, ()
    finished = stream.received_finish_reason or stream.intermittent_finish_reason
    return chunk, (vars(stream).get(_HEARD) or Heard(stream.chunks)).turns() if finished else ()


def _read_responses(stream: Any, event: Any) -> tuple[Any, Sequence[Message]]:
    """What reasoning an event finishes is sealed; on its way to the messages wire it is summarised."""
    details, kind = _details(stream), getattr(event, "type", None)
    state, is_bridged = CallState.of(details), called_as(details) is MESSAGES
    seal = state.sign if is_bridged else state.seal
    if kind == "response.output_item.done" and seal is not None:
        seal_item(event.item, seal)
    if kind == "response.output_item.done":
        _hear_item(stream, as_dict(event.item))
    turns: Sequence[Message] = ()
    if kind == "response.completed":
        turns = turns_of(event.response, RESPONSES)
        if seal is not None:
            seal_answer(event.response, RESPONSES, seal)
    return summarised(event) if is_bridged else event, turns


_HEARD: Final = "mimo_quirks_heard"
"""Member of a stream under which stands what it has said."""


def _hear_item(stream: Any, item: dict[str, Any]) -> None:
    """Takes note of an item that is finished, for a client that leaves with the last of them."""
    items: list[dict[str, Any]] = vars(stream).setdefault(_HEARD, [])
    items.append(item)
    if item.get("type") == "function_call":

        def left() -> Sequence[Message]:
            turn = items_as_turn(list(items))
            return [turn] if has_whole_calls(turn) else []

        _open(stream, left)


class Heard:
    """The turns in the chunks of one stream, each of which is read once. Thread-safe.

    Args:
        chunks: Of LiteLLM's stream, which adds to them.
    """

    def __init__(self, chunks: list[Any]) -> None:
        self._chunks = chunks
        self._lock = threading.Lock()
        self._at = 0
        self._readers: dict[int, TurnReader] = {}

    def turns(self) -> list[Message]:
        """Those that are finished; LiteLLM keeps the finish reason of a single one apart."""
        with self._lock:
            self._read()
            turns = [reader.turn() for reader in self._readers.values()]
        return [as_message(turn) for turn in turns if turn.complete or len(turns) == 1]

    def left(self) -> Sequence[Message]:
        """The same of a stream that may have been left: those whose calls are whole."""
        with self._lock:
            self._read()
            if not all(reader.may_be_whole for reader in self._readers.values()):
                return ()
        return [turn for turn in self.turns() if has_whole_calls(turn)]

    def _read(self) -> None:
        for chunk in self._chunks[self._at :]:
            for choice in chunk.choices:
                reader = self._readers.setdefault(choice.index, TurnReader())
                reader.feed(_said(choice.delta), choice.finish_reason)
            self._at += 1


def _said(delta: Any) -> Mapping[str, Any]:
    """A delta's members; calls are objects of LiteLLM's, which have to be written out."""
    if getattr(delta, "tool_calls", None):
        written: Mapping[str, Any] = delta.model_dump(exclude_none=True)
        return written
    return {**vars(delta), **(delta.model_extra or {})}
