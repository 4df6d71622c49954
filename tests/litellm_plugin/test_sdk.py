"""LiteLLM's SDK and Router, synchronous and not, streamed and not; judged by what reached the host."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import litellm
import pytest
from litellm import Router
from litellm.types.utils import CallTypes

from litellm_mimo import MiMoCallback
from mimo_quirks.settings import Settings
from mimo_quirks.simulator import Mode, Simulator
from mimo_quirks.simulator.spellings import SPELLINGS

from ..cases import CALL, CASES, NASTY, TOOL
from ..pairs import pairs
from .deployments import PROVIDERS, mode_for

ROUNDS = 3
"""What is replayed without a memory; test_memory.py has one."""
TURNS = sum(range(ROUNDS + 1))
_LISTS = [name for name in vars(litellm) if name.endswith("callback") and isinstance(getattr(litellm, name), list)]


@pytest.fixture(name="use")
def _use() -> Iterator[Callable[..., None]]:
    """Installs callbacks as an application does, and takes them out of every list that LiteLLM copies them into."""
    before = {name: list(getattr(litellm, name)) for name in ["callbacks", *_LISTS]}

    def use(*callbacks: MiMoCallback) -> None:
        litellm.callbacks = list(callbacks)

    yield use
    for name, value in before.items():
        setattr(litellm, name, value)


Ask = Callable[..., Any]


def _sdk(upstream: Simulator, provider: str) -> tuple[Any, str, dict[str, str]]:
    return litellm, PROVIDERS[provider][0], {"api_base": upstream.base_url, "api_key": "k"}


def _router(upstream: Simulator, provider: str) -> tuple[Any, str, dict[str, str]]:
    parameters = {"model": PROVIDERS[provider][0], "api_base": upstream.base_url, "api_key": "k"}
    return Router([{"model_name": "smart", "litellm_params": parameters}], num_retries=0), "smart", {}


def _forgetful() -> MiMoCallback:
    """A callback that knows of no other test."""
    return MiMoCallback(Settings(store="off"))


async def _ask(door: Any, asynchronous: bool = False, **arguments: Any) -> Any:
    if asynchronous:
        answer = await door.acompletion(**arguments)
        chunks = [chunk async for chunk in answer] if arguments.get("stream") else None
    else:
        answer = door.completion(**arguments)
        chunks = list(answer) if arguments.get("stream") else None
    return answer if chunks is None else litellm.stream_chunk_builder(chunks)


async def _converse(
    door: Any, model: str, parameters: Any, *, keep: Callable[[Any], Any], rounds: int = ROUNDS, **how: Any
) -> None:
    history: list[Any] = [{"role": "user", "content": "天气?"}]
    for _ in range(rounds + 1):
        answer = await _ask(
            door, how["asynchronous"], model=model, messages=history, tools=[TOOL], stream=how["stream"], **parameters
        )
        turn = answer.choices[0].message
        results = [{"role": "tool", "tool_call_id": call.id, "content": "21 °C"} for call in turn.tool_calls or ()]
        history = [*history, keep(turn), *results]


KEEP = {
    "as an object": lambda turn: turn,
    "as a dict": lambda turn: turn.model_dump(),
    "dropped": lambda turn: {
        "role": "assistant",
        "content": turn.content,
        "tool_calls": turn.model_dump()["tool_calls"],
    },
}


@pytest.mark.parametrize(
    ("provider", "door", "asynchronous", "stream", "keep"),
    pairs(PROVIDERS, [_sdk, _router], [False, True], [False, True], KEEP),
)
async def test_sdk_replays_exactly(
    provider: str, door: Any, asynchronous: bool, stream: bool, keep: str, upstream: Simulator, use: Callable[..., None]
) -> None:
    """What a client kept arrives to the byte; what it dropped arrives as the placeholder, and the agent goes on."""
    use(_forgetful())
    lost = keep == "dropped"
    upstream.mode = mode_for(provider, accepts="present" if lost else "exact", tool_rounds=ROUNDS, split_utf8=True)
    await _converse(*door(upstream, provider), keep=KEEP[keep], stream=stream, asynchronous=asynchronous)

    verdicts = [verdict for exchange in upstream.exchanges for verdict in exchange.verdicts]
    assert ["placeholder" if lost else "exact"] * TURNS == verdicts
    assert {200} == {exchange.status for exchange in upstream.exchanges}


OURS = {case.id: case for case in CASES if "litellm" in case.only}


@pytest.mark.parametrize(("provider", "asynchronous", "case"), pairs(PROVIDERS, [False, True], OURS))
async def test_case(
    provider: str, asynchronous: bool, case: str, upstream: Simulator, use: Callable[..., None]
) -> None:
    """Each case of the table reaches each provider's host with this reasoning and this content."""
    use(_forgetful())
    upstream.mode = mode_for(provider, accepts="off")
    client, model, parameters = _sdk(upstream, provider)
    held = OURS[case]
    await _ask(client, asynchronous, model=model, messages=held.history, tools=[TOOL], **parameters)

    turn = json.loads(upstream.exchanges[0].raw)["messages"][1]
    content = turn.get("content") or ""
    text = "".join(block["text"] for block in content) if isinstance(content, list) else content
    assert (held.reasoning, held.content) == (SPELLINGS[upstream.mode.spelling].read(turn), text)
    assert "thinking_blocks" not in turn


async def test_reasoning_is_not_logged(
    upstream: Simulator, use: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever we write, at any level, holds nothing of what was thought."""
    use(_forgetful())
    upstream.mode = mode_for("hosted_vllm", tool_rounds=ROUNDS)
    with caplog.at_level(logging.DEBUG, logger="mimo_quirks"):
        for keep in KEEP.values():
            door = _sdk(upstream, "hosted_vllm")
            await _converse(*door, keep=keep, stream=False, asynchronous=False)
    ours = "".join(record.getMessage() for record in caplog.records if record.name == "mimo_quirks")

    assert "sent without their reasoning" in ours
    assert [] == [e for e in upstream.exchanges if e.issued and str(e.issued.reasoning).strip()[-32:] in ours]


LOST = [
    {"role": "user", "content": "天气?"},
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "21 °C"},
]
SENTENCE = "reasoning_content in the thinking mode must be passed back"


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("door", [_sdk, _router])
async def test_without_us(door: Any, asynchronous: bool, upstream: Simulator) -> None:
    """The same history without the callback is rejected: the tests above can fail."""
    client, model, parameters = door(upstream, "xiaomi_mimo")
    with pytest.raises(litellm.BadRequestError, match=SENTENCE):
        await _ask(client, asynchronous, model=model, messages=LOST, tools=[TOOL], **parameters)


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_the_history_is_not_edited(asynchronous: bool, upstream: Simulator, use: Callable[..., None]) -> None:
    """The messages that were handed to LiteLLM are afterwards what they were."""
    use(_forgetful())
    history = json.loads(json.dumps(LOST))
    client, model, parameters = _sdk(upstream, "xiaomi_mimo")
    await _ask(client, asynchronous, model=model, messages=history, tools=[TOOL], **parameters)

    assert LOST == history
    assert ("placeholder",) == upstream.exchanges[0].verdicts


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_fallback(
    asynchronous: bool, stream: bool, upstream: Simulator, stranger: Simulator, use: Callable[..., None]
) -> None:
    """The provider that a MiMo deployment falls back to receives nothing of ours, from the synchronous Router too."""
    use(MiMoCallback(Settings(store="off", on_rejection="fallback")))
    upstream.mode = Mode(accepts="non-blank")  # a host that rejects our placeholder
    models = {"mimo": ("xiaomi_mimo/mimo-v2.6-pro", upstream), "gpt": ("openai/gpt-4o-mini", stranger)}
    deployments = [
        {"model_name": name, "litellm_params": {"model": model, "api_base": host.base_url, "api_key": "k"}}
        for name, (model, host) in models.items()
    ]
    router = Router(deployments, fallbacks=[{"mimo": ["gpt"]}], num_retries=0)
    await _ask(router, asynchronous, model="mimo", messages=LOST, tools=[TOOL], stream=stream)

    assert (("placeholder",), 400) == (upstream.exchanges[0].verdicts, upstream.exchanges[0].status)
    assert [("missing",)] == [exchange.verdicts for exchange in stranger.exchanges]


# LiteLLM cannot stream from a fallback of a synchronous call: it hands out the asynchronous stream.
@pytest.mark.parametrize(("asynchronous", "stream"), [(False, False), (True, False), (True, True)])
async def test_fallback_of_the_sdk(
    asynchronous: bool, stream: bool, upstream: Simulator, stranger: Simulator, use: Callable[..., None]
) -> None:
    """The SDK's own fallbacks start from what our hook returned; the other provider receives nothing of ours."""
    use(_forgetful())
    upstream.mode = Mode(accepts="non-blank")
    client, model, parameters = _sdk(upstream, "xiaomi_mimo")
    other = {"model": "openai/gpt-4o-mini", "api_base": stranger.base_url, "api_key": "k"}
    arguments = {"messages": LOST, "tools": [TOOL], "fallbacks": [other], "stream": stream}
    await _ask(client, asynchronous, model=model, **arguments, **parameters)

    assert ("placeholder",) == upstream.exchanges[0].verdicts
    assert [("missing",)] == [exchange.verdicts for exchange in stranger.exchanges]


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(
    ("block", "verdict"),
    [
        ({"type": "thinking", "thinking": "a", "signature": "EsYCC"}, "placeholder"),
        ({"type": "redacted_thinking", "data": "EsYCC"}, "placeholder"),
        ({"type": "thinking", "thinking": NASTY, "signature": ""}, "foreign"),
        (None, "placeholder"),
    ],
    ids=["signed", "redacted", "unsigned", "lost"],
)
async def test_behind_a_chat_call(
    block: Any, verdict: str, asynchronous: bool, upstream: Simulator, use: Callable[..., None]
) -> None:
    """LiteLLM crosses to the messages wire: another vendor's reasoning stays out, ours arrives.

    The host never issued this turn, so what it calls foreign is the text that the client carried.
    """
    use(_forgetful())
    upstream.mode = Mode(accepts="off")
    turn = {**LOST[1], "thinking_blocks": [block]} if block else LOST[1]
    parameters = {"model": "anthropic/mimo-v2.6-pro", "api_base": upstream.anthropic_url, "api_key": "k"}
    await _ask(litellm, asynchronous, messages=[LOST[0], turn, LOST[2]], tools=[TOOL], **parameters)

    (exchange,) = upstream.exchanges
    assert (verdict,) == exchange.verdicts
    assert b"mimo-quirks" not in exchange.raw
    thoughts = [block["thinking"] for block in exchange.body["messages"][1]["content"] if block["type"] == "thinking"]
    assert [NASTY if verdict == "foreign" else " "] == thoughts


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_other_families(asynchronous: bool, stranger: Simulator, use: Callable[..., None]) -> None:
    """A deployment of another family receives byte-identical bodies with the callback and without."""
    arguments = {"model": "openai/gpt-4o-mini", "api_base": stranger.base_url, "api_key": "k", "messages": LOST}
    await _ask(litellm, asynchronous, **arguments)
    use(_forgetful())
    await _ask(litellm, asynchronous, **arguments)

    plain, ours = stranger.exchanges
    assert plain.raw == ours.raw


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_a_url_from_the_environment(
    asynchronous: bool, upstream: Simulator, use: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that only LiteLLM's provider knows is recognised before the request leaves."""
    monkeypatch.setenv("OPENAI_BASE_URL", upstream.base_url)
    use(MiMoCallback(Settings(hosts={upstream.base_url: "token-plan"}, store="off")))
    await _ask(litellm, asynchronous, model="openai/acme-brain", api_key="k", messages=LOST, tools=[TOOL])

    assert ("placeholder",) == upstream.exchanges[0].verdicts


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_a_switch_that_litellm_drops(asynchronous: bool, upstream: Simulator, use: Callable[..., None]) -> None:
    """With drop_params LiteLLM loses `thinking` of a synchronous call; then it is on, and the turn is stood in for.

    An asynchronous call has a hook before that.
    """
    use(_forgetful())
    client, model, parameters = _sdk(upstream, "openai")
    off = {"thinking": {"type": "disabled"}, "drop_params": True}
    await _ask(client, asynchronous, model=model, messages=LOST, tools=[TOOL], **parameters, **off)

    expected = (False, ("missing",)) if asynchronous else (True, ("placeholder",))
    assert expected == (upstream.exchanges[0].thinking, upstream.exchanges[0].verdicts)


UNREADABLE = [LOST[0], {"role": "assistant", "content": "", "tool_calls": NASTY}]
WARNING = "could not read the message history (message 1 has tool_calls that are str, not a list); sent unchanged"


async def test_unreadable(upstream: Simulator, use: Callable[..., None], caplog: pytest.LogCaptureFixture) -> None:
    """A history that cannot be read goes out as it came, with one warning that holds no text."""
    client, model, parameters = _sdk(upstream, "xiaomi_mimo")
    await _ask(client, asynchronous=True, model=model, messages=UNREADABLE, **parameters)
    use(_forgetful())
    with caplog.at_level(logging.WARNING, logger="mimo_quirks"):
        await _ask(client, asynchronous=True, model=model, messages=UNREADABLE, **parameters)

    plain, ours = upstream.exchanges
    assert plain.raw == ours.raw
    assert [WARNING] == [record.message for record in caplog.records if record.name == "mimo_quirks"]


def test_unreadable_body(caplog: pytest.LogCaptureFixture) -> None:
    """LiteLLM mends such a history before a synchronous call; a body that still has one stays, with a warning."""
    body = {"model": "mimo-v2.6-pro", "messages": UNREADABLE}
    with caplog.at_level(logging.WARNING, logger="mimo_quirks"):
        _forgetful().log_pre_api_call("mimo-v2.6-pro", [], {"additional_args": {"complete_input_dict": body}})

    assert body["messages"] is UNREADABLE
    assert [WARNING] == [record.message for record in caplog.records if record.name == "mimo_quirks"]


async def test_lost_reasoning_is_noted_once(
    upstream: Simulator, use: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    """Two hooks see each asynchronous request; the operator reads one line."""
    use(_forgetful())
    client, model, parameters = _sdk(upstream, "xiaomi_mimo")
    with caplog.at_level(logging.INFO, logger="mimo_quirks"):
        for asynchronous in (False, True):
            await _ask(client, asynchronous, model=model, messages=LOST, tools=[TOOL], **parameters)

    ours = [record.message for record in caplog.records if record.name == "mimo_quirks"]
    ours = [line for line in ours if not line.startswith("mimo-quirks ")]  # the line of the start
    assert ["1 of 1 assistant messages were sent without their reasoning"] * 2 == ours


async def test_embeddings_and_other_calls_are_left_alone() -> None:
    """The hooks run for every kind of call; only chat has a history."""
    arguments = {"model": "mimo-v2.6-pro", "input": "x"}

    assert await _forgetful().async_pre_call_deployment_hook(arguments, CallTypes.aembedding) is None
    _forgetful().log_pre_api_call("mimo-v2.6-pro", [], {"additional_args": {"complete_input_dict": arguments}})
    assert {"model": "mimo-v2.6-pro", "input": "x"} == arguments


@pytest.mark.parametrize(("provider", "places", "stream"), pairs(["xiaomi_mimo", "openai"], [1, 2], [False, True]))
async def test_arguments_by_position(
    provider: str, places: int, stream: bool, upstream: Simulator, use: Callable[..., None]
) -> None:
    """A model, or a model and messages, that are given by position: what the client dropped is found all the same."""

    class ByPosition:
        @staticmethod
        async def acompletion(model: str, messages: Any, **arguments: Any) -> Any:
            if places == 1:
                return await litellm.acompletion(model, messages=messages, **arguments)
            return await litellm.acompletion(model, messages, **arguments)

    use(MiMoCallback(Settings()))
    upstream.mode = mode_for(provider, accepts="exact", tool_rounds=ROUNDS)
    _, model, parameters = _sdk(upstream, provider)
    await _converse(ByPosition, model, parameters, keep=KEEP["dropped"], stream=stream, asynchronous=True)

    assert ["exact"] * TURNS == [verdict for exchange in upstream.exchanges for verdict in exchange.verdicts]
