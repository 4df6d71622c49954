"""Which turns of a history may be looked up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mimo_quirks.facts.reasoning_fields import split_think
from mimo_quirks.history.replay import is_as_issued
from mimo_quirks.history.turns import Message, is_placeholder, lift, read_reasoning

from .fingerprints import Place
from .memories import Whose


@dataclass(frozen=True, slots=True)
class TurnLookup:
    """The turns of a history that may be looked up.

    Attributes:
        whose: Whose request it is.
        places: Of every turn of the history.
        lost: The places of turns that lack their reasoning.
        carried: The places of turns that carry some, with the text, and whether it is as the API issues it. It may have
            been damaged on its way here.
    """

    whose: Whose
    places: Sequence[Place] = field(repr=False)
    lost: Sequence[Place] = field(repr=False)
    carried: Sequence[tuple[Place, str, bool]] = field(repr=False)

    @classmethod
    def of(cls, history: Sequence[Message], places: Sequence[Place], whose: Whose) -> TurnLookup:
        """What to look up before a history is sent.

        Args:
            history: Messages of the chat wire.
            places: Of its turns; see `Walk`.
            whose: Whose request it is.
        """
        lost, carried = [], []
        for place in places:
            message = history[place.at]
            if is_as_issued(message):
                carried.append((place, message["reasoning_content"], True))
                continue
            reasoning = read_reasoning(message)
            if (reasoning is None or is_placeholder(reasoning)) and split_think(message.get("content")) is None:
                lost.append(place)
            else:
                carried.append((place, lift(message)[0] or "", False))
        return cls(whose, places, lost, carried)
