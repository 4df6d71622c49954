"""What is kept with a call between its hooks: among the details of LiteLLM's logging object, which each hook sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

SENT: Final = "mimo_quirks_sent"
"""The request as it was sent."""
ASKED: Final = "mimo_quirks_asked"
"""Whether the client asks to think."""
PASSING: Final = "mimo_quirks_passing"
"""The request that goes through on the messages wire, before LiteLLM has tidied it."""
DRAFT: Final = "mimo_quirks_draft"
"""The request as it is before LiteLLM transforms it."""
SEAL: Final = "mimo_quirks_seal"
"""What seals a text for the client."""


class _Sealed:
    """Keeps a value from being written down: what serialises the details finds no member here."""

    def __init__(self, value: Any) -> None:
        self.value: Callable[[], Any] = lambda: value


def put(details: dict[str, Any], name: str, value: Any) -> None:
    """Keeps a value."""
    details[name] = _Sealed(value)


def get(details: Mapping[str, Any], name: str) -> Any:
    """The value that was kept; None where there is none."""
    sealed = details.get(name)
    return sealed.value() if isinstance(sealed, _Sealed) else None


def forget(details: dict[str, Any], *names: str) -> None:
    """Keeps these values no longer."""
    for name in names:
        details.pop(name, None)


def take(details: dict[str, Any], name: str) -> Any:
    """As `get`, and keeps it no longer."""
    value = get(details, name)
    forget(details, name)
    return value
