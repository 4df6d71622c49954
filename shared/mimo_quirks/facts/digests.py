"""Digests of JSON values: equal for equal values only (EVIDENCE §12.1)."""

from __future__ import annotations

import hashlib
import json
from json.encoder import encode_basestring_ascii
from typing import Final

_COMPACT: Final = json.JSONEncoder(separators=(",", ":"))


def digest(*parts: object) -> str:
    """A digest of JSON values, equal for equal values only: 32 hexadecimal digits."""
    texts = [encode_basestring_ascii(part) for part in parts if isinstance(part, str)]
    if len(texts) == len(parts):  # which is nearly always so, and told quickly
        return hashlib.sha256(f"[{','.join(texts)}]".encode()).hexdigest()[:32]
    return hashlib.sha256(_compact(parts).encode()).hexdigest()[:32]


def _compact(value: object) -> str:
    """A value as JSON without spaces; what digests are mostly made of without setting up an encoder each time."""
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(_compact, value))}]"
    return _COMPACT.encode(value)
