"""Whose memory it is, said by the RunnableConfig that a call is given: by every method, on every store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.caches import InMemoryCache
from langchain_core.language_models.chat_model_stream import AsyncChatModelStream
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import ConfigurableField, RunnableConfig, RunnableLambda
from langgraph.graph import START, MessagesState, StateGraph

from mimo_quirks.simulator import Mode, Simulator

from .scenarios.table import CHAT, MESSAGES, Bench, History, merged, thought, tide, weather

pytestmark = [
    pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
]

Way = Callable[[Any, History, Any], Awaitable[Any]]
TURNS = 4


async def _invoke(model: Any, history: History, config: Any) -> Any:
    return model.invoke(history, config=config)


async def _ainvoke(model: Any, history: History, config: Any) -> Any:
    return await model.ainvoke(history, config)


async def _stream(model: Any, history: History, config: Any) -> Any:
    return merged(list(model.stream(history, config)))


async def _astream(model: Any, history: History, config: Any) -> Any:
    return merged([chunk async for chunk in model.astream(history, config=config)])


async def _batch(model: Any, history: History, config: Any) -> Any:
    return model.batch([history], config)[0]


async def _abatch(model: Any, history: History, config: Any) -> Any:
    return (await model.abatch([history], [config]))[0]


async def _as_completed(model: Any, history: History, config: Any) -> Any:
    return next(iter(model.batch_as_completed([history], [config])))[1]


async def _aas_completed(model: Any, history: History, config: Any) -> Any:
    ((_, answer),) = [each async for each in model.abatch_as_completed([history], config)]
    return answer


async def _transform(model: Any, history: History, config: Any) -> Any:
    return merged(list(model.transform(iter([history]), config)))


async def _astream_events(model: Any, history: History, config: Any) -> Any:
    return [event async for event in model.astream_events(history, config, version="v2")][-1]["data"]["output"]


async def _stream_events_v3(model: Any, history: History, config: Any) -> Any:
    return model.stream_events(history, config, version="v3").output


async def _astream_events_v3(model: Any, history: History, config: Any) -> Any:
    events: AsyncChatModelStream = await model.astream_events(history, config, version="v3")
    return await events.output


WAYS = [
    _invoke,
    _ainvoke,
    _stream,
    _astream,
    _batch,
    _abatch,
    _as_completed,
    _aas_completed,
    _transform,
    _astream_events,
    _stream_events_v3,
    _astream_events_v3,
]


@dataclass
class User:
    """Somebody who says who they are in the config alone, and whose messages lose their reasoning."""

    name: str
    history: History = field(default_factory=lambda: [HumanMessage("x")])
    thoughts: list[str] = field(default_factory=list)

    @property
    def config(self) -> RunnableConfig:
        return {"configurable": {"mimo_scope": self.name}}

    def take(self, turn: AIMessage) -> None:
        """Keeps an answer without its reasoning, and runs the tools."""
        self.thoughts.append(thought(turn))
        calls = turn.tool_calls
        self.history.append(AIMessage(turn.text, tool_calls=calls))
        self.history += [ToolMessage("1", tool_call_id=call["id"]) for call in calls]
        if not calls:
            self.history.append(HumanMessage("And?"))


@pytest.fixture(name="users")
def _users(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> tuple[User, User]:
    """Two whom nothing tells apart but their scope: ids, texts and calls are the same for both."""
    simulator.mode = Mode(accepts="off", ids="repeating", answers="identical", tool_rounds=2)
    monkeypatch.setenv("MIMO_QUIRKS_STORE_TIMEOUT_SECONDS", "30")
    return User("user a"), User("user b")


@pytest.fixture(name="bench", params=[CHAT, MESSAGES], ids=lambda wire: wire.model.__name__)
def _bench(request: pytest.FixtureRequest, simulator: Simulator, tmp_path: Path) -> Bench:
    return Bench(simulator, tmp_path, request.param)


def _stores(bench: Bench) -> Mapping[str, Mapping[str, Any]]:
    return {
        "memory": {"store": "memory://"},
        "sqlite": {"store": f"sqlite:///{bench.folder}/store", "scope": "default"},
    }


def _judge(bench: Bench, *users: User) -> None:
    """Each request has all the thoughts of whose it is, in order, and nobody else's anywhere."""
    by_thought = {thought: (user, turn) for user in users for turn, thought in enumerate(user.thoughts)}
    assert len(by_thought) == sum(len(user.thoughts) for user in users) == len(bench.simulator.exchanges)
    for exchange in bench.simulator.exchanges:
        assert exchange.issued is not None
        user, turn = by_thought[exchange.issued.reasoning]
        sent = [bench.wire.thought(message) for message in exchange.body["messages"] if message["role"] == "assistant"]
        assert user.thoughts[:turn] == sent
        text = exchange.raw.decode()
        assert not [foreign for foreign, (other, _) in by_thought.items() if other is not user and foreign in text]


@pytest.mark.parametrize("tools", [False, True], ids=["plain", "tools"])
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@pytest.mark.parametrize("way", WAYS)
async def test_every_method(way: Way, kind: str, tools: bool, bench: Bench, users: tuple[User, User]) -> None:
    """Two users of one model get their own back, and never each other's, whatever method they call."""
    model = bench.make(**_stores(bench)[kind])
    for _ in range(TURNS):
        for user in users:
            user.take(await way(model.bind_tools([weather, tide]) if tools else model, user.history, user.config))

    _judge(bench, *users)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@pytest.mark.parametrize("method", ["batch", "abatch", "batch_as_completed"])
async def test_items_of_one_batch(method: str, kind: str, bench: Bench, users: tuple[User, User]) -> None:
    """Each item of a batch is of whom its own config says."""
    model = bench.make(**_stores(bench)[kind]).bind_tools([weather, tide])
    histories, configs = [user.history for user in users], [user.config for user in users]
    for _ in range(TURNS):
        if method == "batch_as_completed":
            answers = [answer for _, answer in sorted(model.batch_as_completed(histories, configs))]
        else:
            given = getattr(model, method)(histories, configs)
            answers = given if method == "batch" else await given
        for user, answer in zip(users, answers, strict=True):
            user.take(answer)

    _judge(bench, *users)


Door = Callable[[Any, User], tuple[Any, Any]]
"""Takes a model and a user, and gives what to call and the config to give it."""

_TOOLS = [weather, tide]


def _with_config(model: Any, user: User) -> tuple[Any, Any]:
    return model.with_config(user.config), None


def _tools_with_config(model: Any, user: User) -> tuple[Any, Any]:
    return model.bind_tools(_TOOLS).with_config(user.config), {"tags": ["x"]}


def _config_with_tools(model: Any, user: User) -> tuple[Any, Any]:
    return model.with_config(user.config).bind(tools=model.bind_tools(_TOOLS).kwargs["tools"]), None


def _at_the_top(model: Any, user: User) -> tuple[Any, Any]:
    """LangChain takes unknown members of a config for configurable ones."""
    return model, {"mimo_scope": user.name}


def _metadata(model: Any, user: User) -> tuple[Any, Any]:
    return model, {"metadata": {"mimo_scope": user.name}}


def _call(model: Any, user: User) -> tuple[Any, Any]:
    return model.bind(scope=user.name), {"configurable": {"mimo_scope": "everybody"}}


def _beside_a_thread(model: Any, user: User) -> tuple[Any, Any]:
    """The chain says whose it is, and the call within it something else."""
    return RunnableLambda(lambda history: model.invoke(history, {"configurable": {"thread_id": "1"}})), user.config


def _call_in_a_chain(model: Any, user: User) -> tuple[Any, Any]:
    chain = RunnableLambda(lambda history: model.invoke(history, user.config))
    return chain, {"configurable": {"mimo_scope": "everybody"}}


def _over_metadata(model: Any, user: User) -> tuple[Any, Any]:
    return model, {**user.config, "metadata": {"mimo_scope": "everybody"}}


def _chain_over_metadata(model: Any, user: User) -> tuple[Any, Any]:
    told = {"metadata": {"mimo_scope": "everybody"}}
    return RunnableLambda(lambda history: model.invoke(history, told)), user.config


def _prompt(model: Any, user: User) -> tuple[Any, Any]:
    prompt = ChatPromptTemplate([MessagesPlaceholder("history")])
    return RunnableLambda(lambda history: {"history": history}) | prompt | model.bind_tools(_TOOLS), user.config


def _retry(model: Any, user: User) -> tuple[Any, Any]:
    return model.with_retry(), user.config


def _fallbacks(model: Any, user: User) -> tuple[Any, Any]:
    return model.bind_tools(_TOOLS).with_fallbacks([model]), user.config


def _configurable_field(model: Any, user: User) -> tuple[Any, Any]:
    return model.configurable_fields(scope=ConfigurableField("mimo_scope")), user.config


def _graph(model: Any, user: User) -> tuple[Any, Any]:
    """A graph whose node is given no config and gives none on."""

    def think(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    graph = StateGraph(MessagesState).add_node("think", think).add_edge(START, "think").compile()
    return RunnableLambda(lambda history: graph.invoke({"messages": history})["messages"][-1]), user.config


DOORS = [
    _with_config,
    _tools_with_config,
    _config_with_tools,
    _at_the_top,
    _metadata,
    _call,
    _beside_a_thread,
    _call_in_a_chain,
    _over_metadata,
    _chain_over_metadata,
    _prompt,
    _retry,
    _fallbacks,
    _configurable_field,
    _graph,
]


@pytest.mark.parametrize("way", [_invoke, _astream, _batch])
@pytest.mark.parametrize("door", DOORS)
async def test_the_nearest_scope_counts_in_every_method(
    door: Door, way: Way, bench: Bench, users: tuple[User, User]
) -> None:
    """So it is however the config comes to the model, and what is said nearer to the call counts."""
    model = bench.make(store="memory://", scope="default")
    for _ in range(TURNS):
        for user in users:
            runnable, config = door(model, user)
            user.take(await way(runnable, user.history, config))

    _judge(bench, *users)


@pytest.mark.parametrize("way", [_invoke, _astream, _batch])
async def test_structured_output(way: Way, bench: Bench, users: tuple[User, User]) -> None:
    """So it is where the answer is to have a schema, through the chain that LangChain makes of it."""
    bench.simulator.mode = replace(bench.simulator.mode, tool_rounds=TURNS)
    schema = {"title": "Answer", "type": "object", "properties": {"city": {"type": "string"}}}
    model = bench.make(store="memory://")
    chain = model.with_structured_output(schema, method="function_calling", include_raw=True)
    for _ in range(TURNS):
        for user in users:
            user.take(await way(chain | RunnableLambda(lambda answer: answer["raw"]), user.history, user.config))

    _judge(bench, *users)


class _Forgetful(AgentMiddleware[Any, Any]):
    """Takes the reasoning off every message before the model has it."""

    def __init__(self, user: User) -> None:
        super().__init__()
        self._user = user

    def wrap_model_call(self, request: Any, handler: Any) -> Any:
        bare = [AIMessage(m.text, tool_calls=m.tool_calls) if isinstance(m, AIMessage) else m for m in request.messages]
        response = handler(request.override(messages=bare))
        self._user.thoughts += map(thought, response.result)
        return response


def test_agents(bench: Bench, users: tuple[User, User]) -> None:
    """An agent's config reaches every call that it makes of its model."""
    model = bench.make(store="memory://")
    for question in ("x", "And?"):
        for user in users:
            agent: Any = create_agent(model, tools=_TOOLS, middleware=[_Forgetful(user)])
            asked = [*user.history, HumanMessage(question)]
            user.history = agent.invoke({"messages": asked}, user.config)["messages"]

    assert [6, 6] == [len(user.thoughts) for user in users]
    _judge(bench, *users)


@pytest.mark.parametrize("way", WAYS)
async def test_a_stranger_s_turn(way: Way, bench: Bench, users: tuple[User, User]) -> None:
    """A user who sends another user's very history gets none of their reasoning."""
    model, (user, stranger) = bench.make(store="memory://"), users
    for _ in range(TURNS):
        user.take(await way(model, user.history, user.config))
    await way(model, user.history, stranger.config)

    sent = bench.simulator.exchanges[-1]
    assert {None, bench.wire.placeholder} >= bench.thoughts(sent)
    assert not [thought for thought in user.thoughts if thought in sent.raw.decode()]


@pytest.mark.parametrize("own", [False, True], ids=["by the config", "by the model"])
def test_a_cache(own: bool, bench: Bench, users: tuple[User, User]) -> None:
    """An answer out of LangChain's cache has somebody's reasoning too, and is of that user alone."""
    cache, thoughts = InMemoryCache(), []
    for user in (*users, *users):
        model = bench.make(cache=cache, store="memory://", scope=user.name if own else None)
        thoughts.append(thought(model.invoke(user.history, None if own else user.config)))

    assert thoughts[:2] == thoughts[2:]
    assert 2 == len(set(thoughts)) == len(bench.simulator.exchanges)
