"""The thinking switch on every route and host: what a client asks for is what happens, and nothing else is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from litellm_mimo.callback import HEADER
from mimo_quirks.cli.proxy import LiteLLMProxy
from mimo_quirks.simulator import Mode, Simulator

from ..pairs import pairs
from .clients import KEEPS, Talk
from .deployments import ROUTED, deployment

OFF = {
    "chat": [{"extra_body": {"thinking": {"type": "disabled"}}}, {"reasoning_effort": "none"}],
    "messages": [{"thinking": {"type": "disabled"}}],
    "responses": [{"reasoning": {"effort": "none"}}],
}
ON = {
    "chat": [{"extra_body": {"thinking": {"type": "enabled"}}}, {"reasoning_effort": "high"}],
    "messages": [
        {"thinking": {"type": "enabled", "budget_tokens": 2048}},
        {"extra_body": {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}},
    ],
    "responses": [{"reasoning": {"effort": "minimal"}}, {"reasoning": {"effort": "low"}}],
}
REJECTED = (b"reasoning_effort", b"budget_tokens", b"output_config", b"adaptive", b"minimal")
"""What MiMo's hosts reject or ignore."""
ALIBABA = "openai/xiaomi/mimo-v2.6-pro"


def _cells(asked: dict[str, list[dict[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
    return [(route, words) for route, spellings in asked.items() for words in spellings]


@pytest.fixture(name="alibaba", scope="module")
def _alibaba() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture(name="proxy", scope="module")
def _proxy(upstream: Simulator, alibaba: Simulator) -> Iterator[LiteLLMProxy]:
    bailian = {"model": ALIBABA, "api_base": alibaba.base_url, "api_key": "k", "use_chat_completions_api": True}
    config = {
        "model_list": [
            *(deployment(name, upstream) for name in ROUTED),
            {"model_name": "alibaba", "litellm_params": bailian},
        ],
        "litellm_settings": {"callbacks": ["litellm_mimo.mimo_callback"]},
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
    }
    hosts = json.dumps({alibaba.origin: "alibaba"})
    with LiteLLMProxy(json.dumps(config), {"MIMO_QUIRKS_HOSTS": hosts, "MIMO_QUIRKS_REPORT": "false"}) as proxy:
        yield proxy


@pytest.fixture(name="host")
def _host(name: str, upstream: Simulator, alibaba: Simulator) -> Simulator:
    host = alibaba if name == "alibaba" else upstream
    spelling: Any = "alibaba" if name == "alibaba" else ROUTED[name][1]
    host.reset()
    host.mode = Mode(accepts="exact", forbids="when-off", spelling=spelling, tool_rounds=2)
    return host


@pytest.mark.parametrize(
    ("name", "route", "words", "streams"), pairs([*ROUTED, "alibaba"], _cells(OFF), [False, True]), ids=str
)
def test_off(name: str, route: str, words: dict[str, Any], streams: bool, proxy: LiteLLMProxy, host: Simulator) -> None:
    """Off is off at the host, and stays off across turns; nothing is put on such a request."""
    Talk(route, name, KEEPS[route]["echoes"], streams, words).run(proxy, 3)

    assert [False] * 3 == [exchange.thinking for exchange in host.exchanges]
    assert [None] * 3 == [exchange.issued and exchange.issued.reasoning for exchange in host.exchanges]
    assert not [word for word in REJECTED for exchange in host.exchanges if word in exchange.raw]


@pytest.mark.parametrize(
    ("name", "route", "words", "streams"), pairs([*ROUTED, "alibaba"], _cells(ON), [False, True]), ids=str
)
def test_on(name: str, route: str, words: dict[str, Any], streams: bool, proxy: LiteLLMProxy, host: Simulator) -> None:
    """On is on, whatever the degree that was asked for, and every turn is exact."""
    Talk(route, name, KEEPS[route]["drops"], streams, words).run(proxy, 3)

    assert [True] * 3 == [exchange.thinking for exchange in host.exchanges]
    assert ["exact"] * 3 == [verdict for exchange in host.exchanges for verdict in exchange.verdicts]
    assert not [word for word in REJECTED for exchange in host.exchanges if word in exchange.raw]


def test_the_report_can_be_switched_off(proxy: LiteLLMProxy, upstream: Simulator) -> None:
    """An operator who does not want clients to read what was done to their requests has no header for it."""
    headers = {"Authorization": f"Bearer {proxy.key}"}
    body = {"model": "xiaomi_mimo", "messages": [{"role": "user", "content": "x"}]}
    answer = httpx.post(f"{proxy.base_url}/v1/chat/completions", json=body, headers=headers, timeout=60)

    assert (200, False) == (answer.status_code, HEADER in answer.headers)
    assert 1 == len(upstream.exchanges)
