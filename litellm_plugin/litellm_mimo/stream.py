"""The end of a stream, before its last chunk leaves.

A client may send its next turn as soon as it has read the last chunk, and LiteLLM has no hook that runs before that for
the SDK: its log events are queued or run in a thread, late by up to 340 ms under load, and with message redaction on
they hold no reasoning at all. So LiteLLM's own stream, which every chat stream passes, is made to tell when it is about
to hand out the chunk with the finish reason. It does as before otherwise; other callbacks see no difference.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator, Sequence
from typing import Any, Final

import litellm
from litellm.integrations.custom_logger import CustomLogger
from litellm.litellm_core_utils.streaming_handler import CustomStreamWrapper

from mimo_quirks.streaming import TurnReader
from mimo_quirks.turns import Message, as_message


class StreamListener(CustomLogger):
    """A callback that is told of finished streams."""

    def stream_finished(self, details: dict[str, Any], turns: Sequence[Message]) -> None:
        """Called in the caller's thread before the last chunk of a synchronous stream leaves."""
        raise NotImplementedError

    async def astream_finished(self, details: dict[str, Any], turns: Sequence[Message]) -> None:
        """As `stream_finished`, for an asynchronous stream."""
        raise NotImplementedError


_LISTENING: Final = threading.Lock()


def listen() -> None:
    """Has LiteLLM's streams tell; once a process, whatever the number of calls."""
    if not _LISTENING.acquire(blocking=False):  # taken by the first call and never given back
        return
    after, aafter = CustomStreamWrapper.__next__, CustomStreamWrapper.__anext__

    @functools.wraps(after)
    def tell(self: CustomStreamWrapper) -> Any:
        chunk = after(self)
        if _ends(self, chunk):
            for listener in _listeners():
                listener.stream_finished(self.logging_obj.model_call_details, _turns(self.chunks))
        return chunk

    @functools.wraps(aafter)
    async def atell(self: CustomStreamWrapper) -> Any:
        chunk = await aafter(self)
        if _ends(self, chunk):
            for listener in _listeners():
                await listener.astream_finished(self.logging_obj.model_call_details, _turns(self.chunks))
        return chunk

    CustomStreamWrapper.__next__ = tell  # type: ignore[method-assign]
    CustomStreamWrapper.__anext__ = atell  # type: ignore[method-assign]


def _listeners() -> Iterator[StreamListener]:
    return (callback for callback in litellm.callbacks if isinstance(callback, StreamListener))


def _ends(stream: CustomStreamWrapper, chunk: Any) -> bool:
    """Whether the API itself finishes the turn with this chunk: a stream that broke off gets a reason of LiteLLM's."""
    choices = getattr(chunk, "choices", None)
    finished = stream.received_finish_reason or stream.intermittent_finish_reason
    return bool(choices and choices[0].finish_reason and finished)


def _turns(chunks: list[Any]) -> list[Message]:
    readers: dict[int, TurnReader] = {}
    for chunk in chunks:
        for choice in chunk.choices:
            reader = readers.setdefault(choice.index, TurnReader())
            reader.feed(choice.delta.model_dump(exclude_none=True), choice.finish_reason)
    turns = [reader.turn() for reader in readers.values()]
    return [as_message(turn) for turn in turns if turn.complete or len(turns) == 1]  # LiteLLM keeps one's reason apart
