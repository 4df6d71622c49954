"""The kinds of refusal; apart from their recognition, whose patterns are compiled by who needs them."""

from __future__ import annotations

from enum import Enum


class RefusalKind(Enum):
    """What a refusal says of the reasoning in the request."""

    MISSING = "missing"
    """The family's own demand: a tool turn came back without its reasoning (contract §5.1)."""
    OTHER_FAMILY = "other family"
    """The same demand by another family's API (contract §5.2, F1 to F8)."""
    FORBIDDEN = "forbidden"
    """The host takes no reasoning field (contract §5.2, F10)."""
    FOREIGN_SIGNATURE = "foreign signature"
    """A signed thinking block was changed, lost or put before the wrong vendor (contract §5.2, F9)."""
