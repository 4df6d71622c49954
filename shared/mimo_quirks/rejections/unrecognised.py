"""A deployment that is not recognised as MiMo's and rejects requests in MiMo's words: what its operator is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mimo_quirks.facts.families import last_segment
from mimo_quirks.facts.hosts import authority
from mimo_quirks.history.words import printable
from mimo_quirks.wires import Wire

from .recognition import RejectionKind, classify_rejection


def setting_for(model: str) -> str:
    """The setting that says that a model is MiMo."""
    return f"MIMO_QUIRKS_MODELS={json.dumps({last_segment(model): 'mimo'}, ensure_ascii=False)}"


def unrecognised(error: object, request: Mapping[str, Any], wire: Wire, model: str, base_url: str | None) -> str | None:
    """What to log of an error; None where its words are not those of MiMo's rejection.

    Args:
        error: See `classify_rejection`, and so are `request` and `wire`.
        request: See there.
        wire: See there.
        model: The model's id as it goes to the host.
        base_url: Where the request went.
    """
    if classify_rejection(error, request, wire) is not RejectionKind.MISSING:
        return None
    return (
        f"{authority(base_url) or 'the host'} rejected a request to {printable(model)}: "
        "earlier assistant messages must include reasoning_content. "
        "The deployment is not recognised as MiMo's, so nothing was put back. "
        f"If it is, set {setting_for(model)}."
    )
