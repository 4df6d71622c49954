"""The SDK's `anthropic_messages` and `responses`, and the Router's; judged by what reached the host."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from typing import Any

import litellm
import pytest
from litellm import Router
from litellm.caching.caching import Cache
from litellm.types.utils import CallTypes
from openai.types.responses import ResponseReasoningItem

from litellm_mimo import MiMoCallback
from litellm_mimo.sse import MessageReader
from mimo_quirks.settings import Settings
from mimo_quirks.simulator import Mode, Simulator

from ..pairs import pairs
from .clients import FUNCTION, KEEPS, QUESTION, SCHEMA
from .deployments import ROUTED, deployment

ROUNDS = 3
TURNS = sum(range(ROUNDS + 1))
NAMES = ["xiaomi_mimo", "unmapped", "openai", "openai-bridged", "hosted_vllm-bridged", "deepseek", "anthropic"]
_LISTS = [name for name in vars(litellm) if name.endswith("callback") and isinstance(getattr(litellm, name), list)]


@pytest.fixture(name="use")
def _use() -> Iterator[Callable[..., None]]:
    """Installs a callback as an application does, and takes it out of every list that LiteLLM copies it into."""
    before = {name: list(getattr(litellm, name)) for name in ["callbacks", *_LISTS]}

    def use(**settings: Any) -> None:
        litellm.callbacks = [MiMoCallback(Settings(**settings))]

    yield use
    for name, value in before.items():
        setattr(litellm, name, value)


def _sdk(name: str, upstream: Simulator) -> tuple[Any, dict[str, Any]]:
    return litellm, deployment(name, upstream)["litellm_params"]


def _router(name: str, upstream: Simulator) -> tuple[Any, dict[str, Any]]:
    return Router([deployment(name, upstream)], num_retries=0), {"model": name}


async def message_of(door: Any, history: list[Any], stream: bool, **more: Any) -> list[dict[str, Any]]:
    tools = [{"name": "weather", "input_schema": SCHEMA}]
    ask = door.anthropic_messages if door is litellm else door.aanthropic_messages
    answer = await ask(messages=history, max_tokens=4000, tools=tools, stream=stream, **more)
    if not stream:
        return answer["content"]
    reader = MessageReader()
    async for chunk in answer:
        list(reader.feed(chunk))
    turn = reader.turn()
    uses = [
        {"type": "tool_use", "id": call["id"], "name": "weather", "input": json.loads(call["function"]["arguments"])}
        for call in turn.get("tool_calls", [])
    ]
    return [*turn.get("thinking_blocks", []), {"type": "text", "text": turn["content"]}, *uses]


async def items_of(door: Any, history: list[Any], stream: bool, sync: bool, **more: Any) -> list[dict[str, Any]]:
    tools = [{"type": "function", **FUNCTION}]
    arguments = {"input": history, "tools": tools, "stream": stream, **more}
    if sync:
        answer = door.responses(**arguments)
        events = list(answer) if stream else []
    else:
        answer = await door.aresponses(**arguments)
        events = [event async for event in answer] if stream else []
    output = [event.item for event in events if event.type == "response.output_item.done"] if stream else answer.output
    return [item if isinstance(item, dict) else item.model_dump(exclude_none=True) for item in output]


@pytest.mark.parametrize(
    ("name", "door", "client", "stream"), pairs(NAMES, [_sdk, _router], ["echoes", "drops"], [False, True])
)
async def test_messages(
    name: str, door: Any, client: str, stream: bool, upstream: Simulator, use: Callable[..., None]
) -> None:
    """Anthropic's wire without a proxy: every turn is exact."""
    use()
    upstream.mode = Mode(accepts="exact", tool_rounds=ROUNDS, spelling=ROUTED[name][1], thinking_blocks=2)
    ask, more = door(name, upstream)
    history: list[Any] = [{"role": "user", "content": QUESTION}]
    for _ in range(ROUNDS + 1):
        blocks = await message_of(ask, history, stream, **more)
        kept = [block for block in map(KEEPS["messages"][client], blocks) if block]
        calls = [block for block in blocks if block["type"] == "tool_use"]
        results = [{"type": "tool_result", "tool_use_id": call["id"], "content": "21 °C"} for call in calls]
        history += [{"role": "assistant", "content": kept}, {"role": "user", "content": results}]

    assert ["exact"] * TURNS == [verdict for exchange in upstream.exchanges for verdict in exchange.verdicts]


@pytest.mark.parametrize(
    ("name", "door", "sync", "client", "stream"),
    pairs(NAMES, [(_sdk, True), (_sdk, False), (_router, False)], ["echoes", "drops"], [False, True]),
)
async def test_responses(
    name: str, door: Any, sync: bool, client: str, stream: bool, upstream: Simulator, use: Callable[..., None]
) -> None:
    """The responses wire without a proxy, synchronous and not: every turn is exact."""
    use()
    upstream.mode = Mode(accepts="exact", tool_rounds=ROUNDS, spelling=ROUTED[name][1], late_reasoning=True)
    ask, more = door(name, upstream)
    history: list[Any] = [{"role": "user", "content": QUESTION}]
    for _ in range(ROUNDS + 1):
        items = await items_of(ask, history, stream, sync, **more)
        history += [item for item in map(KEEPS["responses"][client], items) if item]
        calls = [item for item in items if item["type"] == "function_call"]
        history += [{"type": "function_call_output", "call_id": call["call_id"], "output": "21 °C"} for call in calls]

    assert ["exact"] * TURNS == [verdict for exchange in upstream.exchanges for verdict in exchange.verdicts]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", NAMES)
async def test_carriers(name: str, stream: bool, upstream: Simulator, use: Callable[..., None]) -> None:
    """With a secret and a scope a client carries its reasoning itself, without any store."""
    use(store="off", secret=("s" * 32,), scope="application")
    upstream.mode = Mode(accepts="exact", tool_rounds=ROUNDS, spelling=ROUTED[name][1])
    ask, more = _sdk(name, upstream)
    history: list[Any] = [{"role": "user", "content": QUESTION}]
    for _ in range(ROUNDS + 1):
        items = await items_of(ask, history, stream, sync=False, **more)
        history += [item for item in map(KEEPS["responses"]["encrypted"], items) if item]
        calls = [item for item in items if item["type"] == "function_call"]
        history += [{"type": "function_call_output", "call_id": call["call_id"], "output": "21 °C"} for call in calls]

    assert ["exact"] * TURNS == [verdict for exchange in upstream.exchanges for verdict in exchange.verdicts]


CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
BLOCK = {"type": "thinking", "thinking": "a", "signature": "mimo-quirks.1.AAAA"}
ITEM = ResponseReasoningItem(id="rs_1", type="reasoning", summary=[], encrypted_content="mimo-quirks.1.AAAA")


@pytest.mark.parametrize("sync", [True, False], ids=["sync", "async"])
async def test_carriers_of_objects(sync: bool, stranger: Simulator, use: Callable[..., None]) -> None:
    """Another family's host sees no carrier, whatever form the application keeps its history in."""
    use()
    history: list[Any] = [{"role": "user", "content": QUESTION}, ITEM, {"role": "assistant", "content": "21 °C"}]
    await items_of(litellm, history, False, sync, model="openai/gpt-4o-mini", api_base=stranger.base_url, api_key="k")

    (exchange,) = stranger.exchanges
    assert b"mimo-quirks" not in exchange.raw
    assert history[1] is ITEM


@pytest.mark.parametrize("more", [{}, {"context_window_fallback_dict": {"gpt-4o-mini": "gpt-4o"}}], ids=["", "falls"])
@pytest.mark.parametrize("sync", [True, False], ids=["sync", "async"])
async def test_carriers_in_a_finished_body(
    sync: bool, more: dict[str, Any], stranger: Simulator, use: Callable[..., None]
) -> None:
    """Where no hook runs before LiteLLM has written the body, carriers are taken out of that."""
    use()
    turn = {"role": "assistant", "content": "", "tool_calls": [CALL], "thinking_blocks": [BLOCK]}
    result = {"role": "tool", "tool_call_id": "call_1", "content": "21 °C"}
    history: list[Any] = [{"role": "user", "content": QUESTION}, turn, result]
    arguments = {"model": "openai/gpt-4o-mini", "messages": history, "api_base": stranger.base_url, "api_key": "k"}
    if sync:
        litellm.completion(**arguments, **more)
    else:
        await litellm.acompletion(**arguments, **more)

    (exchange,) = stranger.exchanges
    assert b"mimo-quirks" not in exchange.raw
    assert turn["thinking_blocks"] == [BLOCK]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", ["xiaomi_mimo", "anthropic"])
async def test_cached_answers(
    name: str, stream: bool, upstream: Simulator, use: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """LiteLLM's cache gives one owner's answer to another, who could not open a carrier in it."""
    use(store="off", secret=("s" * 32,))
    monkeypatch.setattr(litellm, "cache", Cache())
    upstream.mode = Mode(accepts="exact", tool_rounds=ROUNDS)
    ask, more = _sdk(name, upstream)
    for owner in ("alice", "bob"):
        known = {**more, "litellm_metadata": {"mimo_scope": owner}}
        question = {"role": "user", "content": QUESTION}
        blocks = await message_of(ask, [question], stream, **known)
        results = [
            {"type": "tool_result", "tool_use_id": block["id"], "content": owner}
            for block in blocks
            if block["type"] == "tool_use"
        ]
        turn = {"role": "assistant", "content": blocks}
        await message_of(ask, [question, turn, {"role": "user", "content": results}], stream, **known)

    assert 3 == len(upstream.exchanges)
    assert ["exact", "exact"] == [verdict for exchange in upstream.exchanges for verdict in exchange.verdicts]


async def test_another_family_s_stream(use: Callable[..., None]) -> None:
    """What has come of it is handed out as it came, though the host breaks off within an event."""
    use()
    sent = b'event: message_start\ndata: {"type": "message_start"}\n\nevent: content_block_start\ndata: {"type"'
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9999\r\n\r\n"

    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head + sent)
        await writer.drain()
        await asyncio.sleep(0.2)  # the client reads what there is before it hears that there is no more
        writer.close()

    received = b""
    async with await asyncio.start_server(break_off, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        question = [{"role": "user", "content": QUESTION}]
        known = {"model": "anthropic/claude-sonnet-4-5", "api_base": url, "api_key": "k", "max_tokens": 9}
        answer: Any = await litellm.anthropic_messages(messages=question, stream=True, **known)
        with suppress(Exception):
            async for chunk in answer:
                received += chunk

    assert sent == received[: len(sent)]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_tools_of_an_unmapped_model(stream: bool, upstream: Simulator, use: Callable[..., None]) -> None:
    """A synchronous call has no hook before LiteLLM's check of parameters, so the model was registered."""
    use()
    more = deployment("unmapped", upstream)["litellm_params"]
    question: Any = [{"role": "user", "content": QUESTION}]
    answer = litellm.completion(
        messages=question, tools=[{"type": "function", "function": FUNCTION}], stream=stream, drop_params=True, **more
    )
    assert not stream or list(answer)

    (exchange,) = upstream.exchanges
    assert exchange.body["tools"]


def test_known_models_are_not_touched(use: Callable[..., None]) -> None:
    """An entry that LiteLLM's cost map has, or an application made, stays as it is."""
    litellm.register_model({"xiaomi_mimo/mimo-v2.5": {"litellm_provider": "xiaomi_mimo", "max_tokens": 7}})
    before = dict(litellm.model_cost["xiaomi_mimo/mimo-v2.6-pro"])
    use()

    assert 7 == litellm.model_cost["xiaomi_mimo/mimo-v2.5"]["max_tokens"]
    assert before == litellm.model_cost["xiaomi_mimo/mimo-v2.6-pro"]


WITHOUT_CONTENT = [
    {"role": "user", "content": QUESTION},
    {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function", "function": FUNCTION}]},
    {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "21 °C"}]},
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("fix", [("content",), ()], ids=str)
async def test_contents(fix: Any, stream: bool, upstream: Simulator, use: Callable[..., None]) -> None:
    """What the older gateway rejects is written as it wants it, unless the operator says no."""
    use(fix=fix)
    upstream.mode = Mode(accepts="off", string_content=True)
    history = [WITHOUT_CONTENT[0], {**WITHOUT_CONTENT[1], "reasoning_content": "a"}, WITHOUT_CONTENT[2]]
    more = deployment("xiaomi_mimo", upstream)["litellm_params"]
    rejected = pytest.raises(litellm.BadRequestError) if not fix else nullcontext()
    with rejected:
        answer = await litellm.acompletion(messages=history, stream=stream, **more)
        assert not stream or [chunk async for chunk in answer]

    assert [200 if fix else 400] == [exchange.status for exchange in upstream.exchanges]


@pytest.mark.parametrize("fix", [("thinking",), ()], ids=str)
async def test_the_switch_is_fixed(fix: Any, upstream: Simulator, use: Callable[..., None]) -> None:
    """What LiteLLM rejects reaches the host in its own dialect, unless the operator says no."""
    use(fix=fix)
    more = deployment("openai", upstream)["litellm_params"]
    rejected = pytest.raises(litellm.UnsupportedParamsError) if not fix else nullcontext()
    with rejected:
        await litellm.acompletion(
            messages=[{"role": "user", "content": QUESTION}], thinking={"type": "disabled"}, **more
        )

    assert [False] * len(fix) == [exchange.thinking for exchange in upstream.exchanges]


@pytest.mark.parametrize("name", ["anthropic", "xiaomi_mimo"])
@pytest.mark.parametrize("messages", ["hi", [3], None], ids=str)
async def test_unreadable(messages: Any, name: str, upstream: Simulator) -> None:
    """A history that is none is LiteLLM's to reject: the hook gives it back as it came."""
    callback = MiMoCallback(Settings(store="off"))
    arguments = {**deployment(name, upstream)["litellm_params"], "messages": messages}
    changed = await callback.async_pre_call_deployment_hook(arguments, CallTypes.anthropic_messages)

    assert messages == (changed or arguments)["messages"]
