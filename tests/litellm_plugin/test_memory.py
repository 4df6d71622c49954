"""What LiteLLM's SDK and Router remember for clients that drop reasoning; judged by what reached the host."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import litellm
import pytest
from litellm.integrations.custom_logger import CustomLogger

from litellm_mimo import MiMoCallback
from litellm_mimo.call import CallState
from mimo_quirks.memory import ReasoningMemory
from mimo_quirks.settings import Settings
from mimo_quirks.simulator import Exchange, Mode, Simulator

from ..cases import TOOL
from ..dict_store import DictStore
from ..exchanges import look_up
from ..pairs import pairs
from ..shared.test_stores_redis import Server, run_server
from .deployments import PROVIDERS, mode_for
from .test_sdk import KEEP, LOST, _ask, _converse, _router, _sdk, _use  # noqa: F401 - a fixture

ROUNDS = 3
Use = Callable[..., None]


def _verdicts(exchanges: tuple[Exchange, ...]) -> set[str]:
    return {verdict for exchange in exchanges for verdict in exchange.verdicts}


@pytest.fixture(name="redacted")
def _redacted(request: pytest.FixtureRequest) -> Iterator[bool]:
    litellm.turn_off_message_logging = request.param
    yield request.param
    litellm.turn_off_message_logging = False


@pytest.mark.parametrize(
    ("provider", "door", "asynchronous", "stream", "redacted"),
    pairs(PROVIDERS, [_sdk, _router], [False, True], [False, True], [False, True]),
    indirect=["redacted"],
)
async def test_every_route_replays_exactly(
    provider: str, door: Any, asynchronous: bool, stream: bool, redacted: bool, upstream: Simulator, use: Use
) -> None:
    """Ten tool turns with no pause between them are all exact, and message redaction changes nothing."""
    callback, ten = MiMoCallback(Settings()), 10
    use(callback)
    upstream.mode = mode_for(provider, accepts="exact", tool_rounds=ten, parallel_calls=2, late_reasoning=True)
    how = {"stream": stream, "asynchronous": asynchronous, "rounds": ten}
    await _converse(*door(upstream, provider), keep=KEEP["dropped"], **how)

    assert {"exact"} == _verdicts(upstream.exchanges)
    assert (sum(range(ten + 1)), 0) == (callback.memory.counts["found"], callback.memory.counts["missed"])
    assert ten + 1 == callback.memory.counts["recorded"]


class Replacing:
    """An application that has callbacks of its own for each call, and puts them in the place of all others."""

    def completion(self, **arguments: Any) -> Any:
        litellm.callbacks = [CustomLogger()]
        return litellm.completion(**arguments)

    async def acompletion(self, **arguments: Any) -> Any:
        litellm.callbacks = [CustomLogger()]
        return await litellm.acompletion(**arguments)


@pytest.mark.parametrize(
    ("asynchronous", "stream", "begins"), pairs([False, True], [False, True], ["callbacks", "input_callback"])
)
async def test_callbacks_that_are_replaced(
    asynchronous: bool, stream: bool, begins: str, upstream: Simulator, use: Use, caplog: pytest.LogCaptureFixture
) -> None:
    """A callback that LiteLLM has called once comes back before each request, and so does an input callback."""
    callback = MiMoCallback(Settings())
    upstream.mode = Mode(accepts="exact", tool_rounds=ROUNDS)
    _, model, parameters = _sdk(upstream, "openai")
    use()
    setattr(litellm, begins, [callback])
    if begins == "callbacks":
        await _ask(litellm, asynchronous, model=model, messages=[{"role": "user", "content": "?"}], **parameters)
    await _converse(
        Replacing(), model, parameters, keep=KEEP["dropped"], stream=stream, asynchronous=asynchronous, rounds=ROUNDS
    )

    assert {"exact"} == _verdicts(upstream.exchanges)
    assert 1 == caplog.text.count("litellm.callbacks was replaced")


async def test_a_callback_in_the_place_of_another(upstream: Simulator, use: Use) -> None:
    """Who gives LiteLLM another callback of ours has that one alone."""
    first, second = MiMoCallback(Settings()), MiMoCallback(Settings(store="off"))
    upstream.mode = Mode(accepts="off", tool_rounds=ROUNDS)
    client, model, parameters = _sdk(upstream, "openai")
    for callback in (first, second):
        litellm.callbacks = [callback]
        await _ask(client, True, model=model, messages=[{"role": "user", "content": "?"}], **parameters)

    assert [second] == litellm.callbacks
    assert 1 == first.memory.counts["recorded"]


@pytest.mark.parametrize("store", ["sqlite", "sealed"])
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_stores(store: str, asynchronous: bool, upstream: Simulator, use: Use, tmp_path: Path) -> None:
    """A second process finds what the first one remembered, whatever callback it has."""
    upstream.mode = Mode(accepts="exact", tool_rounds=ROUNDS)
    url, secret = f"sqlite:///{tmp_path}/store", ("s3cret" * 6,) if store == "sealed" else ()
    client, model, parameters = _sdk(upstream, "openai")
    history: list[Any] = [{"role": "user", "content": "天气?"}]
    for _ in range(ROUNDS + 1):
        use(MiMoCallback(Settings(store=url, scope="team", secret=secret)))
        answer = await _ask(client, asynchronous, model=model, messages=history, tools=[TOOL], **parameters)
        turn = KEEP["dropped"](answer.choices[0].message)
        results = [{"role": "tool", "tool_call_id": c["id"], "content": "1"} for c in turn["tool_calls"] or ()]
        history += [turn, *results]

    assert {"exact"} == _verdicts(upstream.exchanges)


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_scopes(asynchronous: bool, upstream: Simulator, use: Use) -> None:
    """What an application calls a scope is one: identical turns of two scopes never meet."""
    use(MiMoCallback(Settings()))
    upstream.mode = Mode(accepts="exact", ids="repeating", answers="identical", conversation="seed", tool_rounds=2)
    client, model, parameters = _sdk(upstream, "openai")
    histories: dict[str, list[Any]] = {"alice": LOST[:1], "bob": LOST[:1]}
    for _ in range(3):
        for seed, (scope, history) in enumerate(histories.items()):
            told = {"metadata": {"mimo_scope": scope}, "seed": seed, **parameters}
            answer = await _ask(client, asynchronous, model=model, messages=history, tools=[TOOL], **told)
            turn = KEEP["dropped"](answer.choices[0].message)
            results = [{"role": "tool", "tool_call_id": c["id"], "content": "1"} for c in turn["tool_calls"] or ()]
            histories[scope] = [*history, turn, *results]

    assert {"exact"} == _verdicts(upstream.exchanges)


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_fallback_s_answer_is_not_ours(
    stream: bool, asynchronous: bool, upstream: Simulator, stranger: Simulator, use: Use
) -> None:
    """What another provider's model thought in the place of MiMo is not remembered as MiMo's."""
    callback = MiMoCallback(Settings(on_rejection="fallback"))
    use(callback)
    upstream.mode = Mode(accepts="non-blank")
    models = {"mimo": ("xiaomi_mimo/mimo-v2.6-pro", upstream), "gpt": ("openai/gpt-4o-mini", stranger)}
    deployments = [
        {"model_name": name, "litellm_params": {"model": model, "api_base": host.base_url, "api_key": "k"}}
        for name, (model, host) in models.items()
    ]
    router = litellm.Router(deployments, fallbacks=[{"mimo": ["gpt"]}], num_retries=0)
    await _ask(router, asynchronous, model="mimo", messages=LOST, tools=[TOOL], stream=stream)

    assert stranger.exchanges[0].issued is not None
    assert 0 == callback.memory.counts["recorded"]


async def test_nothing_stays_in_litellm_s_details(upstream: Simulator, use: Use) -> None:
    """What LiteLLM hands to its loggers has no second place in which reasoning stands."""
    seen: list[dict[str, Any]] = []

    class Logger(CustomLogger):
        async def async_log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
            seen.append(kwargs)

    use(MiMoCallback(Settings()))
    litellm.callbacks.append(Logger())
    await _converse(*_sdk(upstream, "openai"), keep=KEEP["as a dict"], stream=True, asynchronous=True)
    await asyncio.sleep(0.5)

    assert seen
    assert {"mimo_quirks"} == {name for kwargs in seen for name in kwargs if "mimo" in name}
    assert {None} == {CallState.of(kwargs).exchange for kwargs in seen}


async def test_a_shared_store_without_a_scope(
    upstream: Simulator, use: Use, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where nobody says whose memory it is, nothing is read and nothing written, and one line says so."""
    callback = MiMoCallback(Settings(store=f"sqlite:///{tmp_path}/store"))
    use(callback)
    upstream.mode = Mode(tool_rounds=1)
    await _converse(*_sdk(upstream, "openai"), keep=KEEP["dropped"], stream=False, asynchronous=True)

    assert {"placeholder", "missing"} == _verdicts(upstream.exchanges)
    assert {"unscoped": len(upstream.exchanges)} == +callback.memory.counts
    assert 1 == caplog.text.count("Set MIMO_QUIRKS_SCOPE")


async def test_a_stream_that_is_left(upstream: Simulator, use: Use) -> None:
    """What the client did not hear to the end is not remembered as whole."""
    callback = MiMoCallback(Settings())
    use(callback)
    client, model, parameters = _sdk(upstream, "openai")
    stream = await client.acompletion(model=model, messages=LOST[:1], tools=[TOOL], stream=True, **parameters)
    async for chunk in stream:
        if chunk.choices[0].delta.tool_calls:
            break
    for chunk in client.completion(model=model, messages=LOST[:1], tools=[TOOL], stream=True, **parameters):
        if chunk.choices[0].delta.tool_calls:
            break

    assert 0 == callback.memory.counts["recorded"]


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_a_failing_store(asynchronous: bool, upstream: Simulator, use: Use, tmp_path: Path) -> None:
    """The request goes out with what this process knows, and the failures are counted; the store resumes by itself."""
    broken = tmp_path / "store"
    broken.mkdir()
    callback = MiMoCallback(Settings(store=f"sqlite:///{broken}", scope="team"))
    use(callback)
    upstream.mode = Mode(tool_rounds=1)
    door = _sdk(upstream, "openai")
    await _converse(*door, keep=KEEP["dropped"], stream=True, asynchronous=asynchronous)
    failed = dict(callback.memory.counts)
    broken.rmdir()
    upstream.reset()
    upstream.mode = Mode(accepts="exact", tool_rounds=1)
    await _converse(*door, keep=KEEP["dropped"], stream=True, asynchronous=asynchronous)

    assert failed["read_failed"] > 0 < failed["write_failed"]
    assert {"exact"} == _verdicts(upstream.exchanges)


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_redis_goes_and_comes(asynchronous: bool, upstream: Simulator, use: Use) -> None:
    """While Redis is away every request goes out within the bound; when it is back, so is recall."""
    server = Server()
    callback = MiMoCallback(Settings(store=server.url, scope="team"))
    use(callback)
    how = {"keep": KEEP["dropped"], "stream": True, "asynchronous": asynchronous}
    door = _sdk(upstream, "openai")
    upstream.mode = Mode(tool_rounds=2)
    begun = time.monotonic()
    await _converse(*door, **how)
    took = time.monotonic() - begun
    upstream.reset()
    server.start()
    upstream.mode = Mode(accepts="exact", tool_rounds=2)
    await _converse(*door, **how)
    server.stop()

    assert {"exact"} == _verdicts(upstream.exchanges)
    assert callback.memory.counts["read_failed"] > 0 < callback.memory.counts["write_failed"]
    assert took < 30


@pytest.fixture(name="server")
def _server() -> Iterator[Server]:
    yield from run_server()


@contextmanager
def _stopped(server: Server, file: Path) -> Iterator[None]:
    server.send(signal.SIGSTOP)
    yield
    server.send(signal.SIGCONT)


@contextmanager
def _full(server: Server, file: Path) -> Iterator[None]:
    server.client.config_set("maxmemory", 1)
    yield
    server.client.config_set("maxmemory", 0)


@contextmanager
def _locked(server: Server, file: Path) -> Iterator[None]:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def _deleted(server: Server, file: Path) -> Iterator[None]:
    for leftover in file.parent.iterdir():
        leftover.unlink()
    yield


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("trouble", [_stopped, _full, _locked, _deleted])
async def test_a_store_in_trouble_never_costs_a_request(
    trouble: Any, asynchronous: bool, server: Server, upstream: Simulator, use: Use, tmp_path: Path
) -> None:
    """Whatever happens to a store, every request goes out and is answered, and afterwards recall goes on by itself."""
    file = tmp_path / "store"
    server.client.config_set("maxmemory-policy", "noeviction")
    url = f"sqlite:///{file}" if trouble in (_locked, _deleted) else server.url
    callback = MiMoCallback(Settings(store=url, scope="team"))
    use(callback)
    how = {"keep": KEEP["dropped"], "stream": True, "asynchronous": asynchronous}
    door = _sdk(upstream, "openai")
    upstream.mode = Mode(tool_rounds=2)
    await _converse(*door, **how)
    with trouble(server, file):
        await _converse(*door, **how)
    meanwhile = dict(callback.memory.counts)
    assert {200} == {exchange.status for exchange in upstream.exchanges}
    upstream.reset()
    upstream.mode = Mode(accepts="exact", tool_rounds=2)
    await _converse(*door, **how)

    assert {"exact"} == _verdicts(upstream.exchanges)
    assert (meanwhile.get("write_failed", 0) > 0) is (trouble is not _deleted)


def test_one_look_up_per_request(upstream: Simulator, use: Use) -> None:
    """However many turns are lost of which nothing is near, the store is asked once."""
    asked: list[int] = []

    class Counting(DictStore):
        def get(self, keys: Sequence[str]) -> Mapping[str, Sequence[bytes]]:
            asked.append(len(keys))
            return super().get(keys)

    callback = MiMoCallback(Settings(scope="a"))
    callback._opened = ReasoningMemory(Counting(), Settings(near_max_bytes=1))
    use(callback)
    upstream.mode = Mode(accepts="exact", tool_rounds=ROUNDS)
    for asynchronous in (False, True):
        door = _sdk(upstream, "openai")
        asyncio.run(_converse(*door, keep=KEEP["dropped"], stream=False, asynchronous=asynchronous))

    assert 2 * ROUNDS == len(asked)


def test_threads(upstream: Simulator, use: Use) -> None:
    """Many threads of one process converse at once, each with no pause; every turn is exact."""
    use(MiMoCallback(Settings()))
    upstream.mode = Mode(accepts="exact", tool_rounds=2)

    def converse(number: int) -> None:
        door = _sdk(upstream, list(PROVIDERS)[number % 2])
        asyncio.run(_converse(*door, keep=KEEP["dropped"], stream=bool(number % 3), asynchronous=False))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(converse, range(24)))

    assert {"exact"} == _verdicts(upstream.exchanges)


async def test_tasks(upstream: Simulator, use: Use) -> None:
    """Many tasks of one event loop converse at once; every turn is exact."""
    use(MiMoCallback(Settings()))
    upstream.mode = Mode(accepts="exact", tool_rounds=2)
    door = _sdk(upstream, "openai")
    how = {"keep": KEEP["dropped"], "asynchronous": True}
    await asyncio.gather(*(_converse(*door, stream=bool(number % 2), **how) for number in range(24)))

    assert {"exact"} == _verdicts(upstream.exchanges)


async def test_n(upstream: Simulator, use: Use) -> None:
    """Several answers to one history are remembered each by itself."""
    callback = MiMoCallback(Settings())
    use(callback)
    document = {"choices": [{"message": {"content": str(n), "reasoning_content": f"r{n}"}} for n in range(3)]}
    details = {"model": "mimo-v2.6-pro", "additional_args": {"complete_input_dict": {"messages": LOST[:1]}}}
    callback.log_pre_api_call("mimo-v2.6-pro", LOST[:1], details)
    callback.log_post_api_call({**details, "original_response": json.dumps(document)}, None, None, None)
    history = [*LOST[:1], {"role": "assistant", "content": "1"}]

    assert 3 == callback.memory.counts["recorded"]
    scope = Settings().scope_of(None, _quirks(), shared=False)
    assert {1: "r1"} == look_up(callback.memory, history, scope)


@pytest.mark.parametrize("answer", [None, "", "[" * 100_000, "[1]", '{"choices": [3, {"message": 3}]}', object()])
def test_odd_answers(answer: object) -> None:
    """What is no chat completion is no answer to remember."""
    callback = MiMoCallback(Settings())
    callback.log_post_api_call({"model": "mimo-v2.6-pro", "original_response": answer}, None, None, None)

    assert 0 == callback.memory.counts["recorded"]


def _quirks() -> Any:
    quirks = Settings().quirks_for("mimo-v2.6-pro")
    assert quirks is not None
    return quirks
