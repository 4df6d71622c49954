"""Every way of calling ChatMiMo, over several tool turns, at a simulator that demands every turn to the byte."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    message_chunk_to_message,
)
from langchain_core.runnables import Runnable
from langchain_core.tools import tool

from langchain_mimo import ChatMiMo
from mimo_quirks.simulator import Mode, Simulator

Model = Runnable[Any, Any]
Make = Callable[..., ChatMiMo]
ROUNDS = 3


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"21 °C in {city}"


@tool
def tide(harbour: str) -> str:
    """The tide at a harbour."""
    return f"low tide at {harbour}"


async def _invoke(model: Model, history: list[BaseMessage]) -> BaseMessage:
    return model.invoke(history)


async def _ainvoke(model: Model, history: list[BaseMessage]) -> BaseMessage:
    return await model.ainvoke(history)


async def _stream(model: Model, history: list[BaseMessage]) -> BaseMessage:
    return _merged(list(model.stream(history)))


async def _astream(model: Model, history: list[BaseMessage]) -> BaseMessage:
    return _merged([chunk async for chunk in model.astream(history)])


async def _stream_to_message(model: Model, history: list[BaseMessage]) -> BaseMessage:
    return message_chunk_to_message(await _stream(model, history))


async def _astream_events(model: Model, history: list[BaseMessage]) -> BaseMessage:
    events = [event async for event in model.astream_events(history, version="v2")]
    return events[-1]["data"]["output"]


async def _batch(model: Model, history: list[BaseMessage]) -> BaseMessage:
    return model.batch([history])[0]


async def _abatch(model: Model, history: list[BaseMessage]) -> BaseMessage:
    return (await model.abatch([history]))[0]


WAYS = [_invoke, _ainvoke, _stream, _astream, _stream_to_message, _astream_events, _batch, _abatch]


def _merged(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    return whole


def _results(turn: BaseMessage) -> list[ToolMessage]:
    assert isinstance(turn, AIMessage)
    return [(weather if call["name"] == "weather" else tide).invoke(call) for call in turn.tool_calls]


async def _converse(
    call: Callable[[Model, list[BaseMessage]], Awaitable[BaseMessage]], model: Model
) -> list[BaseMessage]:
    """Two user messages, each answered after some tool turns."""
    history: list[BaseMessage] = []
    for question in ("天气?", "And tomorrow?"):
        history.append(HumanMessage(question))
        while True:
            turn = await call(model, history)
            history.append(turn)
            results = _results(turn)
            if not results:
                break
            history.extend(results)
    return history


def _verdicts(simulator: Simulator) -> list[str]:
    return [verdict for exchange in simulator.exchanges for verdict in exchange.verdicts]


@pytest.mark.parametrize("call", WAYS)
@pytest.mark.parametrize("parallel", [1, 3])
async def test_exact(call: Any, parallel: int, simulator: Simulator, make_model: Make) -> None:
    """Every turn of a conversation with sequential and parallel tool calls arrives to the byte."""
    simulator.mode = replace(simulator.mode, tool_rounds=ROUNDS, parallel_calls=parallel)
    history = await _converse(call, make_model().bind_tools([weather, tide]))

    expected = sum(range(2 * (ROUNDS + 1)))
    assert ["exact"] * expected == _verdicts(simulator)
    assert [200] * 2 * (ROUNDS + 1) == [exchange.status for exchange in simulator.exchanges]
    turns = [message for message in history if isinstance(message, AIMessage)]
    issued = [exchange.issued for exchange in simulator.exchanges]
    assert [turn.additional_kwargs["reasoning_content"] for turn in turns] == [i and i.reasoning for i in issued]


@pytest.mark.parametrize("call", WAYS)
async def test_reasoning_is_visible(call: Any, simulator: Simulator, make_model: Make) -> None:
    """The reasoning is a standard block of the answer, and its tokens are counted."""
    turn = await call(make_model(), [HumanMessage("hi")])

    issued = simulator.exchanges[-1].issued
    assert issued is not None
    blocks = [block for block in turn.content_blocks if block["type"] == "reasoning"]
    assert issued.reasoning == "".join(block["reasoning"] for block in blocks)
    assert "xiaomi_mimo" == turn.response_metadata["model_provider"]
    assert turn.usage_metadata["output_token_details"]["reasoning"] > 0


@pytest.mark.parametrize("streaming", [False, True])
async def test_agent(streaming: bool, simulator: Simulator, make_model: Make) -> None:
    """An agent that used to die on its second step goes through all of them."""
    simulator.mode = replace(simulator.mode, tool_rounds=ROUNDS)
    agent = create_agent(make_model(streaming=streaming), tools=[weather])
    state = agent.invoke({"messages": [HumanMessage("天气?")]})
    state = await agent.ainvoke({"messages": [*state["messages"], HumanMessage("And tomorrow?")]})

    assert "答案是" in state["messages"][-1].text
    assert ["exact"] * sum(range(2 * (ROUNDS + 1))) == _verdicts(simulator)


def test_the_caller_s_history_is_not_edited(simulator: Simulator, make_model: Make) -> None:
    """What goes out is made beside the messages, never in them."""
    simulator.mode = Mode()
    turn = AIMessage(
        [{"type": "text", "text": "x"}], tool_calls=[{"id": "1", "name": "weather", "args": {"city": "x"}}]
    )
    history = [HumanMessage("x"), turn, ToolMessage("y", tool_call_id="1")]
    before = [message.model_dump_json() for message in history]
    make_model().invoke(history)

    assert before == [message.model_dump_json() for message in history]


@pytest.mark.parametrize("role", [HumanMessage, SystemMessage])
def test_a_thought_of_no_turn(role: Any, simulator: Simulator, make_model: Make) -> None:
    """Where an answer in blocks was taken for a question, as agents that hand over do, its text alone goes out."""
    said = make_model(output_version="v1").invoke("What would the user ask?")
    make_model().invoke([role(said.content), HumanMessage("Well?")])

    assert said.content != said.text
    assert said.text == simulator.exchanges[-1].body["messages"][0]["content"]


@pytest.mark.parametrize("output_version", ["v0", "v1"])
def test_a_turn_as_a_chat_message(output_version: Any, simulator: Simulator, make_model: Make) -> None:
    """A turn that an application wrote down by its role alone keeps its reasoning."""
    model = make_model(output_version=output_version, store="off")
    history: list[BaseMessage] = []
    for question in "abc":
        said = model.invoke([*history, HumanMessage(question)])
        kept = {**dict(said), "role": "assistant", "type": "chat"}
        history += [HumanMessage(question), ChatMessage(**kept)]
    model.invoke([ChatMessage(**{**kept, "role": "user"})])

    assert ["exact"] * (1 + 2) == _verdicts(simulator)
    assert {"role": "user", "content": said.text} == simulator.exchanges[-1].body["messages"][0]


@pytest.mark.parametrize("store", [None, "off"])
def test_the_prefix_holds(store: str | None, simulator: Simulator, make_model: Make) -> None:
    """Request N's messages are byte-identical inside request N+1, recalled and placeholders too."""
    simulator.mode = Mode(tool_rounds=4)
    model, history = make_model(store=store).bind_tools([weather]), [HumanMessage("天气?")]
    for forget in (False, True, False, True):
        turn = model.invoke(history)
        if forget:
            turn.additional_kwargs.pop("reasoning_content")
        history += [turn, *_results(turn)]
    model.invoke(history)

    sent = [[json.dumps(message) for message in exchange.body["messages"]] for exchange in simulator.exchanges]
    assert [] == [shorter for shorter, longer in pairwise(sent) if shorter != longer[: len(shorter)]]
    expected = "exact" if store is None else "placeholder"
    assert ("exact", expected, "exact", expected) == simulator.exchanges[-1].verdicts


@pytest.mark.parametrize(
    "response_format", [{"type": "json_object"}, {"title": "A", "type": "object", "properties": {}}]
)
def test_structured_stream_is_not_doubled(
    response_format: dict[str, Any], simulator: Simulator, make_model: Make
) -> None:
    """A stream with a response_format ends with the whole message once more, and the reasoning is still there once."""
    bound = make_model().bind(response_format=response_format)
    if "title" in response_format:
        schema = {"name": "A", "schema": response_format}
        bound = make_model().bind(response_format={"type": "json_schema", "json_schema": schema})
    whole = _merged(list(bound.stream("hi")))

    issued = simulator.exchanges[-1].issued
    assert issued is not None
    assert issued.reasoning == whole.additional_kwargs["reasoning_content"]
