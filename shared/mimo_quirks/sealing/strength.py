"""What a secret must be worth: clients hold what it seals, and may try secrets on it for as long as they like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

LEAST_CHARACTERS: Final = 32


def check_secrets(secrets: Sequence[str]) -> None:
    """Checks that none is empty, and that the first, which seals, cannot be guessed. The others only open.

    Raises:
        ValueError: A secret cannot be used; the message tells how to make one.
    """
    if not all(secrets):
        raise ValueError("must not be empty; unset it to disable encryption")
    if secrets and len(secrets[0]) < LEAST_CHARACTERS:
        raise ValueError(
            f"the first secret encrypts and needs at least {LEAST_CHARACTERS} characters; later ones only decrypt and "
            'may be shorter. Make one with python -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
