"""One answer as every wire needs it: the turn, what it costs, and what its envelope says."""

import secrets
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from mimo_quirks.simulator.history import Asked
from mimo_quirks.simulator.modes import Mode
from mimo_quirks.simulator.records import Exchange, Issued

MODELS = ("mimo-v2.6-pro", "mimo-v2.6-flash")
"""EVIDENCE §10.1: the current chat models."""

Sign: TypeAlias = Callable[[str], str]
"""Makes the signature of a block of reasoning."""

_BYTES_PER_TOKEN = 4
CACHED_REQUESTS = 64
"""How many requests back the prompt cache reaches."""


@dataclass(frozen=True, slots=True)
class Bill:
    """Tokens: of the request, of those cached, of the reasoning, of all else in the answer."""

    prompt: int
    cached: int
    thought: int
    spoken: int

    @property
    def output(self) -> int:
        """EVIDENCE §7.2: reasoning is part of the completion."""
        return self.thought + self.spoken


@dataclass(frozen=True, slots=True)
class Answer:
    """A turn on its way to whoever asked for it; `id` and `created` are made here."""

    asked: Asked
    mode: Mode
    issued: Issued
    bill: Bill
    sign: Sign
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    created: int = field(default_factory=lambda: int(time.time()))

    @property
    def model(self) -> str:
        """What was asked for, whether it exists or not."""
        model = self.asked.body.get("model")
        return model if isinstance(model, str) else MODELS[0]


def bill(raw: bytes, issued: Issued, earlier: Sequence[Exchange], unread: int = 0) -> Bill:
    """The bill of a turn; `earlier` are the exchanges that the prompt cache reaches, `unread` the bytes left out.

    EVIDENCE §9: the cache is implicit and holds the longest prefix that was sent before, so a history that changed
    shows here, as it does on the real bill.
    """
    cached = max((_shared(raw, exchange.raw) for exchange in earlier if exchange.issued), default=0)
    thought = _tokens(issued.reasoning or "")
    spoken = _tokens(issued.content) + sum(_tokens(call.name + call.arguments) for call in issued.calls)
    prompt = max(len(raw) - unread, cached)
    return Bill(prompt // _BYTES_PER_TOKEN, cached // _BYTES_PER_TOKEN, thought, spoken)


def _shared(one: bytes, other: bytes) -> int:
    sizes = range(1, min(len(one), len(other)) + 1)
    return bisect_left(sizes, 1, key=lambda size: int(one[:size] != other[:size]))


def _tokens(text: str) -> int:
    return -(-len(text.encode("utf-8", "backslashreplace")) // _BYTES_PER_TOKEN)
