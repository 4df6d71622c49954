"""What was found for the turns of one history: what a look-up gives, and what replay reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

Proof = Literal["ids", "prefix", "chain", "cut"]
"""What shows that a memory is a turn's; see `mimo_quirks.recall.proof`."""


@dataclass(frozen=True, slots=True)
class FoundReasoning:
    """What was found for the turns of one history.

    Attributes:
        texts: Reasoning by the index of its turn.
        proofs: What shows that it is the turn's, by the index of the turn; none for a text that the turn carries.
        ambiguous: Indices of turns with several answers.
        last: What the place of the memory is known by that was found for the last turn; empty where none was.
    """

    texts: Mapping[int, str] = field(default_factory=dict, repr=False)
    proofs: Mapping[int, Proof] = field(default_factory=dict, compare=False)
    ambiguous: frozenset[int] = frozenset()
    last: str = field(default="", compare=False)


NOTHING: Final = FoundReasoning()
"""What is found where the memory is not asked."""
