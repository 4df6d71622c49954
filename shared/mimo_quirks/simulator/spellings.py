"""How one host spells reasoning and the thinking switch: one row per host, read by everything else.

A host that serves MiMo decides three things of its own: the field it emits reasoning in, the fields it
reads on a replayed turn, and the parameter that turns thinking off. A branch on a host's name anywhere else
in this package is a mistake: it belongs here, as a column.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Json: TypeAlias = Mapping[str, Any]
SpellingName: TypeAlias = Literal["reasoning_content", "reasoning", "openrouter", "alibaba"]


def _thinking_object(body: Json) -> bool | None:
    # EVIDENCE §6.1 (Xiaomi's documentation; hermes#17314, 2026-04): an object, two values, on when absent.
    if "thinking" not in body:
        return True
    control = body["thinking"]
    kind = control.get("type") if isinstance(control, Mapping) else None
    return {"enabled": True, "disabled": False}.get(kind) if isinstance(kind, str) else None


def _flag(body: Json) -> bool | None:
    # EVIDENCE §6.1: Alibaba's switch is a boolean of its own.
    return body.get("enable_thinking") is not False


def _template_argument(body: Json) -> bool | None:
    # EVIDENCE §3.5: vLLM hands the value to the chat template; on is the default of the V2.5 template.
    arguments = body.get("chat_template_kwargs")
    return not (isinstance(arguments, Mapping) and arguments.get("enable_thinking") is False)


def _reasoning_object(body: Json) -> bool | None:
    # EVIDENCE §3.3: OpenRouter has its own object and strips a top-level `thinking` (nanobot#3851 follow-up).
    control = body.get("reasoning")
    if not isinstance(control, Mapping):
        return True
    return control.get("effort") != "none" and control.get("enabled") is not False


@dataclass(frozen=True, slots=True)
class Spelling:
    """One host's words.

    Attributes:
        emits: Field of a message or delta that carries the text.
        reads: Fields of a replayed turn, the first present string wins.
        switch: Reads the thinking switch of a request; `None` where the host rejects to understand it.
        details: The text is emitted a second time as `reasoning_details`.
        relays: The host is a relay and wraps an upstream's error in one of its own.
    """

    emits: str
    reads: tuple[str, ...]
    switch: Callable[[Json], bool | None]
    details: bool = False
    relays: bool = False

    def write(self, text: str | None) -> dict[str, Any]:
        """Spell reasoning, or a piece of it, as fields of a message or delta; no field at all for `None`."""
        if text is None:
            return {}
        block = {"type": "reasoning.text", "text": text, "format": "unknown", "index": 0}
        return {self.emits: text} | ({"reasoning_details": [block]} if self.details else {})

    def read(self, message: Json) -> str | None:
        """Read a replayed turn's reasoning; what is no text, as null, counts as missing (EVIDENCE §4.3)."""
        values = ((field, message.get(field)) for field in self.reads)
        texts = (_details_text(value) if field == "reasoning_details" else value for field, value in values)
        return next((text for text in texts if isinstance(text, str)), None)


SPELLINGS: Mapping[SpellingName, Spelling] = {
    "reasoning_content": Spelling(
        emits="reasoning_content",
        reads=("reasoning_content",),
        switch=_thinking_object,
    ),
    # EVIDENCE §3.5: from vLLM 0.26 the only key, in both directions; a client's `reasoning_content` is
    # dropped without a word.
    "reasoning": Spelling(
        emits="reasoning",
        reads=("reasoning",),
        switch=_template_argument,
    ),
    # EVIDENCE §3.4 (help.aliyun.com model-studio/mimo).
    "alibaba": Spelling(
        emits="reasoning_content",
        reads=("reasoning_content",),
        switch=_flag,
    ),
    # EVIDENCE §8 and §5.1, E12 (OpenHands#13563).
    "openrouter": Spelling(
        emits="reasoning",
        reads=("reasoning", "reasoning_details", "reasoning_content"),
        switch=_reasoning_object,
        details=True,
        relays=True,
    ),
}
"""What Xiaomi, vLLM and OpenRouter call the same thing."""

REASONING_FIELDS: tuple[str, ...] = ("reasoning_content", "reasoning", "reasoning_details")
"""Every name a strict host takes offence at."""


def _details_text(blocks: object) -> str | None:
    if not isinstance(blocks, list):
        return None
    texts = [block["text"] for block in blocks if isinstance(block, Mapping) and isinstance(block.get("text"), str)]
    return "".join(texts) if texts else None
