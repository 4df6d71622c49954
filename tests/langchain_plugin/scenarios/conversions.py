"""What applications do to messages between two requests."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from typing import Any

from langchain_core.load import dumps, loads
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    SystemMessage,
    convert_to_messages,
    convert_to_openai_messages,
    filter_messages,
    merge_message_runs,
    message_chunk_to_message,
    messages_from_dict,
    messages_to_dict,
    trim_messages,
)
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder

from .calls import stream
from .table import Bench, History, converse, invoke, scenario, thought, tide, weather


def _of_history(id_: str, change: Callable[[History], Any]) -> None:
    """The whole history is changed before each request, in plain form first and with v1 blocks after."""

    @scenario(id_)
    async def run(bench: Bench) -> History:
        history = await converse(bench.make().bind_tools([weather]), sent=change)
        v1 = bench.make(output_version="v1").bind_tools([weather])
        return await converse(v1, stream, sent=change, history=history)


def _of_turn(id_: str, change: Callable[[AIMessage], BaseMessage], **fields: Any) -> None:
    """Each answer is changed when it is kept."""

    @scenario(id_)
    async def run(bench: Bench) -> History:
        return await converse(bench.make(**fields).bind_tools([weather, tide]), kept=change)


def _as_dicts(history: History) -> list[dict[str, Any]]:
    """How people write OpenAI histories who know of the field."""
    dicts = convert_to_openai_messages(history)
    for message, plain in zip(history, dicts, strict=True):
        if isinstance(message, AIMessage):
            plain["content"] = message.text
            plain["reasoning_content"] = thought(message)
    return json.loads(json.dumps(dicts))


def _models(history: History) -> list[BaseMessage]:
    whole = [message_chunk_to_message(turn) if isinstance(turn, AIMessageChunk) else turn for turn in history]
    return convert_to_messages([json.loads(message.model_dump_json()) for message in whole])


def _trimmed(history: History) -> list[BaseMessage]:
    return trim_messages(history, max_tokens=5, token_counter=len, strategy="last", start_on="human")


_of_history("messages_to_dict / from_dict", lambda h: messages_from_dict(json.loads(json.dumps(messages_to_dict(h)))))
_of_history("dumps / loads", lambda h: loads(dumps(h), allowed_objects="messages"))
_of_history("pickle", lambda h: pickle.loads(pickle.dumps(h)))
_of_history("model_dump → convert_to_messages", _models)
_of_history("trim_messages", _trimmed)
_of_history("filter_messages", lambda h: filter_messages(h, exclude_names=["nobody"]))
_of_history("merge_message_runs", lambda h: merge_message_runs([SystemMessage("a"), SystemMessage("b"), *h]))
_of_history("OpenAI dicts with reasoning_content", _as_dicts)
_of_history("model_copy", lambda h: [message.model_copy(deep=True) for message in h])


def _openai(turn: AIMessage) -> Any:
    (back,) = convert_to_messages(convert_to_openai_messages([turn]))
    return back


_of_turn("convert_to_openai_messages → convert_to_messages", _openai)
_of_turn("rebuilt with content and tool_calls", lambda turn: AIMessage(turn.content, tool_calls=turn.tool_calls))
_of_turn("rebuilt with text and tool_calls", lambda turn: AIMessage(turn.text, tool_calls=turn.tool_calls))
_of_turn(
    "rebuilt with text and tool_calls, v1",
    lambda turn: AIMessage(turn.text, tool_calls=turn.tool_calls),
    output_version="v1",
)
_of_turn("rebuilt with content_blocks", lambda turn: AIMessage(content_blocks=turn.content_blocks))


@scenario("ChatPromptTemplate with MessagesPlaceholder")
async def _prompt(bench: Bench) -> History:
    prompt = ChatPromptTemplate([("system", "You are MiMo."), MessagesPlaceholder("history")])
    model = prompt | bench.make().bind_tools([weather])
    return await converse(model, sent=lambda history: {"history": history})


@scenario("trim_messages counted by the model")
async def _counted(bench: Bench) -> History:
    """The model itself is the token counter, without a network; what is left out of a history is not missed."""
    model = bench.make()
    lengths = []

    def trimmed(history: History) -> list[BaseMessage]:
        kept = trim_messages(history, max_tokens=400, token_counter=model, strategy="last", start_on="human")
        lengths.append(len(history) - len(kept))
        return kept

    history = await converse(model.bind_tools([weather]), invoke, sent=trimmed)
    assert 0 == lengths[0]
    assert 0 < lengths[-1]
    return history
