"""Every route, provider and client through a real proxy, asked by the real SDKs; judged by what reached the host."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from mimo_quirks.cli.proxy import LiteLLMProxy
from mimo_quirks.simulator import Mode, Simulator

from ..pairs import LONG, pairs
from .clients import KEEPS, QUESTION, Talk
from .deployments import ROUTED, deployment

ROUNDS = 3
TURNS = sum(range(ROUNDS + 1))
CELLS = [(route, client) for route, clients in KEEPS.items() for client in clients]
CHAT_ONLY = ("chat",)
WORLDS: dict[str, dict[str, Any]] = {
    "several blocks, parallel calls, late reasoning": {
        "thinking_blocks": 2,
        "parallel_calls": 2,
        "late_reasoning": True,
        "split_utf8": True,
    },
    "one block": {},
    # LiteLLM turns `weather:0` into `weather_0` for the messages wire, an id that no host issued; the judge goes by a
    # turn's place in its conversation. A test has one, and the mark is what each of its requests has on every route.
    "ids that repeat": {"ids": "repeating", "conversation": "model"},
    "strings": {"string_content": True, "parallel_calls": 3},
}
NAMES = list(ROUTED) if LONG else ["xiaomi_mimo", "openai", "openai-bridged", "deepseek", "anthropic"]
"""One deployment for each way that LiteLLM goes; the others differ in the host's spelling."""


@pytest.fixture(name="proxy", scope="module")
def _proxy(upstream: Simulator) -> Iterator[LiteLLMProxy]:
    config = {
        "model_list": [deployment(name, upstream) for name in ROUTED],
        "litellm_settings": {"callbacks": ["litellm_mimo.mimo_callback"], "drop_params": True},
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
    }
    with LiteLLMProxy(json.dumps(config)) as proxy:
        yield proxy


@pytest.mark.parametrize(("name", "route", "client", "streams", "world"), pairs(NAMES, CELLS, [False, True], WORLDS))
def test_table(
    name: str, route: str, client: str, streams: bool, world: str, proxy: LiteLLMProxy, upstream: Simulator
) -> None:
    """Whatever the route does to reasoning, and whatever the client keeps of it, it arrives to the byte."""
    upstream.mode = Mode(accepts="exact", tool_rounds=ROUNDS, spelling=ROUTED[name][1], **WORLDS[world])
    question = f"{QUESTION} {secrets.token_hex(8)}"  # where ids repeat it is all that tells the conversations apart
    talk = Talk(route, name, KEEPS[route][client], streams, history=[{"role": "user", "content": question}])
    answer = talk.run(proxy, ROUNDS + 1)

    assert "答案是" in answer
    assert [exchange.issued.reasoning for exchange in upstream.exchanges if exchange.issued] == talk.shown
    assert ["exact"] * TURNS == [verdict for exchange in upstream.exchanges for verdict in exchange.verdicts]
    assert {200} == {exchange.status for exchange in upstream.exchanges}
    for exchange in upstream.exchanges:
        assert exchange.body.get("tools")
        assert exchange.wire != "chat" or b"thinking_blocks" not in exchange.raw


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("route", ["messages", "responses"])
@pytest.mark.parametrize("name", [name for name in ROUTED if name.endswith("-bridged")])
def test_chat_only(name: str, route: str, streams: bool, proxy: LiteLLMProxy, upstream: Simulator) -> None:
    """An upstream that has no other endpoint is served by the one line of configuration that the README names."""
    upstream.mode = Mode(accepts="exact", tool_rounds=ROUNDS, spelling=ROUTED[name][1], wires=CHAT_ONLY)
    Talk(route, name, KEEPS[route]["drops"], streams).run(proxy, ROUNDS + 1)

    assert ["exact"] * TURNS == [verdict for exchange in upstream.exchanges for verdict in exchange.verdicts]
    assert {"/v1/chat/completions"} == {exchange.path for exchange in upstream.exchanges}


CLAUDE_CODE = {
    "system": [{"type": "text", "text": "You are an agent.", "cache_control": {"type": "ephemeral"}}],
    "metadata": {"user_id": "user_1_account__session_2"},
    "thinking": {"type": "enabled", "budget_tokens": 3999},
    "extra_body": {"temperature": 1},
}
CODEX = {
    "instructions": "You are an agent.",
    "include": ["reasoning.encrypted_content"],
    "reasoning": {"effort": "medium", "summary": "auto"},
    "parallel_tool_calls": False,
    "prompt_cache_key": "conversation-1",
    "tool_choice": "auto",
}


def _as_claude_code(history: list[Any]) -> list[Any]:
    """Results as blocks, a reminder beside them, and a cache mark that wanders to the last message."""
    reminder = {"type": "text", "text": "<system-reminder>Be brief.</system-reminder>"}
    shaped = [
        {**message, "content": [*map(_as_block, message["content"]), reminder]}
        if message["role"] == "user" and isinstance(message["content"], list)
        else message
        for message in history
    ]
    last = shaped[-1]
    blocks = last["content"] if isinstance(last["content"], list) else [{"type": "text", "text": last["content"]}]
    marked = {**blocks[-1], "cache_control": {"type": "ephemeral"}}
    return [*shaped[:-1], {**last, "content": [*blocks[:-1], marked]}]


def _as_block(result: dict[str, Any]) -> dict[str, Any]:
    return {**result, "content": [{"type": "text", "text": result["content"]}]}


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("client", KEEPS["messages"] if LONG else ["drops"])
@pytest.mark.parametrize("name", NAMES if LONG else NAMES[-3:])
def test_claude_code(name: str, client: str, streams: bool, proxy: LiteLLMProxy, upstream: Simulator) -> None:
    """Ten turns in the shape that Claude Code replays them."""
    upstream.mode = Mode(
        accepts="exact", tool_rounds=10, parallel_calls=2, string_content=True, spelling=ROUTED[name][1]
    )
    talk = Talk("messages", name, KEEPS["messages"][client], streams, CLAUDE_CODE, shape=_as_claude_code)
    assert [None] * 10 == [talk.step(proxy) for _ in range(10)]

    assert ["exact"] * sum(range(10)) == [verdict for exchange in upstream.exchanges for verdict in exchange.verdicts]


@pytest.mark.parametrize("client", ["echoes", "encrypted"] if LONG else ["echoes"])
@pytest.mark.parametrize("name", NAMES if LONG else NAMES[-3:])
def test_codex(name: str, client: str, proxy: LiteLLMProxy, upstream: Simulator) -> None:
    """Ten turns in the shape that Codex replays them."""
    upstream.mode = Mode(accepts="exact", tool_rounds=10, late_reasoning=True, spelling=ROUTED[name][1])
    Talk("responses", name, KEEPS["responses"][client], True, CODEX).run(proxy, 11)

    assert ["exact"] * sum(range(11)) == [verdict for exchange in upstream.exchanges for verdict in exchange.verdicts]


def test_a_resumed_conversation(proxy: LiteLLMProxy, upstream: Simulator) -> None:
    """Qwen Code trims what was thought, and leaves a reminder out of the first message when it resumes."""
    upstream.mode = Mode(accepts="exact")
    asked = f"{QUESTION} {secrets.token_hex(8)}"
    begun = [{"role": "user", "content": f"<system-reminder>It is Saturday.</system-reminder>{asked}"}]
    talk = Talk("chat", "xiaomi_mimo", KEEPS["chat"]["strips"], True, history=begun)
    talk.run(proxy, 2)
    talk.history[0] = {"role": "user", "content": asked}
    talk.history.append({"role": "user", "content": "And tomorrow?"})
    talk.run(proxy, 2)

    assert ["exact"] * (1 + 2 + 3) == [verdict for exchange in upstream.exchanges for verdict in exchange.verdicts]
