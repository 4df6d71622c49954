"""What ChatMiMo remembers for messages that lose their reasoning inside an application."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.messages.utils import convert_to_messages, convert_to_openai_messages
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import ValidationError

from langchain_mimo import ChatMiMo
from mimo_quirks import ReasoningMemory, open_store
from mimo_quirks.simulator import Mode, Simulator

from ..cases import TOOL
from ..pairs import pairs
from .test_round_trip import WAYS, _ainvoke, _astream, _invoke, _stream, weather

Make = Callable[..., ChatMiMo]
History = list[BaseMessage]
ROUNDS = 3


def _rebuilt(turn: AIMessage) -> AIMessage:
    return AIMessage(turn.content, tool_calls=turn.tool_calls)


def _from_a_ui(turn: AIMessage) -> AIMessage:
    """A UI that stores text, and calls with ids of its own and arguments in its own hand."""
    calls = [
        {**call, "id": f"ui_{n}", "args": dict(reversed(call["args"].items()))}
        for n, call in enumerate(turn.tool_calls)
    ]
    return AIMessage(turn.text, tool_calls=calls)


def _openai_dict(turn: AIMessage) -> AIMessage:
    (back,) = convert_to_messages(json.loads(json.dumps(convert_to_openai_messages([turn]))))
    assert isinstance(back, AIMessage)
    return back


def _trimmed(turn: AIMessage) -> AIMessage:
    """A framework that tidies what it keeps."""
    kept = {name: text.strip() for name, text in turn.additional_kwargs.items() if name == "reasoning_content"}
    return turn.model_copy(update={"additional_kwargs": {**turn.additional_kwargs, **kept}})


LOSSES = [_rebuilt, _from_a_ui, _openai_dict, _trimmed]


async def _converse(call: Any, model: Any, loss: Callable[[AIMessage], AIMessage], *, mark: str = "") -> None:
    history: History = []
    for question in ("天气?", "And tomorrow?"):
        history.append(HumanMessage(question + mark))
        for _ in range(ROUNDS + 1):
            turn = loss(await call(model, history))
            results = [ToolMessage(f"{mark}{len(history)} °C", tool_call_id=c["id"]) for c in turn.tool_calls]
            history += [turn, *results]


def _verdicts(simulator: Simulator) -> set[str]:
    return {verdict for exchange in simulator.exchanges for verdict in exchange.verdicts}


@pytest.mark.parametrize(("kind", "call", "loss"), pairs(["memory", "sqlite"], WAYS, LOSSES))
async def test_exact(kind: str, call: Any, loss: Any, simulator: Simulator, make_model: Make, tmp_path: Path) -> None:
    """Whatever the application made of a message, its reasoning goes back to the byte, plain turns included."""
    simulator.mode = replace(simulator.mode, tool_rounds=ROUNDS, parallel_calls=2, conversation="seed")
    store = "memory://" if kind == "memory" else f"sqlite:///{tmp_path}/store"
    model = make_model(store=store, scope="a", seed=1).bind(tools=[TOOL])
    await _converse(call, model, loss)

    assert {"exact"} == _verdicts(simulator)
    assert {200} == {exchange.status for exchange in simulator.exchanges}


def test_copies_share_one_memory(simulator: Simulator, make_model: Make) -> None:
    """`bind`, `with_config`, `model_copy` and a second instance remember what the first one heard."""
    model = make_model()
    doors = [model.bind(stop=["x"]), model.with_config(tags=["x"]), model.model_copy(), make_model()]
    question = HumanMessage("a question of this test alone")
    turn = _rebuilt(model.invoke([question]))
    for door in doors:
        door.invoke([question, turn, HumanMessage("And?")])

    assert [(), *[("exact",)] * 4] == [exchange.verdicts for exchange in simulator.exchanges]


def test_two_users_of_one_process(simulator: Simulator, make_model: Make) -> None:
    """Two users whose ids, calls and texts are identical never get each other's reasoning when scopes are given."""
    simulator.mode = Mode(accepts="exact", ids="repeating", answers="identical", conversation="seed", tool_rounds=2)
    users = {
        "alice": make_model(scope="alice", seed=1).bind(tools=[TOOL]),
        "bob": make_model(seed=2).bind(tools=[TOOL]).with_config({"configurable": {"mimo_scope": "bob"}}),
        "carol": make_model(seed=3).bind(tools=[TOOL], scope="carol"),
    }
    histories: dict[str, History] = {user: [HumanMessage("x")] for user in users}
    for _ in range(3):
        for user, model in users.items():
            turn = _rebuilt(model.invoke(histories[user]))
            histories[user] += [turn, *(ToolMessage("1", tool_call_id=c["id"]) for c in turn.tool_calls)]

    assert {"exact"} == _verdicts(simulator)


def test_without_scopes_twins_are_rejected(simulator: Simulator, make_model: Make) -> None:
    """In one scope what nothing tells apart gets a placeholder, never another turn's reasoning."""
    simulator.mode = Mode(ids="repeating", conversation="seed")
    store = "memory://"
    for seed in (1, 2):
        make_model(store=store, seed=seed).bind(tools=[TOOL]).invoke([HumanMessage("x")])
    turn = AIMessage("", tool_calls=[{"id": "weather:0", "name": "weather", "args": {"city": "string"}}])
    sent = json.loads(simulator.exchanges[0].raw)
    assert simulator.exchanges[0].issued is not None
    (call,) = simulator.exchanges[0].issued.calls
    turn.tool_calls[0]["args"] = json.loads(call.arguments)
    history = [HumanMessage("x"), turn, ToolMessage("1", tool_call_id="weather:0")]
    make_model(store=store, seed=1).bind(tools=[TOOL]).invoke(history)

    assert "x" == sent["messages"][0]["content"]
    assert ("placeholder",) == simulator.exchanges[-1].verdicts


def test_the_scope_of_a_chain(simulator: Simulator, make_model: Make) -> None:
    """The scope of a RunnableConfig reaches a model inside a chain, and beats the model's own."""
    model, question = make_model(scope="own"), HumanMessage("a question of a chain")
    chain = RunnableLambda(lambda history: model.invoke(history))  # noqa: PLW0108 - invoke would be given the config
    config = {"configurable": {"mimo_scope": "chain"}}
    turn = _rebuilt(chain.invoke([question], config))
    follow = [question, turn, HumanMessage("And?")]
    simulator.mode = Mode()
    chain.invoke(follow, config)
    model.invoke(follow)

    assert [("exact",), ("missing",)] == [exchange.verdicts for exchange in simulator.exchanges[1:]]


@pytest.mark.parametrize("store", [True, 3])
def test_a_store_that_is_none(store: Any, make_model: Make) -> None:
    """OpenAI's `store=True` is another thing, and is rejected by name."""
    with pytest.raises(ValidationError, match="give a ReasoningStore or a URL"):
        make_model(store=store)


def test_a_store_s_url_is_not_shown(make_model: Make) -> None:
    """A URL may hold a password; it is in no repr and in no parameter that callbacks see."""
    model = make_model(store="redis://:s3cret@127.0.0.1:9", scope="a")

    assert "s3cret" not in repr(model)
    assert "s3cret" not in str(model._get_invocation_params())
    assert "s3cret" not in str(model._get_llm_string())


@pytest.mark.parametrize(("one", "other"), [(1, 2), ("1", 2)])
def test_scopes_of_any_type(one: Any, other: Any, simulator: Simulator, make_model: Make) -> None:
    """An id that is a number is a scope like any other."""
    simulator.mode = Mode()
    model, question = make_model(), HumanMessage(f"a question of {one} and {other}")
    turn = _rebuilt(model.bind(scope=one).invoke([question]))
    for scope in (other, one):
        model.bind(scope=scope).invoke([question, turn, HumanMessage("And?")])

    assert [("missing",), ("exact",)] == [exchange.verdicts for exchange in simulator.exchanges[1:]]


def test_update_state(simulator: Simulator, make_model: Make) -> None:
    """A graph whose state somebody rewrote, message by message, goes on exactly."""
    simulator.mode = replace(simulator.mode, tool_rounds=2)
    agent = create_agent(make_model(), tools=[weather], checkpointer=InMemorySaver(), interrupt_after=["tools"])
    config: Any = {"configurable": {"thread_id": "1"}}
    agent.invoke({"messages": [HumanMessage("a question of a graph")]}, config)
    for _ in range(2):
        (turn,) = [m for m in agent.get_state(config).values["messages"][-2:] if isinstance(m, AIMessage)]
        agent.update_state(
            config, {"messages": [AIMessage("", tool_calls=turn.tool_calls, id=turn.id)]}, as_node="tools"
        )
        agent.invoke(None, config)

    assert {"exact"} == _verdicts(simulator)


def test_threads(simulator: Simulator, make_model: Make) -> None:
    """Many threads converse through one model at once; every turn is exact."""
    simulator.mode = Mode(accepts="exact", tool_rounds=ROUNDS)
    model = make_model().bind(tools=[TOOL])

    def converse(number: int) -> None:
        asyncio.run(_converse((_invoke, _stream)[number % 2], model, _rebuilt, mark=f" {number}"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(converse, range(16)))

    assert {"exact"} == _verdicts(simulator)


async def test_tasks(simulator: Simulator, make_model: Make) -> None:
    """Many tasks of one event loop do the same; every turn is exact."""
    simulator.mode = Mode(accepts="exact", tool_rounds=ROUNDS)
    model = make_model().bind(tools=[TOOL])
    ways = (_ainvoke, _astream)
    await asyncio.gather(*(_converse(ways[n % 2], model, _rebuilt, mark=f" {n}") for n in range(16)))

    assert {"exact"} == _verdicts(simulator)


def test_off(simulator: Simulator, make_model: Make) -> None:
    """With the store off nothing is remembered."""
    simulator.mode = Mode()
    model, question = make_model(store="off"), HumanMessage("x")
    model.invoke([question, _rebuilt(model.invoke([question])), HumanMessage("And?")])

    assert ("missing",) == simulator.exchanges[-1].verdicts


def test_a_shared_store_needs_a_scope(make_model: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What other processes see is never filed under nobody."""
    url = f"sqlite:///{tmp_path}/store"
    with pytest.raises(ValidationError, match="MIMO_QUIRKS_SCOPE"):
        make_model(store=url)
    monkeypatch.setenv("MIMO_QUIRKS_SCOPE", "team")
    make_model(store=url)


def test_bad_stores(make_model: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that does not exist stops the construction, with the nearest known form."""
    with pytest.raises(ValidationError, match="unknown store scheme 'redi'"):
        make_model(store="redi://x")
    monkeypatch.setenv("MIMO_QUIRKS_STORE", "sqlit:///x")
    with pytest.raises(ValueError, match="MIMO_QUIRKS_STORE: unknown store scheme 'sqlit'"):
        make_model()


@pytest.mark.parametrize("call", WAYS)
async def test_a_failing_store_costs_recall_alone(
    call: Any, simulator: Simulator, make_model: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The request goes out with what this process knows, and each failure is counted and told."""
    simulator.mode = Mode(tool_rounds=1)
    (tmp_path / "folder").mkdir()
    model = make_model(store=f"sqlite:///{tmp_path}/folder", scope="a")
    question = HumanMessage("x")
    turn = _rebuilt(await call(model.bind(tools=[TOOL]), [question]))
    results = [ToolMessage("1", tool_call_id=c["id"]) for c in turn.tool_calls]
    await call(model.bind(tools=[TOOL]), [question, turn, *results])

    other = make_model(store=f"sqlite:///{tmp_path}/folder", scope="a")
    other._memory = ReasoningMemory(open_store(f"sqlite:///{tmp_path}/folder"))
    await call(other.bind(tools=[TOOL]), [question, turn, *results])

    assert [("exact",), ("placeholder",)] == [exchange.verdicts for exchange in simulator.exchanges[1:]]
    assert any("reasoning store: " in message for message in caplog.messages)
