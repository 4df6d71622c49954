"""An agent with two tools: it reasons, calls, reasons again, and all its reasoning goes back to MiMo.

MIMO_API_KEY, and MIMO_BASE_URL where it is not Xiaomi's pay-as-you-go host, must be set.
"""

from langchain.agents import create_agent  # pip install langchain
from langchain_core.messages import AnyMessage, HumanMessage
from langchain_core.tools import tool

from langchain_mimo import ChatMiMo


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"21 °C and clear in {city}"


@tool
def clock(city: str) -> str:
    """The local time in a city."""
    return f"it is 08:15 in {city}"


agent = create_agent(ChatMiMo(model="mimo-v2.6-pro"), tools=[weather, clock])
history: list[AnyMessage] = []
for question in ("What is it like in Beijing?", "And is it too early to call somebody there?"):
    history = agent.invoke({"messages": [*history, HumanMessage(question)]})["messages"]
    print(f"> {question}\n{history[-1].text}\n")
