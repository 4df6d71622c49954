"""A rejected request is made again once, with another body, or the caller is told what it is about and what to do."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from langchain_mimo import ChatMiMo, ChatMiMoMessages, ReasoningRejectedError
from langchain_mimo._internals import httpx_of
from mimo_quirks.rejections.evidence import Remedy
from mimo_quirks.simulator import WORDINGS, Mode, Simulator
from mimo_quirks.simulator.records import Exchange

from ..dict_store import DictStore
from ..pairs import pairs
from .test_round_trip import _ainvoke, _astream, _invoke, _stream, tide, weather

httpx: Any = httpx_of(openai)
DOORS: dict[str, tuple[Any, str]] = {"chat": (ChatMiMo, "base_url"), "messages": (ChatMiMoMessages, "anthropic_url")}
WAYS = [_invoke, _stream, _ainvoke, _astream]
OTHER = {"model_provider": "anthropic"}
SECRET = "秘密 the other model's own thought \U0001f914"

each_door = pytest.mark.parametrize("door", DOORS)
each_way = pytest.mark.parametrize("way", WAYS)


def _model(door: str, simulator: Simulator, **fields: Any) -> Any:
    kind, url = DOORS[door]
    given = {"model": "mimo-v2.6-pro", "api_key": "k", "base_url": getattr(simulator, url), "store": "memory://"}
    return kind(**{**given, **fields})


def _foreign(turns: int) -> list[BaseMessage]:
    """What another model left behind: every turn calls a tool, and none has reasoning that is MiMo's."""
    history: list[BaseMessage] = [HumanMessage("the weather along the coast")]
    for turn in range(turns):
        call = {"id": f"call_{turn}", "name": "weather", "args": {"city": f"port {turn}"}}
        kept = {"reasoning_content": SECRET} if turn % 2 else {}
        history += [
            AIMessage("", tool_calls=[call], additional_kwargs=kept, response_metadata=OTHER),
            ToolMessage(f"{turn} °C", tool_call_id=f"call_{turn}"),
        ]
    return [*history, AIMessage("All of it is mild.", response_metadata=OTHER), HumanMessage("and tomorrow?")]


def _bodies(exchanges: Sequence[Exchange]) -> list[bytes]:
    """The bodies, of which no two may be equal."""
    bodies = [exchange.raw for exchange in exchanges]
    assert len(bodies) == len(set(bodies))
    return bodies


RULES: Mapping[str, Mode] = {
    "any string": Mode(accepts="present"),
    "the text as issued": Mode(accepts="exact"),
    "not the empty string": Mode(accepts="non-empty"),
    "on plain turns too": Mode(accepts="non-empty", every_turn=True),
    "forbidden": Mode(forbids="always"),
    "lenient": Mode(accepts="off"),
}


@pytest.mark.parametrize(("rule", "way", "door"), pairs(RULES, WAYS, DOORS))
async def test_thirty_turns_of_another_model(rule: str, way: Any, door: str, simulator: Simulator) -> None:
    """The session goes on without a reset, with at most one rejection on the way, and what was learned is kept."""
    simulator.mode = RULES[rule]
    model, history = _model(door, simulator), _foreign(30)
    before = [message.model_dump() for message in history]
    answer = await way(model, history)
    first = [exchange.status for exchange in simulator.exchanges]
    await way(model, [*history, answer, HumanMessage("and the day after?")])

    assert answer.text
    assert first in ([200], [400, 200])
    assert len(_bodies(simulator.exchanges)) <= 4
    assert [message.model_dump() for message in history] == before
    assert SECRET.encode() not in b"".join(exchange.raw for exchange in simulator.exchanges)
    assert {60 + 1} == {body.count(b"port ") + body.count("°C".encode()) + 1 for body in _bodies(simulator.exchanges)}


@each_door
@each_way
async def test_no_placeholder_will_do(
    way: Any, door: str, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the ladder is longer than one retry, one error tells, and the next request begins further up."""
    simulator.mode = Mode(accepts="non-blank")
    model, history, errors = _model(door, simulator), _foreign(2), []
    requests = []
    for _ in range(4):
        simulator.reset()
        with caplog.at_level(logging.WARNING, logger="mimo_quirks"):
            try:
                await way(model, history)
            except ReasoningRejectedError as error:
                errors.append(error)
        assert len(_bodies(simulator.exchanges)) <= 2
        requests.append([(exchange.status, exchange.thinking) for exchange in simulator.exchanges])

    assert [(200, False)] == requests[-1]
    assert 1 >= len(errors)
    assert sum(400 in dict(request) for request in requests) == len(caplog.records) <= 3
    for error in errors:
        assert isinstance(error, openai.BadRequestError)
        assert (400, "missing", (1, 3)) == (error.status_code, error.kind, error.turns[:2])
        assert "messages 1, 3" in str(error)
    for said in [*map(str, errors), *(record.getMessage() for record in caplog.records)]:
        assert "Send it again: " in said
        assert SECRET not in said


def test_the_error_is_the_sdk_s(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever catches what the SDK of the wire raises catches this too."""
    monkeypatch.setenv("MIMO_QUIRKS_ON_REJECTION", "fail")
    simulator.mode = Mode(accepts="non-blank")
    with pytest.raises(ReasoningRejectedError) as chat:
        _model("chat", simulator).invoke(_foreign(1))
    with pytest.raises(anthropic.BadRequestError) as messages:
        _model("messages", simulator).invoke(_foreign(1))

    assert 2 == len(simulator.exchanges)
    assert isinstance(chat.value, openai.BadRequestError)
    assert isinstance(messages.value, ReasoningRejectedError)
    for error in (chat.value, messages.value):
        assert (400, None, 400) == (error.status_code, error.body, error.response.status_code)
        assert "No further change to the request is possible or allowed. Start a new conversation" in str(error)


def test_thinking_is_not_switched_off_where_that_is_forbidden(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator can rule the last change out, and fix the placeholder."""
    monkeypatch.setenv("MIMO_QUIRKS_ALLOW_THINKING_OFF", "false")
    monkeypatch.setenv("MIMO_QUIRKS_PLACEHOLDER", "empty")
    simulator.mode = Mode(accepts="non-empty")
    model = _model("chat", simulator)
    for _ in range(3):
        with pytest.raises(ReasoningRejectedError):
            model.invoke(_foreign(1))

    assert [True] * 3 == [exchange.thinking for exchange in simulator.exchanges]


class Late(DictStore):
    """A store that is too late for the first question, as one that another worker is about to write to."""

    asked = 0

    def get(self, keys: Sequence[str]) -> Mapping[str, Sequence[bytes]]:
        self.asked += 1
        return super().get(keys) if self.asked > 1 else {}


@each_door
@each_way
async def test_text_that_came_in_since(way: Any, door: str, simulator: Simulator) -> None:
    """The retry sends what is remembered by then, which is better than any placeholder."""
    simulator.mode = Mode(accepts="exact", tool_rounds=3)
    late = Late()
    model, other = (_model(door, simulator, store=late, scope="a").bind_tools([weather, tide]) for _ in range(2))
    history: list[BaseMessage] = [HumanMessage("x")]
    turn = await way(model, history)
    bare = AIMessage(turn.text, tool_calls=turn.tool_calls)
    results = [ToolMessage("21 °C", tool_call_id=call["id"]) for call in turn.tool_calls]
    await way(other, [*history, bare, *results])

    assert [200, 400, 200] == [exchange.status for exchange in simulator.exchanges]
    assert [(), ("placeholder",), ("exact",)] == [exchange.verdicts for exchange in simulator.exchanges]


OURS = [name for name, wording in WORDINGS.items() if wording.ours]
WHERE: Mapping[str, Mapping[str, Any]] = {
    "status": {},
    "first frame": {"first_frame_errors": True},
    "second frame": {"second_frame_errors": True},
}


@pytest.mark.parametrize(("rejection", "where", "door"), pairs(OURS, WHERE, DOORS))
def test_wordings(rejection: str, where: str, door: str, simulator: Simulator) -> None:
    """Whatever words a rejection has, and though it comes within a stream that has said nothing yet, it is mended."""
    simulator.mode = Mode(accepts="non-empty", every_turn=True, rejection=rejection, **WHERE[where])
    model = _model(door, simulator)
    _stream_of(model)

    assert [False, True] == [exchange.issued is not None for exchange in simulator.exchanges]
    assert 2 == len(_bodies(simulator.exchanges))


@each_door
@pytest.mark.parametrize("way", [_stream, _astream])
async def test_a_rejected_stream_that_had_opened(way: Any, door: str, simulator: Simulator) -> None:
    """What opened the rejected stream is no part of the answer."""
    simulator.mode = Mode(accepts="non-empty", every_turn=True, second_frame_errors=True)
    answer = await way(_model(door, simulator), _foreign(2))
    _, made = simulator.exchanges

    assert made.issued is not None
    assert (made.issued.content, "mimo-v2.6-pro") == (answer.text, answer.response_metadata["model_name"])


@pytest.mark.parametrize(("status", "way", "door"), pairs([500, 502], WAYS, DOORS))
async def test_reworded(status: int, way: Any, door: str, simulator: Simulator) -> None:
    """A relay's other status, for which the SDK would make the same request again, is a rejection like any other."""
    simulator.mode = Mode(accepts="non-empty", every_turn=True, rejection_status=status)
    await way(_model(door, simulator), _foreign(2))

    assert [status, 200] == [exchange.status for exchange in simulator.exchanges]
    assert 2 == len(_bodies(simulator.exchanges))


def test_the_sdk_s_own_retries(simulator: Simulator) -> None:
    """A failure that is no rejection is transient to the SDK as ever."""
    simulator.mode = Mode(accepts="non-empty", rejection="text-not-present", rejection_status=503)
    with pytest.raises(openai.InternalServerError):
        _model("chat", simulator, max_retries=1).invoke(_foreign(2))

    assert [503, 503] == [exchange.status for exchange in simulator.exchanges]


def test_a_failure_that_breaks_off(simulator: Simulator) -> None:
    """What cannot be read is no rejection, and the SDK repeats the request."""

    def breaks() -> Iterator[bytes]:
        yield b"{"
        raise httpx.ReadError("gone")

    answers = iter([httpx.Response(503, headers={"retry-after-ms": "1"}, content=breaks())])
    client = openai.DefaultHttpxClient(
        transport=httpx.MockTransport(lambda request: next(answers, None) or httpx.Response(418, request=request))
    )
    with pytest.raises(openai.APIStatusError) as raised:
        _stream_of(_model("chat", simulator, http_client=client, max_retries=1))

    assert 418 == raised.value.status_code


@pytest.mark.parametrize("rejection", [name for name, wording in WORDINGS.items() if not wording.ours])
def test_what_is_no_rejection(rejection: str, simulator: Simulator) -> None:
    """Another error is the SDK's, as it was, and teaches nothing."""
    simulator.mode = Mode(accepts="non-empty", rejection=rejection)
    model = _model("chat", simulator, max_retries=0)
    with pytest.raises(openai.APIError) as raised:
        _stream_of(model)

    assert not isinstance(raised.value, ReasoningRejectedError)
    assert 1 == len(simulator.exchanges)
    assert model.policy().expires is None


@each_door
def test_a_rule_that_changes(door: str, simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Needs, then forbids, then is lenient, then wavers: what was learned follows, and rejections are few."""
    ttl = 1.0
    monkeypatch.setenv("MIMO_QUIRKS_POLICY_TTL_SECONDS", str(ttl))
    model, history, each = _model(door, simulator), _foreign(3), 8
    course = {
        "needs": (Mode(accepts="non-empty", every_turn=True), Remedy.PAD, 1),
        "forbids": (Mode(forbids="always"), Remedy.STRIP, 2),
        "lenient": (Mode(accepts="off"), Remedy.NONE, 0),
        "wavers": (Mode(accepts="present", rejects_every=4), None, 2 * each // 4),
    }
    for name, (mode, learned, most) in course.items():
        simulator.mode = mode
        simulator.reset()
        if name == "lenient":
            time.sleep(ttl)
        for _ in range(each):
            before = len(simulator.exchanges)
            _invoke_of(model, history)
            assert len(_bodies(simulator.exchanges[before:])) <= 2
        rejected = sum(exchange.status == 400 for exchange in simulator.exchanges)

        assert rejected <= most, name
        assert learned in (None, model.policy().remedy()), name


def test_what_one_process_learned_another_knows(simulator: Simulator, tmp_path: Path) -> None:
    """Evidence is shared through the store, and not across hosts."""
    simulator.mode = Mode(accepts="non-empty")
    shared = {"store": f"sqlite:///{tmp_path}/store", "scope": "team"}
    first = _model("chat", simulator, **shared)
    first.invoke(_foreign(1))
    second = _model("chat", simulator, **{**shared, "store": f"sqlite:///{tmp_path}/./store"})  # a memory of its own
    second.invoke(_foreign(2))

    assert [400, 200, 200] == [exchange.status for exchange in simulator.exchanges]
    assert Remedy.PAD is second.policy().remedy()
    assert Remedy.NONE is second.policy(thinking=False).remedy()


@each_way
async def test_a_stream_that_breaks(way: Any, simulator: Simulator) -> None:
    """A connection that is cut is the SDK's error; half a turn is not remembered, and the next request is the same."""
    simulator.mode = Mode(accepts="exact", cut_after=4, then=(1, Mode(accepts="exact")))
    model, history = _model("chat", simulator, max_retries=0), [HumanMessage("x")]
    if way in (_invoke, _ainvoke):
        assert (await way(model, history)).text
        return
    with pytest.raises(Exception, match=r"closed|incomplete|peer|[Cc]onnection"):
        await way(model, history)
    await way(model, history)

    first, second = simulator.exchanges
    assert first.raw == second.raw
    assert (200, 200) == (first.status, second.status)


def _broken() -> list[BaseMessage]:
    """A history from which somebody took a result, and to which a result without a call was added."""
    history = [message for message in _foreign(2) if getattr(message, "tool_call_id", "") != "call_0"]
    return [*history, ToolMessage("x", tool_call_id="gone")]


def test_what_is_wrong_besides_is_told(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results without a call and calls without a result are named, and not repaired."""
    monkeypatch.setenv("MIMO_QUIRKS_ON_REJECTION", "fail")
    simulator.mode = Mode(accepts="non-empty")
    with pytest.raises(ReasoningRejectedError, match="Message 1: 1 tool call has no result") as raised:
        _model("chat", simulator).invoke(_broken())

    assert "Message 6: tool result without a matching tool call" in str(raised.value)


def test_a_broken_history_is_told(simulator: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    """They are named too where the API says something else of the request, whose error is then the SDK's."""
    simulator.mode = Mode(accepts="non-empty", rejection="text-not-set")
    with caplog.at_level(logging.WARNING, logger="mimo_quirks"), pytest.raises(openai.BadRequestError) as raised:
        _model("chat", simulator).invoke(_broken())

    assert "`text` is not set" in str(raised.value.body)
    assert ["message 1: 1 tool call has no result" in record.getMessage() for record in caplog.records] == [True]


def _stream_of(model: Any) -> None:
    list(model.stream(_foreign(2)))


def _invoke_of(model: Any, history: Sequence[BaseMessage]) -> None:
    model.invoke(list(history))


def _carried() -> list[BaseMessage]:
    """A conversation that holds what the model thought."""
    call = {"id": "call_1", "name": "weather", "args": {"city": "x"}}
    thought = {"reasoning_content": "its own thought"}
    return [
        HumanMessage("x"),
        AIMessage("", tool_calls=[call], additional_kwargs=thought),
        ToolMessage("1", tool_call_id="call_1"),
    ]


def _sent(simulator: Simulator, name: str = "reasoning_content") -> list[tuple[int, Any]]:
    """The statuses, and what the first turn of each request carries under a name."""
    turns = [next(m for m in e.body["messages"] if m["role"] == "assistant") for e in simulator.exchanges]
    return [(e.status, turn.get(name)) for e, turn in zip(simulator.exchanges, turns, strict=True)]


@each_way
async def test_one_owners_field_changes_no_other_request(way: Any, simulator: Simulator) -> None:
    """What a client puts into `extra_body`, and is rejected for, says nothing of the host."""
    simulator.mode = Mode(strict_elsewhere=True)
    model = _model("chat", simulator)
    for scope in "ab":
        for _ in range(2):
            with pytest.raises(ReasoningRejectedError):
                await way(model.bind(scope=scope, extra_body={"reasoning_content": "mine"}), _carried())
    simulator.reset()
    for scope in "abc":
        await way(model.bind(scope=scope), _carried())

    assert [(200, "its own thought")] * 3 == _sent(simulator)


@each_way
async def test_what_two_owners_were_taught_holds_for_others(way: Any, simulator: Simulator) -> None:
    """One's own rejections count at once for oneself, and for others not until a second owner has them too."""
    simulator.mode = Mode(forbids="always")
    model = _model("chat", simulator, scope="c")
    statuses: dict[str, list[list[int]]] = {}
    for scope in ("a", "a", "a", "b", "b", "b", "c"):
        simulator.reset()
        await way(model.bind(scope=scope), _carried())
        statuses.setdefault(scope, []).append([status for status, _ in _sent(simulator)])

    mended = [400, 200]
    assert {"a": [mended, mended, [200]], "b": [mended, mended, [200]], "c": [[200]]} == statuses
    assert Remedy.STRIP is model.policy().remedy()


@each_way
async def test_an_error_that_quotes_the_client(way: Any, simulator: Simulator) -> None:
    """It is the SDK's, as it was, and teaches nothing: the words are the client's own."""
    simulator.mode = Mode(quotes="Say it")
    model = _model("chat", simulator, max_retries=0)
    said = "Say it: messages.1.assistant.reasoning_content: Extra inputs are not permitted"
    with pytest.raises(openai.BadRequestError) as raised:
        await way(model, [*_carried(), HumanMessage(said)])

    assert not isinstance(raised.value, ReasoningRejectedError)
    assert [(400, "its own thought")] == _sent(simulator)
    assert model.policy().expires is None


@each_way
async def test_a_host_that_names_its_field(way: Any, simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator's row is wrong: the host's own word is heard, once as the retry and then from the start."""
    monkeypatch.setenv("MIMO_QUIRKS_HOSTS", json.dumps({simulator.base_url: "openrouter"}))
    model = _model("chat", simulator)
    for _ in range(2):
        await way(model, _carried())

    assert [(400, None), (200, "its own thought"), (200, "its own thought")] == _sent(simulator)
    assert ["its own thought", None, None] == [reasoning for _, reasoning in _sent(simulator, "reasoning")]
    assert "reasoning_content" == model.policy().field


@each_way
async def test_a_thread_that_is_older_than_the_install(way: Any, simulator: Simulator) -> None:
    """It goes on after one error, which says to send it again, and how it goes out then."""
    simulator.mode = Mode(accepts="non-blank", every_turn=True)
    model = _model("chat", simulator)
    with pytest.raises(ReasoningRejectedError) as raised:
        await way(model, _foreign(2))
    answer = await way(model, _foreign(2))

    assert answer.text
    assert "was rejected too. Send it again: if rejected once more, it is retried with thinking off. " in str(
        raised.value
    )
    assert str(raised.value).endswith("set MIMO_QUIRKS_STORE to sqlite:/// or redis://.")


def test_a_persistent_store_is_advised_only_where_there_is_none(simulator: Simulator, tmp_path: Path) -> None:
    """Whoever has one is told of what is left to do alone."""
    simulator.mode = Mode(accepts="non-blank", every_turn=True)
    model = _model("chat", simulator, store=f"sqlite:///{tmp_path}/store", scope="team")
    with pytest.raises(ReasoningRejectedError) as raised:
        model.invoke(_foreign(2))

    assert "MIMO_QUIRKS_STORE" not in str(raised.value)
