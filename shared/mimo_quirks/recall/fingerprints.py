"""What a turn is remembered under: digests of what a client can see, weak enough to survive it, strong enough to tell.

Clients rewrite ids, write arguments anew, reorder parallel calls, cut the beginning of a history and change its system
prompt (lessons.md 40, 54 to 63). So a turn is found by its calls (name and canonical arguments) or, if it has none, by
its text, together with what stands before it; three contexts, the strongest first:

    prefix   all that was said before, without system prompts
    round    from the last user message on
    gap      the tool results that it answers, or else what stands between the turn before and this one

and last by the id of a call, where it is one that nobody makes up twice. Each parallel call has keys of its own, so
that a turn is found when others of its calls were dropped. Ids do not belong to the first three: who has several
candidates tells them apart by their ids (see `recall`).

Keys ignore every spelling of reasoning, so that they are the same before and after replay. A digest is taken of a JSON
array, which is injective whatever the parts contain (lessons.md 58).
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from mimo_quirks.facts.digests import digest
from mimo_quirks.facts.reasoning_fields import split_think
from mimo_quirks.history.content import written
from mimo_quirks.history.turns import Call, Message, calls_of, content_text, is_turn

MOST_CALLS: Final = 16
"""How many calls of a turn have keys; v2.6 was seen to make 120 at once (contract §6), which dozens will find again."""

_DRAWN: Final = re.compile(r"[\w-]*?(?=[A-Za-z0-9]*\d[A-Za-z]*\d)(?=[A-Za-z0-9]*[A-Za-z])[A-Za-z0-9]{12,}")
"""An id that was drawn and not counted: `call_00_x9ab…`, but not `read_file:0` or `get_current_weather_0`."""

_MEDIA: Final = ("source", "image_url", "input_audio", "file", "data", "url", "file_data", "file_id")
"""Members of a block, and of what is in them, that hold an image or a file: Anthropic's and OpenAI's two wires."""

_SHORT: Final = 32
"""Characters of an answer, without white space, below which its text tells nothing without all that came before."""


@dataclass(frozen=True, slots=True)
class TurnFingerprint:
    """One turn at its place in a history, as a client sees it.

    Attributes:
        index: Place in the history.
        ordinal: Place among the turns.
        calls: Digest of the id, and of name and arguments, of each call.
        levels: The keys, one tuple for each level, the strongest level first; the last is that of the ids.
    """

    index: int
    ordinal: int
    calls: tuple[tuple[str, str], ...]
    levels: tuple[tuple[str, ...], ...]


def fingerprint_turns(history: Sequence[Message], scope: str) -> list[TurnFingerprint]:
    """The sight of every turn of a history, in order.

    Args:
        history: Messages of the chat wire.
        scope: Whose memory it is; keys of two scopes have nothing in common.
    """
    found: list[TurnFingerprint] = []
    prefix = round_ = ""
    said: dict[str, str] = {}
    for index, between in _steps(history):
        results, others = _events(between, said)
        merged = _merged(others)
        for event in (*results, *merged):
            prefix = digest(prefix, event)
        for event in (*results, *others):
            round_ = digest("" if event[0] == "user" else round_, event)
        if index is not None:
            turn = _Seen.of(history[index])
            nearer = (round_, digest(results or merged)) if turn.is_telling or results else ()
            contexts = (prefix, *nearer)
            found.append(TurnFingerprint(index, len(found), turn.calls, turn.levels(scope, contexts)))
            told = turn.event
            prefix, round_ = digest(prefix, told), digest(round_, told)
            said.update(zip((call.id for call in turn.raw), turn.said, strict=True))
    return found


@dataclass(frozen=True, slots=True)
class _Seen:
    """A turn without its reasoning; `said` is what each call says."""

    text: str
    raw: tuple[Call, ...]
    said: tuple[str, ...]

    @classmethod
    def of(cls, message: Message) -> _Seen:
        text, raw = content_text(message.get("content")), tuple(calls_of(message))
        while split := split_think(text):
            text = split[1]
        return cls(_canonical_text(text), raw, tuple(map(_said, raw)))

    @property
    def calls(self) -> tuple[tuple[str, str], ...]:
        return tuple((digest(call.id), said) for call, said in zip(self.raw, self.said, strict=True))

    @property
    def event(self) -> list[object]:
        """How the turn stands in the context of later ones: parallel calls in any order are the same."""
        return ["turn", sorted(self.said) or self.text]

    @property
    def is_telling(self) -> bool:
        """Whether the turn itself tells enough to be looked for where the beginning is gone."""
        return bool(self.raw) or len(self.text) >= _SHORT

    def levels(self, scope: str, contexts: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        said = sorted(set(self.said))[:MOST_CALLS] or [self.text]
        kind = "call" if self.raw else "text"
        by_context = (
            tuple(digest(scope, kind, level, context, one) for one in said) for level, context in enumerate(contexts)
        )
        ids = sorted(digest(scope, "id", call.id, call.name) for call in self.raw if _DRAWN.fullmatch(call.id))
        return (*by_context, tuple(ids[:MOST_CALLS]))


def _steps(history: Sequence[Message]) -> Iterator[tuple[int | None, list[Message]]]:
    """Each turn's index, with the messages that stand between it and the turn before."""
    gap: list[Message] = []
    for index, message in enumerate(history):
        if is_turn(message):
            yield index, gap
            gap = []
        elif message.get("role") not in ("system", "developer"):  # prompts change between requests
            gap.append(message)
    yield None, gap


def _events(between: list[Message], said: Mapping[str, str]) -> tuple[list[list[str]], list[list[str]]]:
    """What of the messages belongs to the context of later turns: tool results, in an order of their own, and others.

    Clients answer parallel calls in any order and rewrite their ids, so a result stands for the call that it answers by
    what that call says, never by its id.
    """
    results, others = [], []
    for message in between:
        content = _canonical_content(message.get("content"))
        if message.get("role") in ("tool", "function"):
            ident = message.get("tool_call_id")
            results.append(["result", said.get(ident, "") if isinstance(ident, str) else "", content])
        else:
            others.append([str(message.get("role")), content])
    return sorted(results), others


def _merged(others: list[list[str]]) -> list[list[str]]:
    """Messages of one role after each other as one, which is how Anthropic's wire has them."""
    runs = groupby(others, itemgetter(0))
    return [[role, "".join(content for _, content in run)] for role, run in runs]


def _said(call: Call) -> str:
    return digest(call.name, canonical_arguments(call.arguments))


def canonical_arguments(arguments: str) -> str:
    """Arguments as every client means them: order of keys, spaces, escapes and `1.0` for `1` are nothing."""
    try:
        value = _WHOLE_NUMBERS.decode(arguments or "{}")  # no arguments at all are none
        return unicodedata.normalize("NFC", _SORTED.encode(value))
    except (ValueError, RecursionError):
        return _canonical_text(arguments)


def _number(text: str) -> float | int:
    value = float(text)
    return int(value) if value.is_integer() else value


_WHOLE_NUMBERS: Final = json.JSONDecoder(parse_float=_number)
_SORTED: Final = json.JSONEncoder(sort_keys=True, ensure_ascii=False)


def _canonical_content(content: object) -> str:
    if isinstance(content, str):
        return _canonical_text(content)
    blocks = content if isinstance(content, list | tuple) else ()
    return _canonical_text("".join(map(_block_text, blocks)))


def _block_text(block: Any) -> str:
    text = block.get("text") if isinstance(block, Mapping) else block
    return text if isinstance(text, str) else _media(block) or canonical_arguments(written(block))


def _media(block: Any) -> str:
    """An image or a file, which each wire wraps in its own way, by the URL or the data of it; nothing of another."""
    for name in _MEDIA if isinstance(block, Mapping) else ():
        held = block.get(name)
        values = [held, *map(held.get, _MEDIA)] if isinstance(held, Mapping) else [held]
        for value in values:
            if isinstance(value, str):
                return value.rpartition(";base64,")[2]
    return ""


def _canonical_text(text: str) -> str:
    """The text without white space: who joins its parts puts a line end between them, or nothing."""
    return "".join(unicodedata.normalize("NFC", text).split())
