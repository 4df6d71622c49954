"""What the pretend model knows of earlier thoughts: a word that nothing but their reasoning holds.

People tell so whether reasoning survives their own chain: they write "the secret word is ..." into the reasoning of a
turn, and ask for the word. Which reasoning the model reads is the mode's choice.
"""

import re
from collections.abc import Iterator, Sequence

from mimo_quirks.simulator.errors import to_bytes
from mimo_quirks.simulator.history import Message
from mimo_quirks.simulator.modes import Mode

_ASKED = re.compile(r"\b(?:secret|code) word\b.*\?", re.IGNORECASE | re.DOTALL)
_HELD = re.compile(r"\b(?:secret|code) word is ['\"`]?([\w-]+)", re.IGNORECASE)
UNKNOWN = "I do not know."


def recalled(history: Sequence[Message], mode: Mode) -> str | None:
    """The answer to a question about the word: the last that was held; None where nobody asks or the mode is silent."""
    question = next((message.text for message in reversed(history) if message.role == "user"), "")
    if mode.reasoning == "untold" or not _ASKED.search(question):
        return None
    read = list(_reasoning(history, mode, read=True))
    words = [word for text in read for word in _HELD.findall(text)]
    return words[-1] if words else UNKNOWN


def unread_bytes(history: Sequence[Message], mode: Mode) -> int:
    """How much of a request is reasoning that the model does not see, and nobody pays for."""
    return sum(len(to_bytes(text)) for text in _reasoning(history, mode, read=False))


def _reasoning(history: Sequence[Message], mode: Mode, *, read: bool) -> Iterator[str]:
    last = max((place for place, message in enumerate(history) if message.role == "user"), default=-1)
    for place, message in enumerate(history):
        is_read = mode.reasoning in ("untold", "used") or (mode.reasoning == "round" and place > last)
        if message.reasoning is not None and is_read is read:
            yield message.reasoning
