"""Agents and graphs: the state that frameworks keep between two requests."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_community.chat_message_histories import FileChatMessageHistory, SQLChatMessageHistory
from langchain_core.chat_history import BaseChatMessageHistory, InMemoryChatMessageHistory
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage, messages_from_dict
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables.history import RunnableWithMessageHistory
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph_supervisor import create_supervisor

from .graphs import graph
from .table import QUESTIONS, Bench, History, results_of, scenario, thought, tide, weather

_THREAD: Any = {"configurable": {"thread_id": "1"}}


def ask(history: History, question: str) -> dict[str, Any]:
    return {"messages": [*history, HumanMessage(question)]}


@scenario("create_agent invoke")
async def _invoke(bench: Bench) -> History:
    agent, history = create_agent(bench.make(), tools=[weather]), []
    for question in QUESTIONS:
        history = agent.invoke(ask(history, question))["messages"]
    return history


@scenario("create_agent stream of messages")
async def _stream(bench: Bench) -> History:
    agent = create_agent(bench.make(), tools=[weather], checkpointer=InMemorySaver())
    for question in QUESTIONS:
        chunks = [chunk for chunk, _ in agent.stream(ask([], question), _THREAD, stream_mode="messages")]
        assert any(map(thought, chunks))
    return agent.get_state(_THREAD).values["messages"]


@scenario("create_agent stream_events v3")
async def _events_v3(bench: Bench) -> History:
    agent, history = create_agent(bench.make(), tools=[weather]), []
    for question in QUESTIONS:
        history = agent.stream_events(ask(history, question), version="v3").output["messages"]
    return history


@scenario("create_agent astream_events v2")
async def _events_v2(bench: Bench) -> History:
    agent, history = create_agent(bench.make(), tools=[weather]), []
    for question in QUESTIONS:
        events = [event async for event in agent.astream_events(ask(history, question), version="v2")]
        history = events[-1]["data"]["output"]["messages"]
    return history


@scenario("create_agent ainvoke with output_version v1")
async def _ainvoke(bench: Bench) -> History:
    agent, history = create_agent(bench.make(output_version="v1", streaming=True), tools=[weather, tide]), []
    for question in QUESTIONS:
        history = (await agent.ainvoke(ask(history, question)))["messages"]
    return history


@scenario("StateGraph with InMemorySaver")
async def _memory_saver(bench: Bench) -> History:
    app = graph(bench.make(), InMemorySaver())
    for question in QUESTIONS:
        state = app.invoke(ask([], question), _THREAD)
    return state["messages"]


@scenario("StateGraph with SqliteSaver, the process restarts in mid-loop")
async def _sqlite_saver(bench: Bench) -> History:
    """Another process, with no memory but the checkpoint, finishes what this one began."""
    bench.simulator.mode = replace(bench.simulator.mode, tool_rounds=3)
    url = str(bench.folder / "checkpoints.db")
    with SqliteSaver.from_conn_string(url) as saver:
        app = graph(bench.make(), saver, interrupt_after=["tools"])
        app.invoke(ask([], QUESTIONS[0]), _THREAD)
        app.invoke(None, _THREAD)
    program = str(Path(__file__).parent / "graphs.py")
    fields = {"base_url": bench.base_url, **bench.fields}
    command = (sys.executable, program, bench.wire.model.__name__, url, json.dumps(fields))
    ended = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
    printed, complaint = await ended.communicate()
    assert 0 == ended.returncode, complaint
    return messages_from_dict(json.loads(printed))


async def _remembered(bench: Bench, history: BaseChatMessageHistory) -> History:
    """A chain with a history of its own, which is given questions and tool results and keeps the rest."""
    prompt = ChatPromptTemplate([MessagesPlaceholder("history"), MessagesPlaceholder("new")])
    chain = RunnableWithMessageHistory(
        prompt | bench.make().bind_tools([weather]),
        lambda session_id: history,
        input_messages_key="new",
        history_messages_key="history",
    )
    for question in QUESTIONS:
        new: History = [HumanMessage(question)]
        while new:
            new = list(results_of(chain.invoke({"new": new}, {"configurable": {"session_id": "1"}})))
    return history.messages


@scenario("RunnableWithMessageHistory in memory")
async def _in_memory(bench: Bench) -> History:
    return await _remembered(bench, InMemoryChatMessageHistory())


@scenario("RunnableWithMessageHistory in SQL")
async def _in_sql(bench: Bench) -> History:
    return await _remembered(bench, SQLChatMessageHistory("1", connection=f"sqlite:///{bench.folder}/history.db"))


@scenario("RunnableWithMessageHistory in a file")
async def _in_a_file(bench: Bench) -> History:
    return await _remembered(bench, FileChatMessageHistory(str(bench.folder / "history.json")))


@scenario("update_state edits a tool call")
async def _update_state(bench: Bench) -> History:
    """A person changes the arguments of a call in the state, and the graph goes on."""
    app = graph(bench.make(), InMemorySaver(), interrupt_before=["tools"])
    for question in QUESTIONS:
        app.invoke(ask([], question), _THREAD)
        while app.get_state(_THREAD).next:
            turn = app.get_state(_THREAD).values["messages"][-1]
            calls = [{**call, "args": {"city": "北京"}} for call in turn.tool_calls]
            app.update_state(_THREAD, {"messages": [AIMessage("", tool_calls=calls, id=turn.id)]})
            app.invoke(None, _THREAD)
    history = app.get_state(_THREAD).values["messages"]
    assert {"21 °C in 北京"} == {message.content for message in history if isinstance(message, ToolMessage)}
    return history


@scenario("langgraph-supervisor", strangers=True)
async def _supervisor(bench: Bench) -> History:
    """A supervisor hands over to an agent; no model wrote the turns with which the agent hands back."""
    bench.simulator.mode = replace(bench.simulator.mode, tool_rounds=1)
    model = bench.make()
    forecaster = create_agent(model, tools=[weather], name="forecaster")
    app = create_supervisor([forecaster], model=model, output_mode="full_history").compile()
    history: History = []
    for question in QUESTIONS:
        history = app.invoke(ask(history, question))["messages"]
    return history


def _deep_agent(**fields: Any) -> Any:
    if sys.version_info < (3, 11):
        pytest.skip("deepagents needs Python 3.11")
    from deepagents import create_deep_agent

    return create_deep_agent(**fields)


@scenario("deepagents")
async def _deep(bench: Bench) -> History:
    agent, history = _deep_agent(model=bench.make(), tools=[weather]), []
    for question in QUESTIONS:
        history = agent.invoke(ask(history, question))["messages"]
    return history


@scenario("deepagents with a subagent")
async def _subagent(bench: Bench) -> History:
    """The main agent and its subagents speak to the same API, each in a conversation of its own."""
    subagents: Any = [{"name": "sailor", "description": "knows tides", "system_prompt": "Sail.", "tools": [tide]}]
    agent = _deep_agent(model=bench.make(), tools=[weather], subagents=subagents)
    first = agent.invoke(ask([], QUESTIONS[0]))["messages"]
    return agent.invoke(ask(first, QUESTIONS[1]))["messages"]
