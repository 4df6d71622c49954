"""What ChatMiMo accepts, what it sends of it, and what it rejects by name."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from openai import OpenAI
from pydantic import ValidationError

from langchain_mimo import ChatMiMo
from mimo_quirks.simulator import Mode, Simulator

from ..cases import CALL

Make = Callable[..., ChatMiMo]
TURN = {"role": "assistant", "content": "", "tool_calls": [CALL], "reasoning_content": "a"}
HISTORY = [{"role": "user", "content": "x"}, TURN, {"role": "tool", "tool_call_id": "call_1", "content": "y"}]


def _sent(simulator: Simulator) -> dict[str, Any]:
    return json.loads(simulator.exchanges[-1].raw)


def test_environment(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ChatMiMo(model=...)` is the whole set-up, and nothing of OpenAI's reaches MiMo's host."""
    monkeypatch.setenv("MIMO_API_KEY", "mimo-key")
    monkeypatch.setenv("MIMO_BASE_URL", simulator.base_url)
    for name in ("API_KEY", "ORG_ID", "ORGANIZATION", "PROJECT_ID", "BASE_URL", "API_BASE", "PROXY"):
        monkeypatch.setenv(f"OPENAI_{name}", "openai-secret")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer openai-secret\nX-Team: openai-secret")
    model = ChatMiMo(model="mimo-v2.6-pro")
    model.invoke("hi")

    headers = simulator.exchanges[-1].headers
    assert "Bearer mimo-key" == headers["authorization"]
    assert [] == [value for value in headers.values() if "openai-secret" in value]


@pytest.mark.parametrize("names", [("api_key", "base_url"), ("openai_api_key", "openai_api_base")])
def test_none_leaves_it_to_the_environment(
    names: tuple[str, str], simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None leaves a key or a URL to the environment, as it does in ChatOpenAI, and then to Xiaomi's host."""
    monkeypatch.setenv("MIMO_API_KEY", "mimo-key")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/openai")
    fields: Any = {"model": "mimo-v2.6-pro", **dict.fromkeys(names)}
    assert "https://api.xiaomimimo.com/v1" == str(ChatMiMo(**fields).root_client.base_url).rstrip("/")
    monkeypatch.setenv("MIMO_BASE_URL", simulator.base_url)
    ChatMiMo(**fields).invoke("hi")

    assert "Bearer mimo-key" == simulator.exchanges[-1].headers["authorization"]


async def test_environment_async(simulator: Simulator, monkeypatch: pytest.MonkeyPatch, make_model: Make) -> None:
    """The same for the asynchronous client."""
    monkeypatch.setenv("OPENAI_ORG_ID", "openai-secret")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "openai-secret")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer openai-secret")
    await make_model(default_headers={"X-Mine": "kept"}).ainvoke("hi")

    assert "kept" == simulator.exchanges[-1].headers["x-mine"]
    assert [] == [value for value in simulator.exchanges[-1].headers.values() if "openai-secret" in value]


def test_a_client_of_the_caller_s_is_left_alone(simulator: Simulator, make_model: Make) -> None:
    """Headers that somebody gave on purpose are sent."""
    client = OpenAI(api_key="k", base_url=simulator.base_url, organization="mine")
    make_model(root_client=client, client=client.chat.completions).invoke("hi")

    assert "mine" == simulator.exchanges[-1].headers["openai-organization"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"api_key": None}, "set MIMO_API_KEY"),
        ({"api_key": ""}, "set MIMO_API_KEY"),
        ({"api_key": "sk-private\n"}, "MIMO_API_KEY or api_key contains characters that are not allowed"),
        ({"api_key": "sk-privaté"}, "MIMO_API_KEY"),
        ({"base_url": "ftp://host/v1"}, "MIMO_BASE_URL or base_url is not an http:// or https:// URL"),
        ({"base_url": "http://host /v1"}, "MIMO_BASE_URL"),
        ({"base_url": "http://host/v1\n"}, "MIMO_BASE_URL"),
        ({"base_url": "ftp://user:sk-private@host/v1"}, "MIMO_BASE_URL"),
        ({"thinking": "off"}, "thinking"),
        ({"base_url": "https://"}, "MIMO_BASE_URL"),
        ({"thinking": "maybe"}, "thinking"),
        ({"thinking": {}}, "thinking is {}"),
        ({"thinking": {"type": "adaptive"}}, '"enabled", "disabled"'),
        ({"use_responses_api": True}, "chat wire"),
        ({"scope": " "}, "scope must not be blank"),
    ],
)
def test_rejected(fields: dict[str, Any], words: str) -> None:
    """A value that cannot be used stops the construction with its name, and the key is not printed."""
    with pytest.raises(ValidationError) as caught:
        ChatMiMo(**{"model": "mimo-v2.6-pro", "api_key": "sk-private", "base_url": "http://127.0.0.1:9/v1", **fields})

    assert words in str(caught.value)
    assert "sk-private" not in str(caught.value)


def test_no_key_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenAI's key does not stand in for a missing one."""
    monkeypatch.setenv("OPENAI_API_KEY", "openai-secret")
    with pytest.raises(ValidationError, match="set MIMO_API_KEY"):
        ChatMiMo(model="mimo-v2.6-pro")


def test_unknown_setting(monkeypatch: pytest.MonkeyPatch, make_model: Make) -> None:
    """A misspelt variable stops the construction with the nearest known name."""
    monkeypatch.setenv("MIMO_QUIRKS_PLACEHOLDR", "space")
    with pytest.raises(
        ValueError, match=r"unknown setting MIMO_QUIRKS_PLACEHOLDR; did you mean MIMO_QUIRKS_PLACEHOLDER"
    ):
        make_model()


THINKING = [
    ({}, {}, None, True),
    ({"thinking": False}, {}, {"type": "disabled"}, False),
    ({"thinking": "disabled"}, {"thinking": True}, {"type": "enabled"}, True),
    ({"thinking": {"type": "enabled"}}, {"thinking": {"type": "disabled"}}, {"type": "disabled"}, False),
    ({"reasoning_effort": "none"}, {}, {"type": "disabled"}, False),
    ({"reasoning_effort": "high"}, {}, {"type": "enabled"}, True),
    ({"reasoning_effort": "high"}, {"thinking": False}, {"type": "disabled"}, False),
    ({"reasoning": {"effort": "none"}}, {}, {"type": "disabled"}, False),
    ({"extra_body": {"reasoning_effort": "none"}}, {}, {"type": "disabled"}, False),
    ({"extra_body": {"thinking": True}}, {"thinking": False}, {"type": "disabled"}, False),
    ({"extra_body": {"thinking": {"type": "disabled"}}}, {"extra_body": {"top_k": 3}}, {"type": "disabled"}, False),
]


@pytest.mark.parametrize(("fields", "call", "sent", "thinks"), THINKING)
def test_thinking(
    fields: Any, call: Any, sent: dict[str, str] | None, thinks: bool, simulator: Simulator, make_model: Make
) -> None:
    """The switch reaches the wire from a field, a call, an effort or an extra_body, and lies where it says."""
    answer = make_model(**fields).invoke("hi", **call)

    assert sent == _sent(simulator).get("thinking")
    assert "reasoning_effort" not in _sent(simulator)
    assert simulator.exchanges[-1].thinking is thinks
    assert ("reasoning_content" in answer.additional_kwargs) is thinks


def test_other_parameters_of_the_body_survive(simulator: Simulator, make_model: Make) -> None:
    """A call's `extra_body` is merged with the constructor's, mapping by mapping, and `thinking` is laid into both."""
    model = make_model(extra_body={"top_k": 3, "odd": {"a": 1}})
    model.invoke("hi", thinking=False, extra_body={"seed": 1, "odd": {"b": 2}})

    sent = _sent(simulator)
    assert (3, 1, {"type": "disabled"}) == (sent["top_k"], sent["seed"], sent["thinking"])
    assert {"a": 1, "b": 2} == sent["odd"]


def test_dialect(simulator: Simulator, monkeypatch: pytest.MonkeyPatch, make_model: Make) -> None:
    """A host that the operator calls vLLM gets both names of the field and its own switch."""
    monkeypatch.setenv("MIMO_QUIRKS_HOSTS", json.dumps({simulator.base_url: "vllm"}))
    simulator.mode = Mode(spelling="reasoning", accepts="off")
    model = make_model(extra_body={"chat_template_kwargs": {"keep": 1}})
    model.invoke([*HISTORY, {"role": "assistant", "content": "", "tool_calls": [CALL]}], thinking=False)

    sent = _sent(simulator)
    assert {"keep": 1, "enable_thinking": False} == sent["chat_template_kwargs"]
    assert ("a", "a") == (sent["messages"][1]["reasoning"], sent["messages"][1]["reasoning_content"])
    assert ("foreign", "missing") == simulator.exchanges[-1].verdicts


def test_strict_relay(simulator: Simulator, monkeypatch: pytest.MonkeyPatch, make_model: Make) -> None:
    """A host that rejects the field while thinking is off does not get it."""
    monkeypatch.setenv("MIMO_QUIRKS_HOSTS", json.dumps({simulator.base_url: "strict-relay"}))
    simulator.mode = Mode(forbids="when-off")
    model = make_model()
    model.invoke(HISTORY, thinking=False)
    model.invoke(HISTORY, thinking=True)

    assert [("missing",), ("foreign",)] == [exchange.verdicts for exchange in simulator.exchanges]


def test_the_operator_says_no(simulator: Simulator, monkeypatch: pytest.MonkeyPatch, make_model: Make) -> None:
    """A model that is declared not ours goes without replay; the switch and string contents are ChatMiMo's own."""
    monkeypatch.setenv("MIMO_QUIRKS_MODELS", '{"mimo-v2.6-pro": "none"}')
    simulator.mode = Mode(accepts="off")
    make_model().invoke(HISTORY, thinking=False)

    assert "reasoning_content" not in _sent(simulator)["messages"][1]
    assert ("", False) == (_sent(simulator)["messages"][1]["content"], simulator.exchanges[-1].thinking)


def test_an_alias_is_mimo(simulator: Simulator, make_model: Make) -> None:
    """Whoever takes ChatMiMo means MiMo, whatever the id."""
    simulator.mode = Mode()
    make_model(model="acme-brain").invoke([*HISTORY[:1], {**TURN, "reasoning_content": ""}, HISTORY[2]])

    assert ("placeholder",) == simulator.exchanges[-1].verdicts


def test_max_tokens(simulator: Simulator, make_model: Make) -> None:
    """Both names of the limit arrive under the documented one."""
    make_model(max_tokens=500).invoke("hi")
    make_model(max_completion_tokens=501).invoke("hi")
    make_model().bind(max_tokens=502).invoke("hi")
    make_model(max_tokens=500).bind(max_completion_tokens=503).invoke("hi")

    limits = [json.loads(exchange.raw).get("max_completion_tokens") for exchange in simulator.exchanges]
    assert [500, 501, 502, 503] == limits
    assert [] == [exchange for exchange in simulator.exchanges if "max_tokens" in exchange.body]


def test_other_wires_are_not_taken(simulator: Simulator, make_model: Make) -> None:
    """Neither a `reasoning=` nor a web_search tool nor a name routes the request to the Responses API."""
    make_model(model="mimo-codex", reasoning={"effort": "low"}).bind(tools=[{"type": "web_search"}]).invoke("hi")

    assert "/v1/chat/completions" == simulator.exchanges[-1].path


def test_caches_tell_answers_apart(simulator: Simulator, make_model: Make) -> None:
    """An answer with thinking is not taken for one without, nor one host's for another's."""
    cache = InMemoryCache()
    for fields in (
        {"thinking": True},
        {"thinking": False},
        {"base_url": f"{simulator.origin}/v1/"},
        {"thinking": True},
    ):
        make_model(cache=cache, **fields).invoke("hi")

    assert 3 == len(simulator.exchanges)


def test_lost_reasoning_is_logged_without_a_text(
    simulator: Simulator, make_model: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """An operator sees that reasoning was lost, and no reasoning text."""
    simulator.mode = Mode()
    with caplog.at_level(logging.INFO, logger="mimo_quirks"):
        make_model().invoke([*HISTORY[:1], {**TURN, "reasoning_content": None, "content": "secret"}, HISTORY[2]])

    assert ["1 of 1 assistant messages were sent without their reasoning"] == caplog.messages
