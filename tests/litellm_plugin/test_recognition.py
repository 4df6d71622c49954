"""Every error body of EVIDENCE §5, as the real libraries wrap it: a server sends it, an SDK or LiteLLM raises.

Nothing here is typed by hand but the table of what each row is. The request that an error is classified with is the one
that arrived at the simulator, or at the proxy.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from itertools import cycle
from typing import Any, Final, get_args

import litellm
import pytest
from anthropic import Anthropic
from openai import OpenAI

from mimo_quirks.cli.proxy import LiteLLMProxy
from mimo_quirks.rejections.errors import error_text
from mimo_quirks.rejections.recognition import RejectionKind, classify_rejection
from mimo_quirks.simulator import WORDINGS, Mode, Simulator, WireName

from .deployments import PROVIDERS

Ask = Callable[[Simulator, dict[str, Any]], object]
"""Sends a request, and returns the last that came of it; an error is raised."""

MISSING, OTHER, FORBIDDEN = RejectionKind.MISSING, RejectionKind.OTHER_FAMILY, RejectionKind.FORBIDDEN
ROWS: Final[Mapping[str, RejectionKind | None]] = {
    **dict.fromkeys(("E1", "E3", "E4", "E6", "E7", "E8", "E9", "E11", "E12", "F1-unquoted"), MISSING),
    **dict.fromkeys(("F1", "F1-older", "F2", "F2-console", "F4", "F5", "F6", "F7", "F8", "F8-openrouter"), OTHER),
    **dict.fromkeys(
        ("text-not-present", "text-not-set", "function-not-set", "temperature", "n", "effort", "retired", "moderation"),
    ),
    **dict.fromkeys(
        ("risk-control", "balance", "forbidden", "rate-limit", "failure", "unavailable", "role", "image", "context"),
    ),
    **dict.fromkeys(("deepseek-effort", "kimi-effort", "custom-tool", "web-search", "key")),
}
"""What each row of EVIDENCE §5 is, to a MiMo model; without its quotes F1 is the words of both families."""
OURS: Final = {name: kind for name, kind in ROWS.items() if kind}
WORDED: Final = {name: kind for name, kind in OURS.items() if name != "E6"}

MODEL: Final = "mimo-v2.6-pro"
SCHEMA: Final = {"type": "object", "properties": {}}
QUESTION: Final = {"role": "user", "content": "weather?"}
CALL: Final = {"name": "weather", "arguments": "{}"}
FOREIGN: Final = "EsYCCs...=="


def _chat(thought: str | None) -> dict[str, Any]:
    call = {"id": "c1", "type": "function", "function": CALL}
    turn = {"role": "assistant", "content": "", "tool_calls": [call]}
    turn |= {} if thought is None else {"reasoning_content": thought, "reasoning": thought}
    result = {"role": "tool", "tool_call_id": "c1", "content": "ok"}
    tool = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}
    return {"messages": [QUESTION, turn, result], "tools": [tool]}


def _messages(thought: str | None, **more: str) -> dict[str, Any]:
    thoughts = [] if thought is None else [{"type": "thinking", "thinking": thought, **more}]
    call = {"type": "tool_use", "id": "c1", "name": "weather", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "c1", "content": "ok"}
    history = [{"role": "assistant", "content": [*thoughts, call]}, {"role": "user", "content": [result]}]
    return {
        "messages": [QUESTION, *history],
        "tools": [{"name": "weather", "input_schema": SCHEMA}],
        "max_tokens": 99,
    }


def _responses(thought: str | None) -> dict[str, Any]:
    content = [{"type": "reasoning_text", "text": thought}]
    thoughts = [] if thought is None else [{"type": "reasoning", "id": "rs_1", "summary": [], "content": content}]
    history = [
        {"type": "function_call", "call_id": "c1", **CALL},
        {"type": "function_call_output", "call_id": "c1", "output": "ok"},
    ]
    tool = {"type": "function", "name": "weather", "parameters": SCHEMA}
    return {"input": [QUESTION, *thoughts, *history], "tools": [tool]}


BODIES: Final[Mapping[WireName, Callable[..., dict[str, Any]]]] = {
    "chat": _chat,
    "messages": _messages,
    "responses": _responses,
}
WIRES: Final = get_args(WireName)


# Who asks


_OPENAI, _ANTHROPIC = cache(partial(OpenAI, max_retries=0)), cache(partial(Anthropic, max_retries=0))


def _last(answer: Any) -> object:
    """The last event of a stream, or the whole answer."""
    return list(answer)[-1] if isinstance(answer, Iterator) else answer


def _openai(base_url: str, key: str, wire: WireName, **body: Any) -> object:
    client = _OPENAI(base_url=base_url, api_key=key)
    return _last((client.chat.completions if wire == "chat" else client.responses).create(**body))


def _anthropic(base_url: str, key: str, **body: Any) -> object:
    return _last(_ANTHROPIC(base_url=base_url, auth_token=key).messages.create(**body))


def _sdk(wire: WireName, model: str = MODEL) -> Ask:
    if wire == "messages":
        return lambda upstream, body: _anthropic(upstream.anthropic_url, "k", model=model, **body)
    return lambda upstream, body: _openai(upstream.base_url, "k", wire, model=model, **body)


def _arguments(provider: str, upstream: Simulator) -> dict[str, Any]:
    model = PROVIDERS.get(provider, (f"{provider}/{MODEL}",))[0]
    base = upstream.anthropic_url if provider == "anthropic" else upstream.base_url
    return {"model": model, "api_base": base, "api_key": "k", "num_retries": 0}


def _completion(provider: str) -> Ask:
    return lambda upstream, body: _last(litellm.completion(**_arguments(provider, upstream), **body))


def _litellm_responses(provider: str) -> Ask:
    return lambda upstream, body: _last(litellm.responses(**_arguments(provider, upstream), **body))


async def _anthropic_messages(provider: str, upstream: Simulator, body: dict[str, Any]) -> object:
    answer: Any = await litellm.anthropic_messages(**_arguments(provider, upstream), **body)
    return [event async for event in answer][-1] if isinstance(answer, AsyncIterator) else answer


def _routed(upstream: Simulator, body: dict[str, Any]) -> object:
    arguments = {**_arguments("xiaomi_mimo", upstream), "num_retries": None}
    models = [{"model_name": "mimo", "litellm_params": arguments}]
    return _last(litellm.Router(models, num_retries=0, disable_cooldowns=True).completion("mimo", **body))


def _proxied(proxy: LiteLLMProxy, wire: WireName, model: str) -> Ask:
    if wire == "messages":
        return lambda _, body: _anthropic(proxy.base_url, proxy.key, model=model, **body)
    return lambda _, body: _openai(f"{proxy.base_url}/v1", proxy.key, wire, model=model, **body)


# What becomes of it


def _raised(ask: Ask, upstream: Simulator, body: dict[str, Any]) -> object:
    """The error, or the event that stands for it."""
    try:
        return ask(upstream, body)
    except Exception as error:  # noqa: BLE001 - whichever it is
        return error


def _sent(upstream: Simulator) -> dict[str, Any]:
    """The one request, which was rejected."""
    (exchange,) = upstream.exchanges
    assert exchange.error is not None
    return dict(json.loads(exchange.raw))


def _kinds(
    ask: Ask,
    upstream: Simulator,
    wire: WireName,
    names: Iterable[str],
    *,
    thought: str | None = None,
    streams: bool = False,
    **mode: Any,
) -> dict[str, RejectionKind | None]:
    """What the error of each row is taken for."""
    kinds = {}
    for name in names:
        upstream.reset()
        upstream.mode = Mode(rejection=name, **mode)
        error = _raised(ask, upstream, {**BODIES[wire](thought), **({"stream": True} if streams else {})})
        kinds[name] = classify_rejection(error, _sent(upstream))
    return kinds


def _spelling(provider: str) -> Any:
    return PROVIDERS[provider][1] if provider in PROVIDERS else "reasoning_content"


LITELLM: Final = (*PROVIDERS, "deepseek", "anthropic")
streams = pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
wires = pytest.mark.parametrize("wire", WIRES)
providers = pytest.mark.parametrize("provider", LITELLM)


def test_every_row_is_here() -> None:
    """A row that the simulator learns has its kind in this table."""
    assert set(WORDINGS) == set(ROWS)
    assert {name: row.ours for name, row in WORDINGS.items()} == {name: kind is not None for name, kind in ROWS.items()}


@streams
@wires
def test_sdks(wire: WireName, streams: bool, upstream: Simulator) -> None:
    """The SDKs of OpenAI and Anthropic, with the `data:` before the body of a stream request (E2, E5)."""
    assert ROWS == _kinds(_sdk(wire), upstream, wire, ROWS, streams=streams)


@streams
@providers
def test_completion(provider: str, streams: bool, upstream: Simulator) -> None:
    """LiteLLM's chat completions, whose errors say what each provider's code makes of a body (E13, F3)."""
    ask, spelling = _completion(provider), _spelling(provider)

    assert OURS == _kinds(ask, upstream, "chat", OURS, streams=streams, spelling=spelling)


@providers
def test_completion_of_others(provider: str, upstream: Simulator) -> None:
    """Of LiteLLM's errors for bodies that are no rejection none is taken for one, though reasoning is missing."""
    names = [name for name in ROWS if name not in OURS]

    assert dict.fromkeys(names) == _kinds(_completion(provider), upstream, "chat", names, spelling=_spelling(provider))


@providers
def test_responses(provider: str, upstream: Simulator) -> None:
    """LiteLLM's responses, bridged to chat completions or not."""
    ask, spelling = _litellm_responses(provider), _spelling(provider)

    assert OURS == _kinds(ask, upstream, "responses", OURS, spelling=spelling)


@providers
async def test_anthropic_messages(provider: str, upstream: Simulator) -> None:
    """LiteLLM's messages, bridged or not."""
    kinds = {}
    for name in OURS:
        upstream.reset()
        upstream.mode = Mode(rejection=name, spelling=_spelling(provider))
        with pytest.raises(litellm.BadRequestError) as raised:
            await _anthropic_messages(provider, upstream, _messages(None))
        kinds[name] = classify_rejection(raised.value, _sent(upstream))

    assert OURS == kinds


@streams
def test_router(streams: bool, upstream: Simulator) -> None:
    """LiteLLM's Router without fallbacks adds its own words."""
    assert OURS == _kinds(_routed, upstream, "chat", OURS, streams=streams)


def _behind(proxy: LiteLLMProxy, upstream: Simulator, wire: WireName, names: Iterable[str], **more: Any) -> Any:
    """What each row is taken for by a client of a proxy, which knows the model by an alias."""
    kinds = {}
    for name, provider in zip(names, cycle(PROVIDERS), strict=False):
        alias = "openrouter" if name in {"E12", "F8-openrouter"} else provider
        upstream.reset()
        upstream.mode = Mode(rejection=name, spelling=_spelling(alias))
        body = {**BODIES[wire](None), **more}
        error = _raised(_proxied(proxy, wire, alias), upstream, body)
        assert _sent(upstream)
        kinds[name] = classify_rejection(error, {"model": alias, **body})
    return kinds


@wires
def test_proxy(wire: WireName, upstream: Simulator, without_us: LiteLLMProxy) -> None:
    """The SDKs behind LiteLLM's proxy: an error within an error (F5)."""
    assert OURS == _behind(without_us, upstream, wire, OURS)


def test_others_behind_a_proxy(upstream: Simulator, without_us: LiteLLMProxy) -> None:
    """What is no rejection is none behind a proxy."""
    names = [name for name in ROWS if name not in OURS]

    assert dict.fromkeys(names) == _behind(without_us, upstream, "chat", names)


@wires
def test_streams_behind_a_proxy(wire: WireName, upstream: Simulator, without_us: LiteLLMProxy) -> None:
    """The body of a stream request, with its `data:`, is in the proxy's error, or in the stream that it began."""
    expected = {name: OURS[name] for name in ("E1", "E3", "F1", "F6")}

    assert expected == _behind(without_us, upstream, wire, expected, stream=True)


# Other ways of saying it

HOSTS_OWN: Final = {name: kind for name, kind in OURS.items() if WORDINGS[name].upstream or name == "E6"}
"""What a host says itself, and not a relay of a host."""


@wires
def test_first_frame(wire: WireName, upstream: Simulator) -> None:
    """An error in a stream is raised, or is an event that the SDK hands on (EVIDENCE §7.1)."""
    assert HOSTS_OWN == _kinds(_sdk(wire), upstream, wire, HOSTS_OWN, streams=True, first_frame_errors=True)


@providers
def test_first_frame_of_completion(provider: str, upstream: Simulator) -> None:
    """LiteLLM keeps less of an error in a stream, with a status of its own; the request makes up for it."""
    ask, spelling = _completion(provider), _spelling(provider)
    mode = {"spelling": spelling, "first_frame_errors": True}

    assert HOSTS_OWN == _kinds(ask, upstream, "chat", HOSTS_OWN, streams=True, **mode)


@pytest.mark.parametrize("provider", ["hosted_vllm", "deepseek"])
def test_lost_words(provider: str, upstream: Simulator) -> None:
    """Where LiteLLM drops the `param`, the words count only for a request that lacks reasoning."""
    upstream.mode = Mode(first_frame_errors=True, spelling=_spelling(provider))
    error = _raised(_completion(provider), upstream, {**_chat(None), "stream": True})
    carried = {"model": MODEL, **_chat("hm")}

    assert "reasoning_content" not in error_text(error)
    assert [MISSING, None, None] == [classify_rejection(error, request) for request in (_sent(upstream), carried, None)]


# Through `openai/` LiteLLM may cross to the responses wire, depending on what the process has called before, and then
# leaves nothing of the words.
@pytest.mark.parametrize("provider", [name for name in LITELLM if name != "openai"])
async def test_first_frame_of_anthropic_messages(provider: str, upstream: Simulator) -> None:
    """LiteLLM's messages hand an error in a stream on as bytes."""
    kinds = {}
    for name in HOSTS_OWN:
        upstream.reset()
        upstream.mode = Mode(rejection=name, spelling=_spelling(provider), first_frame_errors=True)
        try:
            last = await _anthropic_messages(provider, upstream, {**_messages(None), "stream": True})
        except litellm.BadRequestError as error:
            last = error
        kinds[name] = classify_rejection(last, _sent(upstream))

    assert HOSTS_OWN == kinds


@pytest.mark.parametrize("wire", ["chat", "messages"])
def test_first_frame_behind_a_proxy(wire: WireName, upstream: Simulator, without_us: LiteLLMProxy) -> None:
    """What is left of it behind a proxy is the message, with a status of 500."""
    expected = {name: OURS[name] for name in ("E7", "F1", "F4", "F6")}
    ask = _proxied(without_us, wire, "xiaomi_mimo")

    assert expected == _kinds(ask, upstream, wire, expected, streams=True, first_frame_errors=True)


@pytest.mark.parametrize("status", [500, 502])
@wires
def test_reworded_status(wire: WireName, status: int, upstream: Simulator) -> None:
    """The words count with a relay's status too, a bare `Param Incorrect` only with 400."""
    expected = {**WORDED, "E6": None}

    assert expected == _kinds(_sdk(wire), upstream, wire, expected, rejection_status=status)


@providers
def test_reworded_status_of_completion(provider: str, upstream: Simulator) -> None:
    """So they do in LiteLLM's errors for it."""
    expected = {name: ROWS[name] for name in ("E1", "E4", "E11", "F1", "F6")} | {"E6": None}
    mode = {"spelling": _spelling(provider), "rejection_status": 502}

    assert expected == _kinds(_completion(provider), upstream, "chat", expected, **mode)


@wires
def test_a_request_that_lacks_nothing(wire: WireName, upstream: Simulator) -> None:
    """A bare `Param Incorrect` says nothing of a request with all its reasoning, on any wire (E6, E14)."""
    expected = {**WORDED, "E6": None}

    assert expected == _kinds(_sdk(wire), upstream, wire, expected, thought="hm", rejects_every=1)


def test_the_rejected_model_tells_the_family(upstream: Simulator) -> None:
    """The words of both families without quotes are those of the model that was asked (F3)."""
    ask = _sdk("chat", "deepseek-v4-pro")

    assert dict.fromkeys(WORDED, OTHER) == _kinds(ask, upstream, "chat", WORDED)


# The opposite demands


@wires
def test_forbidden(wire: WireName, upstream: Simulator) -> None:
    """A strict host names the place that reasoning has on its wire (F10)."""
    assert {"E1": FORBIDDEN} == _kinds(_sdk(wire), upstream, wire, ["E1"], thought="hm", forbids="always")


@streams
@pytest.mark.parametrize("provider", [*PROVIDERS, "deepseek"])
def test_forbidden_completion(provider: str, streams: bool, upstream: Simulator) -> None:
    """LiteLLM's errors say it too, in the middle of a stream as well."""
    mode = {"spelling": _spelling(provider), "forbids": "always", "first_frame_errors": streams}
    kinds = _kinds(_completion(provider), upstream, "chat", ["E1"], thought="hm", streams=streams, **mode)

    assert {"E1": FORBIDDEN} == kinds


@pytest.mark.parametrize("provider", ["deepseek", "anthropic"])
async def test_forbidden_messages(provider: str, upstream: Simulator) -> None:
    """On the messages wire it is the block. A forged signature is an error that LiteLLM mends itself there."""
    upstream.mode = Mode(forbids="always")
    with pytest.raises(litellm.BadRequestError) as raised:
        await _anthropic_messages(provider, upstream, _messages("hm", signature=FOREIGN))

    assert FORBIDDEN is classify_rejection(raised.value, _sent(upstream))


@streams
def test_forged(streams: bool, upstream: Simulator) -> None:
    """Anthropic's SDK raises the complaint about a signature (F9)."""
    upstream.mode = Mode(signatures="checked")
    error = _raised(_sdk("messages"), upstream, {**_messages("hm", signature=FOREIGN), "stream": streams})

    assert RejectionKind.FOREIGN_SIGNATURE is classify_rejection(error, _sent(upstream))
