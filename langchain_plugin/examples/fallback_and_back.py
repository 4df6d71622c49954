"""Another model answers while MiMo does not, and MiMo goes on afterwards in the same conversation.

The other model never sees MiMo's reasoning, nor MiMo the other's. MIMO_API_KEY must be set, and OTHER_BASE_URL,
OTHER_API_KEY and OTHER_MODEL, which are any OpenAI-compatible service's.
"""

import os

from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from langchain_mimo import ChatMiMo


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"21 °C and clear in {city}"


mimo = ChatMiMo(model="mimo-v2.6-pro").bind_tools([weather])
other = ChatOpenAI(
    model=os.environ.get("OTHER_MODEL", "gpt-5.2"),
    api_key=SecretStr(os.environ["OTHER_API_KEY"]),
    base_url=os.environ.get("OTHER_BASE_URL"),
).bind_tools([weather])
asleep = ChatMiMo(model="mimo-v2.6-pro", base_url="http://127.0.0.1:9/v1", max_retries=0).bind_tools([weather])

history: list[BaseMessage] = []
for model in (mimo, asleep.with_fallbacks([other]), mimo):
    history.append(HumanMessage("What is the weather in Beijing now?"))
    while True:
        turn = model.invoke(history)
        history += [turn, *(weather.invoke(call) for call in turn.tool_calls)]
        if not turn.tool_calls:
            break
    print(f"{turn.response_metadata['model_name']}: {turn.text}")
