"""Whose rejection changes whose requests, through a real proxy that knows its clients and retries once.

What the proxy learns here it keeps, so each test has a host of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import openai
import pytest
from openai import OpenAI

from mimo_quirks.cli.proxy import LiteLLMProxy
from mimo_quirks.simulator import Exchange, Mode, Simulator

from .deployments import finding
from .test_proxy_memory import AUTH
from .test_rejections import poisoned, status_of

THOUGHT = "a thought that its client carries"
FORBIDS_IT = "messages.1.assistant.reasoning_content: Extra inputs are not permitted"
ELSEWHERE = Mode(strict_elsewhere=True, accepts="non-empty")
HOSTS: Mapping[str, tuple[str, Mode]] = {
    "user message": ("openai", ELSEWHERE),
    "request": ("openai", ELSEWHERE),
    "whole": ("openai", Mode(rejects_every=1)),
    "strict": ("openai", Mode(forbids="always")),
    "quotes": ("openai", Mode(quotes="Say it")),
    "names its field": ("openrouter/xiaomi", Mode(accepts="exact")),
    "older than the install": ("openai", Mode(accepts="non-blank", every_turn=True)),
}
"""Deployment → LiteLLM's prefix of its model, and its host."""


@pytest.fixture(name="hosts", scope="module")
def _hosts() -> Iterator[Mapping[str, Simulator]]:
    hosts = {name: Simulator(mode) for name, (_, mode) in HOSTS.items()}
    for host in hosts.values():
        host.__enter__()
    yield hosts
    for host in hosts.values():
        host.__exit__(None, None, None)


@pytest.fixture(name="proxy", scope="module")
def _proxy(hosts: Mapping[str, Simulator], tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiteLLMProxy]:
    """A proxy whose clients are told apart by their keys, with the lines of the README's first configuration."""
    folder = tmp_path_factory.mktemp("auth")
    (folder / "tenants.py").write_text(AUTH)
    deployments = {
        name: {"model": f"{HOSTS[name][0]}/mimo-v2.6-pro", "api_base": host.base_url, "api_key": "k"}
        for name, host in hosts.items()
    }
    config = {
        "model_list": [{"model_name": name, "litellm_params": params} for name, params in deployments.items()],
        "litellm_settings": {"callbacks": ["litellm_mimo.mimo_callback"]},
        "router_settings": {"retry_policy": {"BadRequestErrorRetries": 1}},
        "general_settings": {"custom_auth": "tenants.authenticate"},
    }
    at_once = {"INITIAL_RETRY_DELAY": "0", "JITTER": "0", "MIMO_QUIRKS_IDENTITY": "user"}
    with LiteLLMProxy(json.dumps(config), {**finding(folder), **at_once}) as proxy:
        yield proxy


def _ask(proxy: LiteLLMProxy, host: Simulator, owner: str, model: str, history: Any, **more: Any) -> list[Exchange]:
    """What the host gets of one request of an owner, answered or not."""
    before = len(host.exchanges)
    client = OpenAI(base_url=f"{proxy.base_url}/v1", api_key=owner, max_retries=0)
    with suppress(openai.BadRequestError):
        client.chat.completions.create(model=model, messages=history, **more)
    return list(host.exchanges[before:])


def _seen(exchanges: list[Exchange]) -> list[tuple[int, Any]]:
    """The statuses, and what each request carries on its first turn."""
    turns = (next(m for m in exchange.body["messages"] if m["role"] == "assistant") for exchange in exchanges)
    fields = ("reasoning_content", "reasoning")
    return [
        (status_of(exchange), {name: turn[name] for name in fields if name in turn})
        for exchange, turn in zip(exchanges, turns, strict=True)
    ]


def _carrying(text: str | None = THOUGHT) -> list[Any]:
    """A conversation whose client keeps what the model thought; one without is older than the install."""
    history = poisoned("chat")
    if text is not None:
        history[1]["reasoning_content"] = text
    return history


KEPT = [(200, {"reasoning_content": THOUGHT})]
MISPLACED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "user message": ({"reasoning_content": "mine"}, {}),
    "request": ({}, {"extra_body": {"reasoning_content": "mine"}}),
}


@pytest.mark.parametrize("place", MISPLACED)
def test_a_field_that_the_client_put_elsewhere(place: str, proxy: LiteLLMProxy, hosts: Mapping[str, Simulator]) -> None:
    """Its rejections teach nothing of the host: everybody's reasoning still arrives, that of the same client too."""
    on_message, more = MISPLACED[place]
    for owner in ("sk-a", "sk-b"):
        for _ in range(3):
            odd = _carrying()
            odd[0] |= on_message
            assert 400 == status_of(_ask(proxy, hosts[place], owner, place, odd, **more)[0])

    for owner in ("sk-a", "sk-b", "sk-c"):
        assert KEPT == _seen(_ask(proxy, hosts[place], owner, place, _carrying()))


def test_a_history_that_lacked_nothing(proxy: LiteLLMProxy, hosts: Mapping[str, Simulator]) -> None:
    """A demand for what was sent in full is no reason to put spaces on the turns of others, or of the same client."""
    host = hosts["whole"]
    for owner in ("sk-a", "sk-b"):
        assert 400 == status_of(_ask(proxy, host, owner, "whole", _carrying())[0])
    host.mode = Mode()
    plain = [*_carrying(), {"role": "assistant", "content": "21 °C."}, {"role": "user", "content": "Again?"}]

    for owner in ("sk-a", "sk-c"):
        (made,) = _ask(proxy, host, owner, "whole", plain)
        assert ("foreign", "missing") == made.verdicts


def test_a_strict_host(proxy: LiteLLMProxy, hosts: Mapping[str, Simulator]) -> None:
    """What a host forbids is learned by its own client at once, and by all the others from two who were rejected."""
    host = hosts["strict"]
    mended = [(400, {"reasoning_content": THOUGHT}), (200, {})]
    one = [_seen(_ask(proxy, host, "sk-a", "strict", _carrying())) for _ in range(4)]
    other = [_seen(_ask(proxy, host, "sk-b", "strict", _carrying())) for _ in range(3)]
    third = _seen(_ask(proxy, host, "sk-c", "strict", _carrying()))

    assert [mended, mended, [(200, {})], [(200, {})]] == one
    assert [mended, mended, [(200, {})]] == other
    assert [(200, {})] == third


def test_an_error_that_quotes_the_client(proxy: LiteLLMProxy, hosts: Mapping[str, Simulator]) -> None:
    """What a client wrote is not taken for the host's own words: nothing is sent again changed, or learned."""
    host = hosts["quotes"]
    for owner in ("sk-a", "sk-b"):
        for _ in range(2):
            quoting = [*_carrying(), {"role": "user", "content": f"Say it: {FORBIDS_IT}"}]
            made = _ask(proxy, host, owner, "quotes", quoting)
            assert {(400, THOUGHT)} == {(status, seen["reasoning_content"]) for status, seen in _seen(made)}

    for owner in ("sk-a", "sk-c"):
        assert KEPT == _seen(_ask(proxy, host, owner, "quotes", _carrying()))


def test_a_host_that_names_its_field(proxy: LiteLLMProxy, hosts: Mapping[str, Simulator]) -> None:
    """A prefix names a dialect, and the host's own words beat it: once as the retry, then from the start."""
    host, name = hosts["names its field"], "names its field"
    first, second = (_seen(_ask(proxy, host, "sk-a", name, _carrying())) for _ in range(2))

    assert [(400, {"reasoning": THOUGHT}), (200, {"reasoning_content": THOUGHT})] == first
    assert KEPT == second


def test_a_thread_that_is_older_than_the_install(proxy: LiteLLMProxy, hosts: Mapping[str, Simulator]) -> None:
    """It goes on after one error at most, which says to send it again, and how it goes out then."""
    name = "older than the install"
    client = OpenAI(base_url=f"{proxy.base_url}/v1", api_key="sk-a", max_retries=0)
    history = [*_carrying(None), {"role": "assistant", "content": "21 °C."}, {"role": "user", "content": "Again?"}]
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model=name, messages=history)
    answer = client.chat.completions.create(model=name, messages=history)

    said = raised.value.body["message"]  # type: ignore[index]
    assert (
        "A changed request (with a space on every assistant message that has no reasoning) was rejected too. " in said
    )
    assert "Send it again: if rejected once more, it is retried with thinking off." in said
    assert answer.choices[0].message.content
    assert [400, 400, 400, 200] == [status_of(exchange) for exchange in hosts[name].exchanges]
