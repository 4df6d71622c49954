"""A model as text and back: no secret is in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumpd, dumps, loads
from langchain_core.prompts import ChatPromptTemplate

from langchain_mimo import ChatMiMo, ChatMiMoMessages, _internals
from mimo_quirks.simulator import Simulator

Make = Callable[..., Any]
PROXY = "http://user:s3cret-proxy@127.0.0.1:9"
OPENS = {"api-key": "k"}
"""The simulator takes it as a key where a user in the URL takes the place of the other one."""

SECRETS: dict[str, Any] = {
    "api_key": "s3cret-key",
    "base_url": "https://user:s3cret-url@s3cret@relay.example/v1",
    "default_headers": {"Authorization": "s3cret-header", "X-Team": "s3cret-header", "User-Agent": "a"},
    "store": "redis://:s3cret-store@127.0.0.1:9",
    "scope": "a",
}


def _loaded(text: str, **options: Any) -> Any:
    own = [ChatMiMo, ChatMiMoMessages]
    return loads(text, allowed_objects=[*own, *_core()], valid_namespaces=["langchain_mimo"], **options)


@pytest.fixture(name="kind", params=[ChatMiMo, ChatMiMoMessages])
def _kind(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(name="base_url")
def _base_url(kind: Any, simulator: Simulator) -> str:
    return simulator.base_url if kind is ChatMiMo else simulator.anthropic_url


@pytest.fixture(name="make")
def _make(kind: Any, base_url: str) -> Make:
    def make(**fields: Any) -> Any:
        return kind(**{"model": "mimo-v2.6-pro", "api_key": "k", "base_url": base_url, **fields})

    return make


def _url_of(kind: Any) -> str:
    return "openai_api_base" if kind is ChatMiMo else "anthropic_api_url"


def test_no_secret_is_dumped(kind: Any) -> None:
    """Keys, passwords of URLs, headers and queries that hold credentials, and the store are not in text or repr."""
    own: dict[str, Any] = {"anthropic_proxy": PROXY}
    if kind is ChatMiMo:
        own = {"openai_proxy": PROXY, "default_query": {"subscription": "s3cret-query", "api-version": "1"}}
    model = kind(model="mimo-v2.6-pro", **own, **SECRETS)

    assert "s3cret" not in dumps(model)
    assert "s3cret" not in repr(model)
    assert "s3cret" not in dumps(model.bind(stop=["x"]))
    written = dumpd(model)["kwargs"]
    assert {"Authorization": None, "X-Team": None, "User-Agent": "a"} == written["default_headers"]
    assert "https://relay.example/v1" == written[_url_of(kind)]
    assert "default_query" not in own or {"subscription": None, "api-version": "1"} == written["default_query"]


def test_headers_that_are_not_dumped(simulator: Simulator, make: Make) -> None:
    """Without them the loaded model sends the harmless headers alone; who fills them in has the model again."""
    written = dumpd(make(default_headers={"X-Team": "s3cret", "User-Agent": "mine"}))
    options = {"secrets_map": {"MIMO_API_KEY": "k"}}
    _loaded(json.dumps(written), **options).invoke("hi")
    written["kwargs"]["default_headers"]["X-Team"] = "filled in"
    _loaded(json.dumps(written), **options).invoke("hi")

    sent = [exchange.headers for exchange in simulator.exchanges]
    assert [None, "filled in"] == [headers.get("x-team") for headers in sent]
    assert ["mine", "mine"] == [headers["user-agent"] for headers in sent]


def test_a_mistyped_store(make: Make) -> None:
    """The error about a store's URL does not quote it: it may hold a password."""
    with pytest.raises(ValueError, match="not a store URL") as caught:
        make(store="redis:s3cret@host", scope="a")

    assert "s3cret" not in str(caught.value)


class _Tracer(BaseCallbackHandler):
    """Keeps what callbacks are told of a run before it is answered."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def on_chat_model_start(self, *arguments: Any, **named: Any) -> None:
        self.told += [arguments, named]


@pytest.mark.parametrize("method", ["invoke", "stream"])
def test_callbacks_are_told_no_password(kind: Any, base_url: str, make: Make, method: str) -> None:
    """What tracing sees of a model has its host, and neither a password of its URL nor a header."""
    url = base_url.replace("://", "://user:s3cret@")
    model, tracer = make(base_url=url, default_headers={"X-Team": "s3cret", **OPENS}), _Tracer()
    list(getattr(model, method)("hi", config={"callbacks": [tracer]}))

    assert base_url == tracer.told[1]["invocation_params"]["base_url"]
    assert "s3cret" not in repr(tracer.told)
    assert "s3cret" not in repr(model._get_ls_params()) + repr(model._identifying_params)


@pytest.mark.parametrize("key", ["s3cret", lambda: "s3cret"], ids=["text", "function"])
def test_the_key_is_named(key: Any, make_model: Make) -> None:
    """The text names the variable that holds the key."""
    kwargs = dumpd(make_model(api_key=key))["kwargs"]

    assert {"lc": 1, "type": "secret", "id": ["MIMO_API_KEY"]} == kwargs["openai_api_key"]
    assert "s3cret" not in json.dumps(kwargs)


def test_the_parent_s_key_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anthropic's variable stands for nothing of ours."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "anthropics")
    model = ChatMiMoMessages(model="mimo-v2.6-pro", api_key="s3cret")
    kwargs = dumpd(model)["kwargs"]

    assert {"lc": 1, "type": "secret", "id": ["MIMO_API_KEY"]} == kwargs["anthropic_api_key"]
    assert "ANTHROPIC" not in dumps(model)


def test_loads(kind: Any, simulator: Simulator, make: Make) -> None:
    """A model comes back with everything that was said of it."""
    fields = {"temperature": 0.5, "scope": "a", "max_tokens": 7, "output_version": "v1"}
    before = make(thinking=False, **fields)
    text = dumps(before)
    model = _loaded(text, secrets_map={"MIMO_API_KEY": "again"})

    assert kind is type(model)
    assert {**fields, "thinking": before.thinking} == {name: getattr(model, name) for name in [*fields, "thinking"]}
    assert text == dumps(model)
    model.invoke("hi")
    assert "Bearer again" == simulator.exchanges[-1].headers["authorization"]


def test_loads_from_the_environment(kind: Any, base_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A base URL that came from the environment is said, so that the model is the same elsewhere."""
    monkeypatch.setenv("MIMO_BASE_URL", base_url)
    monkeypatch.setenv("MIMO_API_KEY", "k")
    text = dumps(kind(model="mimo-v2.6-pro"))
    monkeypatch.delenv("MIMO_BASE_URL")
    model = _loaded(text, secrets_from_env=True)

    assert base_url == getattr(model, _url_of(kind))
    assert kind is type(_loaded(text)), "the environment has the key all the same"


def test_a_chain(make: Make) -> None:
    """A chain around the model is loaded with it."""
    chain = ChatPromptTemplate([("user", "{question}")]) | make()
    back = _loaded(dumps(chain), secrets_map={"MIMO_API_KEY": "k"})

    assert "答案是" in back.invoke({"question": "hi"}).text


def _core() -> list[type]:
    from langchain_core.prompts import HumanMessagePromptTemplate, PromptTemplate
    from langchain_core.runnables import RunnableSequence

    return [ChatPromptTemplate, HumanMessagePromptTemplate, PromptTemplate, RunnableSequence]


def test_caches(simulator: Simulator, base_url: str, make: Make) -> None:
    """Two base URLs, two models, two thinkings and a changed copy have caches of their own, and no key is in them."""
    cache = InMemoryCache()
    first = make(cache=cache, api_key="s3cret")
    models = [
        first,
        make(cache=cache, base_url=f"{base_url}/"),
        make(cache=cache, thinking=False),
        make(cache=cache, model="mimo-v2.6-flash"),
        first.model_copy(update={"temperature": 0.5}),
        make(cache=cache, api_key="another"),
    ]
    for model in models:
        model.invoke("hi")

    assert 5 == len(simulator.exchanges)
    assert "s3cret" not in str(cache._cache)


@pytest.mark.parametrize("is_known", [True, False], ids=["as today", "without the private name"])
def test_caches_of_headers(
    simulator: Simulator, base_url: str, make: Make, is_known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two values of a header, and two users in a URL, have caches of their own, and no value is in them."""
    if not is_known:
        monkeypatch.setattr(_internals, "invocation_params", lambda *_: None)
    cache = InMemoryCache()
    for team in ("s3cret-a", "s3cret-b", "s3cret-a"):
        make(cache=cache, default_headers={"X-Team": team, **OPENS}).invoke("hi")
        make(cache=cache, base_url=base_url.replace("://", f"://{team}@"), default_headers=OPENS).invoke("hi")

    assert 4 == len(simulator.exchanges)
    assert "s3cret" not in str(cache._cache)
