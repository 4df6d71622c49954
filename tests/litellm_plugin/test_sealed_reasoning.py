"""Reasoning that clients carry themselves: no store, a real proxy, the real SDKs; judged by what reached the host."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mimo_quirks.cli.proxy import LiteLLMProxy
from mimo_quirks.simulator import Mode, Simulator

from ..pairs import LONG
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


@pytest.fixture(name="tenants", scope="module")
def _tenants(upstream: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., LiteLLMProxy]:
    """Makes proxies that tell their users apart."""
    folder = tmp_path_factory.mktemp("auth")
    (folder / "tenants.py").write_text(AUTH)
    config = _config(upstream, general_settings={"custom_auth": "tenants.authenticate"})
    return lambda workers=1, **settings: LiteLLMProxy(
        config, {**SECRETS, **settings, **finding(folder)}, workers=workers
    )


@pytest.fixture(name="proxy", scope="module")
def _proxy(tenants: Callable[..., LiteLLMProxy]) -> Iterator[LiteLLMProxy]:
    with tenants() as proxy:
        yield proxy


@pytest.fixture(name="successor", scope="module")
def _successor(tenants: Callable[..., LiteLLMProxy]) -> Iterator[LiteLLMProxy]:
    """The same proxy after a restart, with a new secret (and two workers); the old one still opens."""
    with tenants(2 if LONG else 1, MIMO_QUIRKS_SECRET=f"{NEW},{OLD}") as proxy:
        yield proxy


@pytest.fixture(name="strict", scope="module")
def _strict(tenants: Callable[..., LiteLLMProxy]) -> Iterator[LiteLLMProxy]:
    """The same proxy, which believes no carrier of yesterday and seals no text of ten bytes."""
    with tenants(MIMO_QUIRKS_SEALED_TTL_SECONDS="0.001", MIMO_QUIRKS_SEALED_MAX_BYTES="9") as proxy:
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
    ("first", "second", "sealed"),
    [("successor", "proxy", True), ("proxy", "strict", True), ("strict", "strict", False)],
    ids=["retired secret", "expired", "larger than allowed"],
)
def test_not_believed(
    first: str, second: str, sealed: bool, upstream: Simulator, request: pytest.FixtureRequest
) -> None:
    """A secret that a proxy does not have, an expired carrier, and a text too large for one: the placeholder."""
    upstream.mode = Mode(accepts="present")
    talks = [Talk(route, name, KEEPS[route][client], False, key="alice") for route, name, client in CLIENTS]
    for talk in talks:
        talk.step(request.getfixturevalue(first))
        assert sealed is ("mimo-quirks.1." in str(talk.history))
        talk.step(request.getfixturevalue(second))

    assert ["placeholder"] * len(CLIENTS) == _verdicts(upstream)
