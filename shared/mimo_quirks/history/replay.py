"""A history goes in, the history that the API must see comes out, with a report of what was done to each turn.

For each turn, in this order: reasoning that the message carries is kept to the byte, under the names this host reads;
reasoning of another family is dropped; a turn that is left without gets what was recalled for it; a tool turn that is
still left without gets the placeholder of its host, where there is one; everything else is left alone. The result is a
new list in which untouched messages are the same objects, and the caller's messages are never edited. The choice
depends on the message, and on what is remembered of it, so the same history gives the same bytes in every later request
and the prompt cache holds (EVIDENCE §12.1).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from mimo_quirks.facts.hosts import Dialect
from mimo_quirks.facts.quirks import Quirks
from mimo_quirks.facts.reasoning_fields import BLOCKS, KEYS, NESTS, split_think, texts_of, without_think

from .found import NOTHING, FoundReasoning, Proof
from .provenance import is_foreign
from .turns import (
    DAMAGED,
    Message,
    content_text,
    is_bare,
    is_damaged,
    is_placeholder,
    is_tool_turn,
    lift,
    without_reasoning,
)

_FRAMEWORKS: Final = frozenset({BLOCKS})
"""Keys that LiteLLM alone writes, and would send to a host that knows no such parameter."""

Action = Literal["kept", "respelled", "recalled", "placeholder", "bare", "dropped", "stripped", "left"]
"""What was done to a turn: carried reasoning left as it was, or moved to the names of this host; recalled reasoning put
back; a placeholder set; a lost turn sent without one, because this host takes none; another family's reasoning dropped;
reasoning stripped because this host forbids it now; nothing."""


Reason = Literal[
    "carried by the message",
    "carried under another name",
    "found again",
    "the reasoning is lost",
    "the reasoning is lost, and this host takes no placeholder",
    "several answers were remembered",
    "a placeholder stood there already",
    "the reasoning is of another family",
    "the reasoning is another tool's placeholder",
    "the host rejects reasoning",
    "it has no reasoning",
    "thinking is off",
    "not a tool turn",
]
"""Why it was done."""


class TurnReport(NamedTuple):
    """What was done to the turn at an index of the history, and why."""

    index: int  # type: ignore[assignment] # the place of a value in this tuple is of no use
    action: Action
    reason: Reason
    proof: Proof | None = None
    """What shows that recalled reasoning is the turn's; none for a text that it carries in a damaged form."""


_COUNTED: Final[Mapping[Action, str]] = {
    "kept": "kept",
    "respelled": "kept",
    "recalled": "found",
    "placeholder": "placeholder",
    "bare": "missing",
    "dropped": "dropped",
    "stripped": "stripped",
}
_MARKS: Final[Mapping[Action, str]] = {"kept": "r", "respelled": "r", "recalled": "r", "placeholder": "p"}
_SUMMED: Final = (*dict.fromkeys(_COUNTED.values()), "ambiguous")


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What was done to a history; it holds no text of any message.

    Attributes:
        turns: One report per assistant message, in order.
        changed: Whether any message differs from what came in.
        unreadable: Why the history was returned as it came, or None.
        spoken: How many thoughts that were found stand in visible text where they are left: of plain turns and users.
    """

    turns: tuple[TurnReport, ...] = ()
    changed: bool = False
    unreadable: str | None = None
    spoken: int = 0

    def count(self, action: Action) -> int:
        """How many turns met this action."""
        return sum(turn.action == action for turn in self.turns)

    @property
    def counts(self) -> Counter[str]:
        """How many turns are sent with what.

        `kept` has what it carried, `found` what was recorded, `placeholder` a placeholder; `missing` has nothing, for
        the host takes no placeholder; of `dropped` and `stripped` reasoning was taken off. A turn that is left alone is
        not counted. `found_by_ids` and the like count the proofs of `found`, `found_by_text` a text that was carried
        damaged, and `ambiguous` says how many of the turns without reasoning several memories fit.
        """
        counts: Counter[str] = Counter()
        for (action, reason, proof), number in Counter([turn[1:] for turn in self.turns]).items():
            if action in _COUNTED:
                counts[_COUNTED[action]] += number
            if action == "recalled":
                counts[f"found_by_{proof or 'text'}"] += number
            if reason == _AMBIGUOUS:
                counts["ambiguous"] += number
        return counts

    @property
    def marks(self) -> str:
        """For each turn a letter: `r` where it is sent with reasoning, `p` with a placeholder, `-` with neither."""
        return "".join([_MARKS.get(turn.action, "-") for turn in self.turns])

    @property
    def summary(self) -> dict[str, int]:
        """The same without the proofs and without zeros, in one order; `kept` alone may be 0, where nothing else is."""
        counts = self.counts
        return {name: counts[name] for name in _SUMMED if counts[name]} or {"kept": 0}


def replay(
    messages: Sequence[Message], quirks: Quirks, *, thinking: bool, recall: FoundReasoning = NOTHING
) -> tuple[Sequence[Message], ReplayReport]:
    """Puts the reasoning of each turn where this host wants it.

    Args:
        messages: The history, as chat wire messages with any spelling of reasoning. It is never edited.
        quirks: How the host that the history goes to departs from the plain wire.
        thinking: Whether the model thinks in this request; see `is_thinking`.
        recall: What was found for turns that lost their reasoning; see `mimo_quirks.recall.lookup`.

    Returns:
        The history to send, and the report. Where nothing changed, the history is the object that came in. A history
        that cannot be read is returned whole, as it came, and the report says why; nothing is raised.
    """
    if not isinstance(messages, list | tuple):
        return messages, ReplayReport(unreadable=f"the messages are {type(messages).__name__}, not a list")
    history: list[Message] | None = None
    reports = []
    takes_text, found, spoken = _takes_text(quirks), recall.texts, 0
    thoughts = {text.strip() for text in found.values()} if thinking else ()
    for index, message in enumerate(messages):
        if type(message) is not dict and not isinstance(message, Mapping):
            return messages, ReplayReport(unreadable=f"message {index} is {type(message).__name__}, not an object")
        if message.get("role") != "assistant":
            spoken += bool(thoughts) and message.get("role") == "user" and _bare_text(message) in thoughts
            continue
        recalled = found.get(index)
        if takes_text and recalled is None and is_as_issued(message):
            reports.append(TurnReport(index, *_KEPT))
            continue
        calls = message.get("tool_calls")
        if calls and not isinstance(calls, list | tuple):
            kind = type(calls).__name__
            return messages, ReplayReport(unreadable=f"message {index} has tool_calls that are {kind}, not a list")
        new, action, reason = _replay_turn(message, quirks, recalled, thinking=thinking)
        if index in recall.ambiguous and action in ("placeholder", "bare"):
            reason = _AMBIGUOUS
        reports.append(TurnReport(index, action, reason, recall.proofs.get(index) if action == "recalled" else None))
        spoken += bool(recalled and thoughts and not calls and _bare_text(message).startswith(recalled.strip()))
        if new is not message:
            history = list(messages) if history is None else history
            history[index] = new
    return (messages if history is None else history), ReplayReport(tuple(reports), history is not None, spoken=spoken)


_AMBIGUOUS: Final = "several answers were remembered"
_KEPT: Final[tuple[Action, Reason]] = ("kept", "carried by the message")
_TELLING: Final = frozenset({*KEYS[1:], *NESTS, "response_metadata"})
"""Members of a message that may say more of its reasoning, or whose it is."""


def _takes_text(quirks: Quirks) -> bool:
    """Whether the host wants reasoning as one text under its first name, and takes it always."""
    dialect = quirks.dialect
    return dialect.fields == KEYS[:1] and not dialect.alternatives and not (quirks.forbids or quirks.forbids_when_off)


def is_as_issued(message: Message) -> bool:
    """Whether a turn is seen at once to be as such a host issued it: one name, one text, nothing else to look at."""
    text, calls = message.get("reasoning_content"), message.get("tool_calls")
    return (
        type(text) is str
        and type(message.get("content")) is str
        and (calls is None or type(calls) is list)
        and _TELLING.isdisjoint(message)
        and not is_placeholder(text)
    )


def _tells_nothing(message: Message) -> bool:
    """Whether a turn is seen at once to hold no reasoning, and to name nobody whose it is."""
    return is_bare(message) and "response_metadata" not in message and split_think(message.get("content")) is None


def _replay_turn(
    message: Message, quirks: Quirks, recalled: str | None, *, thinking: bool
) -> tuple[Message, Action, Reason]:
    if quirks.forbids or (quirks.forbids_when_off and not thinking):
        return _strip(message)
    foreign, reasoning, rest = False, None, message
    if not _tells_nothing(message):
        foreign = is_foreign(message, quirks.family)
        reasoning, rest = (message[KEYS[0]], message) if _is_ready(message, quirks.dialect) else lift(message)
    if recalled and thinking and (_is_ours(reasoning, recalled, foreign=foreign) or DAMAGED in message):
        said = rest if not is_tool_turn(rest) else _unsaid(rest, recalled)
        return {**said, **dict.fromkeys(quirks.dialect.fields, recalled)}, "recalled", "found again"
    if foreign:
        return _replace_foreign(message, quirks, thinking=thinking)
    if reasoning is not None and not is_placeholder(reasoning):
        return _carry(message, rest, reasoning, quirks.dialect)
    if reasoning is not None and reasoning.strip():  # words that stand in for reasoning would be taken for a thought
        return _replace(rest, quirks, "the reasoning is another tool's placeholder", thinking=thinking)
    return _stand_in(message, rest, quirks, thinking=thinking)


_SURE: Final = 32
"""Characters of a thought that no answer happens to begin with; a shorter one has to be all that is said."""
_TAGS: Final = re.compile(r"\A<(think|thinking)>(.*)</\1>\Z", re.DOTALL)
"""What some clients put around a thought that they make a text of."""


def _unsaid(message: Message, thought: str) -> Message:
    """A turn without the thought that its content begins with, where a client made a visible text of it."""
    content = message.get("content")
    if isinstance(content, str):
        said = _after(content, thought)
        return message if said is content else {**message, "content": said}
    if not isinstance(content, list | tuple) or not content or not isinstance(content[0], Mapping):
        return message
    first, text = content[0], content[0].get("text")
    if first.get("type") != "text" or not isinstance(text, str) or (said := _after(text, thought)) is text:
        return message
    return {**message, "content": [*([{**first, "text": said}] if said else []), *content[1:]]}


def _after(content: str, thought: str) -> str:
    """What follows a thought at the beginning of a text, up to white space at its edges; the text where none is."""
    known, said = thought.strip(), content.lstrip()
    if not known or not said.startswith(known):
        return content
    rest = content[len(thought) :] if content.startswith(thought) else said[len(known) :].lstrip()
    if not rest.strip():
        return ""
    return rest if len(known) >= _SURE else content


def _bare_text(message: Message) -> str:
    """What a message says, without white space at its edges and what some clients put around a thought."""
    text = content_text(message.get("content")).strip()
    tagged = _TAGS.match(text) if text.startswith("<think") else None
    return tagged[2].strip() if tagged else text


def _is_ours(carried: str | None, recalled: str, *, foreign: bool) -> bool:
    """Whether what was found is the turn's: it has none, or what a framework left of it.

    Of a turn that says to be another vendor's only its own text can prove that it is not: a relay may sign MiMo's.
    """
    if carried is None or is_placeholder(carried):
        return not foreign
    return is_damaged(carried, recalled) or (foreign and carried == recalled)


def _strip(message: Message) -> tuple[Message, Action, Reason]:
    bare = without_reasoning(message)
    if bare is message:
        return message, "left", "it has no reasoning"
    return bare, "stripped", "the host rejects reasoning"


def _is_ready(message: Message, dialect: Dialect) -> bool:
    """Whether the message is as this host wants it, which is seen at once where there is one name and one text."""
    first, content = message.get(KEYS[0]), message.get("content")
    plain = isinstance(first, str) and isinstance(content, str) and not is_placeholder(first)
    return plain and dialect.fields == KEYS[:1] and not dialect.alternatives and BLOCKS not in message


def _carry(message: Message, rest: Message, reasoning: str, dialect: Dialect) -> tuple[Message, Action, Reason]:
    alternative = _alternative(message, reasoning, dialect)
    spelled = alternative or dict.fromkeys(dialect.fields, reasoning)
    same_content = rest.get("content") is message.get("content")  # reasoning in content is no text of an answer
    nothing_else = not (_FRAMEWORKS & message.keys() - spelled.keys())
    if same_content and nothing_else and all(message.get(key) == value for key, value in spelled.items()):
        return message, *_KEPT
    return {**rest, **spelled}, "respelled", "carried under another name"


def _alternative(message: Message, reasoning: str, dialect: Dialect) -> dict[str, Any] | None:
    """The structured spelling that the host issued itself, wherever the message keeps it."""
    for key in dialect.alternatives:
        for holder in (message, *(message.get(nest) for nest in NESTS)):
            value = holder.get(key) if isinstance(holder, Mapping) else None
            texts = texts_of(value)
            if texts and "".join(texts) == reasoning:
                return {key: value}
    return None


def _replace_foreign(message: Message, quirks: Quirks, *, thinking: bool) -> tuple[Message, Action, Reason]:
    rest = without_reasoning(message)
    content = without_think(rest.get("content"))
    if content is not rest.get("content"):
        rest = {**rest, "content": content}
    if rest is message:
        return _stand_in(message, rest, quirks, thinking=thinking)
    new, action, reason = _replace(rest, quirks, "the reasoning is of another family", thinking=thinking)
    return (message if new == message else new), action, reason


def _replace(rest: Message, quirks: Quirks, reason: Reason, *, thinking: bool) -> tuple[Message, Action, Reason]:
    """What goes out in the place of reasoning that is lost."""
    stood_in, action, _ = _stand_in(rest, rest, quirks, thinking=thinking)
    return stood_in, action if action == "placeholder" else "dropped", reason


def _stand_in(message: Message, rest: Message, quirks: Quirks, *, thinking: bool) -> tuple[Message, Action, Reason]:
    """The placeholder, on tool turns unless a rejection taught otherwise (EVIDENCE §4.2)."""
    if not thinking:
        return message, "left", "thinking is off"
    if not is_tool_turn(message) and not quirks.pads_every_turn:
        return message, "left", "not a tool turn"
    if quirks.placeholder is None:
        return message, "bare", "the reasoning is lost, and this host takes no placeholder"
    stood_in = _alternative(message, quirks.placeholder, quirks.dialect)
    stood_in = stood_in or dict.fromkeys(quirks.dialect.fields, quirks.placeholder)
    if all(message.get(key) == value for key, value in stood_in.items()):
        return message, "placeholder", "a placeholder stood there already"
    return {**rest, **stood_in}, "placeholder", "the reasoning is lost"
