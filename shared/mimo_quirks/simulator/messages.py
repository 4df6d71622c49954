"""The messages wire, Anthropic's: `POST /anthropic/v1/messages`, and `/v1/messages` of relays."""

from collections.abc import Iterable, Iterator
from itertools import starmap

from pydantic import ValidationError

from mimo_quirks.simulator.answer import Sign
from mimo_quirks.simulator.errors import EXTRA_INPUT, WireError, invalid_request, invalid_signature, relayed_messages
from mimo_quirks.simulator.frames import messages_frame
from mimo_quirks.simulator.history import Asked, Called, Message, Tool, read_object
from mimo_quirks.simulator.messages_answer import document, events
from mimo_quirks.simulator.messages_request import Block, MessagesRequest, Text, Thinking, ToolResult, ToolUse, Turn
from mimo_quirks.simulator.modes import Mode
from mimo_quirks.simulator.records import Part
from mimo_quirks.simulator.schema import first_fault
from mimo_quirks.simulator.serving import Wire


def _read(raw: bytes, _: Mode) -> Asked:
    body = read_object(raw)
    try:
        request = MessagesRequest.model_validate(body)
    except ValidationError as error:
        return Asked(body, None, None, fault=invalid_request(": ".join(first_fault(error))))
    tools = tuple(Tool(tool.name, tool.input_schema) for tool in request.tools or ())
    return Asked(body, tuple(_history(request)), request.thinking.type != "disabled", tools)


def _history(request: MessagesRequest) -> Iterator[Message]:
    if system := request.system if isinstance(request.system, str) else _text(request.system):
        yield Message("system", system)
    for turn in request.messages:
        yield from (_spoken(turn),) if turn.role == "assistant" else _asked(turn)


def _spoken(turn: Turn) -> Message:
    thoughts = [block.thinking for block in turn.blocks if isinstance(block, Thinking)]
    return Message(
        "assistant",
        _text(turn.blocks),
        "".join(thoughts) if thoughts else None,
        tuple(Called(block.id, block.name) for block in turn.blocks if isinstance(block, ToolUse)),
        tuple(_parts(turn.blocks)),
    )


def _parts(blocks: Iterable[Block]) -> Iterator[Part]:
    for block in blocks:
        if isinstance(block, Thinking):
            yield "thinking", block.thinking
        elif isinstance(block, Text):
            yield "text", block.text
        elif isinstance(block, ToolUse):
            yield "call", block.name


def _asked(turn: Turn) -> Iterator[Message]:
    # A text beside results is a reminder of the client's and no new question, so the rounds go on.
    results = [block.content for block in turn.blocks if isinstance(block, ToolResult)]
    yield from (Message("tool", content if isinstance(content, str) else _text(content)) for content in results)
    said = _text(turn.blocks)
    if said or not results:
        yield Message("tool" if results else "user", said)


def _text(blocks: Iterable[Block]) -> str:
    return "".join(block.text for block in blocks if isinstance(block, Text))


def _first_error(asked: Asked, mode: Mode, sign: Sign) -> WireError | None:
    if asked.fault is not None or mode.signatures != "checked":
        return asked.fault
    forged = ((position, place) for position, place, block in _thoughts(asked) if _is_forged(block, sign))
    return next(starmap(invalid_signature, forged), None)


def _is_forged(block: dict[str, str], sign: Sign) -> bool:
    # EVIDENCE §4.7: absent and empty signatures were each shipped, and passed.
    return bool(block.get("signature")) and block["signature"] != sign(block["thinking"])


def _forbidden(asked: Asked) -> WireError | None:
    places = (f"messages.{position}.content.{place}.thinking" for position, place, _ in _thoughts(asked))
    return next((invalid_request(f"{place}: {EXTRA_INPUT}") for place in places), None)


def _thoughts(asked: Asked) -> Iterator[tuple[int, int, dict[str, str]]]:
    """The blocks of reasoning, and where they stand."""
    for position, message in enumerate(asked.body["messages"]):
        for place, block in enumerate(message["content"]):
            if isinstance(block, dict) and block["type"] == "thinking":
                yield position, place, block


MESSAGES = Wire("messages", _read, _first_error, _forbidden, document, events, relayed_messages, messages_frame)
"""The row of this wire: its turns are blocks in order."""
