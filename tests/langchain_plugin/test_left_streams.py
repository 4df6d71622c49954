"""Streams that the application leaves before their end: what it may keep of an answer is remembered."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage

from langchain_mimo import ChatMiMo, ChatMiMoMessages
from mimo_quirks.simulator import Mode, Simulator

from .test_round_trip import weather

History = list[BaseMessage]
IsEnough = Callable[[AIMessageChunk], bool]
Leave = Callable[[Any, History, IsEnough], Awaitable[AIMessageChunk]]


def _hear(chunks: Iterable[AIMessageChunk], is_enough: IsEnough) -> AIMessageChunk:
    """What is heard of a stream until it is enough."""
    heard = AIMessageChunk("")
    for chunk in chunks:
        heard += chunk
        if is_enough(heard):
            break
    return heard


async def _ahear(chunks: AsyncIterable[AIMessageChunk], is_enough: IsEnough) -> AIMessageChunk:
    heard = AIMessageChunk("")
    async for chunk in chunks:
        heard += chunk
        if is_enough(heard):
            break
    return heard


async def _break(model: Any, history: History, is_enough: IsEnough) -> AIMessageChunk:
    return _hear(model.stream(history), is_enough)


async def _close(model: Any, history: History, is_enough: IsEnough) -> AIMessageChunk:
    with closing(model.stream(history)) as chunks:
        return _hear(chunks, is_enough)


async def _abreak(model: Any, history: History, is_enough: IsEnough) -> AIMessageChunk:
    return await _ahear(model.astream(history), is_enough)


async def _aclose(model: Any, history: History, is_enough: IsEnough) -> AIMessageChunk:
    async with aclosing(model.astream(history)) as chunks:
        return await _ahear(chunks, is_enough)


async def _cancel(model: Any, history: History, is_enough: IsEnough) -> AIMessageChunk:
    """As a client that hangs up is heard in a server."""
    heard = AIMessageChunk("")

    async def listen() -> None:
        nonlocal heard
        async for chunk in model.astream(history):
            heard += chunk
            if is_enough(heard):
                task.cancel()
                await asyncio.sleep(60)

    task = asyncio.create_task(listen())
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.05)  # what is left of the stream is closed by the event loop
    return heard


LEAVES = [_break, _close, _abreak, _aclose, _cancel]


def _has_whole_call(heard: AIMessageChunk) -> bool:
    try:
        return bool(heard.tool_call_chunks) and all(json.loads(call["args"] or "") for call in heard.tool_call_chunks)
    except ValueError:
        return False


def _has_half_a_call(heard: AIMessageChunk) -> bool:
    return any(call["args"] for call in heard.tool_call_chunks)


def _kept(heard: AIMessageChunk) -> AIMessage:
    """As an application keeps it that knows nothing of reasoning."""
    return AIMessage("", tool_calls=heard.tool_calls)


def _model(wire: str, simulator: Simulator, store: Any) -> Any:
    made: Any = ChatMiMo if wire == "chat" else ChatMiMoMessages
    url = simulator.base_url if wire == "chat" else simulator.anthropic_url
    model = made(model="mimo-v2.6-pro", api_key="k", base_url=url, store=store, scope="a")
    return model.bind_tools([weather])


@pytest.mark.parametrize("leave", LEAVES)
@pytest.mark.parametrize("wire", ["chat", "messages"])
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_left_with_whole_calls(kind: str, wire: str, leave: Leave, simulator: Simulator, tmp_path: Path) -> None:
    """A turn whose stream is left as soon as its calls are whole goes back to the byte, in every later request."""
    simulator.mode = Mode(accepts="exact", tool_rounds=3)
    store = "memory://" if kind == "memory" else f"sqlite:///{tmp_path}/store"
    model, history = _model(wire, simulator, store), History([HumanMessage("天气?")])
    for _ in range(3):
        heard = await leave(model, history, _has_whole_call)
        assert heard.chunk_position is None
        turn = _kept(heard)
        history += [turn, *(ToolMessage("21 °C", tool_call_id=call["id"]) for call in turn.tool_calls)]
    model.invoke(history)

    assert [[], *(["exact"] * n for n in (1, 2, 3))] == [[*exchange.verdicts] for exchange in simulator.exchanges]


@pytest.mark.parametrize("leave", LEAVES)
@pytest.mark.parametrize("wire", ["chat", "messages"])
async def test_left_before(wire: str, leave: Leave, simulator: Simulator) -> None:
    """A turn whose stream is left before its calls are whole is not remembered."""
    simulator.mode = Mode(accepts="off", tool_rounds=3)
    model, history = _model(wire, simulator, "memory://"), History([HumanMessage("天气?")])
    turn = _kept(await leave(model, history, _has_half_a_call))
    gc.collect()
    history += [turn, *(ToolMessage("21 °C", tool_call_id=call["id"]) for call in turn.tool_calls)]
    model.invoke(history)

    assert ["exact"] != [*simulator.exchanges[-1].verdicts]


async def _ask_between(model: Any, history: History) -> AIMessageChunk:
    heard, asked = AIMessageChunk(""), False
    for chunk in model.stream(history):
        heard += chunk
        if _has_whole_call(heard) and not asked:
            asked = bool(model.invoke([HumanMessage("What is that?")]))
    return heard


async def _aask_between(model: Any, history: History) -> AIMessageChunk:
    heard, asked = AIMessageChunk(""), False
    async for chunk in model.astream(history):
        heard += chunk
        if _has_whole_call(heard) and not asked:
            asked = bool(await model.ainvoke([HumanMessage("What is that?")]))
    return heard


@pytest.mark.parametrize("ask", [_ask_between, _aask_between])
@pytest.mark.parametrize("wire", ["chat", "messages"])
async def test_not_left(wire: str, ask: Any, simulator: Simulator) -> None:
    """A stream that goes on after another request was made beside it is remembered once."""
    simulator.mode = Mode(accepts="exact", tool_rounds=3, parallel_calls=2)
    model, history = _model(wire, simulator, "memory://"), History([HumanMessage("天气?")])
    for _ in range(3):
        turn = _kept(await ask(model, history))
        history += [turn, *(ToolMessage("21 °C", tool_call_id=call["id"]) for call in turn.tool_calls)]
    model.invoke(history)

    assert {200} == {exchange.status for exchange in simulator.exchanges}
    assert ["exact"] * 3 == [*simulator.exchanges[-1].verdicts]


@pytest.mark.parametrize("wire", ["chat", "messages"])
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_left_with_its_loop(
    kind: str, wire: str, simulator: Simulator, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    """A stream that is still open when its event loop ends is remembered as well, and nothing is raised."""
    simulator.mode = Mode(accepts="exact", tool_rounds=3)
    store = "memory://" if kind == "memory" else f"sqlite:///{tmp_path}/store"
    model, history = _model(wire, simulator, store), History([HumanMessage("天气?")])

    async def begin() -> tuple[Any, AIMessageChunk]:
        heard, chunks = AIMessageChunk(""), model.astream(history)
        while not _has_whole_call(heard):
            heard += await anext(chunks)
        return chunks, heard

    chunks, heard = asyncio.run(begin())
    history += [_kept(heard), *(ToolMessage("21 °C", tool_call_id=call["id"]) for call in heard.tool_calls)]
    model.invoke(history)
    del chunks
    gc.collect()

    assert ["exact"] == [*simulator.exchanges[-1].verdicts]
    assert [] == [warning for warning in recwarn if "never awaited" in str(warning.message)]
