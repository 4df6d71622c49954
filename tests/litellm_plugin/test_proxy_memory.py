"""What a real proxy remembers: workers, crashes, tenants, and conversations that look alike.

`TEST_SCALE=10` runs the full sizes (`make test-long`).
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from openai import APIStatusError, OpenAI

from mimo_quirks import ReasoningMemory, Settings
from mimo_quirks.cli.demo.client import converse
from mimo_quirks.cli.proxy import LiteLLMProxy
from mimo_quirks.simulator import Exchange, Mode, Simulator
from mimo_quirks.stores.redis_plan import PREFIX

from ..cases import TOOL
from ..shared.test_recall import CLIENTS
from ..shared.test_stores_redis import Server, run_server
from .deployments import finding

SCALE = int(os.environ.get("TEST_SCALE", "1"))
AUTH = """
from litellm.proxy._types import UserAPIKeyAuth
async def authenticate(request, api_key):
    return UserAPIKeyAuth(user_id=api_key)
"""


def _config(upstream: Simulator, **more: Any) -> str:
    parameters = {"model": "openai/mimo-v2.6-pro", "api_base": upstream.base_url, "api_key": "k"}
    callbacks = {"callbacks": ["litellm_mimo.mimo_callback"], **more.pop("litellm_settings", {})}
    model_list = [{"model_name": "mimo", "litellm_params": parameters}]
    return json.dumps({"model_list": model_list, "litellm_settings": callbacks, **more})


@pytest.fixture(name="plain", scope="module")
def _plain(upstream: Simulator) -> Iterator[LiteLLMProxy]:
    """A proxy as the README has it; its memory lives as long as it does."""
    with LiteLLMProxy(_config(upstream)) as proxy:
        yield proxy


@pytest.fixture(name="tenants", scope="module")
def _tenants(upstream: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiteLLMProxy]:
    """A proxy that tells its clients apart by their keys."""
    folder = tmp_path_factory.mktemp("auth")
    (folder / "tenants.py").write_text(AUTH)
    config = _config(upstream, general_settings={"custom_auth": "tenants.authenticate"})
    with LiteLLMProxy(config, finding(folder)) as proxy:
        yield proxy


@pytest.fixture(name="redis")
def _redis() -> Iterator[Server]:
    yield from run_server()


@pytest.fixture(name="url", params=["sqlite", "redis"])
def _url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store"
    return str(request.getfixturevalue("redis").url)


def _client(proxy: LiteLLMProxy, key: str | None = None) -> OpenAI:
    return OpenAI(base_url=f"{proxy.base_url}/v1", api_key=key or proxy.key, max_retries=0)


def _verdicts(upstream: Simulator) -> Counter[str]:
    return Counter(verdict for exchange in upstream.exchanges for verdict in exchange.verdicts)


def test_two_workers_and_a_crash(url: str, upstream: Simulator) -> None:
    """Whichever worker a request meets, every turn is exact.

    A proxy that is killed between a call and its result, and started again, goes on exactly, streams or not.
    """
    upstream.mode = Mode(accepts="exact", tool_rounds=2)
    environment = {"MIMO_QUIRKS_STORE": url, "MIMO_QUIRKS_STORE_TIMEOUT_SECONDS": "30"}  # two cores do all of it
    histories: dict[bool, list[Any]] = {
        stream: [{"role": "user", "content": f"天气? Streams: {stream}."}] for stream in (False, True)
    }
    with LiteLLMProxy(_config(upstream), environment, workers=2) as proxy, ThreadPoolExecutor(8) as pool:
        client = _client(proxy)

        def one(number: int) -> str:
            return converse(client, "mimo", echoes=False, streams=bool(number % 2))

        answers = list(pool.map(one, range(20 * SCALE)))
        verdicts = _verdicts(upstream)
        upstream.reset()
        _go_on(proxy, histories, upstream)
        proxy.kill()
    with LiteLLMProxy(_config(upstream), environment) as proxy:
        _go_on(proxy, histories, upstream)

    assert 20 * SCALE == sum("答案是" in answer for answer in answers)
    assert {"exact"} == set(verdicts)
    assert [()] * 2 + [("exact",)] * 2 == [exchange.verdicts for exchange in upstream.exchanges]


def _go_on(proxy: LiteLLMProxy, histories: dict[bool, list[Any]], upstream: Simulator) -> None:
    """One turn more of each conversation, which knows whether it streams."""
    for stream, history in histories.items():
        arguments: Any = {"model": "mimo", "messages": history, "tools": [TOOL], "stream": stream}
        answer = _client(proxy).chat.completions.create(**arguments)
        if stream:
            list(answer)
        histories[stream] = [*history, *_told(upstream.exchanges[-1])]


def _told(exchange: Exchange) -> list[Any]:
    """The turn that was issued, without what was thought, and the results of its calls."""
    assert exchange.issued is not None
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in exchange.issued.calls
    ]
    turn = {"role": "assistant", "content": "", "tool_calls": calls}
    return [turn, *({"role": "tool", "tool_call_id": call["id"], "content": "21 °C"} for call in calls)]


def test_several_workers_without_a_shared_store_are_warned_of(upstream: Simulator) -> None:
    """Each of them says once, at its start, that the workers do not share what is remembered.

    On a busy machine uvicorn replaces workers that are slow to start, so there may have been more than two.
    """
    with LiteLLMProxy(_config(upstream), workers=2) as proxy:
        log = _patiently(proxy, lambda log: log.count("Application startup complete") >= 2)

    warnings = log.count("memory:// is per worker process")
    assert log.count("Application startup complete") <= warnings <= log.count("Started server process")


def test_a_lone_worker_is_not_warned_of(plain: LiteLLMProxy) -> None:
    """Where every conversation meets the same memory there is nothing to say."""
    log = _patiently(plain, lambda log: "Application startup complete" in log)

    assert "memory:// is per worker" not in log


def _patiently(proxy: LiteLLMProxy, ready: Callable[[str], bool]) -> str:
    deadline = time.monotonic() + 120  # uvicorn before 0.37 replaces workers until one is quick
    while not ready(log := proxy.log()):
        assert time.monotonic() < deadline, log
        time.sleep(0.1)
    return log


def test_litellm_s_own_redis(redis: Server, upstream: Simulator) -> None:
    """The store `litellm` is the Redis that LiteLLM is configured with; by its URL a proxy's owner is forgotten."""
    parameters = {"type": "redis", "host": "127.0.0.1", "port": redis.port, "mode": "default_off"}
    config = _config(upstream, litellm_settings={"cache": True, "cache_params": parameters})
    upstream.mode = Mode(accepts="exact", tool_rounds=2)
    with LiteLLMProxy(config, {"MIMO_QUIRKS_STORE": "litellm"}) as proxy:
        converse(_client(proxy), "mimo", echoes=False, streams=True)

    assert {"exact": 3} == _verdicts(upstream)
    settings = Settings(store=redis.url, store_timeout_seconds=20)
    memory = ReasoningMemory(settings.open_store(), settings)
    names = (
        "litellm_proxy_master_key",
        sha256(proxy.key.encode()).hexdigest(),
    )  # some releases of LiteLLM have the one, some the other
    assert 3 == sum(memory.forget(f"key:{name}") for name in names)
    assert [] == list(redis.client.scan_iter(f"{PREFIX}*"))


def test_litellm_without_redis(upstream: Simulator) -> None:
    """Where LiteLLM has none, the first request says so."""
    complaint = pytest.raises(APIStatusError, match="MIMO_QUIRKS_STORE=litellm, but LiteLLM has no Redis")
    with LiteLLMProxy(_config(upstream), {"MIMO_QUIRKS_STORE": "litellm"}) as proxy, complaint:
        converse(_client(proxy), "mimo", echoes=False, streams=False)


FORGED = {"mimo_scope": "alice", "user_api_key_hash": "alice", "user_api_key_user_id": "alice"}


@pytest.mark.parametrize(
    ("name", "shared", "lines"),
    [("tenants", False, 0), ("plain", True, 1)],
    ids=["custom auth", "master key alone"],
)
def test_the_owner_is_the_authenticated_identity(
    name: str, shared: bool, lines: int, upstream: Simulator, request: pytest.FixtureRequest
) -> None:
    """In a proxy it is the authenticated identity's, whatever a client writes; where nobody is told apart, one line."""
    proxy: LiteLLMProxy = request.getfixturevalue(name)
    upstream.mode = Mode(accepts="off")
    question = {"role": "user", "content": "x"}
    arguments: Any = {"model": "mimo", "messages": [question], "extra_body": {"metadata": FORGED}}
    alice, mallory = (_client(proxy, None if shared else tenant) for tenant in ("alice", "mallory"))
    answer = alice.chat.completions.create(**arguments).choices[0].message.content
    follow = [question, {"role": "assistant", "content": answer}, {"role": "user", "content": "And?"}]
    for client in (alice, mallory):
        client.chat.completions.create(**{**arguments, "messages": follow})
    log = proxy.log()

    assert [("exact",), ("exact" if shared else "missing",)] == [
        exchange.verdicts for exchange in upstream.exchanges[1:]
    ]
    assert lines == log.count("no per-client identity")


NAMELESS = """
from litellm.proxy._types import UserAPIKeyAuth
async def authenticate(request, api_key):
    return UserAPIKeyAuth()
"""


@pytest.mark.parametrize(
    ("auth", "identity"), [(NAMELESS, "key,user,team"), (AUTH, "team")], ids=["empty identity", "no team"]
)
@pytest.mark.parametrize("store", ["memory://", "sqlite"])
def test_clients_without_an_identity_have_no_memory(
    store: str, auth: str, identity: str, upstream: Simulator, tmp_path: Path
) -> None:
    """Nothing is remembered for clients that authentication lets in and does not name, and one warning says so."""
    (tmp_path / "nameless.py").write_text(auth)
    config = _config(upstream, general_settings={"custom_auth": "nameless.authenticate"})
    url = store if store != "sqlite" else f"sqlite:///{tmp_path / 'reasoning.db'}"
    settings = {"MIMO_QUIRKS_IDENTITY": identity, "MIMO_QUIRKS_STORE": url, "MIMO_QUIRKS_SCOPE": "everybody"}
    upstream.mode = Mode(accepts="off")
    question = {"role": "user", "content": "x"}
    with LiteLLMProxy(config, {**settings, **finding(tmp_path)}) as proxy:
        asked: Any = {"model": "mimo", "messages": [question]}
        answer = _client(proxy, "alice").chat.completions.create(**asked).choices[0].message.content
        asked["messages"] = [question, {"role": "assistant", "content": answer}, {"role": "user", "content": "And?"}]
        for name in ("alice", "mallory"):
            _client(proxy, name).chat.completions.create(**asked)
        log = proxy.log()

    assert [("missing",)] * 2 == [exchange.verdicts for exchange in upstream.exchanges[1:]]
    assert 1 == log.count("its reasoning is neither stored nor restored")
    assert 0 == log.count("MIMO_QUIRKS_SCOPE")


def test_without_authentication_all_clients_share_one_scope(upstream: Simulator) -> None:
    """A proxy that authenticates nobody does not take what a client calls its key for an identity."""
    upstream.mode = Mode(accepts="off")
    question = {"role": "user", "content": "x"}
    unkeyed = {"LITELLM_MASTER_KEY": None, "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true"}
    with LiteLLMProxy(_config(upstream), unkeyed) as proxy:
        answer = _client(proxy, "one").chat.completions.create(model="mimo", messages=[question])  # type: ignore[list-item]
        turn = {"role": "assistant", "content": answer.choices[0].message.content}
        history: Any = [question, turn, {"role": "user", "content": "And?"}]
        _client(proxy, "two").chat.completions.create(model="mimo", messages=history)

    assert ("exact",) == upstream.exchanges[-1].verdicts


@dataclass
class Conversation:
    """One client's side of it; the judge knows it by its seed."""

    seed: int
    tenant: str
    opening: str
    mark: str
    history: list[Any] = field(default_factory=list)
    sent: list[list[str]] = field(default_factory=list)


TENANTS = 4
SUMMARY = "Summary."
TWINS = "What is the weather?"
TURNS = 4


def _conversations(name: str) -> list[Conversation]:
    """A hundred, or a thousand: a quarter share prompt, question and first calls, and part by their tools' results."""
    count = 100 * SCALE
    return [
        Conversation(
            seed=number,
            tenant=f"{name}-{number // 4 % TENANTS}",
            opening=TWINS if number % 4 == 0 else f"Question {number}?",
            mark=f"{number} °C",
        )
        for number in range(count)
    ]


def _step(proxy: LiteLLMProxy, conversation: Conversation, change: Callable[[list[Any]], list[Any]]) -> None:
    history = conversation.history or [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": conversation.opening},
    ]
    arguments: Any = {"model": "mimo", "messages": change(json.loads(json.dumps(history))), "tools": [TOOL]}
    client = _client(proxy, conversation.tenant)
    answer = client.chat.completions.create(**arguments, seed=conversation.seed).choices[0].message
    kept = answer.model_dump(include={"role", "content", "tool_calls"}, exclude_none=True)
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": f"{conversation.mark} {n}"}
        for n, call in enumerate(kept.get("tool_calls", ()))
    ]
    conversation.history = [*history, kept, *(results or [{"role": "user", "content": "Go on."}])]


def _compacted(history: list[Any]) -> list[Any]:
    """The first half of a long history gives way to a summary."""
    turns = [index for index, message in enumerate(history) if message["role"] == "assistant"]
    if len(turns) < 3:
        return history
    return [history[0], {"role": "user", "content": SUMMARY}, *history[turns[len(turns) // 2] :]]


def _all_at_once(history: list[Any]) -> list[Any]:
    for client in CLIENTS[:3]:
        history = client(history)
    return _compacted(history)


def _is_first_untold(exchange: Exchange) -> bool:
    """Whether nothing visible before the first turn tells it apart: a twin's opening, or a summary that all share."""
    opening = next(message["content"] for message in exchange.body["messages"] if message["role"] == "user")
    return opening in (TWINS, SUMMARY)


def _nothing(history: list[Any]) -> list[Any]:
    return history


@pytest.mark.parametrize("change", [_nothing, _all_at_once, *([*CLIENTS[:3], _compacted] if SCALE > 1 else [])])
def test_conversations_that_look_alike(
    change: Callable[[list[Any]], list[Any]], tenants: LiteLLMProxy, upstream: Simulator
) -> None:
    """Interleaved, with ids that repeat in all of them, in several tenants: none gets a thought that is not its own.

    Behind a summary a turn is proven by another one that it chains to; the one whose request has none is left alone.
    """
    upstream.mode = Mode(ids="repeating", conversation="seed", tool_rounds=2, parallel_calls=2)
    conversations, order = _conversations(change.__name__), random.Random(7)
    with ThreadPoolExecutor(50) as pool:
        for start in range(0, len(conversations), 50):
            batch = conversations[start : start + 50]
            for _ in range(TURNS):
                order.shuffle(batch)
                list(pool.map(lambda conversation: _step(tenants, conversation, change), batch))

    told, untold = Counter[str](), Counter[str]()
    for exchange in upstream.exchanges:
        for number, verdict in enumerate(exchange.verdicts):
            (untold if number == 0 and _is_first_untold(exchange) else told)[verdict] += 1
    sys.stdout.write(f"\n{change.__name__}: {dict(told)}, could not be told apart: {dict(untold)}\n")

    assert 0 == told["foreign"] + untold["foreign"]
    assert told["exact"] >= (0.7 if change in (_compacted, _all_at_once) else 0.99) * told.total() > 0


def test_the_prefix_holds_among_twins(plain: LiteLLMProxy, upstream: Simulator) -> None:
    """Ten turns without faults while other conversations store colliding turns: no prefix ever breaks."""
    upstream.mode = Mode(ids="repeating", conversation="seed", tool_rounds=10)
    mine = Conversation(0, plain.key, TWINS, "mine")
    for seed in range(1, 11):
        _step(plain, mine, _nothing)
        other = Conversation(seed, plain.key, TWINS, f"other {seed}")
        for _ in range(2):
            _step(plain, other, _nothing)

    sent = [
        [json.dumps(message) for message in exchange.body["messages"]]
        for exchange in upstream.exchanges
        if exchange.conversation == "0"
    ]
    breaks = sum(longer[: len(shorter)] != shorter for shorter, longer in pairwise(sent))
    assert 10 == len(sent)
    assert 0 == breaks
