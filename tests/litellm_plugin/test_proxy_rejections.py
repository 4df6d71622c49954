"""Rejection histories through a real proxy that retries once, asked by the SDKs of both vendors.

The proxy learns what a host wants, and here forgets it at once, so that no test knows of another. Its deployments could
be set aside after a failure, and are not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest
from anthropic import Anthropic
from openai import OpenAI

from litellm_mimo.callback import HEADER
from mimo_quirks.cli.proxy import LiteLLMProxy
from mimo_quirks.simulator import Mode, Simulator

from ..pairs import pairs
from .clients import KEEPS, Talk
from .deployments import deployment
from .test_rejections import ROUTES, SECRET, plain, poisoned, status_of
from .test_seen import ask

NAMES = ("xiaomi_mimo", "openai", "anthropic")


@pytest.fixture(name="proxy", scope="module")
def _proxy(upstream: Simulator, stranger: Simulator) -> Iterator[LiteLLMProxy]:
    """One deployment for each way to the host; those with a twin's name have another family to fall back to."""
    twins = [{**deployment(name, upstream), "model_name": f"{name}-or-gpt"} for name in NAMES]
    other = {"model": "openai/gpt-4o-mini", "api_base": stranger.base_url, "api_key": "k"}
    config = {
        "model_list": [
            *(deployment(name, upstream) for name in NAMES),
            *twins,
            {"model_name": "gpt", "litellm_params": other},
        ],
        "litellm_settings": {"callbacks": ["litellm_mimo.mimo_callback"], "json_logs": True},
        "router_settings": {
            "retry_policy": {"BadRequestErrorRetries": 1},
            "fallbacks": [{twin["model_name"]: ["gpt"]} for twin in twins],
        },
    }
    at_once = {"INITIAL_RETRY_DELAY": "0", "JITTER": "0"}  # LiteLLM waits before a retry, and after the last one too
    environment = {**at_once, "MIMO_QUIRKS_POLICY_TTL_SECONDS": "0.001", "MIMO_QUIRKS_LOG": "debug"}
    with LiteLLMProxy(json.dumps(config), environment) as proxy:
        yield proxy


@pytest.fixture(name="private")
def _private(proxy: LiteLLMProxy) -> Iterator[None]:
    """No line that the proxy writes in a test holds a thought."""
    before = len(proxy.log())
    yield
    assert SECRET not in proxy.log()[before:]


def _ask(proxy: LiteLLMProxy, route: str, name: str, *, stream: bool, history: list[Any]) -> Any:
    """One request of a client that makes no attempts of its own."""
    more: Any = {"model": name, "stream": stream}
    if route == "messages":
        client = Anthropic(base_url=proxy.base_url, api_key=proxy.key, max_retries=0)
        answer: Any = client.messages.create(messages=history, max_tokens=4000, **more)
    else:
        chat = OpenAI(base_url=f"{proxy.base_url}/v1", api_key=proxy.key, max_retries=0)
        if route == "chat":
            answer = chat.chat.completions.create(messages=history, **more)
        else:
            answer = chat.responses.create(input=history, store=False, **more)
    return list(answer) if stream else answer


def _said(proxy: LiteLLMProxy, before: int) -> list[str]:
    """Our own lines about rejections, which are JSON as LiteLLM's are."""
    records = [json.loads(line) for line in proxy.log()[before:].splitlines() if line.startswith("{")]
    lines = [record["message"] for record in records if record["component"] == "mimo_quirks"]
    return [line for line in lines if " rejected a request to " in line]


CHANGING = {"then": (1, Mode(accepts="non-empty", tool_rounds=4, then=(2, Mode(forbids="always", tool_rounds=4))))}
AGAIN = [[400, 200]] * 3
RULES: dict[str, tuple[dict[str, Any], list[list[int]], list[list[int]]]] = {
    "non-empty": ({"accepts": "non-empty", "rejection": "E6"}, AGAIN, [[200]] * 3),
    "forbidden": ({"forbids": "always"}, AGAIN, AGAIN),
    "lucky": ({"rejects_every": 2}, [[200], [400, 200], [400, 200]], [[200], [400, 200], [200]]),
    "changing": (CHANGING, [[200], [400, 200], [400, 200]], [[200]] * 3),
}
"""Rule → the host's mode, and the statuses of three client requests on the chat or responses, and the messages wire."""


@pytest.mark.parametrize(("rule", "route", "name", "streams"), pairs(RULES, ROUTES, [False, True]))
@pytest.mark.usefixtures("private")
def test_the_conversation_goes_on(
    rule: str, route: str, name: str, streams: bool, proxy: LiteLLMProxy, upstream: Simulator
) -> None:
    """Each step with tools is answered after two upstream requests at most, never the same twice; one line for each."""
    mode, others, on_messages = RULES[rule]
    upstream.mode = Mode(tool_rounds=4, **mode)
    talk = Talk(route, name, KEEPS[route]["drops"], streams, history=poisoned(route, 2, carried=True))
    for expected in on_messages if name == "anthropic" else others:
        before, read = len(upstream.exchanges), len(proxy.log())
        talk.step(proxy)
        made = upstream.exchanges[before:]
        assert expected == [status_of(exchange) for exchange in made]
        assert len(made) == len({exchange.raw for exchange in made})
        assert len(made) - 1 == len(_said(proxy, read))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("route", "name"), ROUTES)
@pytest.mark.usefixtures("private")
def test_the_header_after_a_retry(
    route: str, name: str, stream: bool, proxy: LiteLLMProxy, upstream: Simulator
) -> None:
    """It says what was done to the request that was answered."""
    upstream.mode = Mode(forbids="always")
    answer = ask(proxy, route, name, poisoned(route, 2, carried=True), stream=stream)

    assert (200, "stripped") == (answer.status_code, answer.headers[HEADER].split("=")[0])
    assert [400, 200] == [exchange.status for exchange in upstream.exchanges]


REJECT = Mode(accepts="non-blank", every_turn=True)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("route", "name"), ROUTES)
@pytest.mark.usefixtures("private")
def test_the_error(
    route: str, name: str, stream: bool, proxy: LiteLLMProxy, upstream: Simulator, stranger: Simulator
) -> None:
    """It names the turns, why nothing more is done, and what to do; the messages route has LiteLLM's own.

    The other family is not asked: the operator has not said so. The deployment is not set aside: it is asked again.
    """
    upstream.mode = REJECT
    history = poisoned(route, 2, carried=True) + plain(route)
    for _ in range(2):
        before = len(proxy.log())
        with pytest.raises((openai.BadRequestError, anthropic.BadRequestError)) as raised:
            _ask(proxy, route, f"{name}-or-gpt", stream=stream, history=history)
        assert SECRET not in f"{raised.value!r} {raised.value.body}"
        _is_explained(route, raised.value.body)
        (line,) = _said(proxy, before)
        assert "Send it again: it goes out with " in line

    assert [400] * 4 == [status_of(exchange) for exchange in upstream.exchanges]
    assert 2 == len({exchange.raw for exchange in upstream.exchanges})
    assert () == stranger.exchanges


def _is_explained(route: str, body: Any) -> None:
    if route == "messages":
        assert body["error"]["type"] == "invalid_request_error"
        assert body["error"]["message"].startswith("litellm.BadRequestError: ")
        return
    assert ("invalid_request_error", None, "400") == (body["type"], body["param"], body["code"])
    assert ("missing", [3, 5]) == tuple(body["provider_specific_fields"][name] for name in ("kind", "turns"))
    said = body["message"]
    assert said.startswith("127.0.0.1:")
    assert " rejected a request to mimo-v2.6-pro: earlier assistant messages must include their reasoning. " in said
    assert "The reasoning of messages 3, 5 is lost. " in said
    assert (
        "A changed request (with a space on every assistant message that has no reasoning) was rejected too. " in said
    )
    assert "Send it again: if rejected once more, it is retried with thinking off. " in said
    assert said.endswith("set MIMO_QUIRKS_STORE to sqlite:/// or redis://.")


@pytest.mark.parametrize(("route", "name"), ROUTES)
def test_another_error_of_the_retry(route: str, name: str, proxy: LiteLLMProxy, upstream: Simulator) -> None:
    """Where the changed request fails of something else, that is what the client is told."""
    upstream.mode = Mode(every_turn=True, then=(1, Mode(every_turn=True, accepts="non-blank", rejection="context")))
    with pytest.raises((openai.BadRequestError, anthropic.BadRequestError), match="maximum context length"):
        _ask(proxy, route, name, stream=False, history=poisoned(route) + plain(route))

    assert 2 == len(upstream.exchanges)


FIRST_FRAME = Mode(accepts="non-empty", every_turn=True, first_frame_errors=True)


@pytest.mark.parametrize(("route", "name"), ROUTES)
@pytest.mark.usefixtures("private")
def test_an_error_as_first_frame(route: str, name: str, proxy: LiteLLMProxy, upstream: Simulator) -> None:
    """LiteLLM makes a stream of the messages route again, with a changed body; elsewhere it passes its error on."""
    upstream.mode = FIRST_FRAME
    history = poisoned(route, 2, carried=True) + plain(route)
    if route == "chat":
        with pytest.raises(openai.InternalServerError, match="Param Incorrect"):
            _ask(proxy, route, name, stream=True, history=history)
    else:
        events = _ask(proxy, route, name, stream=True, history=history)
        assert {"messages": "message_stop", "responses": "response.failed"}[route] == events[-1].type

    made = [status_of(exchange) for exchange in upstream.exchanges]
    assert ([400, 200] if route == "messages" else [400]) == made
    assert len(made) == len({exchange.raw for exchange in upstream.exchanges})


@pytest.mark.parametrize(("route", "name"), ROUTES)
def test_thirty_turns_of_another_model(route: str, name: str, proxy: LiteLLMProxy, upstream: Simulator) -> None:
    """A history that was poisoned before we came is answered after one rejection, and all its calls arrive."""
    upstream.mode = Mode(every_turn=True)
    _ask(proxy, route, name, stream=True, history=poisoned(route, 30) + plain(route))

    rejected, answered = upstream.exchanges
    assert [400, 200] == [status_of(rejected), status_of(answered)]
    assert all(answered.raw.count(f'"toolu_{number}"'.encode()) == 2 for number in range(30))
