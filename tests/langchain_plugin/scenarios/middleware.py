"""Every middleware of langchain's agents that touches messages, calls or the model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import (
    ClearToolUsesEdit,
    ContextEditingMiddleware,
    FilesystemFileSearchMiddleware,
    HumanInTheLoopMiddleware,
    LLMToolEmulator,
    LLMToolSelectorMiddleware,
    ModelCallLimitMiddleware,
    ModelFallbackMiddleware,
    ModelRetryMiddleware,
    PIIMiddleware,
    ProviderToolSearchMiddleware,
    ShellToolMiddleware,
    SummarizationMiddleware,
    TodoListMiddleware,
    ToolCallLimitMiddleware,
    ToolErrorMiddleware,
    ToolRetryMiddleware,
)
from langchain_core.messages import HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from .agents import ask
from .table import QUESTIONS, Bench, History, scenario, tide, weather

_THREAD: Any = {"configurable": {"thread_id": "1"}}


async def _converse(bench: Bench, *middleware: Any, tools: Any = (weather,), **fields: Any) -> History:
    agent: Any = create_agent(bench.make(**fields), tools=list(tools), middleware=middleware)
    history: History = []
    for question in QUESTIONS:
        history = agent.invoke(ask(history, question))["messages"]
    return history


@scenario("SummarizationMiddleware")
async def _summarization(bench: Bench) -> History:
    """Long histories are summarised by the same model; the summary's request holds no reasoning."""
    middleware = SummarizationMiddleware(bench.make(), trigger=("messages", 6), keep=("messages", 4))
    history = await _converse(bench, middleware)
    assert "summary" in history[0].text
    prompts = [exchange for exchange in bench.simulator.exchanges if not exchange.body.get("tools")]
    assert prompts
    assert [] == [prompt for prompt in prompts if "先想一想" in str(prompt.body)]  # how every thought begins
    return history


@scenario("ContextEditingMiddleware clears tool uses")
async def _context_editing(bench: Bench) -> History:
    bench.simulator.mode = replace(bench.simulator.mode, tool_rounds=3)
    edit = ClearToolUsesEdit(trigger=10, keep=1, clear_tool_inputs=True)
    history = await _converse(bench, ContextEditingMiddleware(edits=[edit]))
    assert b'"[cleared]"' in bench.simulator.exchanges[-1].raw
    return history


@scenario("PIIMiddleware on what goes in and comes out", rewritten=True)
async def _pii(bench: Bench) -> History:
    """An answer that was redacted keeps its own reasoning, which the middleware leaves alone."""
    redacted = PIIMiddleware(
        "number", detector=r"[0-9a-f]{16}", apply_to_input=True, apply_to_output=True, apply_to_tool_results=True
    )
    history = await _converse(bench, redacted)
    assert "[REDACTED_NUMBER]" in history[-1].text
    return history


@scenario("TodoList, ToolRetry, ModelRetry, limits, tool search")
async def _many(bench: Bench) -> History:
    return await _converse(
        bench,
        TodoListMiddleware(),
        ToolRetryMiddleware(),
        ModelRetryMiddleware(),
        ModelCallLimitMiddleware(run_limit=9),
        ToolCallLimitMiddleware(run_limit=9),
        ToolErrorMiddleware(lambda error, request: "failed"),
        ProviderToolSearchMiddleware(),
    )


@scenario("ModelCallLimitMiddleware ends a run", strangers=True)
async def _limited(bench: Bench) -> History:
    """The words with which it ends are no turn of the model's, and no tool turn."""
    bench.simulator.mode = replace(bench.simulator.mode, tool_rounds=3)
    return await _converse(bench, ModelCallLimitMiddleware(run_limit=2))


@scenario("ModelFallbackMiddleware, the first model answers")
async def _fallback(bench: Bench) -> History:
    return await _converse(bench, ModelFallbackMiddleware(bench.make(model="mimo-v2.6-flash")))


@scenario("ModelFallbackMiddleware, the second model answers")
async def _fallback_used(bench: Bench) -> History:
    dead = {"base_url": "http://127.0.0.1:9/v1", "max_retries": 0}
    return await _converse(bench, ModelFallbackMiddleware(bench.make(model="mimo-v2.6-flash")), **dead)


@scenario("LLMToolSelectorMiddleware")
async def _selector(bench: Bench) -> History:
    """The model is asked first which tools it wants, in structured output."""
    return await _converse(bench, LLMToolSelectorMiddleware(model=bench.make(), max_tools=1), tools=(weather, tide))


@scenario("LLMToolEmulator")
async def _emulator(bench: Bench) -> History:
    return await _converse(bench, LLMToolEmulator(model=bench.make()))


@scenario("ShellTool and FileSearch")
async def _tools(bench: Bench) -> History:
    shell = ShellToolMiddleware(workspace_root=bench.folder, startup_commands=(), shutdown_commands=())
    return await _converse(bench, FilesystemFileSearchMiddleware(root_path=str(bench.folder)), shell)


async def _supervised(bench: Bench, decide: Any) -> History:
    """A person decides about each call."""
    middleware: Any = [HumanInTheLoopMiddleware({"weather": True})]
    agent: Any = create_agent(bench.make(), tools=[weather], middleware=middleware, checkpointer=InMemorySaver())
    for question in QUESTIONS:
        state = agent.invoke({"messages": [HumanMessage(question)]}, _THREAD)
        while "__interrupt__" in state:
            (request,) = state["__interrupt__"]
            decisions = [decide(action) for action in request.value["action_requests"]]
            state = agent.invoke(Command(resume={"decisions": decisions}), _THREAD)
    return state["messages"]


@scenario("human in the loop approves")
async def _approve(bench: Bench) -> History:
    return await _supervised(bench, lambda _: {"type": "approve"})


@scenario("human in the loop edits")
async def _edit(bench: Bench) -> History:
    edited = {"name": "weather", "args": {"city": "北京"}}
    history = await _supervised(bench, lambda _: {"type": "edit", "edited_action": edited})
    results = [message.text for message in history if isinstance(message, ToolMessage)]
    assert [] == [result for result in results if "北京" not in result]
    return history


@scenario("human in the loop rejects")
async def _reject(bench: Bench) -> History:
    history = await _supervised(bench, lambda _: {"type": "reject", "message": "No."})
    assert any(isinstance(message, ToolMessage) and message.status == "error" for message in history)
    return history
