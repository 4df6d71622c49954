"""What is wrong with a chat request apart from the reasoning rule: checks in a row, the first offence answers.

None of these bodies is a rejection in the sense of this project: a client that takes one for the reasoning
rule is wrong, and finds out here.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from mimo_quirks.simulator import errors
from mimo_quirks.simulator.errors import WireError
from mimo_quirks.simulator.history import Asked
from mimo_quirks.simulator.modes import Mode
from mimo_quirks.simulator.spellings import REASONING_FIELDS

Check: TypeAlias = Callable[[Asked, Mode], WireError | None]

_HOTTEST = 1.5
"""EVIDENCE §9: temperature is in [0, 1.5]."""


def _messages(asked: Asked, _: Mode) -> WireError | None:
    return errors.BAD_MESSAGES if asked.messages is None else None


def _thinking(asked: Asked, _: Mode) -> WireError | None:
    return errors.BAD_THINKING if asked.thinking is None else None


def _n(asked: Asked, _: Mode) -> WireError | None:
    return None if asked.body.get("n") in (None, 1) else errors.N_NOT_SUPPORTED


def _temperature(asked: Asked, _: Mode) -> WireError | None:
    value = asked.body.get("temperature")
    if value is None:
        return None
    counts = isinstance(value, (int, float)) and not isinstance(value, bool)
    return None if counts and 0 <= value <= _HOTTEST else errors.BAD_TEMPERATURE


def _tools(asked: Asked, _: Mode) -> WireError | None:
    # EVIDENCE §9: `function` or the chat wire's own `web_search`. `tool_choice` has no check: it is ignored
    # in silence.
    tools = [] if asked.body.get("tools") is None else asked.body["tools"]
    return None if isinstance(tools, list) and all(map(_is_known_tool, tools)) else errors.FUNCTION_NOT_SET


def _is_known_tool(tool: object) -> bool:
    if not isinstance(tool, Mapping):
        return False
    function = tool.get("function")
    named = isinstance(function, Mapping) and isinstance(function.get("name"), str)
    return tool.get("type") == "web_search" or (tool.get("type") == "function" and named)


def _string_content(asked: Asked, mode: Mode) -> WireError | None:
    if not mode.string_content:
        return None
    for message, read in zip(asked.body["messages"], asked.history, strict=True):
        if read.is_turn and read.calls and message.get("content") is None:
            return errors.TEXT_NOT_PRESENT
        if read.role == "tool" and not isinstance(message.get("content"), str):
            return errors.TEXT_NOT_SET
    return None


def _reasoning_elsewhere(asked: Asked, mode: Mode) -> WireError | None:
    if not mode.strict_elsewhere:
        return None
    others = [("body", asked.body, REASONING_FIELDS[::2])]  # `reasoning` is a switch there
    for position, message in enumerate(asked.body["messages"]):
        if message.get("role") != "assistant":
            others.append((f"messages.{position}.{message.get('role')}", message, REASONING_FIELDS))
    places = (f"{place}.{field}" for place, members, fields in others for field in fields if field in members)
    return next(map(errors.extra_input, places), None)


def _quoted(asked: Asked, mode: Mode) -> WireError | None:
    text = next((message.text for message in reversed(asked.history) if message.role == "user"), "")
    is_quoted = mode.quotes is not None and mode.quotes in text
    return errors.invalid_value("messages", f"Input should be a valid message, not '{text}'") if is_quoted else None


CHECKS: tuple[Check, ...] = (
    _messages,
    _thinking,
    _n,
    _temperature,
    _tools,
    _string_content,
    _reasoning_elsewhere,
    _quoted,
)
"""In the order in which a host would trip over them."""


def first_error(asked: Asked, mode: Mode) -> WireError | None:
    """The answer to the first offence, if there is one."""
    answers = (check(asked, mode) for check in CHECKS)
    return next((answer for answer in answers if answer is not None), None)
