"""What a model of the family can do: one row per shape of ids, the newest first.

A row is known by its shape, so that dated, prefixed and suffixed ids are known too; an id of no row tells nothing.
More about each is in EVIDENCE §10.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from .families import last_segment, words

_MILLION: Final = 2**20


@dataclass(frozen=True, slots=True)
class Abilities:
    """What one model takes and gives.

    Attributes:
        shape: Searched in the last segment of a model id.
        context: Tokens of a request and its answer together.
        output: Most tokens of an answer, reasoning included.
        sees: It takes images.
        hears: It takes audio and video.
        follows_schemas: A `response_format` of type `json_schema` is honoured.
    """

    shape: re.Pattern[str]
    context: int
    output: int
    source: str
    date: str
    sees: bool = False
    hears: bool = False
    follows_schemas: bool = False


MODELS: Final = (
    Abilities(
        shape=words(r"(?:^|[-_.])mimo-v2[.-]6-(?:pro|flash)(?![a-z0-9])"),
        context=_MILLION,
        output=131_072,
        sees=True,
        follows_schemas=True,  # llmgateway#4173, and a client's published test, 2026-10-04; EVIDENCE §9
        source="mimo.mi.com model pages, llmgateway#4173",
        date="2026-10-04",
    ),
    Abilities(
        shape=words(r"(?:^|[-_.])mimo-v2[.-]5-pro(?![a-z0-9])"),
        context=_MILLION,
        output=131_072,
        source="mimo.mi.com model pages",
        date="2026-04-22",
    ),
    Abilities(
        shape=words(r"(?:^|[-_.])mimo-v2[.-]5(?![-.a-z0-9])"),
        context=_MILLION,
        output=131_072,
        sees=True,
        hears=True,
        source="mimo.mi.com model pages",
        date="2026-04-22",
    ),
    Abilities(
        shape=words(r"(?:^|[-_.])mimo-v2-flash(?![a-z0-9])"),
        context=262_144,
        output=65_536,
        source="open weights (huggingface.co/XiaomiMiMo)",
        date="2025-12-16",
    ),
)


def abilities_of(model: str) -> Abilities | None:
    """The row of a model id, or None where none is known.

    Args:
        model: The id as it goes to the host; vendor prefixes and suffixes such as ``:free`` and ``[1m]`` may stand.
    """
    last = last_segment(model).partition(":")[0]
    return next((row for row in MODELS if row.shape.search(last)), None)
