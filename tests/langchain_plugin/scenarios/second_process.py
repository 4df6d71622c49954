"""A process of its own, which knows nothing but a store: it goes on with histories that have lost all reasoning.

A line of JSON comes in for each history, and a line goes out when the API has answered.
"""

from __future__ import annotations

import json
import sys

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, messages_from_dict

import langchain_mimo


def _bare(message: BaseMessage) -> BaseMessage:
    return AIMessage(message.text, tool_calls=message.tool_calls) if isinstance(message, AIMessage) else message


for line in sys.stdin:
    asked = json.loads(line)
    history = [_bare(message) for message in messages_from_dict(asked["history"])]
    kind = getattr(langchain_mimo, asked["class"])
    model = kind(model="mimo-v2.6-pro", api_key="k", max_retries=0, **asked["fields"])
    try:
        said = model.invoke([*history, HumanMessage("And here?")]).type
    except Exception as error:  # noqa: BLE001 - for the test to see
        said = f"{type(error).__name__}: {error}"
    sys.stdout.write(said.replace("\n", " ") + "\n")
    sys.stdout.flush()
