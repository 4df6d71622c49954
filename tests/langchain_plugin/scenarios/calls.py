"""Every way of calling a model and of keeping its answer as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from langchain_core.caches import InMemoryCache
from langchain_core.language_models.chat_model_stream import AsyncChatModelStream
from langchain_core.messages import AIMessage, AIMessageChunk, message_chunk_to_message
from langchain_core.rate_limiters import InMemoryRateLimiter

from .table import MESSAGES, TOOLS, Bench, History, converse, merged, scenario, thought, tide, weather


def _tools(bench: Bench, **fields: Any) -> Any:
    return bench.make(**fields).bind_tools([weather, tide])


async def stream(model: Any, history: History) -> AIMessageChunk:
    return merged(list(model.stream(history)))


async def _ainvoke(model: Any, history: History) -> Any:
    return await model.ainvoke(history)


async def _astream(model: Any, history: History) -> Any:
    return merged([chunk async for chunk in model.astream(history)])


async def _astream_events(model: Any, history: History) -> Any:
    events = [event async for event in model.astream_events(history, version="v2")]
    (end,) = [event for event in events if event["event"] == "on_chat_model_end"]
    return end["data"]["output"]


async def _stream_events_v3(model: Any, history: History) -> Any:
    return model.stream_events(history, version="v3").output


async def _astream_events_v3(model: Any, history: History) -> Any:
    events: AsyncChatModelStream = await model.astream_events(history, version="v3")
    return await events.output


async def _batch(model: Any, history: History) -> Any:
    (turn,) = model.batch([history])
    return turn


async def _abatch(model: Any, history: History) -> Any:
    (turn,) = await model.abatch([history])
    return turn


def _whole(chunk: Any) -> Any:
    whole = message_chunk_to_message(chunk)
    assert type(whole) is AIMessage
    return whole


def _v1(turn: Any) -> Any:
    """An answer in the new form: the reasoning is a block of its own, and every call is there."""
    kinds = [block["type"] for block in turn.content]
    assert "reasoning" == kinds[0]
    assert len(turn.tool_calls) == kinds.count("tool_call")
    return turn


def _row(id_: str, call: Any, *, kept: Any = lambda turn: turn, **fields: Any) -> None:
    @scenario(id_)
    async def run(bench: Bench) -> History:
        return await converse(_tools(bench, **fields), call, kept=kept)


async def _invoke(model: Any, history: History) -> Any:
    return model.invoke(history)


_row("invoke", _invoke)
_row("stream, chunk replayed as is", stream)
_row("stream → message_chunk_to_message", stream, kept=_whole)
_row("ainvoke", _ainvoke)
_row("astream", _astream)
_row("astream_events v2", _astream_events)
_row("stream_events v3", _stream_events_v3, kept=_v1)
_row("astream_events v3", _astream_events_v3, kept=_v1)
_row("output_version v1, invoke", _invoke, kept=_v1, output_version="v1")
_row("output_version v1, stream", stream, kept=_v1, output_version="v1")
_row("output_version v1, astream", _astream, kept=_v1, output_version="v1")
_row("streaming=True, invoke", _invoke, streaming=True)
_row("disable_streaming=True, stream", stream, disable_streaming=True)
_row("disable_streaming for tools, stream", stream, disable_streaming="tool_calling")
_row("batch", _batch)
_row("abatch", _abatch)
_row("rate limiter", _invoke, rate_limiter=InMemoryRateLimiter(requests_per_second=1000, check_every_n_seconds=0.001))


@scenario("stream")
async def _stream(bench: Bench) -> History:
    """The reasoning and the calls of a stream are in its chunks as they come."""

    async def call(model: Any, history: History) -> Any:
        chunks = list(model.stream(history))
        issued = bench.simulator.exchanges[-1].issued
        assert issued is not None
        pieces = [thought(chunk) for chunk in chunks]
        assert issued.reasoning == "".join(pieces)
        assert 1 < len([piece for piece in pieces if piece])
        return merged(chunks)

    return await converse(_tools(bench), call)


@scenario("parallel tool calls")
async def _parallel(bench: Bench) -> History:
    """Two tools in each tool turn, in the plain form and in the new one."""
    bench.simulator.mode = replace(bench.simulator.mode, parallel_calls=2)
    history = await converse(_tools(bench))
    history = await converse(_tools(bench, output_version="v1"), stream, kept=_v1, history=history)
    assert {2} == {len(turn.tool_calls) for turn in history if isinstance(turn, AIMessage) and turn.tool_calls}
    return history


@scenario("sequential tool calls")
async def _sequential(bench: Bench) -> History:
    """Three tool turns before each answer."""
    bench.simulator.mode = replace(bench.simulator.mode, tool_rounds=3)
    return await converse(_tools(bench))


def _around(id_: str, wrap: Callable[[Any], Any]) -> None:
    @scenario(id_)
    async def run(bench: Bench) -> History:
        return await converse(wrap(_tools(bench)))


_around("with_retry", lambda model: model.with_retry(stop_after_attempt=2))
_around("with_config", lambda model: model.with_config(tags=["x"], metadata={"a": "b"}))


@scenario("with_fallbacks")
async def _fallbacks(bench: Bench) -> History:
    """A model that answers nothing, and MiMo for it."""
    dead = bench.make(base_url="http://127.0.0.1:9/v1", max_retries=0).bind_tools([weather])
    return await converse(dead.with_fallbacks([_tools(bench)]))


async def _twice(bench: Bench, cache: Any) -> History:
    """The same conversation twice: the second time each answer comes from the cache, and then it goes on."""
    model = bench.make(cache=cache).bind_tools(list(TOOLS.values()))
    first = model.invoke("天气?")
    again = model.invoke("天气?")
    assert 1 == len(bench.simulator.exchanges)
    assert thought(first) == thought(again) != ""

    async def call(model: Any, history: History) -> Any:
        return model.invoke(history) if len(history) > 1 else again

    return await converse(model, call)


@scenario("InMemoryCache hit")
async def _memory_cache(bench: Bench) -> History:
    return await _twice(bench, InMemoryCache())


@scenario("SQLiteCache hit")
async def _sqlite_cache(bench: Bench) -> History:
    from langchain_community.cache import SQLiteCache

    return await _twice(bench, SQLiteCache(str(bench.folder / "cache.db")))


@scenario("usage_metadata")
async def _usage(bench: Bench) -> History:
    """Cached tokens are told, streamed or not, and so is reasoning, as a part of the output, where the wire counts it.

    The messages wire has no such figure (EVIDENCE §7.2).
    """
    calls = iter([_invoke, stream, _ainvoke, _astream] * 2)

    async def call(model: Any, history: History) -> Any:
        turn = await next(calls)(model, history)
        usage = turn.usage_metadata
        reasoning = usage.get("output_token_details", {}).get("reasoning")
        assert (reasoning is None) is (bench.wire is MESSAGES)
        assert 0 < (reasoning or 1) < usage["output_tokens"]
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
        assert (usage["input_token_details"]["cache_read"] > 0) is (len(history) > 1)
        return turn

    return await converse(_tools(bench), call)
