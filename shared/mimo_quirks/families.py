"""Which family is this model: one row per family, told by the shape of its id and never by a list of ids.

Every list of ids broke when v2.6 came (lessons.md 3, 16). "contract §n" in a source is a section of
mimo-api-contract.md, the project's fact sheet, which names the public reports; "lessons.md n" is a line of its list of
what broke for others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Family:
    """One model family: the shape of its ids and what its API demands.

    Attributes:
        shape: Searched in the last segment of a model id.
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


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_NEVER: Final = re.compile(r"(?!)")
_PRESET: Final = re.compile(r"(?<=[^/])@.*")  # OpenRouter's `id@preset/name`, but not a leading `@vendor/`

FAMILIES: Final = (
    Family(
        name="mimo",
        shape=_words(r"(?:^|[-_.])mimo(?=$|[-_.])"),
        # Speech models have no reasoning; sized weights (MiMo-7B-RL, MiMo-VL-7B) came before the rule.
        unlike=_words(r"[-_.](?:tts|asr)(?=$|[-_.])|mimo[-_.](?:vl[-_.])?\d+b(?=$|[-_.])"),
        quiet=_words(r"mimo[-_.]v2[-_.]flash(?=$|[-_.])"),
        placeholder="",
        source="Xiaomi's own CLI sends the empty string; contract §2, §4.3",
        date="2026-05-12",
    ),
    Family(
        name="deepseek",
        shape=_words(r"(?:^|[-_.])deepseek[-_.]v(?:[4-9]|[1-9]\d)(?=$|[-_.])"),
        unlike=_NEVER,
        quiet=_NEVER,
        placeholder=" ",
        source="V4 Pro refuses the empty string (hermes-agent#17341, #18263); contract §10",
        date="2026-10-04",
    ),
)

FAMILY_NAMES: Final = tuple(family.name for family in FAMILIES)


def family_of(model: str) -> str | None:
    """The family whose shape the id's last segment has, or None."""
    segment = re.split(r"[\[:]", _PRESET.sub("", model).rsplit("/", 1)[-1], maxsplit=1)[0]
    for family in FAMILIES:
        if family.shape.search(segment) and not family.unlike.search(segment):
            return family.name
    return None
