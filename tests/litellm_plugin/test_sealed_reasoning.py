"""Reasoning that clients carry themselves: no store, a real proxy, the real SDKs; judged by what reached the host."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from mimo_quirks.cli.proxy import LiteLLMProxy
from mimo_quirks.simulator import Mode, Simulator

from .clients import KEEPS, Block, Talk
from .deployments import deployment, finding

ROUNDS = 10
OLD, NEW = "old" * 11, "new" * 11
SECRETS = {"MIMO_QUIRKS_STORE": "off", "MIMO_QUIRKS_SECRET": OLD}
CLIENTS = [
    ("messages", "xiaomi_mimo", "signature"),
    ("messages", "anthropic", "signature"),
    ("messages", "openai", "signature"),
    ("responses", "xiaomi_mimo", "encrypted"),
    ("responses", "anthropic", "encrypted"),
    ("responses", "openai", "encrypted"),
]
"""Routes, with a provider for each way that LiteLLM goes, and the client that keeps nothing but what is opaque."""
AUTH = """
from litellm.proxy._types import UserAPIKeyAuth
async def authenticate(request, api_key):
    return UserAPIKeyAuth(user_id=api_key)
"""


def _config(upstream: Simulator, **more: Any) -> str:
    names = sorted({name for _, name, _ in CLIENTS} | {"openai-bridged"})
    return json.dumps(
        {
            "model_list": [deployment(name, upstream) for name in names],
            "litellm_settings": {"callbacks": ["litellm_mimo.mimo_callback"]},
            "router_settings": {"num_retries": 0, "disable_cooldowns": True},
            **more,
        }
    )


@pytest.fixture(name="proxy", scope="module")
def _proxy(upstream: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiteLLMProxy]:
    """A proxy that tells its users apart."""
    folder = tmp_path_factory.mktemp("auth")
    (folder / "tenants.py").write_text(AUTH)
    config = _config(upstream, general_settings={"custom_auth": "tenants.authenticate"})
    with LiteLLMProxy(config, {**SECRETS, **finding(folder)}) as proxy:
        yield proxy


@pytest.fixture(name="successor", scope="module")
def _successor(upstream: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiteLLMProxy]:
    """The same proxy after a restart, with two workers and a new secret; the old one still opens."""
    folder = tmp_path_factory.mktemp("auth")
    (folder / "tenants.py").write_text(AUTH)
    config = _config(upstream, general_settings={"custom_auth": "tenants.authenticate"})
    environment = {**SECRETS, "MIMO_QUIRKS_SECRET": f"{NEW},{OLD}", **finding(folder)}
    with LiteLLMProxy(config, environment, workers=2) as proxy:
        yield proxy


def _verdicts(upstream: Simulator) -> list[str]:
    return [verdict for exchange in upstream.exchanges for verdict in exchange.verdicts]


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("route", "name", "client"), CLIENTS)
def test_ten_turns(
    route: str, name: str, client: str, streams: bool, proxy: LiteLLMProxy, successor: LiteLLMProxy, upstream: Simulator
) -> None:
    """Nothing but the opaque field comes back, half of the way through another proxy: every turn is exact."""
    upstream.mode = Mode(accepts="exact", tool_rounds=ROUNDS, thinking_blocks=2, parallel_calls=2, late_reasoning=True)
    talk = Talk(route, name, KEEPS[route][client], streams, key="alice")
    for step in range(ROUNDS):
        assert talk.step(proxy if step < ROUNDS // 2 else successor) is None
    answer = talk.step(successor)

    assert answer is not None
    assert "答案是" in answer
    assert ["exact"] * sum(range(ROUNDS + 1)) == _verdicts(upstream)


def _with_carriers(change: Any) -> Any:
    """A client that hands something else back than it was given, and no text."""

    def keep(block: Block) -> Block:
        if block["type"] == "thinking":
            return {**block, "thinking": "", "signature": change(block["signature"])}
        if block["type"] == "reasoning":
            return {**block, "summary": [], "content": [], "encrypted_content": change(block["encrypted_content"])}
        return block

    return keep


BAD = {
    "forged": lambda carrier: "mimo-quirks.1." + "A" * 80,
    "flipped": lambda carrier: carrier[:-9] + ("A" if carrier[-9] != "A" else "B") + carrier[-8:],
    "truncated": lambda carrier: carrier[: len(carrier) // 2],
    "old version": lambda carrier: carrier.replace("mimo-quirks.1.", "mimo-quirks.0."),
    "garbage": lambda carrier: "mimo-quirks.1.\u0000💥=",
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize(("route", "name", "_client"), CLIENTS)
def test_bad_carriers(bad: str, route: str, name: str, _client: str, proxy: LiteLLMProxy, upstream: Simulator) -> None:
    """What was tampered with is worth nothing: the turn goes with the placeholder."""
    upstream.mode = Mode(accepts="present")
    Talk(route, name, _with_carriers(BAD[bad]), False, key="alice").run(proxy, 2)

    assert ["placeholder"] == _verdicts(upstream)


@pytest.mark.parametrize(("route", "name", "client"), CLIENTS)
def test_another_user_s(route: str, name: str, client: str, proxy: LiteLLMProxy, upstream: Simulator) -> None:
    """What one user was given is worth nothing to another."""
    upstream.mode = Mode(accepts="present")
    talk = Talk(route, name, KEEPS[route][client], False, key="alice")
    talk.step(proxy)
    talk.key = "mallory"
    talk.step(proxy)

    assert ["placeholder"] == _verdicts(upstream)


@pytest.mark.parametrize(
    "environment",
    [
        {"MIMO_QUIRKS_SECRET": NEW},
        {"MIMO_QUIRKS_SEALED_TTL_SECONDS": "0.001"},
        {"MIMO_QUIRKS_SEALED_MAX_BYTES": "9"},
    ],
    ids=["retired secret", "expired", "larger than allowed"],
)
def test_not_believed(environment: dict[str, str], proxy: LiteLLMProxy, upstream: Simulator) -> None:
    """A retired secret, an expired carrier, and a text that was too large for one: the placeholder."""
    upstream.mode = Mode(accepts="present")
    talks = [Talk(route, name, KEEPS[route][client], False) for route, name, client in CLIENTS]
    larger = "MIMO_QUIRKS_SEALED_MAX_BYTES" in environment
    with LiteLLMProxy(_config(upstream), {**SECRETS, **environment}) as other:
        for talk in talks:
            talk.step(other if larger else proxy)
            talk.step(other)

    assert ["placeholder"] * len(CLIENTS) == _verdicts(upstream)
