"""What is beside MiMo in a proxy: other families, fallbacks, relays; nothing of ours reaches them on any route."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic import Anthropic
from openai import OpenAI

from mimo_quirks.cli.proxy import LiteLLMProxy
from mimo_quirks.sealing.markers import marker_of
from mimo_quirks.simulator import Mode, Simulator

from ..cases import NASTY
from ..pairs import pairs
from .clients import FUNCTION, KEEPS, SCHEMA, Talk
from .deployments import NEIGHBOURS, RELAYS


def _history(route: str, thought: dict[str, Any] | None) -> list[Any]:
    """A question, a call with what was thought before it, and its result."""
    arguments = '{"city": "北京"}'
    if route == "responses":
        return [
            {"role": "user", "content": "天气?"},
            *([thought] if thought else []),
            {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": arguments},
            {"type": "function_call_output", "call_id": "call_1", "output": "21 °C"},
        ]
    use = {"type": "tool_use", "id": "call_1", "name": "weather", "input": json.loads(arguments)}
    result = {"type": "tool_result", "tool_use_id": "call_1", "content": "21 °C"}
    return [
        {"role": "user", "content": "天气?"},
        {"role": "assistant", "content": [*([thought] if thought else []), use]},
        {"role": "user", "content": [result]},
    ]


THOUGHTS: dict[str, dict[str, dict[str, Any] | None]] = {
    "messages": {
        "none": None,
        "plain": {"type": "thinking", "thinking": NASTY, "signature": ""},
        "signed": {"type": "thinking", "thinking": NASTY, "signature": "EsYCC"},
    },
    "responses": {
        "none": None,
        "plain": {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": NASTY}]},
        "signed": {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA"},
    },
}
CARRIERS = {
    ("messages", "sealed"): {"type": "thinking", "thinking": NASTY, "signature": "mimo-quirks.1.AAAA"},
    ("messages", "marked"): {"type": "thinking", "thinking": NASTY, "signature": marker_of(NASTY)},
    ("messages", "damaged"): {"type": "thinking", "thinking": NASTY.strip(), "signature": marker_of(NASTY)},
    ("responses", "sealed"): {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [],
        "encrypted_content": "mimo-quirks.1.AAAA",
    },
}


def _ask(proxy: LiteLLMProxy, route: str, model: str, history: list[Any], *, streams: bool, **more: Any) -> None:
    if route == "messages":
        client = Anthropic(base_url=proxy.base_url, api_key=proxy.key, max_retries=0)
        tools: Any = [{"name": "weather", "input_schema": SCHEMA}]
        arguments: Any = {"model": model, "max_tokens": 4000, "messages": history, "tools": tools, **more}
        if streams:
            with client.messages.stream(**arguments) as stream:
                stream.get_final_message()
        else:
            client.messages.create(**arguments)
        return
    client_ = OpenAI(base_url=f"{proxy.base_url}/v1", api_key=proxy.key, max_retries=0)
    tools = [{"type": "function", **FUNCTION}]
    answer: Any = client_.responses.create(model=model, input=history, tools=tools, stream=streams, **more)
    if streams:
        list(answer)


@pytest.mark.parametrize(
    ("model", "route", "thought", "streams"),
    pairs(
        [*NEIGHBOURS, "broken-chat", "broken-native"],
        [(route, name) for route, known in THOUGHTS.items() for name in known],
        [False, True],
    ),
)
def test_bodies_are_the_same(
    model: str,
    route: str,
    thought: str,
    streams: bool,
    with_us: LiteLLMProxy,
    without_us: LiteLLMProxy,
    stranger: Simulator,
) -> None:
    """Another family's deployment receives the same bytes with us and without, and so does a fallback from MiMo."""
    for proxy in (with_us, without_us):
        _ask(proxy, route, model, _history(route, THOUGHTS[route][thought]), streams=streams)

    with_us, without = stranger.exchanges
    assert without.raw == with_us.raw
    assert without.path == with_us.path


@pytest.mark.parametrize("model", ["broken-chat", "broken-native"])
@pytest.mark.parametrize(
    ("route", "switch"),
    [
        ("messages", {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
        ("messages", {"thinking": {"type": "disabled"}}),
        ("responses", {"reasoning": {"effort": "low"}}),
    ],
    ids=str,
)
def test_a_switch_falls_back(
    model: str, route: str, switch: dict[str, Any], with_us: LiteLLMProxy, without_us: LiteLLMProxy, stranger: Simulator
) -> None:
    """What a client asked of MiMo reaches the fallback as LiteLLM alone would have written it."""
    for proxy in (with_us, without_us):
        _ask(proxy, route, model, _history(route, None), streams=False, **switch)

    with_us, without = stranger.exchanges
    assert without.raw == with_us.raw


@pytest.mark.parametrize(("route", "kind"), CARRIERS)
@pytest.mark.parametrize("model", NEIGHBOURS)
def test_carriers_are_taken_away(
    model: str, route: str, kind: str, with_us: LiteLLMProxy, without_us: LiteLLMProxy, stranger: Simulator
) -> None:
    """A carrier or a marker in a request for another family goes, and its block or item with it."""
    _ask(with_us, route, model, _history(route, CARRIERS[route, kind]), streams=False)
    _ask(without_us, route, model, _history(route, None), streams=False)

    with_us, without = stranger.exchanges
    assert without.raw == with_us.raw


@pytest.mark.parametrize(
    ("name", "client", "kind", "streams"),
    pairs(RELAYS, ["echoes", "drops"], [None, "enabled", "disabled"], [False, True]),
)
def test_relays(
    name: str, client: str, kind: str | None, streams: bool, with_us: LiteLLMProxy, upstream: Simulator
) -> None:
    """A MiMo model on the messages wire of any host: ten turns, thinking on and off."""
    upstream.mode = Mode(accepts="exact", tool_rounds=10, forbids="when-off")
    more = {"thinking": {"type": kind}} if kind else {}
    Talk("messages", name, KEEPS["messages"][client], streams, more).run(with_us, 11)

    verdicts = [verdict for exchange in upstream.exchanges for verdict in exchange.verdicts]
    assert [kind != "disabled"] * 11 == [exchange.thinking for exchange in upstream.exchanges]
    assert kind == "disabled" or verdicts == ["exact"] * sum(range(11))
