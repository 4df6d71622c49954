"""Every question that a host can be asked, one row each. Questions are pure: they yield requests and read answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from . import other_questions as other
from . import reasoning_questions as reasoning
from .asking import Finding, Talk
from .known import Known

_ALL: Final = ("chat", "messages", "responses")


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Attributes:
        name: What `--only` calls it.
        about: What it finds out.
        talk: Asks it.
        wires: Where it can be asked.
    """

    name: str
    about: str
    talk: Callable[[Known], Talk[list[Finding]]]
    wires: tuple[str, ...] = _ALL


QUESTIONS: Final = (
    Question("emitted", "where answers have reasoning, streamed and not", reasoning.emitted),
    Question("tool-turns", "what may stand on a tool turn: reasoning, nothing, a stand-in", reasoning.tool_turns),
    Question("plain-turns", "the same on a turn without calls", reasoning.plain_turns),
    Question("switches", "which spelling switches thinking off", other.switches),
    Question("thinking-off", "reasoning in a request that switches thinking off", reasoning.thinking_off),
    Question("fields", "which name is read, and which of two wins", reasoning.read_fields),
    Question("used", "whether the model reads what comes back", reasoning.used),
    Question("ids", "whether ids of calls may be rewritten", reasoning.rewritten_ids),
    Question("steady", "whether the same request is always answered alike", reasoning.steady),
    Question("errors", "what a rejection says, and where it stands", other.errors),
    Question("cache", "whether the prompt cache holds over turns", other.cache),
    Question("parallel", "calls in one turn", other.parallel),
    Question("n", "two answers to one request", other.choices, ("chat",)),
    Question("forced-tools", "tool_choice", other.forced_tools),
    Question("json", "json_object and json_schema", other.formats, ("chat",)),
    Question("contents", "content: null, and a tool's content as a list", other.contents, ("chat",)),
    Question("keys", "the key in x-api-key", other.keys, ("chat", "messages")),
)
"""In the order in which they are asked: what later ones share is asked by the first."""
NAMES: Final = tuple(question.name for question in QUESTIONS)
