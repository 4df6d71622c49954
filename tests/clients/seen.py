"""What became of a client's conversation, as the host behind the proxy saw it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any, Final

from mimo_quirks.simulator import Exchange

_TOKEN: Final = re.compile(r"[0-9a-f]{32}")
"""What nobody can guess of a thought; see the simulator's `model`."""
_HIDDEN: Final = {"thinking", "redacted_thinking", "reasoning"}
"""Types of blocks and items that are no visible content; and, with those below, names of members."""
_MEMBERS: Final = _HIDDEN | {"reasoning_content", "reasoning_details", "signature", "encrypted_content"}


def verdicts(exchanges: Sequence[Exchange]) -> Counter[str]:
    """How many of the turns that were sent back had their reasoning, or what else."""
    return Counter(verdict for exchange in exchanges for verdict in exchange.verdicts)


def rejected(exchanges: Sequence[Exchange]) -> int:
    """How many requests were answered with a 400 for their reasoning."""
    bad = [exchange for exchange in exchanges if exchange.status == HTTPStatus.BAD_REQUEST]
    return sum(b"reasoning_content" in (exchange.error or b"") for exchange in bad)


def visible(exchanges: Sequence[Exchange]) -> int:
    """How many messages that were sent show a thought in their content."""
    thoughts = {exchange.issued.reasoning for exchange in exchanges if exchange.issued}
    tokens = {token for thought in thoughts for token in _TOKEN.findall(thought or "")}
    messages = (message for exchange in exchanges for message in _messages(exchange))
    return sum(any(not tokens.isdisjoint(_TOKEN.findall(text)) for text in _texts(message)) for message in messages)


def answered(exchanges: Sequence[Exchange], output: str) -> bool:
    """Whether a client has shown an answer of the model."""
    answers = (exchange.issued.content for exchange in exchanges if exchange.issued and not exchange.issued.calls)
    return any(answer in output for answer in answers)


def _messages(exchange: Exchange) -> Iterator[Any]:
    for name in ("messages", "input", "system", "instructions"):
        value = exchange.body.get(name)
        yield from value if isinstance(value, list) else [value]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict) and value.get("type") not in _HIDDEN:
        for name, item in value.items():
            if name not in _MEMBERS:
                yield from _texts(item)
