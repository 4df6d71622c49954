"""Which family is this model: one row per family, told by the shape of its id and never by a list of ids.

Every list of ids broke when v2.6 came (EVIDENCE §2.4). "EVIDENCE §n", here and everywhere, is a section of EVIDENCE.md
in this folder: where each row's facts come from, and how sure they are.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Family:
    """One model family: the shape of its ids and what its API demands.

    Attributes:
        shape: Searched in the last segment of a model id, and so are the next two.
        unlike: Ids of that shape that are not covered: speech models, older weights without the rule.
        quiet: Ids of the family that do not think unless they are asked to.
        placeholder: What the family's API accepts where the reasoning of a tool turn is lost.
    """

    name: str
    shape: re.Pattern[str]
    unlike: re.Pattern[str]
    quiet: re.Pattern[str]
    placeholder: str
    source: str
    date: str


def words(pattern: str) -> re.Pattern[str]:
    """A pattern for names as machines write them: in any case, and in ASCII, for `ı` is not the `i` of a host name."""
    return re.compile(pattern, re.IGNORECASE | re.ASCII)


_NEVER: Final = re.compile(r"(?!)")
_PRESET: Final = re.compile(r"(?<=[^/])@.*")  # OpenRouter's `id@preset/name`, but not a leading `@vendor/`

FAMILIES: Final = (
    Family(
        name="mimo",
        shape=words(r"(?:^|[-_.])mimo(?=$|[-_.])"),
        # Speech models have no reasoning; sized weights (MiMo-7B-RL, MiMo-VL-7B, mimo:7b) came before the rule.
        unlike=words(r"[-_.](?:tts|asr|audio)(?=$|[-_.:])|[-_.:]\d+(?:\.\d+)?b(?=$|[-_.:])"),
        quiet=words(r"mimo[-_.]v2[-_.]flash(?=$|[-_.])"),
        placeholder="",
        source="Xiaomi's page on passing reasoning back; its own CLI sends the empty string; EVIDENCE §2.1",
        date="2026-05-12",
    ),
    Family(
        name="deepseek",
        shape=words(r"(?:^|[-_.])deepseek[-_.]v(?:[4-9]|[1-9]\d)(?=$|[-_.])"),
        unlike=_NEVER,
        quiet=_NEVER,
        placeholder=" ",
        source="V4 Pro rejects the empty string (hermes#17341, hermes#18263); EVIDENCE §2.2",
        date="2026-10-04",
    ),
    Family(
        name="kimi",
        # K2 itself (kimi-k2-0905-preview) does not think; relays write k2p5 and k2-5 for k2.5.
        shape=words(r"(?:^|[-_.])kimi[-_.]k(?:2[-_.]thinking|2[-_.p][5-9]|[3-9])(?=$|[-_.])"),
        unlike=_NEVER,
        quiet=_NEVER,
        placeholder=" ",
        source="Moonshot's guide to thinking models; K2.5 rejects the empty string (llmgateway#2093); EVIDENCE §2.5",
        date="2026-05-05",
    ),
)

FAMILY_NAMES: Final = tuple(family.name for family in FAMILIES)


_OTHERS: Final = words(r"(?:^|[-_.])(?:claude|gemini|glm|gpt|grok|kimi|llama|minimax|mistral|o\d|qwen\d*)(?=$|[-_.\d])")
"""Ids of vendors whose reasoning is never ours; known only to be told apart from ids that tell nothing."""


def last_segment(model: str) -> str:
    """The last segment of a model id, without OpenRouter's preset and without a client's `[1m]`."""
    return _PRESET.sub("", model).rsplit("/", 1)[-1].partition("[")[0]


@functools.lru_cache(maxsize=256)  # every turn of a history names its model
def family_of(model: str) -> str | None:
    """The family whose shape the id's last segment has, or None."""
    return next((family.name for family in FAMILIES if is_like(model, family)), None)


def is_like(model: str, family: Family) -> bool:
    """Whether the id has the family's shape, without its tag such as ``:free``, and is none of the exceptions."""
    last = last_segment(model)
    return bool(family.shape.search(last.partition(":")[0])) and not family.unlike.search(last)


def is_of_another_vendor(model: str) -> bool:
    """Whether the id is known to be none of the families'."""
    return family_of(model) is None and bool(_OTHERS.search(last_segment(model)))
