"""The rule itself, as pure functions: what each replayed turn carries, and whether the history is rejected.

Two questions are kept apart. The *verdict* is a fact about one turn and the same in every mode; it is what
a test compares. The *rejection* depends on the mode, as reports of the rule differ (EVIDENCE §14, C1 to C3).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from mimo_quirks.simulator.history import Message
from mimo_quirks.simulator.modes import Accepts, Mode
from mimo_quirks.simulator.records import Issued, Verdict


@dataclass(frozen=True, slots=True)
class Replayed:
    """One assistant message of a request, beside the turn that it claims to be; `kept` as in `records.Exchange`."""

    message: Message
    verdict: Verdict
    issued: Issued | None
    kept: bool


def examine(
    history: Iterable[Message], turns: Iterable[Issued | None], known: Callable[[str | None], bool]
) -> tuple[Replayed, ...]:
    """Judge every assistant message of a history, in order.

    Args:
        history: The messages.
        turns: For every assistant message the turn that it was recognised as.
        known: Says whether a text was ever issued here.
    """
    spoken = (message for message in history if message.is_turn)
    return tuple(
        Replayed(
            message, verdict(message.reasoning, turn, known=known(message.reasoning)), turn, _is_kept(message, turn)
        )
        for message, turn in zip(spoken, turns, strict=True)
    )


def _is_kept(message: Message, turn: Issued | None) -> bool:
    # A client may fill the room of a text that is not there.
    parts = tuple(part for part in message.parts if part != ("text", ""))
    return turn is None or not turn.parts or not parts or parts == turn.parts


def verdict(text: str | None, turn: Issued | None, *, known: bool) -> Verdict:
    """Say what a turn carries.

    Args:
        text: The reasoning that came with it.
        turn: The turn as this server issued it, if it did.
        known: Whether this server ever issued the text, for whichever turn.
    """
    if text is None:
        return "missing"
    if turn is not None and text == turn.reasoning:
        return "exact"
    if not text.strip():
        return "placeholder"
    return "foreign" if known or turn is None else "altered"


PRESENCE: Mapping[Accepts, Callable[[str | None], bool]] = {
    # EVIDENCE §4.3: `""`, `" "` and any text were each shipped as the pad; null is missing.
    "present": lambda text: text is not None,
    # hermes#17341, #18263: the reading of DeepSeek V4 Pro, and of cc-switch's comment about MiMo.
    "non-empty": bool,
    "non-blank": lambda text: bool(text and text.strip()),
    # What nobody here issued cannot be demanded to the byte (EVIDENCE §4.5: histories of another model).
    "exact": lambda text: text is not None,
    # EVIDENCE §4.4: a 200 without the field, Reasonix#2585, 2026-06-01.
    "off": lambda _: True,
}
"""What passes as reasoning on a turn that is asked for it."""


def rejects(mode: Mode, turns: Iterable[Replayed]) -> bool:
    """Whether a history breaks the rule; asked only while thinking is on (EVIDENCE §4.1)."""
    return not all(_accepted(mode, turn) and not (mode.keeps_order and _is_moved(turn)) for turn in turns)


def forbids(mode: Mode, *, thinking: bool) -> bool:
    """Whether reasoning is an error in a request (EVIDENCE §4.6)."""
    return mode.forbids == "always" or (mode.forbids == "when-off" and not thinking)


def is_asked(mode: Mode, turn: Replayed) -> bool:
    """Whether the rule asks a turn for its reasoning.

    EVIDENCE §4.1, 2026-05-12: assistant messages with tool calls, in all rounds. Some ask plain turns too (§4.2).
    """
    return mode.every_turn or bool(turn.message.calls)


def _is_moved(turn: Replayed) -> bool:
    return turn.verdict == "exact" and not turn.kept


def _accepted(mode: Mode, turn: Replayed) -> bool:
    # A turn issued without reasoning has no text to demand: it is held to presence, like a stranger's
    # (EVIDENCE §4.6).
    if mode.accepts == "exact" and turn.issued is not None and turn.issued.reasoning is not None:
        return turn.verdict == "exact"
    return not is_asked(mode, turn) or PRESENCE[mode.accepts](turn.message.reasoning)
