"""The pretend model: it calls the advertised tools for some rounds, then answers, and thinks each time.

Every turn's reasoning holds a token that nobody can guess, so that equal text proves that the text
travelled; whether its ids and its answer hold one is the mode's choice. And it is nasty on purpose:
whatever a framework strips, joins, escapes or splits along the way is in it.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle, islice, takewhile
from typing import Any

from mimo_quirks.simulator.asked import call_arguments, formatted
from mimo_quirks.simulator.history import Asked, is_assistant, tool_calls
from mimo_quirks.simulator.modes import Mode
from mimo_quirks.simulator.records import Call, Issued
from mimo_quirks.simulator.spellings import Json

_FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
_TRAPS = (
    "先想一想。\r\n"  # CR LF is one line end to a client that normalises
    f"{_FAMILY} \U0001f914\n\n"  # one emoji of five code points, one outside the basic plane
    "</think> <think>\n"  # inline tags of bare engines (contract §8)
    "data: [DONE]\n\n"  # the stream's own last word
    "```json\n{\"quoted\": 'it\\'s \\\\ here'}\n```\n"
    "a &lt; b &amp; c\t"
)


def reply(asked: Asked, mode: Mode) -> Issued:
    """Answer a request with a new turn."""
    functions = [tool["function"] for tool in asked.tools if tool.get("type") == "function"]
    reasoning = _thought() if asked.thinking else None
    if not functions or _rounds_so_far(asked.history) >= mode.tool_rounds:
        answer = "Done." if mode.answers == "identical" else f"答案是 {secrets.token_hex(8)}。"
        return Issued(reasoning, formatted(asked.body, asked.history, answer))
    # Contract §6 and §7: content is the empty string beside tool calls, and all calls belong to one text of
    # reasoning.
    return Issued(reasoning, "", tuple(_calls(functions, asked.history, mode)))


def _thought() -> str:
    return f"\n  {_TRAPS}{secrets.token_hex(16)} \n\t"


def _calls(functions: Sequence[Mapping[str, Any]], history: Sequence[Json], mode: Mode) -> Iterable[Call]:
    made = sum(len(tool_calls(message)) for message in history if is_assistant(message))
    for ordinal, function in enumerate(islice(cycle(functions), mode.parallel_calls), made):
        name = function["name"]
        id_ = f"{name}:{ordinal}" if mode.ids == "repeating" else f"call_{secrets.token_hex(12)}"
        yield Call(id_, name, call_arguments(function.get("parameters"), history))


def _rounds_so_far(history: Sequence[Json]) -> int:
    current = takewhile(lambda message: message.get("role") != "user", reversed(history))
    return sum(1 for message in current if is_assistant(message) and tool_calls(message))
