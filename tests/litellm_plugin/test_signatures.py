"""Thinking blocks without a secret: signed with a marker that clients keep; judged by what reached the host."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from mimo_quirks.cli.proxy import LiteLLMProxy
from mimo_quirks.sealing.markers import is_marker, marker_of
from mimo_quirks.simulator import Mode, Simulator

from .clients import Block, Keep, Talk
from .deployments import deployment

ROUNDS = 3
EXACT = ["exact"] * sum(range(ROUNDS + 1))
NAMES = ["xiaomi_mimo", "anthropic", "openai", "openai-bridged"]
"""One deployment for each way that LiteLLM goes from the messages route."""
BRIDGED = "litellm_encrypted_reasoning:"
"""What LiteLLM puts before the signature in a stream that it makes of one of the responses wire."""


def _config(upstream: Simulator) -> str:
    models = [deployment(name, upstream) for name in NAMES]
    callbacks = {"callbacks": ["litellm_mimo.mimo_callback"]}
    return json.dumps({"model_list": models, "litellm_settings": callbacks, "router_settings": {"num_retries": 0}})


@pytest.fixture(name="forgetful", scope="module")
def _forgetful(upstream: Simulator) -> Iterator[LiteLLMProxy]:
    """A proxy that remembers nothing, so that what comes back is what the client carried."""
    with LiteLLMProxy(_config(upstream), {"MIMO_QUIRKS_STORE": "off"}) as proxy:
        yield proxy


@pytest.fixture(name="proxy", scope="module")
def _proxy(upstream: Simulator) -> Iterator[LiteLLMProxy]:
    with LiteLLMProxy(_config(upstream)) as proxy:
        yield proxy


@pytest.fixture(name="unsigned", scope="module")
def _unsigned(upstream: Simulator) -> Iterator[LiteLLMProxy]:
    with LiteLLMProxy(_config(upstream), {"MIMO_QUIRKS_SIGN": "false"}) as proxy:
        yield proxy


def _thoughts(talk: Talk) -> list[Block]:
    blocks = [block for message in talk.history if message["role"] == "assistant" for block in message["content"]]
    return [block for block in blocks if block["type"] == "thinking"]


def _verdicts(upstream: Simulator) -> list[str]:
    return [verdict for exchange in upstream.exchanges for verdict in exchange.verdicts]


def _sent(upstream: Simulator) -> str:
    return "\n".join(exchange.raw.decode() for exchange in upstream.exchanges)


def _text_unless_signed(block: Block) -> Block:
    """What pi makes of a thinking block that nobody signed."""
    if block["type"] != "thinking" or block.get("signature"):
        return block
    return {"type": "text", "text": block["thinking"]}


def _as_text(block: Block) -> Block:
    """A client that turns every thinking block into text."""
    return {"type": "text", "text": block["thinking"]} if block["type"] == "thinking" else block


def _all(block: Block) -> Block:
    return block


@pytest.mark.parametrize("keep", [_all, _text_unless_signed])
@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", NAMES)
def test_every_block_is_signed(
    name: str, streams: bool, keep: Keep, forgetful: LiteLLMProxy, upstream: Simulator
) -> None:
    """Each block has base64 of its text as its signature, so that clients keep it; no host of MiMo sees it."""
    upstream.mode = Mode(accepts="exact", tool_rounds=ROUNDS, thinking_blocks=2)
    talk = Talk("messages", name, keep, streams)
    talk.run(forgetful, ROUNDS + 1)
    thoughts = [{**block, "signature": block["signature"].removeprefix(BRIDGED)} for block in _thoughts(talk)]

    assert ROUNDS < len(thoughts)
    assert [marker_of(block["thinking"]) for block in thoughts] == [block["signature"] for block in thoughts]
    assert {64} == {len(block["signature"]) for block in thoughts}
    assert all(base64.b64decode(block["signature"], validate=True) for block in thoughts)
    assert EXACT == _verdicts(upstream)
    assert not is_marker(_sent(upstream))
    assert not any(block["signature"][:16] in _sent(upstream) for block in thoughts)


def _changed(change: Any) -> Keep:
    def keep(block: Block) -> Block:
        return {**block, "thinking": change(block["thinking"])} if block["type"] == "thinking" else block

    return keep


@pytest.mark.parametrize(
    "change",
    [str.strip, lambda text: text[: len(text) // 2], lambda text: text.replace(text[2:5], "?"), lambda text: "?"],
    ids=["stripped", "cut", "altered", "replaced"],
)
@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_text_is_looked_up(name: str, change: Any, proxy: LiteLLMProxy, upstream: Simulator) -> None:
    """A text that is not its marker's is not what the model thought: the recorded one goes out in its place."""
    upstream.mode = Mode(accepts="exact", tool_rounds=ROUNDS)
    Talk("messages", name, _changed(change), False).run(proxy, ROUNDS + 1)

    assert EXACT == _verdicts(upstream)


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", NAMES)
def test_signing_can_be_switched_off(name: str, streams: bool, unsigned: LiteLLMProxy, upstream: Simulator) -> None:
    """With MIMO_QUIRKS_SIGN=false nothing of ours is in an answer."""
    upstream.mode = Mode(tool_rounds=1)
    talk = Talk("messages", name, _all, streams)
    talk.run(unsigned, 2)

    assert [] == [block for block in _thoughts(talk) if is_marker(block.get("signature"))]
    assert "" != "".join(talk.shown)


@pytest.mark.parametrize("name", NAMES)
def test_a_thought_in_the_text_of_a_tool_turn(name: str, proxy: LiteLLMProxy, upstream: Simulator) -> None:
    """A client that makes text of every block: the thought is reasoning again, and no text any more."""
    upstream.mode = Mode(accepts="exact", tool_rounds=ROUNDS)
    talk = Talk("messages", name, _as_text, False)
    talk.run(proxy, ROUNDS + 1)
    texts = [
        block["text"]
        for message in talk.history
        if message["role"] == "assistant"
        for block in message["content"]
        if block["type"] == "text" and block["text"] in talk.shown
    ]
    visible = [_visible(json.loads(exchange.raw)) for exchange in upstream.exchanges]

    assert ROUNDS <= len(texts)
    assert EXACT == _verdicts(upstream)
    assert [] == [text for text in texts for said in visible if text.strip() in said]


def _visible(body: dict[str, Any]) -> str:
    """What the assistant says in a request, as text."""
    said = []
    for message in body.get("messages") or body["input"]:
        content = message.get("content") if message.get("role") == "assistant" else None
        blocks = content if isinstance(content, list) else [{"type": "text", "text": content or ""}]
        said += [block["text"] for block in blocks if block.get("type") in ("text", "output_text")]
    return "\n".join(said)
