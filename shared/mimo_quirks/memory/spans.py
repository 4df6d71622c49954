"""What was done to a request, as attributes of the span that traces it, where OpenTelemetry is on."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

PREFIX: Final = "mimo_quirks."


def tell_span(amounts: Mapping[str, float], span: Any = None) -> None:
    """Sets numbers as attributes of a span; nothing where none is recording.

    Args:
        amounts: By their names; zeros are left out.
        span: The span, where a framework hands it on; by default the current one. Nothing is imported for it: where
            nobody has imported OpenTelemetry, nobody traces.
    """
    with suppress(Exception):  # no request fails because it is traced
        if span is None:
            traces = sys.modules.get("opentelemetry.trace")
            span = traces.get_current_span() if traces is not None else None
        if span is not None and span.is_recording():
            for name, amount in amounts.items():
                if amount:
                    span.set_attribute(f"{PREFIX}{name}", amount)
