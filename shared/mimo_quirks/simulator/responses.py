"""The responses wire, OpenAI's: `POST /v1/responses`, stateless (EVIDENCE §4.8).

A turn is a run of items of reasoning, of the assistant's messages and of calls, up to the next item of another role;
its reasoning is the `content` of its items of reasoning. What an item has in `encrypted_content` is not read, as the
service issues none. A `summary` is no place for reasoning: the service folds its text into the context, so that an
item with both has too much in it, and one with a summary alone lacks what was issued.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby

from pydantic import ValidationError

from mimo_quirks.simulator.answer import Sign
from mimo_quirks.simulator.errors import EXTRA_INPUT, WireError, feature_not_supported, invalid_value, relayed
from mimo_quirks.simulator.frames import responses_frame
from mimo_quirks.simulator.history import Asked, Called, Message, Tool, read_object
from mimo_quirks.simulator.modes import Mode
from mimo_quirks.simulator.records import Part
from mimo_quirks.simulator.responses_answer import document, events
from mimo_quirks.simulator.responses_request import (
    Content,
    FunctionCall,
    FunctionCallOutput,
    Item,
    Reasoning,
    ResponsesRequest,
    Said,
    unsupported,
)
from mimo_quirks.simulator.schema import first_fault
from mimo_quirks.simulator.serving import Wire


def _read(raw: bytes, _: Mode) -> Asked:
    body = read_object(raw)
    if missing := next(unsupported(body), None):
        return Asked(body, None, None, fault=feature_not_supported(missing))
    try:
        request = ResponsesRequest.model_validate(body)
    except ValidationError as error:
        return Asked(body, None, None, fault=invalid_value(*first_fault(error)))
    thinking = request.reasoning is None or request.reasoning.effort != "none"
    tools = tuple(Tool(tool.name, tool.parameters) for tool in request.tools or ())
    return Asked(body, tuple(_history(request)), thinking, tools)


def _history(request: ResponsesRequest) -> Iterator[Message]:
    if request.instructions:
        yield Message("system", request.instructions)
    if isinstance(request.input, str):
        yield Message("user", request.input)
        return
    for is_turn, run in groupby(request.input, _is_of_turn):
        items = list(run)
        yield from [_turn(items)] if is_turn else map(_asked, items)


def _is_of_turn(item: Item) -> bool:
    return isinstance(item, (Reasoning, FunctionCall)) or (isinstance(item, Said) and item.role == "assistant")


def _turn(items: list[Item]) -> Message:
    thoughts = [text for item in items if isinstance(item, Reasoning) and (text := _thought(item)) is not None]
    return Message(
        "assistant",
        "".join(_text(item.content) for item in items if isinstance(item, Said)),
        "".join(thoughts) if thoughts else None,
        tuple(Called(item.call_id, item.name) for item in items if isinstance(item, FunctionCall)),
        tuple(_parts(items)),
    )


def _thought(item: Reasoning) -> str | None:
    texts = [part.text for part in item.content or () if part.type == "reasoning_text"]
    return "".join((*texts, _text(item.summary or []))) if texts else None


def _parts(items: Iterable[Item]) -> Iterator[Part]:
    for item in items:
        if isinstance(item, Reasoning):
            yield "thinking", _thought(item) or ""
        elif isinstance(item, Said):
            yield "text", _text(item.content)
        elif isinstance(item, FunctionCall):
            yield "call", item.name


def _asked(item: Item) -> Message:
    if isinstance(item, FunctionCallOutput):
        return Message("tool", _text(item.output))
    return Message(item.role, _text(item.content)) if isinstance(item, Said) else Message("", "")


def _text(content: str | list[Content]) -> str:
    return content if isinstance(content, str) else "".join(part.text for part in content)


def _first_error(asked: Asked, _: Mode, __: Sign) -> WireError | None:
    return asked.fault


def _forbidden(asked: Asked) -> WireError | None:
    items = enumerate(asked.body["input"]) if isinstance(asked.body["input"], list) else ()
    places = (f"input.{position}.reasoning" for position, item in items if item.get("type") == "reasoning")
    return next((invalid_value(place, f"{place}: {EXTRA_INPUT}") for place in places), None)


RESPONSES = Wire("responses", _read, _first_error, _forbidden, document, events, relayed, responses_frame)
"""The row of this wire: its turns are items in order."""
