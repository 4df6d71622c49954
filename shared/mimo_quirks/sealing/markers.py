"""The signature of a thinking block that is not sealed: a marker, made of nothing but its text.

Clients distrust a block without a signature; some turn it into visible text, which then reaches the model as content.
A marker proves that the text came back whole, and nothing else: anybody can make one.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Final

_BEGIN: Final = base64.b64encode(b"mimo-quirks.").decode()
"""What every marker begins with: whole letters, so that a marker is base64 throughout, as vendors' signatures are."""
_DIGEST_BYTES: Final = 36
_LENGTH: Final = len(_BEGIN) + _DIGEST_BYTES * 4 // 3


def marker_of(text: str) -> str:
    """The marker of a text: 64 letters of base64, always the same for the same text."""
    raw = text.encode("utf-8", "surrogatepass")
    return _BEGIN + base64.b64encode(hashlib.blake2b(raw, digest_size=_DIGEST_BYTES).digest()).decode()


def is_marker(signature: object) -> bool:
    """Whether a signature is a marker, of whatever text; LiteLLM puts words of its own before it."""
    return isinstance(signature, str) and _BEGIN in signature[-_LENGTH:]
