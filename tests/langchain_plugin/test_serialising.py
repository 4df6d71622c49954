"""A model as text and back: no secret is in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.load import dumpd, dumps, loads
from langchain_core.prompts import ChatPromptTemplate

from langchain_mimo import ChatMiMo
from mimo_quirks.simulator import Simulator

Make = Callable[..., ChatMiMo]
SECRETS: dict[str, Any] = {
    "api_key": "s3cret-key",
    "base_url": "https://user:s3cret-url@relay.example/v1",
    "openai_proxy": "http://user:s3cret-proxy@127.0.0.1:9",
    "default_headers": {"Authorization": "s3cret-header", "api-key": "s3cret-header", "X-Team": "a"},
    "store": "redis://:s3cret-store@127.0.0.1:9",
    "scope": "a",
}


def _loaded(text: str, **options: Any) -> Any:
    return loads(text, allowed_objects=[ChatMiMo, *_core()], valid_namespaces=["langchain_mimo"], **options)


def test_no_secret_is_dumped() -> None:
    """Keys, passwords of URLs, headers that hold credentials, and the store are not in the text, nor in the repr."""
    model = ChatMiMo(model="mimo-v2.6-pro", **SECRETS)

    assert "s3cret" not in dumps(model)
    assert "s3cret" not in dumps(model.bind(stop=["x"]))
    assert {"X-Team": "a"} == dumpd(model)["kwargs"]["default_headers"]
    assert "https://relay.example/v1" == dumpd(model)["kwargs"]["openai_api_base"]


@pytest.mark.parametrize("key", ["s3cret", lambda: "s3cret"], ids=["text", "function"])
def test_the_key_is_named(key: Any, make_model: Make) -> None:
    """The text names the variable that holds the key."""
    kwargs = dumpd(make_model(api_key=key))["kwargs"]

    assert {"lc": 1, "type": "secret", "id": ["MIMO_API_KEY"]} == kwargs["openai_api_key"]
    assert "s3cret" not in json.dumps(kwargs)


def test_loads(simulator: Simulator, make_model: Make) -> None:
    """A model comes back with everything that was said of it."""
    fields = {"temperature": 0.5, "thinking": False, "scope": "a", "max_tokens": 7, "output_version": "v1"}
    text = dumps(make_model(**fields))
    model = _loaded(text, secrets_map={"MIMO_API_KEY": "again"})

    assert isinstance(model, ChatMiMo)
    assert fields == {name: getattr(model, name) for name in fields}
    assert text == dumps(model)
    model.invoke("hi")
    assert "Bearer again" == simulator.exchanges[-1].headers["authorization"]


def test_loads_from_the_environment(simulator: Simulator, monkeypatch: pytest.MonkeyPatch, make_model: Make) -> None:
    """A base URL that came from the environment is said, so that the model is the same elsewhere."""
    monkeypatch.setenv("MIMO_BASE_URL", simulator.base_url)
    monkeypatch.setenv("MIMO_API_KEY", "k")
    text = dumps(ChatMiMo(model="mimo-v2.6-pro"))
    monkeypatch.delenv("MIMO_BASE_URL")
    model = _loaded(text, secrets_from_env=True)

    assert simulator.base_url == model.openai_api_base


def test_a_chain(make_model: Make) -> None:
    """A chain around the model is loaded with it."""
    chain = ChatPromptTemplate([("user", "{question}")]) | make_model()
    back = _loaded(dumps(chain), secrets_map={"MIMO_API_KEY": "k"})

    assert "答案是" in back.invoke({"question": "hi"}).text


def _core() -> list[type]:
    from langchain_core.prompts import HumanMessagePromptTemplate, PromptTemplate
    from langchain_core.runnables import RunnableSequence

    return [ChatPromptTemplate, HumanMessagePromptTemplate, PromptTemplate, RunnableSequence]


def test_caches(simulator: Simulator, make_model: Make) -> None:
    """Two base URLs, two models, two thinkings and a changed copy have caches of their own, and no key is in them."""
    cache = InMemoryCache()
    first = make_model(cache=cache, api_key="s3cret")
    models = [
        first,
        make_model(cache=cache, base_url=f"{simulator.base_url}/"),
        make_model(cache=cache, thinking=False),
        make_model(cache=cache, model="mimo-v2.6-flash"),
        first.model_copy(update={"temperature": 0.5}),
        make_model(cache=cache, api_key="another"),
    ]
    for model in models:
        model.invoke("hi")

    assert 5 == len(simulator.exchanges)
    assert "s3cret" not in str(cache._cache)
