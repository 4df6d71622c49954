"""A LangGraph agent whose thread is in a file: run it twice, and the second run goes on where the first one stopped.

The checkpoint keeps every message with its reasoning, so nothing else has to be kept. MIMO_API_KEY must be set.
"""

import sys

from langchain.agents import create_agent  # pip install langchain
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langgraph.checkpoint.sqlite import SqliteSaver  # pip install langgraph-checkpoint-sqlite

from langchain_mimo import ChatMiMo


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"21 °C and clear in {city}"


path = sys.argv[1] if len(sys.argv) > 1 else "threads.db"
thread: RunnableConfig = {"configurable": {"thread_id": "holiday"}}
with SqliteSaver.from_conn_string(path) as saver:
    agent = create_agent(ChatMiMo(model="mimo-v2.6-pro"), tools=[weather], checkpointer=saver)
    before = len(agent.get_state(thread).values.get("messages", []))
    question = "And tomorrow?" if before else "What is the weather in Beijing?"
    state = agent.invoke({"messages": [HumanMessage(question)]}, thread)
    print(f"{before} messages were there; {len(state['messages'])} are now\n{state['messages'][-1].text}")
