"""What operators and clients of a proxy see of what is done to a request: the log and a header, and no thought."""

from __future__ import annotations

import re
import time
from typing import Any

import httpx
import pytest

from mimo_quirks.cli.proxy import LiteLLMProxy
from mimo_quirks.simulator import Mode, Simulator

from .test_rejections import SECRET, plain, poisoned

PATHS = {"chat": "chat/completions", "messages": "messages", "responses": "responses"}
ROUTES = [("chat", "xiaomi_mimo"), ("messages", "xiaomi_mimo"), ("messages", "relay"), ("responses", "xiaomi_mimo")]


def _ask(proxy: LiteLLMProxy, route: str, model: str, history: list[Any], *, stream: bool = False) -> httpx.Response:
    more = {"messages": {"max_tokens": 4000}, "responses": {"store": False}}.get(route, {})
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
    """By LiteLLM's id of the request it says what was done to which message; it has no text of any."""
    upstream.mode = Mode(accepts="off")
    answer = _ask(with_us, route, model, poisoned(route, 1, carried=True) + poisoned(route, 1), stream=stream)
    (line,) = [line for line in _lines(with_us) if answer.headers["x-litellm-call-id"] in line]

    assert 200 == answer.status_code
    assert " - mimo_quirks:DEBUG: " in line
    assert ": mimo-v2.6-pro at 127.0.0.1:" in line
    assert ": 1 kept, 1 placeholder; message " in line
    assert line.endswith(": placeholder, lost")
    assert SECRET not in with_us.log()


def test_no_line_for_an_unchanged_request(with_us: LiteLLMProxy, upstream: Simulator) -> None:
    """A request that goes out as it came has none, and neither has one for another family."""
    upstream.mode = Mode(accepts="off")
    asked = [
        _ask(with_us, "chat", "xiaomi_mimo", plain("chat")),
        _ask(with_us, "chat", "gpt", poisoned("chat", 1)),
    ]
    ids = [answer.headers["x-litellm-call-id"] for answer in asked]

    assert [200, 200] == [answer.status_code for answer in asked]
    assert [] == [line for line in _lines(with_us) if any(id_ in line for id_ in ids)]
