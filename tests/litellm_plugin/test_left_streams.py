"""Streams that are left as soon as their calls are whole are remembered; judged by what reached the host."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import litellm
import pytest
from anthropic import Anthropic
from openai import OpenAI

from litellm_mimo.sse import MessageReader
from mimo_quirks.cli.proxy import LiteLLMProxy
from mimo_quirks.history.streaming import TurnReader
from mimo_quirks.history.turns import as_message, has_whole_calls
from mimo_quirks.simulator import Mode, Simulator

from .clients import FUNCTION, SCHEMA
from .deployments import deployment
from .test_sdk_routes import _use as use_fixture

use = use_fixture
NAMES = ["xiaomi_mimo", "anthropic", "openai", "openai-bridged"]
QUESTION = {"role": "user", "content": "天气?"}
TOOLS = {
    "chat": [{"type": "function", "function": FUNCTION}],
    "messages": [{"name": "weather", "input_schema": SCHEMA}],
    "responses": [{"type": "function", **FUNCTION}],
}


class Chat:
    """What a client hears of a stream of the chat wire."""

    def __init__(self) -> None:
        self._reader = TurnReader()

    def feed(self, chunk: Any) -> bool:
        """Whether that is enough to run the tools."""
        for choice in chunk.choices:
            self._reader.feed(choice.delta.model_dump(exclude_none=True))
        return has_whole_calls(as_message(self._reader.turn()))

    def history(self) -> list[Any]:
        """The next request of a client that drops reasoning."""
        turn = as_message(self._reader.turn())
        results = [{"role": "tool", "tool_call_id": call["id"], "content": "21"} for call in turn["tool_calls"]]
        return [QUESTION, {key: turn[key] for key in ("role", "content", "tool_calls")}, *results]


class Messages:
    """The same of the messages wire, as bytes or as the events of Anthropic's SDK."""

    def __init__(self) -> None:
        self._reader = MessageReader()

    def feed(self, chunk: Any) -> bool:
        """See `Chat`."""
        if not isinstance(chunk, bytes):
            chunk = f"data: {chunk.model_dump_json()}\n\n".encode()
        list(self._reader.feed(chunk))
        return bool(self._reader.left())

    def history(self) -> list[Any]:
        """See `Chat`."""
        calls = self._reader.turn()["tool_calls"]
        uses = [
            {
                "type": "tool_use",
                "id": call["id"],
                "name": "weather",
                "input": json.loads(call["function"]["arguments"]),
            }
            for call in calls
        ]
        results = [{"type": "tool_result", "tool_use_id": call["id"], "content": "21"} for call in calls]
        return [QUESTION, {"role": "assistant", "content": uses}, {"role": "user", "content": results}]


class Responses:
    """The same of the responses wire."""

    def __init__(self) -> None:
        self._calls: list[Any] = []

    def feed(self, event: Any) -> bool:
        """See `Chat`."""
        if event.type == "response.output_item.done" and event.item.type == "function_call":
            self._calls.append(event.item)
        return bool(self._calls)

    def history(self) -> list[Any]:
        """See `Chat`."""
        known = ("type", "call_id", "name", "arguments")
        calls = [{name: getattr(call, name) for name in known} for call in self._calls]
        results = [{"type": "function_call_output", "call_id": call["call_id"], "output": "21"} for call in calls]
        return [QUESTION, *calls, *results]


HEARERS: dict[str, Callable[[], Any]] = {"chat": Chat, "messages": Messages, "responses": Responses}


def _arguments(route: str, history: list[Any], **more: Any) -> Any:
    place = {"input": history} if route == "responses" else {"messages": history}
    return {**place, "tools": TOOLS[route], **({"max_tokens": 4000} if route == "messages" else {}), **more}


async def _aask(route: str, history: list[Any], **more: Any) -> Any:
    ask = {"chat": litellm.acompletion, "messages": litellm.anthropic_messages, "responses": litellm.aresponses}[route]
    return await ask(**_arguments(route, history, **more))  # type: ignore[operator]


def _ask(route: str, history: list[Any], **more: Any) -> Any:
    ask = {"chat": litellm.completion, "responses": litellm.responses}[route]
    return ask(**_arguments(route, history, **more))  # type: ignore[operator]


async def _heard(stream: AsyncIterator[Any], heard: Any) -> None:
    async for chunk in stream:
        if heard.feed(chunk):
            break


def _verdicts(upstream: Simulator) -> list[tuple[str, ...]]:
    return [exchange.verdicts for exchange in upstream.exchanges[1:]]


@pytest.mark.parametrize("leave", ["break", "drop", "close", "cancel"])
@pytest.mark.parametrize("route", HEARERS)
@pytest.mark.parametrize("name", NAMES)
async def test_asynchronous(name: str, route: str, leave: str, use: Callable[..., None], upstream: Simulator) -> None:
    """A loop that breaks, a stream that is dropped or closed, a task that is cancelled: the next request is exact."""
    use()
    upstream.mode = Mode(accepts="exact")
    where, heard = deployment(name, upstream)["litellm_params"], HEARERS[route]()

    async def hear() -> Any:
        stream = await _aask(route, [QUESTION], stream=True, **where)
        await _heard(stream, heard)
        if leave == "close" and hasattr(stream, "aclose"):
            await stream.aclose()
        if leave == "cancel":
            asyncio.get_running_loop().call_soon(task.cancel)
            await asyncio.sleep(60)
        return stream if leave == "break" else None

    task = asyncio.create_task(hear())
    kept = (await asyncio.gather(task, return_exceptions=True))[0]
    await _aask(route, heard.history(), **where)

    assert [("exact",)] == _verdicts(upstream)
    assert (kept is not None) is (leave in ("break", "cancel"))


@pytest.mark.parametrize("keeps", [True, False], ids=["break", "drop"])
@pytest.mark.parametrize("route", ["chat", "responses"])
@pytest.mark.parametrize("name", ["xiaomi_mimo", "openai", "openai-bridged"])
def test_synchronous(name: str, route: str, keeps: bool, use: Callable[..., None], upstream: Simulator) -> None:
    """The same of a synchronous loop."""
    use()
    upstream.mode = Mode(accepts="exact")
    where, heard = deployment(name, upstream)["litellm_params"], HEARERS[route]()
    stream = _ask(route, [QUESTION], stream=True, **where)
    for chunk in stream:
        if heard.feed(chunk):
            break
    if not keeps:
        del stream, chunk
    _ask(route, heard.history(), **where)

    assert [("exact",)] == _verdicts(upstream)


@pytest.fixture(name="proxy", scope="module")
def _proxy(upstream: Simulator) -> Iterator[LiteLLMProxy]:
    models = [deployment(name, upstream) for name in NAMES]
    callbacks = {"callbacks": ["litellm_mimo.mimo_callback"]}
    config = {"model_list": models, "litellm_settings": callbacks, "router_settings": {"num_retries": 0}}
    with LiteLLMProxy(json.dumps(config)) as proxy:
        yield proxy


@pytest.mark.parametrize("route", HEARERS)
@pytest.mark.parametrize("name", NAMES)
def test_a_client_that_hangs_up(name: str, route: str, proxy: LiteLLMProxy, upstream: Simulator) -> None:
    """A proxy's client leaves with the calls, and comes back with their results."""
    upstream.mode = Mode(accepts="exact")
    heard, client = HEARERS[route](), OpenAI(base_url=f"{proxy.base_url}/v1", api_key=proxy.key, max_retries=0)
    anthropic = Anthropic(base_url=proxy.base_url, api_key=proxy.key, max_retries=0)
    create: Any = {
        "chat": client.chat.completions.create,
        "messages": anthropic.messages.create,
        "responses": client.responses.create,
    }[route]
    with create(model=name, stream=True, **_arguments(route, [QUESTION])) as stream:
        for chunk in stream:
            if heard.feed(chunk):
                break
    create(model=name, **_arguments(route, heard.history()))

    assert [("exact",)] == _verdicts(upstream)


async def test_calls_that_are_not_whole(use: Callable[..., None], upstream: Simulator) -> None:
    """A stream that is left before is not remembered."""
    use()
    where, reader = deployment("xiaomi_mimo", upstream)["litellm_params"], TurnReader()
    stream = await _aask("chat", [QUESTION], stream=True, **where)
    async for chunk in stream:
        reader.feed(chunk.choices[0].delta.model_dump(exclude_none=True))
        if reader.turn().calls:
            break
    assert not reader.may_be_whole
    [call] = as_message(reader.turn())["tool_calls"]
    turn = {
        "role": "assistant",
        "content": "",
        "tool_calls": [{**call, "function": {"name": "weather", "arguments": "{}"}}],
    }
    await _aask("chat", [QUESTION, turn, {"role": "tool", "tool_call_id": call["id"], "content": "21"}], **where)

    assert [("placeholder",)] == _verdicts(upstream)
