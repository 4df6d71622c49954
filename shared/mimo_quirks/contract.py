"""What a deployment's refusals teach about it, and what is changed for the one retry.

The rows say what a host wants; reports contradict them and each other, and the API drifts (contract §4.4, §12). So each
refusal is evidence about one deployment: a host, a model family, a wire, and thinking on or off. Evidence is counted
and grows old. One refusal is enough to send another placeholder; what costs the model its thoughts needs two. A single
answer takes nothing back, for some relays enforce a rule now and then (lessons.md 92).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final

from .keys import digest
from .kinds import RefusalKind
from .quirks import Quirks
from .turns import is_placeholder, is_turn, read_reasoning

SURE: Final = 2
"""Refusals in a row before reasoning is stripped, or thinking switched off, in a first attempt."""
REFUTED: Final = 3
"""Answers since the last refusal that take back what was not yet sure."""
_FORMAT: Final = 1


class Step(str, Enum):
    """What is sent, each step further from what the row says.

    The second is what clients send who pad every assistant message: hermes-agent, GCMP, mateclaw (contract §15).
    """

    ROW = "row"
    """As the quirks have it."""
    SPACE = "space"
    """A space on every turn that has no reasoning, whether it calls tools or not (contract §4.2, §4.3)."""
    STRIP = "strip"
    """No reasoning on any turn."""
    OFF = "off"
    """Thinking switched off for the request, and no reasoning (contract §11)."""


ALL_STEPS: Final = frozenset(Step)


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a request goes out.

    Attributes:
        quirks: The deployment's, as the rows and the operator have them.
        thinking: Whether the model is asked to think; the step may say otherwise.
        step: What is sent.
    """

    quirks: Quirks
    thinking: bool
    step: Step = Step.ROW

    @property
    def key(self) -> str:
        """What the evidence is kept under; it tells nothing to whoever reads it."""
        quirks = self.quirks
        return digest("contract", quirks.address or quirks.host, quirks.family, quirks.wire, self.thinking)

    @property
    def effective(self) -> tuple[Quirks, bool]:
        """The quirks to replay by, and whether the model will think."""
        if self.step is Step.SPACE:
            return replace(self.quirks, placeholder=" ", pads_every_turn=True), self.thinking
        if self.step in (Step.STRIP, Step.OFF):
            return replace(self.quirks, forbids=True), self.thinking and self.step is Step.STRIP
        return self.quirks, self.thinking


@dataclass(frozen=True, slots=True)
class Evidence:
    """How a deployment took a request: when, in seconds since the epoch, in which step, and as what it refused it."""

    at: float
    step: Step
    refused: RefusalKind | None

    def to_bytes(self) -> bytes:
        """The form in which workers share it."""
        kind = self.refused.value if self.refused else None
        return json.dumps([_FORMAT, self.at, self.step.value, kind]).encode()

    @classmethod
    def from_bytes(cls, payload: bytes) -> Evidence | None:
        """The evidence that a worker wrote; None for what is none of this format."""
        try:
            version, at, step, kind = json.loads(payload)
            return cls(float(at), Step(step), RefusalKind(kind) if kind else None) if version == _FORMAT else None
        except (ValueError, TypeError, RecursionError):
            return None


@dataclass(frozen=True, slots=True)
class Contract:
    """What a deployment is known to want. It holds no text of any message.

    Attributes:
        needs: Refusals of what the row says, as too little.
        needs_more: Refusals of a space on every turn.
        forbids: Refusals of any reasoning.
        answered: Answers since the last of them that speak against it.
        expires: When it is forgotten, in seconds since the epoch; None where nothing is known.
    """

    needs: int = 0
    needs_more: int = 0
    forbids: int = 0
    answered: int = 0
    expires: float | None = None

    def step(self, allowed: frozenset[Step] = ALL_STEPS) -> Step:
        """The step to begin with.

        Args:
            allowed: Those that the operator allows; what is known never overrides an operator.
        """
        wanted = (
            (Step.STRIP, self.forbids >= SURE),
            (Step.OFF, self.needs_more >= SURE),
            (Step.SPACE, self.needs > 0),
        )
        return next((step for step, known in wanted if known and step in allowed), Step.ROW)


def contract_of(evidence: Iterable[Evidence], now: float, ttl_seconds: float) -> Contract:
    """What the evidence amounts to, in whatever order it comes; what is older than its time counts no more."""
    contract = Contract()
    for seen in sorted((seen for seen in evidence if seen.at > now - ttl_seconds), key=lambda seen: seen.at):
        contract = _with(contract, seen, ttl_seconds)
    return contract


def remedies(kind: RefusalKind, step: Step, allowed: frozenset[Step] = ALL_STEPS) -> Sequence[Step]:
    """The steps that may help after a refusal, in the order to try; the first that changes the body is taken.

    The same step helps where the text of a lost turn has come in since.
    """
    if kind in (RefusalKind.FORBIDDEN, RefusalKind.FOREIGN_SIGNATURE):
        ladder: tuple[Step, ...] = (Step.STRIP, Step.OFF)
    else:
        ladder = (Step.ROW, Step.SPACE, Step.OFF)
    above = ladder[ladder.index(step) :] if step in ladder else ladder
    return [] if step is Step.OFF else [each for each in above if each in allowed]


def speaks_against(contract: Contract, step: Step, sent: Sequence[Mapping[str, Any]]) -> bool:
    """Whether an answer to what was sent is evidence against what the contract is not yet sure of."""
    told = [read_reasoning(message) for message in sent if is_turn(message)] if contract.expires is not None else []
    if contract.forbids:
        return step in (Step.ROW, Step.SPACE) and any(text is not None for text in told)
    padded = any(text is not None and is_placeholder(text) for text in told)
    return padded and ((step is Step.SPACE and contract.needs_more > 0) or (step is Step.ROW and contract.needs > 0))


def _with(contract: Contract, seen: Evidence, ttl_seconds: float) -> Contract:
    expires = seen.at + ttl_seconds
    if seen.refused is None:
        if contract.answered + 1 < REFUTED:
            return replace(contract, answered=contract.answered + 1)
        if seen.step is Step.SPACE:
            return replace(contract, needs_more=0, answered=0)
        return Contract()
    if seen.refused is RefusalKind.FOREIGN_SIGNATURE or seen.step is Step.OFF:
        return contract  # of one history, or of another contract
    if seen.refused is RefusalKind.FORBIDDEN:
        return Contract(forbids=contract.forbids + 1, expires=expires) if seen.step is not Step.STRIP else contract
    return Contract(
        needs=max(contract.needs, 1) if seen.step is Step.SPACE else contract.needs + (seen.step is Step.ROW),
        needs_more=contract.needs_more + (seen.step is Step.SPACE),
        expires=expires,
    )
