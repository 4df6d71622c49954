"""The chat route of a real proxy, asked by the real openai SDK; judged by what reached the hosts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from openai import BadRequestError, OpenAI

from mimo_quirks.cli.demo.client import converse
from mimo_quirks.cli.proxy import LiteLLMProxy
from mimo_quirks.simulator import Exchange, Mode, Simulator

from ..cases import CALL, NASTY, TOOL
from ..pairs import pairs
from .deployments import NAMED, OTHERS, PROVIDERS, mode_for

ROUNDS = 3
TURNS = sum(range(ROUNDS + 1))


def _client(proxy: LiteLLMProxy) -> OpenAI:
    return OpenAI(base_url=f"{proxy.base_url}/v1", api_key=proxy.key, max_retries=0)


def _verdicts(exchanges: Sequence[Exchange]) -> list[str]:
    return [verdict for exchange in exchanges for verdict in exchange.verdicts]


def _messages(exchange: Exchange) -> list[dict[str, Any]]:
    return json.loads(exchange.raw)["messages"]


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_carried(provider: str, streams: bool, with_us: LiteLLMProxy, upstream: Simulator) -> None:
    """A client that echoes reasoning: every turn arrives to the byte."""
    upstream.mode = mode_for(provider, accepts="exact", tool_rounds=ROUNDS, split_utf8=True)
    answer = converse(_client(with_us), provider, echoes=True, streams=streams)

    assert "答案是" in answer
    assert ["exact"] * TURNS == _verdicts(upstream.exchanges)


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_dropped(provider: str, streams: bool, with_us: LiteLLMProxy, upstream: Simulator) -> None:
    """A client that drops reasoning: every turn is found again and arrives to the byte, over ten tool turns."""
    upstream.mode = mode_for(provider, accepts="exact", tool_rounds=10, parallel_calls=2, late_reasoning=True)
    answer = converse(_client(with_us), provider, echoes=False, streams=streams, most_steps=11)

    assert "答案是" in answer
    assert ["exact"] * sum(range(11)) == _verdicts(upstream.exchanges)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_lost(provider: str, stream: bool, with_us: LiteLLMProxy, upstream: Simulator) -> None:
    """A turn that nobody remembers arrives as the placeholder, and is answered."""
    upstream.mode = mode_for(provider, accepts="present")
    _send(with_us, provider, [*LOST, *LOST], stream=stream)

    assert [("placeholder", "placeholder")] == [exchange.verdicts for exchange in upstream.exchanges]


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_dropped_without_us(provider: str, streams: bool, without_us: LiteLLMProxy, upstream: Simulator) -> None:
    """The same client without the callback dies on its second step: the tests above can fail."""
    upstream.mode = mode_for(provider, accepts="present", tool_rounds=ROUNDS)
    with pytest.raises(BadRequestError):
        converse(_client(without_us), provider, echoes=False, streams=streams)

    assert [200, 400] == [exchange.status for exchange in upstream.exchanges]


HISTORY = [
    {"role": "user", "content": "天气?"},
    {"role": "assistant", "content": "", "tool_calls": [CALL], "reasoning_content": NASTY},
    {"role": "tool", "tool_call_id": "call_1", "content": "21 °C"},
]
LOST = [HISTORY[0], {key: value for key, value in HISTORY[1].items() if key != "reasoning_content"}, HISTORY[2]]


def _send(proxy: LiteLLMProxy, model: str, messages: list[Any], *, stream: bool = False, **more: Any) -> None:
    answer = _client(proxy).chat.completions.create(model=model, messages=messages, tools=[TOOL], stream=stream, **more)
    if stream:
        list(answer)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", ["xiaomi_mimo", "openai"])
def test_nothing_extra(
    provider: str, stream: bool, with_us: LiteLLMProxy, without_us: LiteLLMProxy, upstream: Simulator
) -> None:
    """Where the client carried everything under the host's own name, the body is the same with us and without."""
    for proxy in (with_us, without_us):
        _send(proxy, provider, HISTORY, stream=stream)

    ours, plain = upstream.exchanges
    assert plain.raw == ours.raw


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_only_reasoning_differs(
    provider: str, stream: bool, with_us: LiteLLMProxy, without_us: LiteLLMProxy, upstream: Simulator
) -> None:
    """What we put on a request is reasoning on turns; all other bytes of the body are LiteLLM's own."""
    upstream.mode = mode_for(provider, accepts="off")
    for proxy in (with_us, without_us):
        _send(proxy, provider, [*LOST, *HISTORY], stream=stream)

    ours, plain = (json.loads(exchange.raw) for exchange in upstream.exchanges)
    for body in (ours, plain):
        for message in body["messages"]:
            message.pop("reasoning_content", None), message.pop("reasoning", None)
    assert plain == ours


@pytest.mark.parametrize(("model", "carried", "stream"), pairs(OTHERS, [False, True], [False, True]))
def test_other_families(
    model: str, carried: bool, stream: bool, with_us: LiteLLMProxy, without_us: LiteLLMProxy, stranger: Simulator
) -> None:
    """A deployment of another family receives byte-identical bodies with the callback and without."""
    for proxy in (with_us, without_us):
        _send(proxy, model, HISTORY if carried else LOST, stream=stream)

    ours, plain = stranger.exchanges
    assert plain.raw == ours.raw


@pytest.mark.parametrize("stream", [False, True])
def test_fallback(stream: bool, with_us: LiteLLMProxy, without_us: LiteLLMProxy, stranger: Simulator) -> None:
    """What we put on a request for MiMo does not reach the provider that it falls back to."""
    for proxy in (with_us, without_us):
        _send(proxy, "broken", LOST, stream=stream)

    ours, plain = stranger.exchanges
    assert plain.raw == ours.raw
    assert ("missing",) == ours.verdicts


@pytest.mark.parametrize("name", NAMED)
def test_the_host_decides(name: str, with_us: LiteLLMProxy, secure: tuple[Simulator, Path]) -> None:
    """An alias is covered on Xiaomi's host, by the URL as the user writes it; on a lookalike it is not."""
    simulator, _ = secure
    simulator.mode = Mode(accepts="off")
    _send(with_us, name, LOST)

    (exchange,) = simulator.exchanges
    assert NAMED[name].split("/")[2] == exchange.headers["host"]
    assert ({"alias": "placeholder", "lookalike": "missing"}[name],) == exchange.verdicts


@pytest.mark.parametrize("switch", [{"thinking": {"type": "disabled"}}, {"thinking": {"type": "enabled"}}])
def test_thinking(switch: dict[str, Any], with_us: LiteLLMProxy, upstream: Simulator) -> None:
    """With thinking off nothing is put on the request; what reaches the wire decides, not what was asked."""
    _send(with_us, "openai", LOST, extra_body={"extra_body": switch})

    (exchange,) = upstream.exchanges
    assert (("placeholder" if exchange.thinking else "missing"),) == exchange.verdicts
    assert exchange.thinking is (switch["thinking"]["type"] == "enabled")


def test_the_prefix_holds(with_us: LiteLLMProxy, upstream: Simulator) -> None:
    """Request N's messages are byte-identical inside request N+1, placeholders too."""
    upstream.mode = Mode(tool_rounds=ROUNDS)
    converse(_client(with_us), "xiaomi_mimo", echoes=False, streams=False)

    sent = [[json.dumps(message) for message in _messages(exchange)] for exchange in upstream.exchanges]
    assert ROUNDS + 1 == len(sent)
    assert all(longer[: len(shorter)] == shorter for shorter, longer in pairwise(sent))
