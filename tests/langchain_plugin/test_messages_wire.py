"""ChatMiMoMessages: the same guarantees over Anthropic's messages wire, at a host that takes Bearer tokens alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from anthropic import APIConnectionError
from langchain.agents import create_agent
from langchain.chat_models import init_chat_model
from langchain_core.exceptions import OutputParserException
from langchain_core.load import dumps, loads
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    convert_to_messages,
    convert_to_openai_messages,
    messages_from_dict,
    messages_to_dict,
)
from pydantic import BaseModel, ValidationError

from langchain_mimo import ChatMiMoMessages, register
from mimo_quirks.simulator import Mode, Simulator

from ..pairs import pairs
from .scenarios.table import History, converse
from .test_drop_in import NO_PROXIES, set_proxies
from .test_round_trip import WAYS, _ainvoke, _astream, _invoke, _stream, tide, weather

Make = Callable[..., ChatMiMoMessages]


@pytest.fixture(name="make")
def _make(simulator: Simulator) -> Make:
    simulator.mode = Mode(
        accepts="exact", tool_rounds=2, parallel_calls=2, thinking_blocks=2, late_reasoning=True, x_api_key=False
    )

    def make(**fields: Any) -> ChatMiMoMessages:
        given = {"model": "mimo-v2.6-pro", "api_key": "k", "base_url": simulator.anthropic_url, **fields}
        return ChatMiMoMessages(**given)

    return make


def _verdicts(simulator: Simulator) -> set[str]:
    assert {200} == {exchange.status for exchange in simulator.exchanges}
    assert {"messages"} == {exchange.wire for exchange in simulator.exchanges}
    assert 5 == len(simulator.exchanges[-1].verdicts)
    return {verdict for exchange in simulator.exchanges for verdict in exchange.verdicts}


def _blocks(simulator: Simulator) -> list[dict[str, Any]]:
    """Every block of thinking in the last request."""
    messages = simulator.exchanges[-1].body["messages"]
    contents = [message["content"] for message in messages if isinstance(message["content"], list)]
    return [block for content in contents for block in content if "thinking" in block["type"]]


@pytest.mark.parametrize("fields", [{}, {"output_version": "v1"}], ids=["v0", "v1"])
@pytest.mark.parametrize("call", WAYS)
async def test_exact(call: Any, fields: Any, simulator: Simulator, make: Make) -> None:
    """Every turn arrives to the byte, its blocks and calls in their order."""
    history = await converse(make(**fields).bind_tools([weather, tide]), call)

    assert {"exact"} == _verdicts(simulator)
    assert all(all(exchange.kept) for exchange in simulator.exchanges)
    assert {"type", "thinking"} == {name for block in _blocks(simulator) for name in block}
    turns = [turn for turn in history if isinstance(turn, AIMessage)]
    issued = [exchange.issued.reasoning for exchange in simulator.exchanges if exchange.issued]
    assert issued == [
        "".join(block["reasoning"] for block in turn.content_blocks if block["type"] == "reasoning") for turn in turns
    ]
    assert [len(turn.tool_calls) for turn in turns] == [2, 2, 0, 2, 2, 0]
    for turn in turns:
        assert len(turn.tool_calls) == [block["type"] for block in turn.content_blocks].count("tool_call")
        assert "xiaomi_mimo" == turn.response_metadata["model_provider"]
        usage = turn.usage_metadata
        assert usage is not None
        assert 0 < usage["output_tokens"] < usage["total_tokens"]


def _without_blocks(turn: AIMessage) -> AIMessage:
    """As another class of LangChain's keeps it."""
    blocks = [block for block in turn.content_blocks if block["type"] == "reasoning"]
    reasoning = "".join(block["reasoning"] for block in blocks)
    return AIMessage(turn.text, tool_calls=turn.tool_calls, additional_kwargs={"reasoning_content": reasoning})


def _with_standard_blocks(turn: AIMessage) -> AIMessage:
    blocks: Any = [{name: value for name, value in block.items() if name != "index"} for block in turn.content_blocks]
    return AIMessage(content_blocks=blocks)  # langchain-core takes no index of a call here


@pytest.mark.parametrize("held", [_without_blocks, _with_standard_blocks])
@pytest.mark.parametrize("call", [_invoke, _stream])
async def test_without_a_memory(call: Any, held: Any, simulator: Simulator, make: Make) -> None:
    """What the message itself still knows is enough, wherever it stands."""
    await converse(make(store="off").bind_tools([weather, tide]), call, kept=held)

    assert {"exact"} == _verdicts(simulator)


def _rebuilt(turn: AIMessage) -> AIMessage:
    return AIMessage(turn.text, tool_calls=turn.tool_calls)


def _from_a_ui(turn: AIMessage) -> AIMessage:
    calls = [{**call, "id": f"ui_{number}"} for number, call in enumerate(turn.tool_calls)]
    return AIMessage(turn.text, tool_calls=calls)


@pytest.mark.parametrize(
    ("kind", "call", "loss"),
    pairs(["memory", "sqlite"], [_invoke, _ainvoke, _stream, _astream], [_rebuilt, _from_a_ui]),
)
async def test_recalled(kind: str, call: Any, loss: Any, simulator: Simulator, make: Make, tmp_path: Path) -> None:
    """A turn that an application rebuilt without its reasoning gets it back."""
    simulator.mode = replace(simulator.mode, conversation="seed")
    store = "memory://" if kind == "memory" else f"sqlite:///{tmp_path}/store"
    model = make(store=store, scope="a").bind_tools([weather, tide], extra_body={"seed": 1})
    await converse(model, call, kept=loss)

    assert {"exact"} == _verdicts(simulator)


def _openai(history: History) -> list[BaseMessage]:
    return convert_to_messages(json.loads(json.dumps(convert_to_openai_messages(history))))


@pytest.mark.parametrize(
    "change",
    [
        lambda history: messages_from_dict(json.loads(json.dumps(messages_to_dict(history)))),
        lambda history: loads(dumps(history), allowed_objects="messages"),
        _openai,
        lambda history: [SystemMessage("You are MiMo."), *history],
    ],
    ids=["dicts", "dumps", "openai", "system"],
)
@pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning")
@pytest.mark.parametrize("call", [_invoke, _stream])
async def test_converted(call: Any, change: Any, simulator: Simulator, make: Make) -> None:
    """A history that went through another form arrives exactly."""
    await converse(make().bind_tools([weather, tide]), call, sent=change)

    assert {"exact"} == _verdicts(simulator)


@pytest.mark.parametrize("streaming", [False, True])
async def test_agent(streaming: bool, simulator: Simulator, make: Make) -> None:
    """An agent goes through all its steps."""
    agent = create_agent(make(streaming=streaming), tools=[weather, tide])
    state = agent.invoke({"messages": [HumanMessage("天气?")]})
    state = await agent.ainvoke({"messages": [*state["messages"], HumanMessage("And tomorrow?")]})

    assert "答案是" in state["messages"][-1].text
    assert {"exact"} == _verdicts(simulator)


async def test_signed_by_the_relay(simulator: Simulator, make: Make) -> None:
    """A relay may sign what MiMo thought: the text goes back, for the memory knows it."""
    simulator.mode = replace(simulator.mode, signatures="checked")
    await converse(make().bind_tools([weather, tide]))

    assert {"exact"} == _verdicts(simulator)


def test_a_history_of_claude(simulator: Simulator, make: Make) -> None:
    """Claude's thought is never sent: its tool turns get the placeholder of this wire."""
    simulator.mode = Mode(accepts="non-empty")
    calls = [{"id": f"toolu_{number}", "name": "weather", "args": {"city": "x"}} for number in range(3)]
    thought = {"thinking": "a secret of Claude's", "signature": "EsYCC"}
    contents: list[list[Any]] = [
        [{"type": "thinking", **thought}],
        [{"type": "redacted_thinking", "data": "x"}],
        [{"type": "reasoning", "reasoning": thought["thinking"], "extras": {"signature": "EsYCC"}}],
    ]
    history: History = [HumanMessage("?")]
    for call, content in zip(calls, contents, strict=True):
        turn = AIMessage(content, tool_calls=[call], response_metadata={"model_provider": "anthropic"})
        history += [turn, ToolMessage("21", tool_call_id=call["id"])]
    history += [AIMessage([{"type": "thinking", **thought}]), HumanMessage("And?")]
    before = [message.model_dump_json() for message in history]
    make().invoke(history)

    assert [{"type": "thinking", "thinking": " "}] * 3 == _blocks(simulator)
    assert ("placeholder",) * 3 == simulator.exchanges[-1].verdicts
    assert b"secret" not in simulator.exchanges[-1].raw
    assert before == [message.model_dump_json() for message in history]


@pytest.mark.parametrize("store", [None, "off"])
def test_the_prefix_holds(store: str | None, simulator: Simulator, make: Make) -> None:
    """Request N's messages are byte-identical inside request N+1, recalled and placeholders too."""
    simulator.mode = Mode(tool_rounds=4)
    model, history = make(store=store).bind_tools([weather]), [HumanMessage("天气?")]
    for forget in (False, True, False, True, False):
        turn = model.invoke(history)
        history += [_rebuilt(turn) if forget else turn, *(weather.invoke(call) for call in turn.tool_calls)]
    model.invoke([*history, HumanMessage("And?")])

    sent = [[json.dumps(message) for message in exchange.body["messages"]] for exchange in simulator.exchanges]
    assert [] == [shorter for shorter, longer in pairwise(sent) if shorter != longer[: len(shorter)]]
    expected = "exact" if store is None else "placeholder"
    assert ("exact", expected, "exact", expected, "exact") == simulator.exchanges[-1].verdicts


@pytest.mark.parametrize("stream_usage", [False, True])
def test_usage_of_a_stream(stream_usage: bool, simulator: Simulator, make: Make) -> None:
    """A stream is remembered whether usage is wanted or not, and its text comes in pieces."""
    model, question = make(stream_usage=stream_usage), HumanMessage(f"usage {stream_usage}?")
    chunks = list(model.stream([question]))
    turn = chunks[0] + chunks[1:]
    model.invoke([question, AIMessage(turn.text), HumanMessage("And?")])

    assert stream_usage is (turn.usage_metadata is not None)
    assert ("exact",) == simulator.exchanges[-1].verdicts


@pytest.mark.parametrize(
    ("fields", "called", "sent"),
    [
        ({}, {}, None),
        ({"thinking": False}, {}, "disabled"),
        ({"thinking": "disabled"}, {"thinking": True}, "enabled"),
        ({"thinking": {"type": "enabled", "budget_tokens": 4000}}, {}, "enabled"),
        ({"thinking": {"type": "enabled", "budget_tokens": 0}}, {}, "disabled"),
        ({"thinking": {"type": "adaptive"}}, {"thinking": {"type": "disabled"}}, "disabled"),
        ({"effort": "high"}, {}, "enabled"),
        ({}, {"reasoning_effort": "none"}, "disabled"),
    ],
)
def test_thinking(fields: Any, called: Any, sent: str | None, simulator: Simulator, make: Make) -> None:
    """The switch has two positions; budgets and efforts are not sent."""
    turn = make(**fields).invoke("?", **called)

    body = simulator.exchanges[-1].body
    assert (None if sent is None else {"type": sent}) == body.get("thinking")
    assert {"model", "max_tokens", "messages", "thinking"} >= body.keys()
    assert 32768 == body["max_tokens"]
    assert (sent != "disabled") is ("reasoning" in {block["type"] for block in turn.content_blocks})


async def test_thinking_off(simulator: Simulator, make: Make) -> None:
    """With thinking off nothing is put into a history."""
    await converse(make(thinking=False).bind_tools([weather, tide]), _stream)

    assert {"missing"} == _verdicts(simulator)
    assert [] == _blocks(simulator)


@pytest.mark.parametrize("environment", [{}, *NO_PROXIES], ids=" ".join)
@pytest.mark.parametrize("streaming", [False, True])
def test_event_loops(
    streaming: bool, environment: dict[str, str], simulator: Simulator, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One model, and a second one, serve one event loop after another without a retry."""
    set_proxies(monkeypatch, environment)
    models = [make(max_retries=0, streaming=streaming) for _ in range(2)]
    for model in [*models, *models]:
        asyncio.run(model.ainvoke("hi"))

    assert [200] * 4 == [exchange.status for exchange in simulator.exchanges]


@pytest.mark.parametrize("name", ["_client", "_async_client"])
def test_no_thread_finds_a_client_before_it_is_ours(name: str, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """LangChain's own has the key of Anthropic's environment, and connections that all loops share."""
    model, found = make(), list[bool]()
    ours = ChatMiMoMessages._of_mimo
    monkeypatch.setattr(
        ChatMiMoMessages, "_of_mimo", lambda self, client: [found.append(name in vars(self)), ours(self, client)][1]
    )
    client = getattr(model, name)

    assert [False] == found
    assert client is getattr(model, name)


def test_event_loops_at_once(simulator: Simulator, make: Make) -> None:
    """Loops of several threads share a model."""
    model = make(max_retries=0)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: asyncio.run(model.ainvoke("hi")), range(12)))

    assert [200] * 12 == [exchange.status for exchange in simulator.exchanges]


async def test_a_proxy(simulator: Simulator, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that is given, and one that httpx finds in the environment, is asked."""
    dead = "http://127.0.0.1:9"
    with pytest.raises(APIConnectionError):
        await make(anthropic_proxy=dead, max_retries=0).ainvoke("hi")
    set_proxies(monkeypatch, {"HTTP_PROXY": dead})
    with pytest.raises(APIConnectionError):
        await make(max_retries=0, timeout=60).ainvoke("hi")  # LangChain shares the clients that are made alike

    assert () == tuple(simulator.exchanges)


async def test_clients(simulator: Simulator, make: Make) -> None:
    """Headers, timeouts and retries are as they were asked for."""
    model = make(default_headers={"X-A": "1"}, timeout=9.0, max_retries=4)
    await model.ainvoke("hi")

    assert "1" == simulator.exchanges[-1].headers["x-a"]
    assert (9.0, 4) == (model._async_client.timeout, model._async_client.max_retries)


def test_the_key_is_ours(simulator: Simulator, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of Anthropic's environment goes to MiMo's host, and the key is a token."""
    for name in ("API_KEY", "AUTH_TOKEN"):
        monkeypatch.setenv(f"ANTHROPIC_{name}", "anthropics")
    for name in ("BASE_URL", "API_URL", "PROXY"):
        monkeypatch.setenv(f"ANTHROPIC_{name}", "http://127.0.0.1:9")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Secret: anthropics")
    monkeypatch.setenv("MIMO_API_KEY", "ours")
    monkeypatch.setenv("MIMO_BASE_URL", simulator.anthropic_url)
    ChatMiMoMessages(model="mimo-v2.6-pro").invoke("?")

    headers = simulator.exchanges[-1].headers
    assert "Bearer ours" == headers["authorization"]
    assert "x-api-key" not in headers
    assert "anthropics" not in str(headers)


def test_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anthropic's key is no key of MiMo's."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "anthropics")
    with pytest.raises(ValidationError, match="set MIMO_API_KEY"):
        ChatMiMoMessages(model="mimo-v2.6-pro")


@pytest.mark.parametrize("url", [None, "https://api.xiaomimimo.com/v1"])
def test_the_url_of_the_chat_wire(url: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL in the environment that is not this wire's is not heard."""
    if url:
        monkeypatch.setenv("MIMO_BASE_URL", url)
    model = ChatMiMoMessages(model="mimo-v2.6-pro", api_key="k")

    assert "https://api.xiaomimimo.com/anthropic" == model.anthropic_api_url
    assert "k" not in repr(model.anthropic_api_key)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"base_url": "nowhere"}, "base_url is not an http"),
        ({"base_url": "http://host/anthropic\n"}, "base_url is not an http"),
        ({"api_key": "k\n"}, "MIMO_API_KEY or api_key contains characters that are not allowed"),
        ({"thinking": "perhaps"}, "thinking is 'perhaps'"),
        ({"store": 7}, "store is int"),
        ({"store": "sqlite:///x"}, "a shared store needs a scope"),
        ({"scope": ""}, "scope must not be blank"),
    ],
)
def test_bad_fields(fields: Any, complaint: str, make: Make) -> None:
    """A field that cannot be used is named."""
    with pytest.raises(ValidationError, match=complaint):
        make(**fields)


class City(BaseModel):
    """A city."""

    name: str


def test_structured(simulator: Simulator, make: Make) -> None:
    """Output in a schema comes from a tool that is not forced; where it is not called, an error says so."""
    city = make().with_structured_output(City).invoke("Zürich?")
    simulator.mode = replace(simulator.mode, tool_rounds=0)
    with pytest.raises(OutputParserException, match="expected a call to City"):
        make().with_structured_output(City).invoke("Zürich?")
    with pytest.raises(ValueError, match="use function_calling"):
        make().with_structured_output(City, method="json_schema")

    assert isinstance(city, City)


def test_schemas_are_rejected(simulator: Simulator, make: Make) -> None:
    """A schema that would be ignored is rejected by name, wherever it is given."""
    schema = {"type": "json_schema", "schema": City.model_json_schema()}
    for name in ("response_format", "output_format"):
        with pytest.raises(ValueError, match=f"{name}: MiMo's messages wire takes no schema"):
            make().invoke("?", **{name: schema})
        with pytest.raises(ValueError, match=f"{name}: MiMo's messages wire takes no schema"):
            make(model_kwargs={name: schema}).invoke("?")
    config: dict[str, Any] = {"output_config": {"format": schema}}
    for model in (make(**config), make().bind(**config)):
        with pytest.raises(ValueError, match="output_config: MiMo's messages wire takes no schema"):
            model.invoke("?")

    assert () == tuple(simulator.exchanges)


def test_a_thought_of_no_turn(simulator: Simulator, make: Make) -> None:
    """Where an answer was taken for a tool's result or a question, this wire gets its text alone."""
    call = {"id": "toolu_1", "name": "weather", "args": {"city": "x"}}
    said = make().invoke("What would the tool say?")
    history = [HumanMessage(said.content), AIMessage("", tool_calls=[call])]
    history.append(ToolMessage(said.content, tool_call_id="toolu_1"))
    make().invoke(history)

    first, _, last = simulator.exchanges[-1].body["messages"]
    text = [{"type": "text", "text": said.text}]
    assert (text, text) == (first["content"], last["content"][0]["content"])


def test_forced_tools() -> None:
    """Xiaomi's hosts are not asked to force a tool, and a warning says so."""
    model = ChatMiMoMessages(model="mimo-v2.6-pro", api_key="k")
    with pytest.warns(UserWarning, match="dropped: this host"):
        bound = model.bind_tools([weather], tool_choice="any")
    payload = model._get_request_payload("?", **bound.kwargs)  # type: ignore[attr-defined]
    none = model._get_request_payload("?", **model.bind_tools([weather], tool_choice="none").kwargs)  # type: ignore[attr-defined]

    assert ("tools" in payload, "tool_choice" in payload) == (True, False)
    assert ("tools" in none, "tool_choice" in none) == (False, False)


def test_another_family_is_left_alone(simulator: Simulator, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the operator says that a model is none of ours, the request is langchain-anthropic's own."""
    monkeypatch.setenv("MIMO_QUIRKS_MODELS", '{"claude-x": "none"}')
    turn = AIMessage([{"type": "thinking", "thinking": "x", "signature": "s"}, {"type": "text", "text": "y"}])
    make(model="claude-x").invoke([HumanMessage("?"), turn, HumanMessage("?")])

    assert [{"type": "thinking", "thinking": "x", "signature": "s"}] == _blocks(simulator)


def test_init_chat_model(simulator: Simulator) -> None:
    """After `register()` this class has a provider's name of its own."""
    register()
    name = "xiaomi_mimo_messages:mimo-v2.6-flash"
    model = init_chat_model(name, api_key="k", base_url=simulator.anthropic_url, temperature=0.5)
    model.invoke("hi")

    assert isinstance(model, ChatMiMoMessages)
    assert ("messages", "mimo-v2.6-flash") == (simulator.exchanges[-1].wire, simulator.exchanges[-1].body["model"])


def test_tokens_and_profile(make: Make) -> None:
    """Nothing is asked for a count, reasoning counts, and the profile promises no schemas."""
    model = make()
    thought = AIMessage([{"type": "thinking", "thinking": "x" * 4000}])

    assert 1000 < model.get_num_tokens_from_messages([thought]) < 1100
    assert model.profile is not None
    assert not model.profile["structured_output"]
    assert "xiaomi_mimo" == model._get_ls_params()["ls_provider"]
