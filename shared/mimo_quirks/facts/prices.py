"""What the current models cost: facts that LiteLLM's cost map wants to know.

How sure they are stands in EVIDENCE §10.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one model on Xiaomi's pay-as-you-go host.

    Attributes:
        id: The model's id there.
        usd_input: US dollars for a million tokens of input.
        usd_cached: The same for input that is read from the prompt cache; None where it is not known.
        usd_output: The same for output, reasoning included. Cache writes are free.
        source: Where the row is from.
        date: When the model was released.
    """

    id: str
    usd_input: float
    usd_cached: float | None
    usd_output: float
    source: str
    date: str


_PAGE: Final = "mimo.mi.com pay-as-you-go page"

PRICES: Final = (
    Price("mimo-v2.6-pro", 0.435, 0.0036, 0.87, source=_PAGE, date="2026-09-22"),
    Price("mimo-v2.6-flash", 0.14, 0.0028, 0.28, source=_PAGE, date="2026-09-22"),
    Price("mimo-v2.6-pro-ultraspeed", 4.35, None, 8.70, source="Vercel AI Gateway alone", date="2026-09-22"),
    Price("mimo-v2.5-pro", 0.435, 0.0036, 0.87, source=_PAGE, date="2026-04-22"),
    Price("mimo-v2.5", 0.14, 0.0028, 0.28, source=_PAGE, date="2026-04-22"),
    Price("mimo-v2.5-pro-ultraspeed", 1.305, 0.0108, 2.61, source=_PAGE, date="2026-06-08"),
)
