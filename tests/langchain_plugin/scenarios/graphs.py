"""A ReAct loop by hand; as a program, the process that goes on where another one stopped."""

from __future__ import annotations

import json
import sys
from typing import Any

from langchain_core.messages import messages_to_dict
from langchain_core.tools import tool
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

import langchain_mimo


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"21 °C in {city}"


def graph(model: Any, saver: Any, **options: Any) -> Any:
    bound = model.bind_tools([weather])

    def think(state: MessagesState) -> dict[str, Any]:
        return {"messages": [bound.invoke(state["messages"])]}

    builder = StateGraph(MessagesState)
    builder.add_node("think", think)
    builder.add_node("tools", ToolNode([weather]))
    builder.add_edge(START, "think")
    builder.add_conditional_edges("think", tools_condition)
    builder.add_edge("tools", "think")
    return builder.compile(checkpointer=saver, **options)


if __name__ == "__main__":
    class_name, checkpoints, fields = sys.argv[1:]
    restarted = getattr(langchain_mimo, class_name)(model="mimo-v2.6-pro", api_key="k", **json.loads(fields))
    with SqliteSaver.from_conn_string(checkpoints) as kept:
        state = graph(restarted, kept).invoke(None, {"configurable": {"thread_id": "1"}})
    sys.stdout.write(json.dumps(messages_to_dict(state["messages"])))
