"""Histories with turns of another model, and of nobody: their reasoning never goes to MiMo as its own."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.utils.function_calling import tool_example_to_messages
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

from mimo_quirks.simulator import Mode, Simulator

from .table import Bench, History, converse, scenario, weather

_CALL = {"id": "toolu_01", "name": "weather", "args": {"city": "Zürich"}}
_SECRET = "somebody else's thought"


def _history(turn: AIMessage) -> History:
    return [HumanMessage("Weather?"), turn, ToolMessage("21 °C", tool_call_id="toolu_01"), AIMessage("It is warm.")]


async def _go_on(bench: Bench, turn: AIMessage) -> History:
    history = await converse(bench.make().bind_tools([weather]), history=_history(turn))
    assert [] == [exchange for exchange in bench.simulator.exchanges if _SECRET.encode() in exchange.raw]
    return history


@scenario("switch to another model and back", strangers=True)
async def _switch(bench: Bench) -> History:
    """The other model's turns get placeholders, and MiMo's own are exact again when it comes back."""
    mimo = bench.make().bind_tools([weather])
    history = await converse(mimo)
    with Simulator(Mode(accepts="off", tool_rounds=1)) as other:
        gpt: Any = ChatOpenAI(model="gpt-5.2", api_key="k", base_url=other.base_url)
        history = await converse(gpt.bind_tools([weather]), history=history)
        sent = b"".join(exchange.raw for exchange in other.exchanges)
    assert b"reasoning_content" not in sent
    return await converse(mimo, history=history)


@scenario("history of Claude", strangers=True)
async def _claude(bench: Bench) -> History:
    thought = {"type": "thinking", "thinking": _SECRET, "signature": "EsYCC"}
    call = {"type": "tool_use", "id": "toolu_01", "name": "weather", "input": {"city": "Zürich"}}
    metadata = {"model_provider": "anthropic", "model_name": "claude-opus-4-6"}
    return await _go_on(bench, AIMessage([thought, call], tool_calls=[_CALL], response_metadata=metadata))


@scenario("history of Claude, in standard blocks", strangers=True)
async def _claude_v1(bench: Bench) -> History:
    thought = {"type": "reasoning", "reasoning": _SECRET, "extras": {"signature": "EsYCC"}}
    turn = AIMessage(
        [thought, {"type": "tool_call", **_CALL}],
        tool_calls=[_CALL],
        response_metadata={"model_provider": "anthropic", "output_version": "v1"},
    )
    return await _go_on(bench, turn)


@scenario("history of GPT's Responses", strangers=True)
async def _responses(bench: Bench) -> History:
    thought = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": _SECRET}]}
    call = {"type": "function_call", "call_id": "toolu_01", "name": "weather", "arguments": '{"city": "Zürich"}'}
    metadata = {"model_provider": "openai", "model_name": "gpt-5.2"}
    return await _go_on(bench, AIMessage([thought, call], tool_calls=[_CALL], response_metadata=metadata))


@scenario("history of Bedrock", strangers=True)
async def _bedrock(bench: Bench) -> History:
    text = {"text": _SECRET, "signature": "EsYCC"}
    thought = {"type": "reasoning_content", "reasoning_content": text}
    metadata = {"model_provider": "bedrock_converse", "model_name": "us.anthropic.claude-opus-4-6-v1"}
    return await _go_on(bench, AIMessage([thought], tool_calls=[_CALL], response_metadata=metadata))


@scenario("history of DeepSeek", strangers=True)
async def _deepseek(bench: Bench) -> History:
    metadata = {"model_provider": "deepseek", "model_name": "deepseek-v4-pro"}
    held = {"reasoning_content": _SECRET}
    return await _go_on(bench, AIMessage("", tool_calls=[_CALL], additional_kwargs=held, response_metadata=metadata))


@scenario("hand-made history", strangers=True)
async def _by_hand(bench: Bench) -> History:
    return await _go_on(bench, AIMessage("", tool_calls=[_CALL]))


class Sum(BaseModel):
    """A sum of two numbers."""

    a: int
    b: int


@scenario("few-shot examples", strangers=True)
async def _few_shots(bench: Bench) -> History:
    shots = tool_example_to_messages("1 + 2?", [Sum(a=1, b=2)], tool_outputs=["3"], ai_response="3")
    return await converse(bench.make().bind_tools([weather]), history=shots)
