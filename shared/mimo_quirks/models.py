"""Facts of the chat models: what LiteLLM's cost map and LangChain's profiles want to know.

Nothing is decided by these rows: families are told by the shape of an id (see `families`), so that a new model works
before its row is here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Model:
    """One chat model.

    Attributes:
        context: Tokens that fit into a request.
        max_output: Tokens of reasoning and answer together.
        usd_input: US dollars for a million tokens of input.
        usd_cached: The same for input that is read from the prompt cache; None where it is not known.
        usd_output: The same for output.
        sees: Takes images.
        source: Where the row is from.
        date: When the model was released.
    """

    id: str
    context: int
    max_output: int
    usd_input: float
    usd_cached: float | None
    usd_output: float
    sees: bool
    source: str
    date: str


_CONTEXT: Final = 1_048_576
_OUTPUT: Final = 131_072

MODELS: Final = (
    Model("mimo-v2.6-pro", _CONTEXT, _OUTPUT, 0.435, 0.0036, 0.87, sees=True, source="contract §2", date="2026-09-22"),
    Model("mimo-v2.6-flash", _CONTEXT, _OUTPUT, 0.14, 0.0028, 0.28, sees=True, source="contract §2", date="2026-09-22"),
    Model(
        "mimo-v2.6-pro-ultraspeed",
        _CONTEXT,
        _OUTPUT,
        4.35,
        None,
        8.70,
        sees=True,
        source="contract §2, prices by hearsay",
        date="2026-09-22",
    ),
    Model("mimo-v2.5-pro", _CONTEXT, _OUTPUT, 0.435, 0.0036, 0.87, sees=False, source="contract §2", date="2026-04-22"),
    Model("mimo-v2.5", _CONTEXT, _OUTPUT, 0.14, 0.0028, 0.28, sees=True, source="contract §2", date="2026-04-22"),
    Model(
        "mimo-v2.5-pro-ultraspeed",
        _CONTEXT,
        _OUTPUT,
        1.305,
        0.0108,
        2.61,
        sees=False,
        source="contract §2",
        date="2026-06-08",
    ),
)
