"""`ChatMiMo` in the place of `ChatOpenAI`: what it takes means the same, and what it does not take is named."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from typing import Any

import openai
import pytest
from langchain.chat_models import init_chat_model
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from pydantic import ValidationError

from langchain_mimo import ChatMiMo, register
from langchain_mimo._internals import httpx_of
from langchain_mimo.chat_parameters import UNSUPPORTED
from mimo_quirks.simulator import Mode, Simulator

from ..cases import TOOL

Make = Callable[..., ChatMiMo]
httpx: Any = httpx_of(openai)


def _body(simulator: Simulator) -> dict[str, Any]:
    return json.loads(simulator.exchanges[-1].raw)


@pytest.fixture(name="xiaomi")
def _xiaomi(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """The simulator as the host that it plays."""
    monkeypatch.setenv("MIMO_QUIRKS_HOSTS", json.dumps({simulator.base_url: "xiaomi"}))
    simulator.mode = Mode(accepts="exact")
    return simulator


def test_every_field_of_chat_openai_is_taken_or_rejected() -> None:
    """No field of the constructor is unknown."""
    assert set() == ChatOpenAI.model_fields.keys() - ChatMiMo.model_fields.keys()
    assert set() == {name for name in UNSUPPORTED if name not in {*ChatMiMo.model_fields, "organization"}}


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 0.3},
        {"top_p": 0.5},
        {"seed": 7},
        {"stop": ["x"]},
        {"stop_sequences": ["x"]},
        {"logit_bias": {7: 1}},
        {"logprobs": True, "top_logprobs": 2},
        {"presence_penalty": 0.1, "frequency_penalty": 0.2},
        {"max_tokens": 100},
        {"max_completion_tokens": 100},
        {"model_kwargs": {"user": "u"}},
        {"extra_body": {"top_k": 3}},
        {"streaming": True},
        {"stream_usage": False, "streaming": True},
    ],
    ids=" ".join,
)
def test_the_same_body(fields: dict[str, Any], simulator: Simulator, make_model: Make) -> None:
    """A parameter arrives as ChatOpenAI would have sent it; usage is streamed unless it is switched off."""
    openai: Any = ChatOpenAI(**{"model": "mimo-v2.6-pro", "api_key": "k", "base_url": simulator.base_url, **fields})
    for model in (openai, make_model(**fields)):
        model.invoke([SystemMessage("a"), HumanMessage("b")])
    theirs, ours = (json.loads(exchange.raw) for exchange in simulator.exchanges)
    usage = ours.pop("stream_options", None)

    assert theirs == ours
    assert usage == ({"include_usage": True} if fields == {"streaming": True} else None)


async def test_clients(simulator: Simulator, make_model: Make) -> None:
    """Headers, query, timeouts, retries and clients of the caller's own are used."""
    model = make_model(default_headers={"X-A": "1"}, default_query={"q": "2"}, timeout=9.0, max_retries=4)
    await model.ainvoke("hi")
    assert "1" == simulator.exchanges[-1].headers["x-a"]
    assert (9.0, 4) == (model.root_client.timeout, model.root_async_client.max_retries)

    heard: list[str] = []
    clients = {
        "http_client": openai.DefaultHttpxClient(event_hooks={"request": [lambda request: heard.append("sync")]}),
        "http_async_client": openai.DefaultAsyncHttpxClient(event_hooks={"request": [_note(heard)]}),
    }
    own = make_model(**clients)
    own.invoke("hi")
    await own.ainvoke("hi")
    assert ["sync", "async"] == heard


def _note(heard: list[str]) -> Callable[[httpx.Request], Any]:
    async def note(_: httpx.Request) -> None:
        heard.append("async")

    return note


def test_headers_of_the_answer(make_model: Make) -> None:
    """They are kept when they are asked for."""
    answer = make_model(include_response_headers=True).invoke("hi")

    assert "application/json" == answer.response_metadata["headers"]["content-type"]


async def test_keys_that_are_called(simulator: Simulator, make_model: Make) -> None:
    """A key may be a function, which is called for each request; an asynchronous one serves asynchronous calls."""
    keys = iter(["one", "two"])
    model = make_model(api_key=lambda: next(keys))
    model.invoke("hi")
    await model.ainvoke("hi")

    async def key() -> str:
        return "three"

    later = make_model(api_key=key)
    await later.ainvoke("hi")
    with pytest.raises(ValueError, match="Sync client is not available"):
        later.invoke("hi")

    assert ["Bearer one", "Bearer two", "Bearer three"] == [
        exchange.headers["authorization"] for exchange in simulator.exchanges
    ]


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_rejected(name: str, make_model: Make) -> None:
    """What belongs to OpenAI alone is rejected by name."""
    with pytest.raises(ValidationError, match=rf"{name}: .*(OpenAI|chat wire)"):
        make_model(**{name: ["x"] if name in {"include", "context_management"} else "x"})


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"output_version": "responses/v1"}, "output_version='responses/v1'"),
        ({"reasoning": {"effort": "high", "summary": "auto"}}, "only effort is supported"),
    ],
)
def test_rejected_values(fields: dict[str, Any], words: str, make_model: Make) -> None:
    """A field that is taken may have values that are not."""
    with pytest.raises(ValidationError, match=words):
        make_model(**fields)


def test_harmless(make_model: Make) -> None:
    """A value that switches such a field off is no harm, and neither is one that is understood."""
    make_model(
        use_responses_api=False, include=None, organization=None, output_version="v1", reasoning={"effort": "low"}
    )


def test_several_choices(xiaomi: Simulator, make_model: Make) -> None:
    """Xiaomi's hosts give one, so more are rejected before anything is sent; one is one."""
    with pytest.raises(ValidationError, match="n=2 is not supported"):
        make_model(n=2)
    with pytest.raises(ValueError, match="n=3 is not supported"):
        make_model().invoke("hi", n=3)
    make_model(n=1).invoke("hi")

    assert [1] == [exchange.body["n"] for exchange in xiaomi.exchanges]


def test_several_choices_elsewhere(make_model: Make) -> None:
    """Where the host gives several, each has its own reasoning."""
    choices = [
        {"index": n, "message": {"role": "assistant", "content": str(n), "reasoning_content": f" {n}\n"}}
        for n in range(2)
    ]
    answer = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": choices}
    asked: list[dict[str, Any]] = []

    def serve(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content))
        return httpx.Response(200, json=answer)

    client = openai.DefaultHttpxClient(transport=httpx.MockTransport(serve))
    result = make_model(n=2, http_client=client).generate([[HumanMessage("hi")]])
    messages = [generation.message for generation in result.generations[0]]  # type: ignore[union-attr]

    assert 2 == asked[0]["n"]
    assert [" 0\n", " 1\n"] == [message.additional_kwargs["reasoning_content"] for message in messages]
    assert {"xiaomi_mimo"} == {message.response_metadata["model_provider"] for message in messages}


@pytest.mark.parametrize("choice", ["any", "required", True, "weather"])
def test_a_tool_cannot_be_forced(choice: Any, xiaomi: Simulator, make_model: Make) -> None:
    """On Xiaomi's hosts the demand is not sent, and a warning says so; the tools are."""
    with pytest.warns(UserWarning, match="this host supports only 'auto'"):
        model = make_model().bind_tools([TOOL], tool_choice=choice)
    model.invoke("hi")

    assert "tool_choice" not in _body(xiaomi)
    assert 1 == len(_body(xiaomi)["tools"])


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("choice", [None, "auto", "none"])
def test_choices_that_hold(choice: str | None, xiaomi: Simulator, make_model: Make) -> None:
    """Nothing is said of those that hold: none is obeyed by sending no tools."""
    answer = make_model().bind_tools([TOOL], tool_choice=choice).invoke("hi")

    assert (choice == "none") is ("tools" not in _body(xiaomi))
    assert (choice == "none") is (not answer.tool_calls)


@pytest.mark.filterwarnings("error::UserWarning")
def test_a_tool_can_be_forced_elsewhere(simulator: Simulator, make_model: Make) -> None:
    """Another host gets the demand as ChatOpenAI would have sent it."""
    make_model().bind_tools([TOOL], tool_choice="any").invoke("hi")

    assert "required" == _body(simulator)["tool_choice"]


def test_tokens_are_counted_offline(make_model: Make) -> None:
    """Without a download, the reasoning that goes back included, Chinese by its bytes, and tools too."""
    model = make_model()
    bare = AIMessage("b", tool_calls=[{"id": "1", "name": "f", "args": {"x": "y"}}])
    thoughtful = bare.model_copy(update={"additional_kwargs": {"reasoning_content": "x" * 4000}})
    blocks = AIMessage([{"type": "reasoning", "reasoning": "x" * 4000}, {"type": "text", "text": "b"}])

    assert [3, 1, 0] == [model.get_num_tokens(text) for text in ("你好你好", "abcd", "")]
    assert 1000 == model.get_num_tokens_from_messages([thoughtful]) - model.get_num_tokens_from_messages([bare])
    assert 1000 < model.get_num_tokens_from_messages([blocks]) < 1020
    assert 10 < model.get_num_tokens_from_messages([], tools=[TOOL])
    picture = HumanMessage([{"type": "image_url", "image_url": {"url": "https://example.com/x.png"}}])
    assert 85 <= model.get_num_tokens_from_messages([picture]) < 100


def test_tokens_are_counted_by_the_caller(make_model: Make) -> None:
    """A function that somebody gave counts."""
    model = make_model(custom_get_token_ids=lambda text: [0] * len(text))

    assert 4 == model.get_num_tokens("你好你好")


def test_profiles(make_model: Make) -> None:
    """Current models have a profile; of an unknown one nothing is said."""
    profile = make_model().profile
    assert profile is not None
    assert (1_048_576, 131_072, True, True) == tuple(
        profile.get(key) for key in ("max_input_tokens", "max_output_tokens", "reasoning_output", "structured_output")
    )
    assert not (make_model(model="mimo-v2.5-pro").profile or {}).get("structured_output")
    assert None is make_model(model="acme-brain").profile


def test_langsmith(make_model: Make) -> None:
    """Traces name the provider, the model and our version."""
    model = make_model(max_tokens=9)
    params = model._get_ls_params(stop=["x"])

    assert ("xiaomi_mimo", "mimo-v2.6-pro", "chat", 9) == tuple(
        params.get(f"ls_{name}") for name in ("provider", "model_name", "model_type", "max_tokens")
    )
    assert {"mimo-quirks", "langchain-openai", "langchain-core"} <= (model.metadata or {})["lc_versions"].keys()


def test_init_chat_model(simulator: Simulator) -> None:
    """After `register()` the provider has a name."""
    register()
    for name in ("xiaomi_mimo:mimo-v2.6-pro", "xiaomi_mimo:mimo-v2.6-flash"):
        model = init_chat_model(name, api_key="k", base_url=simulator.base_url, temperature=0.5)
        assert isinstance(model, ChatMiMo)
        model.invoke("hi")

    assert ["mimo-v2.6-pro", "mimo-v2.6-flash"] == [exchange.body["model"] for exchange in simulator.exchanges]


DEAD = "http://127.0.0.1:9"
NO_PROXIES: list[dict[str, str]] = [
    {"NO_PROXY": "localhost,127.0.0.1"},
    {"no_proxy": ".example.com"},
    {"NO_PROXY": "example.com, *", "HTTP_PROXY": DEAD, "ALL_PROXY": DEAD},
    {"FTP_PROXY": DEAD, "TRAVIS_APT_PROXY": DEAD},
    {"HTTP_PROXY": ""},
]
"""Environments in which httpx asks no proxy for a model."""


def set_proxies(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    """Sets these variables, and no other of their kind."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("environment", [{}, *NO_PROXIES], ids=" ".join)
@pytest.mark.parametrize("streaming", [False, True])
def test_event_loops(
    streaming: bool,
    environment: dict[str, str],
    simulator: Simulator,
    make_model: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One model, and a second one, serve one event loop after another without a retry."""
    set_proxies(monkeypatch, environment)
    models = [make_model(max_retries=0, streaming=streaming) for _ in range(2)]
    for model in [*models, *models]:
        asyncio.run(model.ainvoke("hi"))

    assert [200] * 4 == [exchange.status for exchange in simulator.exchanges]


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_environment(name: str, monkeypatch: pytest.MonkeyPatch, make_model: Make) -> None:
    """Where httpx finds a proxy in the environment, connections are left to it."""
    set_proxies(monkeypatch, {})
    assert make_model().http_async_client is not None
    set_proxies(monkeypatch, {name: DEAD, "NO_PROXY": "example.com"})

    assert None is make_model().http_async_client


def test_event_loops_at_once(simulator: Simulator, make_model: Make) -> None:
    """Loops of several threads share a model."""
    from concurrent.futures import ThreadPoolExecutor

    model = make_model(max_retries=0)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: asyncio.run(model.ainvoke("hi")), range(12)))

    assert [200] * 12 == [exchange.status for exchange in simulator.exchanges]
