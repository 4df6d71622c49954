"""The four requests whose way through our files is counted: each the second of a conversation, after one tool turn.

Each function makes the first request and runs the tool; what it returns makes the second.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # before LiteLLM is imported: it would download its prices

import litellm
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from langchain_mimo import ChatMiMo
from litellm_mimo import MiMoCallback
from mimo_quirks.settings import Settings
from mimo_quirks.simulator import Simulator

from .callbacks import Alone

Watch = Callable[[], AbstractContextManager[None]]
"""What a second request is made in."""

_SYSTEM: Final = "Be brief."
_QUESTION: Final = "What is the weather in Beijing?"
_RESULT: Final = "21 °C"
_SCHEMA: Final = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
_TOOL: Final = {"type": "function", "function": {"name": "weather", "parameters": _SCHEMA}}


def chat(simulator: Simulator, watch: Watch) -> None:
    """LiteLLM's chat route; the client dropped the reasoning."""
    where = {"model": "xiaomi_mimo/mimo-v2.6-pro", "api_base": simulator.base_url, "api_key": "k", "tools": [_TOOL]}
    history: list[Any] = [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": _QUESTION}]

    async def ask() -> Any:
        return (await litellm.acompletion(messages=history, **where)).choices[0].message

    async def converse() -> None:
        turn = (await ask()).model_dump(exclude_none=True)
        history.append({key: turn[key] for key in ("role", "content", "tool_calls") if key in turn})
        history.extend({"role": "tool", "tool_call_id": call["id"], "content": _RESULT} for call in turn["tool_calls"])
        await _watched(ask, watch)

    _with_callback(converse)


def messages(simulator: Simulator, watch: Watch) -> None:
    """LiteLLM's messages route to a provider that has the chat wire alone; the client dropped the thinking blocks."""
    where = {"model": "xiaomi_mimo/mimo-v2.6-pro", "api_base": simulator.base_url, "api_key": "k", "max_tokens": 4000}
    tools = [{"name": "weather", "input_schema": _SCHEMA}]
    history: list[Any] = [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": _QUESTION}]

    async def ask() -> Any:
        return (await litellm.anthropic_messages(messages=history, tools=tools, **where))["content"]

    async def converse() -> None:
        blocks = [block for block in await ask() if block["type"] in ("text", "tool_use")]
        calls = [block for block in blocks if block["type"] == "tool_use"]
        results = [{"type": "tool_result", "tool_use_id": call["id"], "content": _RESULT} for call in calls]
        history.extend([{"role": "assistant", "content": blocks}, {"role": "user", "content": results}])
        await _watched(ask, watch)

    _with_callback(converse)


def invoke(simulator: Simulator, watch: Watch) -> None:
    """`ChatMiMo.invoke`; the application kept what was said and called."""
    model = _model(simulator)
    history = _after_a_tool(model)
    with watch():
        model.invoke(history)


def stream(simulator: Simulator, watch: Watch) -> None:
    """`ChatMiMo.stream`, likewise."""
    model = _model(simulator)
    history = _after_a_tool(model)
    with watch():
        list(model.stream(history))


REQUESTS: Final[Mapping[str, Callable[[Simulator, Watch], None]]] = {
    "LiteLLM, chat": chat,
    "LiteLLM, messages over chat": messages,
    "ChatMiMo.invoke": invoke,
    "ChatMiMo.stream": stream,
}


def _with_callback(converse: Callable[[], Coroutine[Any, Any, None]]) -> None:
    Alone(MiMoCallback(Settings()), wraps_streams=True).install()
    asyncio.run(converse())


async def _watched(ask: Callable[[], Awaitable[Any]], watch: Watch) -> None:
    """What the first request left to be logged is done before."""
    await asyncio.sleep(0.2)
    with watch():
        await ask()


def _model(simulator: Simulator) -> Any:
    return ChatMiMo(model="mimo-v2.6-pro", api_key="k", base_url=simulator.base_url).bind_tools([_TOOL])


def _after_a_tool(model: Any) -> list[Any]:
    question = HumanMessage(_QUESTION)
    turn = model.invoke([question])
    kept = AIMessage(turn.content, tool_calls=turn.tool_calls)
    return [question, kept, *(ToolMessage(_RESULT, tool_call_id=call["id"]) for call in turn.tool_calls)]
