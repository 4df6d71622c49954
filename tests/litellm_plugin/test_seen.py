"""What operators and clients of a proxy see of what is done to a request: the log and a header, and no thought."""

from __future__ import annotations

import re
import time
from typing import Any

import httpx
import pytest

from litellm_mimo.callback import HEADER
from mimo_quirks.cli.proxy import LiteLLMProxy
from mimo_quirks.simulator import Mode, Simulator

from ..cases import TOOL
from .clients import KEEPS, Talk
from .test_rejections import SECRET, plain, poisoned

QUESTION = {"role": "user", "content": "Weather?"}
PATHS = {"chat": "chat/completions", "messages": "messages", "responses": "responses"}
ROUTES = [("chat", "xiaomi_mimo"), ("messages", "xiaomi_mimo"), ("messages", "relay"), ("responses", "xiaomi_mimo")]


def ask(
    proxy: LiteLLMProxy, route: str, model: str, history: list[Any], *, stream: bool = False, **more: Any
) -> httpx.Response:
    """One request, and the answer with its headers."""
    more |= {"messages": {"max_tokens": 4000}, "responses": {"store": False}}.get(route, {})
    body = {"model": model, "input" if route == "responses" else "messages": history, "stream": stream, **more}
    headers = {"Authorization": f"Bearer {proxy.key}", "x-api-key": proxy.key}
    return httpx.post(f"{proxy.base_url}/v1/{PATHS[route]}", json=body, headers=headers, timeout=60)


def _lines(proxy: LiteLLMProxy) -> list[str]:
    """Our own lines."""
    return [line for line in proxy.log().splitlines() if " mimo_quirks:" in line]


def test_the_first_line(with_us: LiteLLMProxy, upstream: Simulator) -> None:
    """A proxy says once what is in use, before any request, and which of its deployments are MiMo's."""
    until = time.monotonic() + 60
    while not (lines := [line for line in _lines(with_us) if "LiteLLM 1." in line]) and time.monotonic() < until:
        time.sleep(0.05)
    (line,) = lines
    address = upstream.base_url.split("/")[2]

    assert re.match(r"\d\d:\d\d:\d\d - mimo_quirks:INFO: start\.py:\d+ - mimo-quirks \d", line)
    assert "; store memory://; all clients share one scope; deployments of MiMo: " in line
    assert f"hosted_vllm (mimo-v2.6-pro at {address})" in line
    assert "relay (mimo-v2.6-pro at " in line
    assert "alias (acme-brain at token-plan-sgp.xiaomimimo.com)" in line
    assert [] == [name for name in ("gpt", "mimosa", "speech", "claude", "lookalike") if f"{name} (" in line]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("route", "model"), ROUTES)
def test_one_line_for_each_changed_request(
    route: str, model: str, stream: bool, with_us: LiteLLMProxy, upstream: Simulator
) -> None:
    """By LiteLLM's id of the request it says what was done to which message; a header has the sum, and none a text."""
    upstream.mode = Mode(accepts="off")
    answer = ask(with_us, route, model, poisoned(route, 1, carried=True) + poisoned(route, 1), stream=stream)
    (line,) = [line for line in _lines(with_us) if answer.headers["x-litellm-call-id"] in line]

    assert (200, "kept=1 placeholder=1") == (answer.status_code, answer.headers[HEADER])
    assert " - mimo_quirks:DEBUG: " in line
    assert ": mimo-v2.6-pro at 127.0.0.1:" in line
    assert ": 1 kept, 1 placeholder; message " in line
    assert line.endswith(": placeholder, no recorded reasoning is proven to be its own")
    assert SECRET not in with_us.log()


def test_no_line_for_an_unchanged_request(with_us: LiteLLMProxy, upstream: Simulator) -> None:
    """A request that goes out as it came has none, and neither has one for another family."""
    upstream.mode = Mode(accepts="off")
    asked = [
        ask(with_us, "chat", "xiaomi_mimo", plain("chat")),
        ask(with_us, "chat", "gpt", poisoned("chat", 1)),
    ]
    ids = [answer.headers["x-litellm-call-id"] for answer in asked]

    assert [(200, "kept=0"), (200, None)] == [(answer.status_code, answer.headers.get(HEADER)) for answer in asked]
    assert [] == [line for line in _lines(with_us) if any(id_ in line for id_ in ids)]


@pytest.mark.parametrize("stream", [False, True])
def test_what_was_found(stream: bool, with_us: LiteLLMProxy, upstream: Simulator) -> None:
    """The header counts what was found for a client that drops reasoning, and the line says what proves it."""
    upstream.mode = Mode(accepts="exact", tool_rounds=1)
    answer = ask(with_us, "chat", "xiaomi_mimo", [QUESTION], tools=[TOOL])
    turn = answer.json()["choices"][0]["message"]
    call = {key: turn["tool_calls"][0][key] for key in ("id", "type", "function")}
    result = {"role": "tool", "tool_call_id": call["id"], "content": "21"}
    dropped = {"role": "assistant", "content": "", "tool_calls": [call]}
    found = ask(with_us, "chat", "xiaomi_mimo", [QUESTION, dropped, result], tools=[TOOL], stream=stream)
    (line,) = [line for line in _lines(with_us) if found.headers["x-litellm-call-id"] in line]

    assert (200, "found=1") == (found.status_code, found.headers[HEADER])
    assert ("exact",) == upstream.exchanges[-1].verdicts
    assert re.search(r": 1 found \(1 by (ids|prefix)\); message 1: found by (ids|prefix), \w", line)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("route", "model"), [("chat", "broken-chat"), ("messages", "broken-native")])
def test_no_header_of_another_family(route: str, model: str, stream: bool, with_us: LiteLLMProxy) -> None:
    """What was done to a request for MiMo is not said of the fallback that answered in its place."""
    answer = ask(with_us, route, model, poisoned(route, 1), stream=stream)

    assert (200, None) == (answer.status_code, answer.headers.get(HEADER))


def _metrics(proxy: LiteLLMProxy) -> dict[str, float]:
    """What is counted, by name and by labels that are not empty."""
    pytest.importorskip("prometheus_client")
    text = httpx.get(f"{proxy.base_url}/metrics", follow_redirects=True, timeout=60).text
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("mimo_quirks_")]
    return {name: float(number) for name, number in lines if not name.partition("{")[0].endswith("_created")}


def test_metrics(with_us: LiteLLMProxy, upstream: Simulator) -> None:
    """LiteLLM's own /metrics has what is counted for each kind of deployment, the tokens of answers included."""
    upstream.mode = Mode(accepts="off")
    before = _metrics(with_us)
    for route, model in ROUTES:
        for stream in (False, True):
            history = poisoned(route, 1, carried=True) + poisoned(route, 1)
            assert 200 == ask(with_us, route, model, history, stream=stream).status_code
    until, grown = time.monotonic() + 60, dict[str, float]()
    while not _has_tokens(grown) and time.monotonic() < until:  # LiteLLM counts tokens after it has answered
        grown = {name: number - before.get(name, 0) for name, number in _metrics(with_us).items()}
    chat = '{family="mimo",host="relay",wire="chat"}'

    assert {6.0} == {grown[f"mimo_quirks_{name}_total{chat}"] for name in ("requests", "kept", "placeholder")}
    messages = chat.replace("chat", "messages")
    assert {2.0} == {grown[f"mimo_quirks_{name}_total{messages}"] for name in ("requests", "kept", "placeholder")}
    assert _has_tokens(grown)


def _has_tokens(grown: dict[str, float]) -> bool:
    return all(
        grown.get(f'mimo_quirks_prompt_tokens_total{{family="mimo",host="relay",wire="{wire}"}}', 0) > 0
        for wire in ("chat", "messages")
    )


def test_nothing_else_is_told(with_us: LiteLLMProxy, upstream: Simulator) -> None:
    """No thought, no key and no secret is in what a full run writes: the log, the headers and /metrics."""
    upstream.mode = Mode(accepts="exact", tool_rounds=2)
    headers = []
    for route, model in ROUTES:
        for streams in (False, True):
            Talk(route, model, KEEPS[route]["drops"], streams).run(with_us, 3)
            headers.append(str(ask(with_us, route, model, poisoned(route, 1, carried=True), stream=streams).headers))
    metrics = httpx.get(f"{with_us.base_url}/metrics", follow_redirects=True, timeout=60).text
    written = "\n".join([with_us.log(), metrics, *headers])
    issued = [exchange.issued.reasoning for exchange in upstream.exchanges if exchange.issued]
    lines = {line.strip() for text in issued for line in text.splitlines() if len(line.strip()) > 8}

    assert len(lines) > len(ROUTES)
    assert [] == [line for line in {*lines, SECRET, "s" * 32, with_us.key} if line in written]
