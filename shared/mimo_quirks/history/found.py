"""What was found for the turns of one history: what matching gives, and what replay reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class FoundReasoning:
    """What was found for the turns of one history.

    Attributes:
        texts: Reasoning by the index of its turn.
        ambiguous: Indices of turns with several answers.
        digests: What the texts are known by; see `text_digest`.
    """

    texts: Mapping[int, str] = field(default_factory=dict, repr=False)
    ambiguous: frozenset[int] = frozenset()
    digests: Sequence[str] = field(default=(), repr=False, compare=False)


NOTHING: Final = FoundReasoning()
"""What is found where the memory is not asked."""
