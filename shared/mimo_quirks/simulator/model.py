"""The pretend model: it calls the advertised tools for some rounds, then answers, and thinks each time.

Every turn's reasoning holds a token that nobody can guess, so that equal text proves that the text
travelled; whether its ids and its answer hold one is the mode's choice. And it is nasty on purpose:
whatever a framework strips, joins, escapes or splits along the way is in it.
"""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle, islice, takewhile

from mimo_quirks.simulator.asked import call_arguments, formatted
from mimo_quirks.simulator.history import Asked, Message, Tool
from mimo_quirks.simulator.modes import Mode
from mimo_quirks.simulator.recollection import recalled
from mimo_quirks.simulator.records import Call, Issued, Part

_FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
_TRAPS = (
    "先想一想。\r\n"  # CR LF is one line end to a client that normalises
    f"{_FAMILY} \U0001f914\n\n"  # one emoji of five code points, one outside the basic plane
    "</think> <think>\n"  # inline tags of bare engines (EVIDENCE §8)
    "data: [DONE]\n\n"  # the stream's own last word
    "```json\n{\"quoted\": 'it\\'s \\\\ here'}\n```\n"
    "a &lt; b &amp; c\t"
)


def reply(asked: Asked, mode: Mode, *, ordered: bool) -> Issued:
    """Answer a request with a new turn; `ordered` where the wire orders its parts."""
    # EVIDENCE §7.1, §7.3: content is the empty string beside tool calls, and all calls belong to one turn's reasoning.
    word = recalled(asked.history, mode)
    calls = tuple(_calls(asked, mode)) if word is None and _goes_on(asked, mode) else ()
    content = "" if calls else word or formatted(asked.body, asked.history, _answer(mode))
    late = mode.late_reasoning and bool(calls)
    count = max(mode.thinking_blocks, len(calls) + 1 if late else 1)
    blocks = [_thought() for _ in range(count)] if asked.thinking else []
    parts = tuple(_in_order(blocks, content, calls, late=late)) if ordered else ()
    return Issued("".join(blocks) if asked.thinking else None, content, calls, parts)


def _goes_on(asked: Asked, mode: Mode) -> bool:
    return bool(asked.tools) and _rounds_so_far(asked.history) < mode.tool_rounds


def _thought() -> str:
    return f"\n  {_TRAPS}{secrets.token_hex(16)} \n\t"


def _answer(mode: Mode) -> str:
    return "Done." if mode.answers == "identical" else f"答案是 {secrets.token_hex(8)}。"


def _in_order(blocks: Sequence[str], content: str, calls: Sequence[Call], *, late: bool) -> Iterator[Part]:
    # Blocks go before each thing said or called, and after the last where they are late; the first places get more.
    said: list[Part] = [("call", call.name) for call in calls] or [("text", content)]
    rest = iter(blocks)
    share, more = divmod(len(blocks), len(said) + late)
    for place, part in enumerate(said):
        yield from (("thinking", block) for block in islice(rest, share + (place < more)))
        yield part
    yield from (("thinking", block) for block in rest)


def _calls(asked: Asked, mode: Mode) -> Iterator[Call]:
    made = sum(len(message.calls) for message in asked.history if message.is_turn)
    tools: Iterable[Tool] = islice(cycle(asked.tools), mode.parallel_calls)
    for ordinal, tool in enumerate(tools, made):
        id_ = f"{tool.name}:{ordinal}" if mode.ids == "repeating" else f"call_{secrets.token_hex(12)}"
        yield Call(id_, tool.name, call_arguments(tool.parameters, asked.history))


def _rounds_so_far(history: Sequence[Message]) -> int:
    current = takewhile(lambda message: message.role != "user", reversed(history))
    return sum(1 for message in current if message.is_turn and message.calls)
