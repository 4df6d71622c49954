"""Questions about everything else: the switch, the cache, tools, formats, contents, keys, and the form of errors."""

from __future__ import annotations

import json
from typing import Any, Final

from mimo_quirks.facts.models import abilities_of

from .asking import Answer, Ask, Finding, Place, Talk
from .known import (
    FOLLOW_UP,
    LOOK_UP,
    PLAIN,
    TOOLS,
    Known,
    after_tools,
    is_no_verdict,
    issued_tool_turn,
    outcome,
    plain_turn,
)
from .speech import MISSING, Results, Turn, User

_NAMELESS: Final = User("Name one primary colour.")


def switches(known: Known) -> Talk[list[Finding]]:
    """Which spelling of "thinking off" switches it off."""
    baseline = yield from plain_turn(known)
    if baseline.said is None or not baseline.said.is_thought:
        return [known.finding("switches", "all known switches", "not testable: the model does not think", None)]
    ours, found = known.quirks.dialect.switches if known.quirks else (), []
    for switch in known.switches:
        asked = known.ask(PLAIN, more=known.off(switch))
        answer = yield asked
        sent = f"{'.'.join(switch.path)} = {json.dumps(switch.off)}"
        said = answer.said
        value = _verdict(asked, answer) if said is None else "on" if said.is_thought else "off"
        came = outcome(asked, answer) if said is None else f"thinking is {value}"
        expected = "off" if switch in ours else None
        found.append(known.finding("switches", sent, came, value, expected, asked, answer))
    return found


def _verdict(asked: Ask, answer: Answer) -> str | None:
    return None if is_no_verdict(asked, answer) else "rejected"


_LONG: Final = "\n".join(f"Line {number}: a lemon is yellow, and a lime is green." for number in range(1, 151))


def cache(known: Known) -> Talk[list[Finding]]:
    """Whether a history that goes on is read from the prompt cache."""
    question = User(f"{_LONG}\nWhat colour is a ripe lemon? Answer in one word.")
    first = (yield known.ask(question)).said
    if first is None:
        return [known.finding("cache", "a long history", "not answered", None)]
    said = (yield known.ask(question, Turn(first), FOLLOW_UP)).said
    cached = said.usage.cached if said else None
    if cached is None:
        return [known.finding("cache", "a long history, and one turn more", "the host reports no token counts", None)]
    came = f"{cached} of {said.usage.prompt if said else 0} tokens cached"
    value = "holds" if cached * 2 >= first.usage.prompt else "does not hold"
    return [known.finding("cache", "a long history, and one turn more", came, value)]


def parallel(known: Known) -> Talk[list[Finding]]:
    """How many calls come in one turn."""
    question = User("How warm is it in Beijing and in Shanghai now? Look up both at once.")
    said = (yield known.ask(question, tools=TOOLS)).said
    count = len(said.calls) if said else None
    came = "not answered" if count is None else f"{count} call{'' if count == 1 else 's'} in one turn"
    return [known.finding("parallel", "two cities to look up", came, count)]


def choices(known: Known) -> Talk[list[Finding]]:
    """Whether a request may ask for two answers."""
    asked = known.ask(PLAIN, more={"n": 2})
    answer = yield asked
    count = answer.said.choices if answer.said else 0
    value = f"{count} choice{'' if count == 1 else 's'}" if count else _verdict(asked, answer)
    came = str(value) if count else outcome(asked, answer)
    expected = None if known.quirks is None else "2 choices" if known.quirks.takes_n else "rejected"
    return [known.finding("n", "n = 2", came, value, expected, asked, answer)]


def forced_tools(known: Known) -> Talk[list[Finding]]:
    """Whether `tool_choice` is obeyed."""
    quirks, found = known.quirks, []
    expected = None if quirks is None else "obeyed" if quirks.forces_tools else "ignored"
    for sent, name in (("the other tool forced", "local_time"), ("none allowed", None)):
        asked = known.ask(LOOK_UP, tools=("weather", "local_time"), more={"tool_choice": known.speech.forced(name)})
        answer = yield asked
        said = answer.said
        wanted = {name} if name else set()
        is_obeyed = said is not None and {call.name for call in said.calls} == wanted
        value = _verdict(asked, answer) if said is None else "obeyed" if is_obeyed else "ignored"
        came = outcome(asked, answer) if said is None else value
        found.append(known.finding("forced-tools", sent, came or "", value, expected, asked, answer))
    return found


_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"hue": {"type": "string"}},
    "required": ["hue"],
    "additionalProperties": False,
}


def formats(known: Known) -> Talk[list[Finding]]:
    """Whether an answer has the form that was asked for."""
    abilities = abilities_of(known.model)
    follows = "followed" if abilities is not None and abilities.follows_schemas else None
    schema = {"type": "json_schema", "json_schema": {"name": "colour", "schema": _SCHEMA, "strict": True}}
    found = []
    for sent, wanted, question, expected in (
        ("json_object", {"type": "json_object"}, User("Name one primary colour. Write JSON."), None),
        ("json_schema", schema, _NAMELESS, follows),
    ):
        asked = known.ask(question, more={"response_format": wanted})
        answer = yield asked
        said = answer.said
        keys = ("hue",) if sent == "json_schema" else ()
        value = _verdict(asked, answer) if said is None else "followed" if _has(said.text, keys) else "ignored"
        came = outcome(asked, answer) if said is None else value
        found.append(known.finding("json", sent, came or "", value, expected, asked, answer))
    return found


def _has(text: str, keys: tuple[str, ...]) -> bool:
    try:
        value = json.loads(text)
    except ValueError:
        return False
    return isinstance(value, dict) and all(key in value for key in keys)


def contents(known: Known) -> Talk[list[Finding]]:
    """Whether a content may be null, and a tool's result a list."""
    said = yield from issued_tool_turn(known)
    parts = [{"type": "text", "text": "21 °C, sunny"}]
    found = []
    for sent, steps in (
        ("content: null beside calls", after_tools(said, content=None)),
        ("a tool's content as a list", (LOOK_UP, Turn(said), Results(said.calls, parts))),
    ):
        asked = known.ask(*steps, tools=TOOLS)
        found.append(known.passes("contents", sent, asked, (yield asked)))
    return found


def keys(known: Known) -> Talk[list[Finding]]:
    """Whether the key may stand where Anthropic's SDK puts it."""
    asked = known.ask(PLAIN, key_header="x-api-key")
    return [known.passes("keys", "the key in x-api-key", asked, (yield asked))]


_PLACES: Final[dict[Place, str]] = {
    "status": "an HTTP status",
    "data: and status": "an HTTP status, its body behind data:",
    "first event": "200, and the error as the first event",
    "second event": "200, and the error as the second event",
    "later event": "200, and the error in the middle of the stream",
}


def errors(known: Known) -> Talk[list[Finding]]:
    """What a rejection says, whether we know its words, and where it stands in a stream."""
    said = yield from issued_tool_turn(known)
    asked = known.ask(*after_tools(said, MISSING), tools=TOOLS)
    answer = yield asked
    if answer.said is not None:
        return [known.finding("errors", "a tool turn without its reasoning", "answered, so there is no error", None)]
    kind = asked.kind_of(answer)
    came = f"{answer.status}: {'recognised' if kind else 'not recognised'}"
    found = [known.finding("errors", "a tool turn without its reasoning", came, kind is not None, True, asked, answer)]  # noqa: FBT003 - what is expected
    streamed = known.ask(*after_tools(said, MISSING), tools=TOOLS, stream=True)
    answer = yield streamed
    place = None if answer.said is not None else answer.place
    came = "answered" if place is None else _PLACES[place]
    found.append(known.finding("errors", "the same, streamed", came, place, None, streamed, answer))
    return found
