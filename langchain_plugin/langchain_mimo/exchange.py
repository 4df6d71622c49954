"""One request on its way: what is recalled for it before, and remembered of it after.

LangChain builds the request inside the call that sends it, so what an asynchronous look-up found, and what was sent in
the end, travel with the call's arguments in an `Exchange`.
"""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables.config import ensure_config

from mimo_quirks.history.found import FoundReasoning
from mimo_quirks.history.turns import Message
from mimo_quirks.memory import Memory
from mimo_quirks.rejections.ladder import Rejection, RequestPlan
from mimo_quirks.settings import Settings
from mimo_quirks.stores import ReasoningStore

from .messages import held

EXCHANGE: Final = "mimo_exchange"
"""The call's argument that holds the exchange; it never reaches the wire."""

SCOPE: Final = "mimo_scope"
"""The member of a RunnableConfig's `configurable` that says whose memory it is."""


@dataclass(slots=True)
class Exchange:
    """What belongs to one call.

    Attributes:
        owner: Whose memory it is, as far as the application said.
        recall: What was found for the history; None where nobody has asked yet.
        scope: The scope that owner and deployment make.
        draft: The request that was sent; None where nothing was ours to do.
        rejected: What the API rejected of it, if it did.
        error: How it said so.
    """

    owner: str | None
    recall: FoundReasoning | None = None
    scope: str | None = None
    draft: RequestPlan | None = None
    rejected: Rejection | None = None
    error: Exception | None = None


def owner_of(called: object, own: str | None, metadata: Mapping[str, Any] | None) -> str | None:
    """Whose memory it is: what the call says, the chain that it runs in, the call's config, or the model's own scope.

    Args:
        called: The call's `scope=`.
        own: The model's.
        metadata: The run's, into which LangChain copies the `configurable` of a config.
    """
    chain = ensure_config().get("configurable") or {}
    says = (called, chain.get(SCOPE), (metadata or {}).get(SCOPE), own)
    return next((str(scope) for scope in says if scope is not None), None)


def memory_of(store: ReasoningStore | str | None, settings: Settings) -> Memory:
    """The memory of a model: around a store that was given, or the one that all models of these settings share."""
    if store is None or isinstance(store, str):
        with _SHARING:
            return _shared(
                settings.store if store is None else store, settings.model_dump_json(include=_STORE_SETTINGS)
            )
    return Memory.around(store, settings)


def turns_of(result: ChatResult) -> list[Message]:
    """Every answer of a result, as a message of the chat wire."""
    messages = (generation.message for generation in result.generations)
    return [_wire(message) for message in messages if isinstance(message, AIMessage)]


def turn_of(chunks: Sequence[ChatGenerationChunk]) -> list[Message]:
    """The one answer that a stream's chunks make."""
    messages = [chunk.message for chunk in chunks if isinstance(chunk.message, AIMessageChunk)]
    return [_wire(messages[0] + messages[1:])]


def is_last(chunk: ChatGenerationChunk) -> bool:
    """Whether the API finishes the turn with this chunk."""
    return bool((chunk.generation_info or {}).get("finish_reason"))


def says_something(chunk: ChatGenerationChunk) -> bool:
    """Whether there is anything of the answer in a chunk: the first opens the stream and no more."""
    message = chunk.message
    calls = isinstance(message, AIMessageChunk) and message.tool_call_chunks
    return bool(message.content or message.additional_kwargs or calls)


_STORE_SETTINGS: Final = {
    "secret",
    "store_ttl_seconds",
    "store_max_bytes",
    "store_timeout_seconds",
    "policy_ttl_seconds",
}


_SHARING: Final = threading.Lock()


@functools.cache
def _shared(url: str, settings: str) -> Memory:
    chosen = Settings(store=url, **json.loads(settings))
    return Memory.around(chosen.open_store(), chosen)


def _wire(message: AIMessage) -> Message:
    turn = {
        "role": "assistant",
        "content": message.text,
        "tool_calls": list(_calls(message)),
    }
    return held(message, turn)


def _calls(message: AIMessage) -> Iterator[dict[str, Any]]:
    for call in message.tool_calls:
        arguments = json.dumps(call["args"], ensure_ascii=False)
        yield {"id": call["id"], "function": {"name": call["name"], "arguments": arguments}}
    for broken in message.invalid_tool_calls:
        yield {"id": broken["id"], "function": {"name": broken["name"], "arguments": broken["args"]}}
