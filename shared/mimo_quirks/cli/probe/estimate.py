"""What a run will cost: the questions are put to nobody, who answers at once, and their requests are counted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Final

from mimo_quirks.facts.families import last_segment
from mimo_quirks.facts.prices import PRICES, Price

from .asking import Answer, Ask, Talk, Usage
from .known import Known, made_call, plain_turn
from .questions import Question
from .speech import MOST_TOKENS

_BYTES_PER_TOKEN: Final = 4
_OUTPUT: Final = 300
"""What an answer takes, reasoning included, where one word is asked for: a guess."""
_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """Requests, tokens, and dollars where the price is known."""

    requests: int
    prompt: int
    output: int
    most_output: int
    price: Price | None

    def line(self, limit: int) -> str:
        """It in words."""
        told = f"about {self.requests} requests, {self.prompt:,} tokens in and {self.output:,} out"
        if self.requests > limit:
            told += f", of which --limit allows {limit} requests"
        if self.price is None:
            return f"{told}; the price of this model is not known here"
        usual, most = (dollars(self.price, self.prompt, output) for output in (self.output, self.most_output))
        return f"{told}: about {_money(usual)}, at most {_money(most)} ({self.price.id}, {self.price.source})"


def dollars(price: Price, prompt: int, output: int) -> float:
    """What tokens cost, none of them cached."""
    return (prompt * price.usd_input + output * price.usd_output) / _MILLION


def _money(amount: float) -> str:
    return f"${max(amount, 0.01):.2f}"


def price_of(model: str) -> Price | None:
    """The price of a model id as it is written anywhere."""
    name = last_segment(model).partition(":")[0].lower()
    return next((price for price in PRICES if price.id == name), None)


def estimate(everybody: Sequence[Known], questions: Sequence[Question]) -> Estimate:
    """What it takes to put these questions, to a host that takes everything and to one that rejects what it can."""
    asks: dict[str, Ask] = {}
    for known in everybody:
        talks: list[Callable[[Known], Talk[Any]]] = [plain_turn]
        talks += [one.talk for one in questions if known.speech.name in one.wires]
        for talk, is_strict in product(talks, (False, True)):
            asks |= {ask.key: ask for ask in _asks(known, talk(known), is_strict=is_strict)}
    prompt = sum(len(json.dumps(ask.body).encode()) for ask in asks.values()) // _BYTES_PER_TOKEN
    model = everybody[0].model
    return Estimate(len(asks), prompt, len(asks) * _OUTPUT, len(asks) * MOST_TOKENS, price_of(model))


def _asks(known: Known, talk: Talk[Any], *, is_strict: bool) -> Iterator[Ask]:
    try:
        ask = next(talk)
        while True:
            yield ask
            ask = talk.send(_answer(known, ask, is_strict=is_strict))
    except StopIteration:
        pass


def _answer(known: Known, ask: Ask, *, is_strict: bool) -> Answer:
    """An answer that leads to more questions: it calls, it thinks unless a switch is there, and it knows the word."""
    if is_strict and ask.body.get("tools") and len(ask.body.get("messages") or ask.body["input"]) > 1:
        return Answer(400)
    is_off = any(known.off(switch).items() <= ask.body.items() for switch in known.switches)
    thought = "" if is_off else "I think."
    made = known.speech.made(known.words[0], made_call() if ask.body.get("tools") else (), thought)
    said = replace(made, usage=Usage(1, 1, len(thought), 0), blocks=2, signature="present")
    return Answer(200, said)
