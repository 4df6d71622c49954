"""The same agent on two chat models: LangChain's own, and ours in its place."""

from __future__ import annotations

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage

from .client import QUESTION, weather


def run_agent(model: BaseChatModel, *, streams: bool) -> None:
    """Runs an agent with one tool until it answers.

    Raises:
        openai.APIStatusError: The service rejected.
    """
    agent = create_agent(model, tools=[weather])
    if streams:
        for _ in agent.stream({"messages": [HumanMessage(QUESTION)]}, stream_mode="messages"):
            pass
    else:
        agent.invoke({"messages": [HumanMessage(QUESTION)]})
