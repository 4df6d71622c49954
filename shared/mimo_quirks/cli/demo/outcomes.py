"""What became of one conversation, and whether that is what the README promises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import openai

from ...simulator import Exchange, Verdict  # noqa: TID252 - the core, two rooms up

Promise = Literal["exact", "placeholder"]

TOOL_TURNS: Final = 3
"""How many times the simulated model calls a tool before it answers."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a conversation ended.

    Attributes:
        error: What it died of, or None where the model answered.
        steps: How many requests reached the host; 0 where nobody counted.
        verdicts: How each turn of the last request arrived; empty where nobody judged.
    """

    error: str | None = None
    steps: int = 0
    verdicts: tuple[Verdict, ...] = ()

    def keeps(self, promise: Promise) -> bool:
        """Whether the model answered and, where somebody judged, each of its tool turns arrived as promised."""
        judged = (promise,) * TOOL_TURNS if self.steps else ()
        return self.error is None and self.verdicts == judged

    def __str__(self) -> str:
        if self.error is not None:
            return f"{self.error} at step {self.steps}" if self.steps else self.error
        kinds = sorted(set(self.verdicts))
        return ", ".join(["ok", *(f"{self.verdicts.count(kind)} {kind}" for kind in kinds)])


def outcome_of(conversation: Callable[[], object], exchanges: Callable[[], Sequence[Exchange]]) -> Outcome:
    """Has a conversation and tells how it ended.

    Args:
        conversation: Runs it.
        exchanges: What reached the host meanwhile; nothing where the host is the real one.
    """
    try:
        conversation()
    except openai.APIStatusError as error:
        return Outcome(f"HTTP {error.status_code}", len(exchanges()))
    except (openai.APIError, RuntimeError) as error:
        return Outcome(f"{type(error).__name__}: {error}", len(exchanges()))
    seen = exchanges()
    return Outcome(None, len(seen), seen[-1].verdicts if seen else ())
