"""The chat wire: `POST /v1/chat/completions`."""

from collections.abc import Mapping, Sequence
from typing import Any

from mimo_quirks.simulator.answer import Sign
from mimo_quirks.simulator.checks import first_error
from mimo_quirks.simulator.completion import document
from mimo_quirks.simulator.errors import WireError, extra_input, relayed
from mimo_quirks.simulator.frames import chat_frame
from mimo_quirks.simulator.history import Asked, Called, Message, Tool, read_object, text_of
from mimo_quirks.simulator.modes import Mode
from mimo_quirks.simulator.serving import Wire
from mimo_quirks.simulator.spellings import REASONING_FIELDS, SPELLINGS, Json, Spelling
from mimo_quirks.simulator.stream import events


def _read(raw: bytes, mode: Mode) -> Asked:
    spelling = SPELLINGS[mode.spelling]
    body = read_object(raw)
    messages = body.get("messages")
    readable = isinstance(messages, list) and all(isinstance(message, Mapping) for message in messages)
    history = tuple(_message(message, spelling) for message in messages) if messages is not None and readable else None
    return Asked(body, history, spelling.switch(body), tuple(map(_tool, _functions(body.get("tools")))))


def _message(message: Json, spelling: Spelling) -> Message:
    role = message.get("role")
    text = text_of(message.get("content"))
    if role != "assistant":
        return Message(role if isinstance(role, str) else "", text)
    calls = message.get("tool_calls")
    called = tuple(map(_called, calls)) if isinstance(calls, list) else ()
    return Message("assistant", text, spelling.read(message), called)


def _called(call: object) -> Called:
    fields = call if isinstance(call, Mapping) else {}
    function = fields.get("function")
    name = function.get("name") if isinstance(function, Mapping) else None
    id_ = fields.get("id")
    return Called(id_ if isinstance(id_, str) else None, name if isinstance(name, str) else "")


def _functions(tools: object) -> Sequence[Mapping[str, Any]]:
    # The rest is for the checks to find.
    known = [tool for tool in tools if isinstance(tool, Mapping)] if isinstance(tools, list) else []
    functions = (tool.get("function") for tool in known if tool.get("type") == "function")
    return [function for function in functions if isinstance(function, Mapping)]


def _tool(function: Mapping[str, Any]) -> Tool:
    name = function.get("name")
    return Tool(name if isinstance(name, str) else "", function.get("parameters"))


def _first_error(asked: Asked, mode: Mode, _: Sign) -> WireError | None:
    return first_error(asked, mode)


def _forbidden(asked: Asked) -> WireError | None:
    for position, message in enumerate(asked.body["messages"]):
        for field in REASONING_FIELDS:
            if message.get("role") == "assistant" and message.get(field) is not None:
                return extra_input(f"messages.{position}.assistant.{field}")
    return None


CHAT = Wire("chat", _read, _first_error, _forbidden, document, events, relayed, chat_frame, ordered=False)
"""The row of this wire: its turns are one text of reasoning, one of content, and calls."""
