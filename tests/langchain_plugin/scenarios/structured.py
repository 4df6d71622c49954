"""Structured answers, and what comes after them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.messages import HumanMessage, ToolMessage
from pydantic import BaseModel

from .agents import ask
from .table import Bench, History, converse, invoke, merged, scenario, weather


class Forecast(BaseModel):
    """The forecast for a city."""

    city: str
    degrees: int


_QUESTION = "Give JSON with 'city' and 'note' keys"


async def _parsed(bench: Bench, method: Any, schema: Any) -> History:
    """Four structured answers and their raw messages, and a conversation that goes on after them.

    On the messages wire what a user says beside a tool's result is no new question, so the tool is called four times.
    """
    bench.simulator.mode = replace(bench.simulator.mode, tool_rounds=4)
    model = bench.make()
    chain = model.with_structured_output(schema, method=method, include_raw=True)
    history: History = []
    for _ in range(4):
        history.append(HumanMessage(_QUESTION))
        answer = chain.invoke(history)
        assert answer["parsing_error"] is None
        assert {"city", "degrees"} <= set(dict(answer["parsed"])) or method == "json_mode"
        raw = answer["raw"]
        history += [raw, *(ToolMessage("kept", tool_call_id=call["id"]) for call in raw.tool_calls)]
    return await converse(model.bind_tools([weather]), history=history)


@scenario("with_structured_output json_schema")
async def _json_schema(bench: Bench) -> History:
    return await _parsed(bench, "json_schema", Forecast)


@scenario("with_structured_output json_mode")
async def _json_mode(bench: Bench) -> History:
    return await _parsed(bench, "json_mode", {"title": "Any", "type": "object"})


@scenario("with_structured_output function_calling")
async def _function_calling(bench: Bench) -> History:
    return await _parsed(bench, "function_calling", Forecast)


async def _streamed(bench: Bench, response_format: Any) -> History:
    model = bench.make()

    async def call(model: Any, history: History) -> Any:
        return merged(list(model.stream(history, response_format=response_format)))

    history: History = []
    for _ in range(3):
        history.append(HumanMessage(_QUESTION))
        history.append(await call(model, history))
    return await converse(model.bind_tools([weather]), invoke, history=history)


@scenario("response_format json_schema, streamed")
async def _schema_streamed(bench: Bench) -> History:
    schema = {"name": "Forecast", "schema": Forecast.model_json_schema()}
    return await _streamed(bench, {"type": "json_schema", "json_schema": schema})


@scenario("response_format json_object, streamed")
async def _object_streamed(bench: Bench) -> History:
    return await _streamed(bench, {"type": "json_object"})


async def _agent(bench: Bench, response_format: Any, tools: Any) -> History:
    """Three questions; an agent that waits for a tool's call asks again where there is none, so its steps are few."""
    bench.simulator.mode = replace(bench.simulator.mode, tool_rounds=3, parallel_calls=len(tools) + 1)
    agent: Any = create_agent(bench.make(), tools=tools, response_format=response_format)
    history: History = []
    for _ in range(3):
        state = agent.invoke(ask(history, "The forecast?"), {"recursion_limit": 20})
        assert isinstance(state["structured_response"], Forecast)
        history = state["messages"]
    return history


@scenario("create_agent with ToolStrategy")
async def _tool_strategy(bench: Bench) -> History:
    return await _agent(bench, ToolStrategy(Forecast), [])


@scenario("create_agent with ProviderStrategy")
async def _provider_strategy(bench: Bench) -> History:
    return await _agent(bench, ProviderStrategy(Forecast), [weather])


@scenario("create_agent with a schema")
async def _schema(bench: Bench) -> History:
    """The model's profile says whether it can answer in a schema; if not, the schema is a tool that it calls."""
    return await _agent(bench, Forecast, [weather])
