"""Rejection histories through the SDK and the Router, on all routes; judged by what reached the host."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import litellm
import pytest
from litellm import Router
from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy import proxy_server
from litellm.types.router import CustomRoutingStrategyBase

from litellm_mimo import MiMoCallback, ReasoningRejectedError
from mimo_quirks.rejections.evidence import HostPolicy
from mimo_quirks.settings import Settings
from mimo_quirks.simulator import Exchange, Mode, Simulator

from ..exchanges import record
from ..pairs import pairs
from .clients import FUNCTION, KEEPS, QUESTION
from .deployments import ROUTED, deployment
from .test_sdk_routes import items_of, message_of

_LISTS = [name for name in vars(litellm) if name.endswith("callback") and isinstance(getattr(litellm, name), list)]
ROUTES = [
    ("chat", "xiaomi_mimo"),
    ("chat", "anthropic"),
    ("messages", "xiaomi_mimo"),
    ("messages", "anthropic"),
    ("responses", "xiaomi_mimo"),
    ("responses", "openai"),
]
"""Route, and a deployment behind it: LiteLLM crosses to another wire for some."""
TOOL = {"type": "function", "function": FUNCTION}
SECRET = "a thought that nobody may read"
"""Reasoning that a client carries; it stands in no log and no error."""


@pytest.fixture(name="use")
def _use(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., MiMoCallback]]:
    """Installs a callback that has learned nothing yet, as an application does, and takes it out of every list.

    LiteLLM waits before a retry, and after the last one too; here it does not.
    """
    monkeypatch.setattr("litellm.utils.INITIAL_RETRY_DELAY", 0)
    monkeypatch.setattr("litellm.utils.JITTER", 0)
    before = {name: list(getattr(litellm, name)) for name in ["callbacks", *_LISTS]}

    def use(*others: Any, **settings: Any) -> MiMoCallback:
        for name in _LISTS:
            setattr(litellm, name, list(before[name]))
        callback = MiMoCallback(Settings(**settings))
        litellm.callbacks = [callback, *others]
        return callback

    yield use
    for name, value in before.items():
        setattr(litellm, name, value)


def _router(host: Simulator, stranger: Simulator | None = None, *, retries: int = 1) -> Router:
    """One retry after a 400, as the README has it; each deployment falls back to the stranger, if there is one."""
    deployments = [deployment(name, host) for name in ROUTED]
    if stranger is not None:
        parameters = {"model": "openai/gpt-4o-mini", "api_base": stranger.base_url, "api_key": "k"}
        deployments.append({"model_name": "gpt", "litellm_params": parameters})
    fallbacks: Any = [{name: ["gpt"]} for name in ROUTED] if stranger is not None else []
    return Router(deployments, fallbacks=fallbacks, retry_policy={"BadRequestErrorRetries": retries})  # type: ignore[arg-type]


def poisoned(route: str, turns: int = 1, *, carried: bool = False) -> list[Any]:
    """A history of another model's tool turns, with its ids and without its reasoning."""
    history: list[Any] = [{"role": "user", "content": QUESTION}]
    for number in range(turns):
        history += _TURNS[route](f"toolu_{number}", SECRET if carried and number == 0 else None)
    return history


def plain(route: str) -> list[Any]:
    """A turn that calls no tool, and a question after it."""
    text: Any = [{"type": "text", "text": "21 °C."}] if route == "messages" else "21 °C."
    return [{"role": "assistant", "content": text}, {"role": "user", "content": "Again?"}]


def _chat_turn(ident: str, reasoning: str | None) -> list[Any]:
    call = {"id": ident, "type": "function", "function": {"name": "weather", "arguments": '{"city": "北京"}'}}
    turn = {"role": "assistant", "content": "", "tool_calls": [call]}
    thought = {"reasoning_content": reasoning} if reasoning else {}
    return [{**turn, **thought}, {"role": "tool", "tool_call_id": ident, "content": "21 °C"}]


def _messages_turn(ident: str, reasoning: str | None) -> list[Any]:
    thought = [{"type": "thinking", "thinking": reasoning, "signature": ""}] if reasoning else []
    use = {"type": "tool_use", "id": ident, "name": "weather", "input": {"city": "北京"}}
    result = {"type": "tool_result", "tool_use_id": ident, "content": "21 °C"}
    return [{"role": "assistant", "content": [*thought, use]}, {"role": "user", "content": [result]}]


def _responses_turn(ident: str, reasoning: str | None) -> list[Any]:
    text = [{"type": "reasoning_text", "text": reasoning}]
    thought = [{"type": "reasoning", "id": f"rs_{ident}", "summary": [], "content": text}] if reasoning else []
    call = {"type": "function_call", "call_id": ident, "name": "weather", "arguments": '{"city": "北京"}'}
    return [*thought, call, {"type": "function_call_output", "call_id": ident, "output": "21 °C"}]


_TURNS = {"chat": _chat_turn, "messages": _messages_turn, "responses": _responses_turn}


@dataclass
class Session:
    """One conversation through one door, whose client drops what the model thought."""

    door: Any
    route: str
    more: dict[str, Any]
    stream: bool
    history: list[Any] = field(default_factory=list)
    errors: str = ""
    sync: bool = False

    async def step(self) -> None:
        """Asks once, and runs the tools that it is told to run."""
        turn = await self._ask()
        keep = KEEPS[self.route]["drops"]
        kept = [block for block in map(keep, turn) if block]
        if self.route == "messages":
            uses = [block["id"] for block in turn if block["type"] == "tool_use"]
            results: list[Any] = [{"type": "tool_result", "tool_use_id": use, "content": "21 °C"} for use in uses]
            goes_on = results or [{"type": "text", "text": "Go on."}]
            self.history += [{"role": "assistant", "content": kept}, {"role": "user", "content": goes_on}]
            return
        if self.route == "chat":
            calls = [call["id"] for call in turn[0].get("tool_calls") or ()]
            results = [{"role": "tool", "tool_call_id": call, "content": "21 °C"} for call in calls]
        else:
            calls = [item["call_id"] for item in turn if item["type"] == "function_call"]
            results = [{"type": "function_call_output", "call_id": call, "output": "21 °C"} for call in calls]
        self.history += [*kept, *(results or [{"role": "user", "content": "Go on."}])]

    async def _ask(self) -> list[dict[str, Any]]:
        history = json.loads(json.dumps(self.history))
        if self.route == "messages":
            return await message_of(self.door, history, self.stream, **self.more)
        if self.route == "responses":
            return await items_of(self.door, history, self.stream, sync=self.sync, **self.more)
        arguments = {"messages": history, "tools": [TOOL], "stream": self.stream, **self.more}
        answer = self.door.completion(**arguments) if self.sync else await self.door.acompletion(**arguments)
        if self.stream:
            chunks = list(answer) if self.sync else [chunk async for chunk in answer]
            answer = litellm.stream_chunk_builder(chunks)
        return [answer.choices[0].message.model_dump(exclude_none=True)]

    async def steps(self, host: Simulator, count: int) -> list[list[int]]:
        """The statuses of each step's upstream requests; one that fails is asked again, as its client would."""
        return [[status_of(exchange) for exchange in made] for made in await self.exchanges(host, count)]

    async def exchanges(self, host: Simulator, count: int) -> list[Sequence[Exchange]]:
        """The upstream requests of each step: never more than two, never two that are equal."""
        steps = []
        for _ in range(count):
            before = len(host.exchanges)
            try:
                await self.step()
            except litellm.BadRequestError as error:
                self.errors += f"{error!r} {error.__cause__!r}"
            made = host.exchanges[before:]
            assert len({exchange.raw for exchange in made}) == len(made) in (1, 2)
            steps.append(made)
        assert SECRET not in self.errors
        return steps


def _warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What an operator reads of us; LiteLLM repeats an error in lines of its own."""
    return [r.message for r in caplog.records if r.name == "mimo_quirks" and r.levelno >= logging.WARNING]


def status_of(exchange: Exchange) -> int:
    """What an exchange came to, be it the status or the first event of a stream."""
    return 400 if exchange.error else 200


def _session(door: Any, route: str, name: str, *, stream: bool, turns: int = 1, carried: bool = False) -> Session:
    return Session(door, route, {"model": name}, stream, poisoned(route, turns, carried=carried))


ONCE = [[400, 200], [200], [200]]
NEVER = [[200], [200], [200]]
RULES: dict[str, tuple[dict[str, Any], list[list[int]], list[list[int]]]] = {
    "non-empty": ({"accepts": "non-empty"}, ONCE, NEVER),
    "non-blank": ({"accepts": "non-blank"}, [[400, 400], [400, 200], [200]], [[400, 200]] * 3),
    "every turn": ({"every_turn": True}, ONCE, ONCE),
    "forbidden": ({"forbids": "always"}, [[400, 200], [400, 200], [200]], [[400, 200], [400, 200], [200]]),
    "now and then": ({"accepts": "non-empty", "enforces_every": 2}, [[200], [400, 200], [200]], NEVER),
    "lucky": ({"rejects_every": 3}, [[200], [200], [400, 200]], [[200], [200], [400, 200]]),
    "changing": (
        {"then": (1, Mode(accepts="non-empty", then=(2, Mode(forbids="always"))))},
        [[200], [400, 200], [400, 200]],
        [[200], [200], [200]],
    ),
    "E6": ({"accepts": "non-empty", "rejection": "E6"}, ONCE, NEVER),
    "E11": ({"accepts": "non-empty", "rejection": "E11"}, ONCE, NEVER),
    "F1": ({"accepts": "non-empty", "rejection": "F1"}, ONCE, NEVER),
}
"""Rule → the host's mode, and the statuses of three client requests on the chat or responses, and the messages wire."""


@pytest.mark.parametrize(("rule", "route", "name", "stream"), pairs(RULES, ROUTES, [False, True]))
async def test_the_conversation_goes_on(
    rule: str,
    route: str,
    name: str,
    stream: bool,
    upstream: Simulator,
    use: Callable[..., MiMoCallback],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Two upstream requests at most, never the same twice; what was learned holds, and each rejection is one line."""
    use()
    mode, others, on_messages = RULES[rule]
    upstream.mode = Mode(tool_rounds=4, **mode)
    session = _session(_router(upstream), route, name, stream=stream, turns=2, carried=True)
    if rule == "every turn":
        session.history[1:1] = [{"role": "assistant", "content": "北京?"}, {"role": "user", "content": "北京."}]
    with caplog.at_level(logging.DEBUG, logger="mimo_quirks"):
        statuses = await session.steps(upstream, 3)

    expected = on_messages if name == "anthropic" else others
    assert expected == statuses
    warnings = _warnings(caplog)
    assert (
        sum(400 in made for made in statuses)
        == sum("rejected a request to" in line for line in warnings)
        == len(warnings)
    )
    assert SECRET not in caplog.text


async def test_what_helps_is_learned(upstream: Simulator, use: Callable[..., MiMoCallback]) -> None:
    """A host of the messages wire that takes no blank is asked three times to think, and then no more."""
    use()
    upstream.mode = Mode(accepts="non-blank", tool_rounds=9)
    session = _session(_router(upstream), "messages", "anthropic", stream=False)

    assert [[400, 200], [400, 200], [400, 200], [200], [200]] == await session.steps(upstream, 5)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("status", [400, 500, 502])
async def test_reworded(status: int, stream: bool, upstream: Simulator, use: Callable[..., MiMoCallback]) -> None:
    """OpenRouter's wrapping, and a relay's other status, which LiteLLM would make again as it is, twice."""
    use()
    words: dict[str, Any] = {"rejection": "E12"} if status == 400 else {"rejection_status": status}
    upstream.mode = Mode(accepts="non-empty", spelling="openrouter", tool_rounds=4, **words)
    session = _session(_router(upstream), "chat", "openrouter", stream=stream)

    assert ONCE == await session.steps(upstream, 3)


class OtherWorker(CustomLogger):
    """Remembers a turn in the store that workers share, while a rejected request waits to be made again."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._memory = MiMoCallback(Settings(store=url, scope="s")).memory
        self.turn: dict[str, Any] = {}

    async def async_post_call_failure_deployment_hook(self, *_: Any, **__: Any) -> None:
        self._remember()

    def log_failure_event(self, *_: Any, **__: Any) -> None:
        self._remember()

    def _remember(self) -> None:
        scope = Settings(store="off", scope="s").scope_of(None, _QUIRKS, shared=True)
        record(self._memory, [{"role": "user", "content": QUESTION}], [self.turn], scope)


_QUIRKS: Any = Settings(store="off").quirks_for("mimo-v2.6-pro")


async def _issued(route: str, name: str, host: Simulator) -> tuple[list[Any], str, dict[str, Any]]:
    """A history whose one turn the host issued while nobody listened; its reasoning; and the turn with it."""
    session = Session(litellm, route, deployment(name, host)["litellm_params"], False)
    session.history = [{"role": "user", "content": QUESTION}]
    await session.step()
    issued = host.exchanges[-1].issued
    assert issued is not None
    functions = ({"name": call.name, "arguments": call.arguments} for call in issued.calls)
    calls = [
        {"id": call.id, "type": "function", "function": function}
        for call, function in zip(issued.calls, functions, strict=True)
    ]
    reasoning = str(issued.reasoning)
    turn = {"role": "assistant", "content": issued.content, "tool_calls": calls, "reasoning_content": reasoning}
    return session.history, reasoning, turn


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("route", "name"), ROUTES)
async def test_what_came_in_since(
    route: str, name: str, stream: bool, upstream: Simulator, use: Callable[..., MiMoCallback], tmp_path: Path
) -> None:
    """Another worker remembers the turn between the rejection and the retry, which has its reasoning to the byte."""
    url = f"sqlite:///{tmp_path}/store"
    upstream.mode = Mode(accepts="exact")
    other = OtherWorker(url)
    history, _, other.turn = await _issued(route, name, upstream)
    use(other, store=url, scope="s")
    session = Session(_router(upstream), route, {"model": name}, stream, history)
    ((rejected, answered),) = await session.exchanges(upstream, 1)

    assert [("placeholder",), ("exact",)] == [rejected.verdicts, answered.verdicts]
    assert [True, True] == [rejected.thinking, answered.thinking]


BODIES: dict[str, tuple[dict[str, Any], str, list[tuple[str, ...]], list[bool]]] = {
    "the next placeholder": ({"accepts": "non-empty"}, "xiaomi_mimo", [("foreign", "placeholder")] * 2, [True, True]),
    "on every turn": (
        {"every_turn": True},
        "xiaomi_mimo",
        [("foreign", "placeholder", "missing"), ("foreign", "placeholder", "placeholder")],
        [True, True],
    ),
    "thinking off": (
        {"accepts": "non-blank"},
        "anthropic",
        [("foreign", "placeholder"), ("missing", "missing")],
        [True, False],
    ),
    "stripped": ({"forbids": "always"}, "openai", [("foreign", "placeholder"), ("missing", "missing")], [True, True]),
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("case", BODIES)
async def test_what_is_changed(case: str, stream: bool, upstream: Simulator, use: Callable[..., MiMoCallback]) -> None:
    """The retry's body differs in reasoning and in the switch, and in nothing else; the calls and results are whole."""
    use()
    mode, name, verdicts, thinking = BODIES[case]
    upstream.mode = Mode(tool_rounds=4, **mode)
    session = _session(_router(upstream), "chat", name, stream=stream, turns=2, carried=True)
    if case == "on every turn":
        session.history += [{"role": "assistant", "content": "21 °C."}, {"role": "user", "content": "Again?"}]
    ((rejected, answered),) = await session.exchanges(upstream, 1)

    assert verdicts == [rejected.verdicts, answered.verdicts]
    assert thinking == [rejected.thinking, answered.thinking]
    assert _bare(rejected) == _bare(answered)


def _bare(exchange: Exchange) -> dict[str, Any]:
    """A body without reasoning and without the switch."""
    body = json.loads(exchange.raw)
    for message in body["messages"]:
        message.pop("reasoning_content", None)
        if isinstance(message.get("content"), list):
            message["content"] = [block for block in message["content"] if block["type"] != "thinking"]
    return {name: value for name, value in body.items() if name != "thinking"}


REJECT = Mode(accepts="non-blank", tool_rounds=4)
EXPLAINED = (
    r"(?s)127\.0\.0\.1:\d+ rejected a request to mimo-v2.6-pro: "
    r"earlier assistant messages must include their reasoning. The reasoning of message 3 is lost. "
    r".*Start a new conversation, or switch thinking off"
)


@pytest.mark.parametrize(
    ("route", "name", "how", "stream"), pairs(ROUTES, ["repair", "fallback", "fail"], [False, True])
)
async def test_on_rejection(
    route: str,
    name: str,
    how: Any,
    stream: bool,
    upstream: Simulator,
    stranger: Simulator,
    use: Callable[..., MiMoCallback],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What follows is the operator's decision, and nothing of ours reaches the other family."""
    use(on_rejection=how)
    upstream.mode = REJECT
    session = _session(_router(upstream, stranger), route, name, stream=stream, turns=2, carried=True)
    error: Exception | None = None
    with caplog.at_level(logging.WARNING, logger="mimo_quirks"):
        try:
            await session.step()
        except litellm.BadRequestError as raised:
            error = raised

    dead = name != "anthropic"  # there thinking off is the first change, and helps
    assert {"repair": 2, "fallback": 2, "fail": 1}[how] == len(upstream.exchanges)
    assert len(upstream.exchanges) == len({exchange.raw for exchange in upstream.exchanges})
    assert (how == "fail" or (how == "repair" and dead)) is (error is not None)
    assert (how == "fail") is isinstance(error, ReasoningRejectedError)
    assert SECRET not in f"{error!r} {caplog.text}"
    falls = how == "fallback" and dead
    rejected, *more = _warnings(caplog)
    assert "rejected a request to" in rejected
    told = "LiteLLM falls back to gpt-4o-mini (MIMO_QUIRKS_ON_REJECTION=fallback)"
    assert [f"{rejected.partition(': ')[0]}: {told}"] * falls == more
    assert int(falls) == len(stranger.exchanges)
    assert not [v for exchange in stranger.exchanges for v in exchange.verdicts if v == "placeholder"]


STOPPED = [
    ("repair", 0, "Send it again: it goes out with a space on every assistant message that has no reasoning."),
    (
        "repair",
        1,
        r"A changed request \(with a space on every assistant message that has no reasoning\) was rejected too.",
    ),
    ("fail", 0, "No further change to the request is possible or allowed."),
]


@pytest.mark.parametrize(("how", "retries", "then"), STOPPED)
async def test_a_stopped_fallback(
    how: Any, retries: int, then: str, upstream: Simulator, stranger: Simulator, use: Callable[..., MiMoCallback]
) -> None:
    """LiteLLM adds to its error why the fallback is not made: what became of the request, and whose decision it is."""
    use(on_rejection=how)
    upstream.mode = REJECT
    stopped = f"Fallback to gpt-4o-mini blocked by MIMO_QUIRKS_ON_REJECTION={how}"
    why = f"(?s)Fallback to gpt also failed: .*{then} .*{stopped}"
    with pytest.raises(litellm.BadRequestError, match=why):
        await _router(upstream, stranger, retries=retries).acompletion("xiaomi_mimo", poisoned("chat"))

    assert () == stranger.exchanges


DEAD: Any = {"model": "xiaomi_mimo/mimo-v2.6-pro", "api_base": "http://127.0.0.1:9/v1", "api_key": "k"}


@pytest.mark.parametrize("first", ["dead", "rejects"])
@pytest.mark.parametrize(("route", "name"), ROUTES)
async def test_a_fallback_is_repaired(
    first: str, route: str, name: str, upstream: Simulator, use: Callable[..., MiMoCallback]
) -> None:
    """A deployment that LiteLLM falls back to has a changed retry of its own, whatever became of the one before."""
    use(on_rejection="repair" if first == "dead" else "fallback", allow_thinking_off=False)
    upstream.mode = Mode(forbids="always", tool_rounds=4)
    with Simulator(Mode(accepts="non-blank", every_turn=True)) as other:
        before = DEAD if first == "dead" else deployment("xiaomi_mimo", other)["litellm_params"]
        router = Router(
            [{"model_name": "first", "litellm_params": before}, deployment(name, upstream)],
            fallbacks=[{"first": [name]}],
            retry_policy={"BadRequestErrorRetries": 1},  # type: ignore[arg-type]
            num_retries=0,
        )
        session = Session(router, route, {"model": "first"}, False, poisoned(route, 2, carried=True))

        assert [[400, 200]] == await session.steps(upstream, 1)
        assert first == "dead" or 2 == len({exchange.raw for exchange in other.exchanges}) == len(other.exchanges)


class TakesTurns(CustomRoutingStrategyBase):
    """A way to choose among the deployments of a group: the last first, then the one before it."""

    def __init__(self, router: Router) -> None:
        self._left = list(router.model_list)
        router.set_custom_routing_strategy(self)

    def get_available_deployment(self, *_: Any, **__: Any) -> Any:
        return self._left.pop()

    async def async_get_available_deployment(self, *_: Any, **__: Any) -> Any:
        return self._left.pop()


@pytest.mark.parametrize("sync", [False, True], ids=["async", "sync"])
async def test_a_group_of_two_hosts(sync: bool, upstream: Simulator, use: Callable[..., MiMoCallback]) -> None:
    """A retry that the Router sends to another host is as that one is known to want it."""
    use()
    upstream.mode = Mode(forbids="always")
    strict, history = deployment("openai", upstream), poisoned("chat", 2, carried=True)
    for _ in range(2):
        with pytest.raises(litellm.BadRequestError):
            await Session(litellm, "chat", strict["litellm_params"], False, history).step()
    with Simulator(Mode(accepts="non-empty")) as lenient:
        group = [{**entry, "model_name": "group"} for entry in (strict, deployment("xiaomi_mimo", lenient))]
        router = Router(group, retry_policy={"BadRequestErrorRetries": 1})  # type: ignore[arg-type]
        TakesTurns(router)
        await Session(router, "chat", {"model": "group"}, False, history, sync=sync).step()

        assert [400] == [status_of(exchange) for exchange in lenient.exchanges]
        assert ("missing", "missing") == upstream.exchanges[-1].verdicts
        assert 200 == status_of(upstream.exchanges[-1])


TOLD = [("proxy", "repair", ["HTTPException", None]), ("proxy", "fallback", [None]), ("sdk", "repair", [None])]


@pytest.mark.parametrize(("where", "how", "told"), TOLD)
async def test_who_is_told(
    where: str,
    how: Any,
    told: list[str | None],
    upstream: Simulator,
    stranger: Simulator,
    use: Callable[..., MiMoCallback],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A proxy's client, once, and of no rejection that LiteLLM has gone on from; nothing is kept for anybody else."""
    if where == "proxy":
        monkeypatch.setattr(proxy_server, "llm_router", object())
    callback = use(on_rejection=how, allow_thinking_off=False)
    upstream.mode = REJECT
    router = _router(upstream, stranger)
    with suppress(litellm.BadRequestError):
        await router.acompletion("xiaomi_mimo", poisoned("chat"), litellm_call_id="one")

    said = [await callback.async_post_call_failure_hook({"litellm_call_id": "one"}, Exception(), None) for _ in told]
    assert told == [None if one is None else type(one).__name__ for one in said]


@pytest.mark.parametrize(("route", "name"), ROUTES)
async def test_another_error_of_the_retry(
    route: str, name: str, upstream: Simulator, stranger: Simulator, use: Callable[..., MiMoCallback]
) -> None:
    """What the changed request fails of is no rejection, so LiteLLM's fallbacks are as they are without us."""
    use()
    upstream.mode = Mode(every_turn=True, then=(1, Mode(every_turn=True, accepts="non-blank", rejection="context")))
    history = poisoned(route) + plain(route)
    await Session(_router(upstream, stranger), route, {"model": name}, False, history).step()

    assert [2, 1] == [len(upstream.exchanges), len(stranger.exchanges)]


class Busy(CustomLogger):
    """Another callback, which lets no request through at its first attempt."""

    async def async_pre_call_deployment_hook(self, kwargs: dict[str, Any], call_type: Any) -> None:
        known = kwargs.get("litellm_metadata") or kwargs["metadata"]
        if not known["attempted_retries"]:
            raise litellm.RateLimitError("busy", "", "")


@pytest.mark.parametrize("how", ["repair", "fail"])
@pytest.mark.parametrize(("route", "name"), ROUTES)
async def test_the_next_request_of_a_task(
    how: Any, route: str, name: str, upstream: Simulator, use: Callable[..., MiMoCallback]
) -> None:
    """It is no retry of the rejected request, though LiteLLM makes it in the same context."""
    use(on_rejection=how, allow_thinking_off=False)
    upstream.mode = Mode(accepts="non-blank", every_turn=True)
    router = _router(upstream)
    with pytest.raises(litellm.BadRequestError):
        await Session(router, route, {"model": name}, False, poisoned(route)).step()
    upstream.mode = Mode(accepts="non-empty")
    upstream.reset()
    use(on_rejection=how)
    litellm.callbacks.insert(0, Busy())
    session = Session(router, route, {"model": name, "num_retries": 1}, False, poisoned(route, carried=True))
    await session.step()

    assert [("foreign",)] == [exchange.verdicts for exchange in upstream.exchanges]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_the_error(stream: bool, upstream: Simulator, use: Callable[..., MiMoCallback]) -> None:
    """It is what LiteLLM's users catch, and says which turn, why nothing more is done, and what to do."""
    use(on_rejection="fail")
    upstream.mode = REJECT
    session = _session(_router(upstream), "chat", "xiaomi_mimo", stream=stream, turns=2, carried=True)
    with pytest.raises(litellm.BadRequestError, match=EXPLAINED) as raised:
        await session.step()

    error: Any = raised.value
    assert isinstance(error, ReasoningRejectedError)
    assert ("missing", (3,), 400, "mimo-v2.6-pro") == (error.kind, error.turns, error.status_code, error.model)
    assert SECRET not in repr(error)


@pytest.mark.parametrize(("route", "name"), ROUTES)
async def test_thinking_stays_on(route: str, name: str, upstream: Simulator, use: Callable[..., MiMoCallback]) -> None:
    """Where the operator forbids to switch it off, no request goes out without it."""
    use(allow_thinking_off=False)
    upstream.mode = REJECT
    session = _session(_router(upstream), route, name, stream=False)
    statuses = await session.steps(upstream, 3)

    assert {400} == {status for made in statuses for status in made}
    assert {True} == {exchange.thinking for exchange in upstream.exchanges}


@pytest.mark.parametrize("sync", [False, True], ids=["async", "sync"])
@pytest.mark.parametrize(("route", "name"), [("chat", "xiaomi_mimo"), ("chat", "anthropic"), ("responses", "openai")])
async def test_a_broken_history_is_told(
    route: str,
    name: str,
    sync: bool,
    upstream: Simulator,
    use: Callable[..., MiMoCallback],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Where the API says something else of a request, what is wrong with its history is in the log."""
    use()
    history = [*poisoned(route), *_TURNS[route]("toolu_1", None)[:1], {"role": "user", "content": QUESTION}]
    more = {**deployment(name, upstream)["litellm_params"], "temperature": 1.9}  # the API takes 1.5 at most
    with caplog.at_level(logging.WARNING, logger="mimo_quirks"), pytest.raises(litellm.BadRequestError):
        await Session(litellm, route, more, False, history, sync=sync).step()

    model = upstream.exchanges[0].body["model"]
    expected = f"the history sent to {model} is malformed: message 3: 1 tool call has no result"
    assert [expected] == [record.getMessage() for record in caplog.records]


SYNC = [("chat", "openai"), ("chat", "anthropic"), ("responses", "openai")]
SDK = [*((*cell, False) for cell in ROUTES), *((*cell, True) for cell in SYNC)]
"""Route, deployment, and whether the call is synchronous."""


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("route", "name", "sync"), SDK)
async def test_the_sdk(
    route: str, name: str, sync: bool, stream: bool, upstream: Simulator, use: Callable[..., MiMoCallback]
) -> None:
    """There is no second attempt: the caller gets LiteLLM's own error, and the next request is mended already."""
    use()
    upstream.mode = Mode(forbids="always", tool_rounds=4)
    more = deployment(name, upstream)["litellm_params"]
    session = Session(litellm, route, more, stream, poisoned(route, 2, carried=True), sync=sync)
    with pytest.raises(litellm.BadRequestError) as raised:
        await session.step()
    assert not isinstance(raised.value, ReasoningRejectedError)
    assert SECRET not in f"{raised.value!r}"

    upstream.mode = Mode(accepts="non-empty", every_turn=True, tool_rounds=4)
    use()
    assert [[200 if name == "anthropic" else 400], [200], [200]] == await session.steps(upstream, 3)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("route", "name"), [("chat", "xiaomi_mimo"), ("chat", "anthropic")])
def test_the_synchronous_router(
    route: str, name: str, stream: bool, upstream: Simulator, stranger: Simulator, use: Callable[..., MiMoCallback]
) -> None:
    """It makes a changed request too, but nobody can stop it: it repeats one that cannot be changed, and falls back."""
    use()
    upstream.mode = Mode(forbids="always", tool_rounds=4)
    answer: Any = _router(upstream).completion(model=name, messages=poisoned(route), tools=[TOOL], stream=stream)
    assert not stream or list(answer)
    assert [400, 200] == [status_of(exchange) for exchange in upstream.exchanges]

    upstream.mode = REJECT
    upstream.reset()
    use(allow_thinking_off=False)
    _router(upstream, stranger).completion(model=name, messages=poisoned(route), tools=[TOOL])
    assert [400, 400] == [status_of(exchange) for exchange in upstream.exchanges]
    changes = {"xiaomi_mimo": 2, "anthropic": 1}  # of the messages wire the row itself is a space on every turn
    assert changes[name] == len({exchange.raw for exchange in upstream.exchanges})
    assert [("missing",)] == [exchange.verdicts for exchange in stranger.exchanges]


def _door(name: str, host: Simulator, *, routed: bool) -> tuple[Any, dict[str, Any]]:
    return (_router(host), {"model": name}) if routed else (litellm, deployment(name, host)["litellm_params"])


@pytest.mark.parametrize(
    ("route", "name", "frame", "routed"),
    pairs(
        [cell for cell in ROUTES if cell != ("responses", "openai")],
        ["first_frame_errors", "second_frame_errors"],
        [False, True],
    ),
)
async def test_an_error_as_a_frame(
    route: str, name: str, frame: Any, routed: bool, upstream: Simulator, use: Callable[..., MiMoCallback]
) -> None:
    """The caller gets LiteLLM's error, except where its Router begins a stream again; the next request is mended.

    Of the responses wire's own error event LiteLLM tells nobody the words.
    """
    callback = use()
    upstream.mode = Mode(accepts="non-empty", every_turn=True, **{frame: True}, tool_rounds=4)
    door, more = _door(name, upstream, routed=routed)
    statuses = []
    for _ in range(2):
        before = len(upstream.exchanges)
        with suppress(Exception):
            await Session(door, route, more, True, poisoned(route) + plain(route)).step()
        statuses.append([status_of(exchange) for exchange in upstream.exchanges[before:]])

    begins_again = routed and route == "messages"
    assert [[400, 200] if begins_again else [400], [200]] == statuses
    assert 2 == len({exchange.raw for exchange in upstream.exchanges})
    assert [1, 2 if begins_again else 1] == [callback.memory.counts[what] for what in ("rejected", "recorded")]


@pytest.mark.parametrize("routed", [False, True], ids=["sdk", "router"])
@pytest.mark.parametrize(("route", "name"), ROUTES)
async def test_a_stream_that_is_cut(
    route: str, name: str, routed: bool, upstream: Simulator, use: Callable[..., MiMoCallback]
) -> None:
    """Nothing half is remembered, nothing is learned, and the next request is what it was."""
    callback = use()
    upstream.mode = Mode(cut_after=6)
    door, more = _door(name, upstream, routed=routed)
    for _ in range(2):
        with suppress(Exception):
            await Session(door, route, more, True, poisoned(route)).step()

    assert len(upstream.exchanges) >= 2
    assert [0, 0] == [callback.memory.counts[what] for what in ("recorded", "rejected")]
    assert 1 == len({exchange.raw for exchange in upstream.exchanges})


RESCUES: dict[str, tuple[dict[str, Any], int, int]] = {
    "present": ({"accepts": "present"}, 0, 0),
    "non-empty": ({"accepts": "non-empty"}, 1, 0),
    "forbidden": ({"forbids": "always"}, 1, 1),
    "every turn": ({"every_turn": True}, 1, 1),
}
"""Rule → the host's mode, and how often it rejects on the chat or the responses wire, and on the messages wire."""


@pytest.mark.parametrize(("rule", "route", "name", "stream"), pairs(RESCUES, ROUTES, [False, True]))
async def test_thirty_turns_of_another_model(
    rule: str, route: str, name: str, stream: bool, upstream: Simulator, use: Callable[..., MiMoCallback]
) -> None:
    """A history that was poisoned before we came is answered with one rejection at most, and all its calls arrive."""
    use()
    mode, others, on_messages = RESCUES[rule]
    upstream.mode = Mode(tool_rounds=40, **mode)
    session = _session(_router(upstream), route, name, stream=stream, turns=30)
    session.history += plain(route)
    (made,) = await session.exchanges(upstream, 1)

    rejections = on_messages if name == "anthropic" else others
    assert [400] * rejections + [200] == [status_of(exchange) for exchange in made]
    assert all(made[-1].raw.count(f'"toolu_{number}"'.encode()) == 2 for number in range(30))


async def test_workers_share_what_they_learn(
    upstream: Simulator, use: Callable[..., MiMoCallback], tmp_path: Path
) -> None:
    """What one worker was rejected, another that has the same store does not ask for."""
    shared = {"store": f"sqlite:///{tmp_path}/store", "scope": "s"}
    upstream.mode = Mode(accepts="non-empty", tool_rounds=4)
    statuses = []
    for _ in range(2):
        use(**shared)
        statuses += await _session(_router(upstream), "chat", "xiaomi_mimo", stream=False).steps(upstream, 1)

    assert [[400, 200], [200]] == statuses


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_a_deployment_that_is_not_recognised(
    asynchronous: bool,
    streams: bool,
    upstream: Simulator,
    use: Callable[..., MiMoCallback],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An alias that is rejected in MiMo's words: one warning has the setting to write, and with it the host answers."""
    arguments = {"model": "openai/acme-brain", "api_base": upstream.base_url, "api_key": "k", "num_retries": 0}
    asked: Any = {**arguments, "messages": poisoned("chat"), "tools": [TOOL], "stream": streams}

    async def ask() -> None:
        with suppress(litellm.BadRequestError):
            if asynchronous:
                answer = await litellm.acompletion(**asked)
                _ = [chunk async for chunk in answer] if streams else ()
            else:
                _ = list(litellm.completion(**asked))

    use()
    for _ in range(2):
        await ask()
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    (said,) = [warning for warning in warnings if "MIMO_QUIRKS_MODELS" in warning]
    assert said.startswith(f"{upstream.base_url.split('/')[2]} rejected a request to acme-brain: ")
    assert [400, 400] == [exchange.status for exchange in upstream.exchanges]

    use(models=json.loads(said.partition("MIMO_QUIRKS_MODELS=")[2].removesuffix(".")))
    await ask()
    assert ("placeholder",) == upstream.exchanges[-1].verdicts
    assert 200 == upstream.exchanges[-1].status


@pytest.mark.parametrize(
    ("settings", "model", "rejection"),
    [
        ({"models": {"acme-brain": "none"}}, "acme-brain", "E1"),
        ({"families": ("deepseek",)}, "mimo-v2.6-pro", "E1"),
        ({}, "deepseek-v4-pro", "E1"),
        ({}, "acme-brain", "F1"),
    ],
)
async def test_a_deployment_that_is_left_alone_for_a_reason(
    settings: dict[str, Any],
    model: str,
    rejection: str,
    upstream: Simulator,
    use: Callable[..., MiMoCallback],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The operator said so, its family is known, or the words are another vendor's: there is no such warning."""
    upstream.mode = Mode(rejection=rejection)
    use(**settings)
    with pytest.raises(litellm.BadRequestError):
        await litellm.acompletion(
            model=f"openai/{model}",
            api_base=upstream.base_url,
            api_key="k",
            num_retries=0,
            messages=poisoned("chat"),
            tools=[TOOL],
        )

    assert [] == [record for record in caplog.records if "MIMO_QUIRKS_MODELS" in record.getMessage()]


async def test_what_was_learned_is_readable(upstream: Simulator, use: Callable[..., MiMoCallback]) -> None:
    """Of a deployment, by wire and switch; of one that is none of ours there is nothing to tell."""
    callback = use()
    upstream.mode = Mode(forbids="always", tool_rounds=4)
    await _session(_router(upstream), "chat", "xiaomi_mimo", stream=False).steps(upstream, 2)
    ours = ("mimo-v2.6-pro", upstream.base_url, "xiaomi_mimo")

    learned, off, on_messages = (
        callback.policy(*ours),
        callback.policy(*ours, thinking=False),
        callback.policy("mimo-v2.6-pro", upstream.anthropic_url, "anthropic", wire="messages"),
    )
    assert learned
    assert (2, 0, "strip") == (learned.forbids, learned.needs, learned.remedy().value)
    assert learned.expires
    assert HostPolicy() == off == on_messages
    assert callback.policy("gpt-4o-mini", upstream.base_url, "openai") is None


async def test_nothing_is_cooled_down(upstream: Simulator, use: Callable[..., MiMoCallback]) -> None:
    """Two deployments of one name, each of which LiteLLM would set aside after its first failure, stay in use."""
    use(allow_thinking_off=False)
    upstream.mode = REJECT
    policy: Any = {"BadRequestErrorRetries": 1}
    twins = [deployment("xiaomi_mimo", upstream) for _ in range(2)]
    router = Router(twins, retry_policy=policy, allowed_fails=0, cooldown_time=600)
    statuses = await _session(router, "chat", "xiaomi_mimo", stream=False).steps(upstream, 5)

    assert [400, 400] == statuses[0]
    assert {400} == {status for made in statuses for status in made}
