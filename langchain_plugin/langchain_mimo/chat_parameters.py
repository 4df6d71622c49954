"""What somebody asks for in OpenAI's words, and what MiMo's host is told of it.

Parameters of OpenAI's other wire, or of OpenAI alone, `ChatOpenAI` takes and `ChatMiMo` does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import StrictBool

from mimo_quirks import Dialect, effort_means_thinking, position_of, thinking_parameters

from .messages import merged

Thinking = StrictBool | Literal["enabled", "disabled"] | Mapping[str, Any]

_RESPONSES: Final = "ChatMiMo speaks the chat wire, and this belongs to OpenAI's Responses API"
_OPENAI: Final = "an OpenAI parameter that MiMo does not support"

UNSUPPORTED: Final[Mapping[str, str]] = {
    "use_responses_api": _RESPONSES,
    "use_previous_response_id": _RESPONSES,
    "context_management": _RESPONSES,
    "include": _RESPONSES,
    "truncation": _RESPONSES,
    "prompt_cache_options": f"{_OPENAI}; MiMo caches by itself",
    "service_tier": _OPENAI,
    "verbosity": _OPENAI,
    "organization": f"{_OPENAI}; use default_headers if your relay needs it",
    "openai_organization": f"{_OPENAI}; use default_headers if your relay needs it",
}
"""Fields of the constructor by name; a value that switches one off is no harm."""


def reject_unsupported(fields: Mapping[str, Any]) -> None:
    """Looks at what somebody wants to construct a model with.

    Raises:
        ValueError: A field is OpenAI's; the message names it.
    """
    for name, reason in UNSUPPORTED.items():
        if fields.get(name):
            raise ValueError(f"{name}: {reason}")
    if fields.get("output_version") == "responses/v1":
        raise ValueError(f"output_version='responses/v1': {_RESPONSES}; use 'v0' or 'v1'")
    reasoning = fields.get("reasoning")
    unknown = set(reasoning) - {"effort"} if isinstance(reasoning, Mapping) else ()
    if unknown:
        raise ValueError(f"reasoning={reasoning!r}: only effort is supported; pass host parameters in extra_body")


def switch_thinking(payload: dict[str, Any], asked: Thinking | None, dialect: Dialect) -> None:
    """Tells the host to think or not, in its own dialect, if anybody asked: by `thinking`, or by an effort."""
    on, body = position_of(asked), payload["extra_body"]
    reasoning = payload.pop("reasoning", None) or {}
    efforts = (payload.pop("reasoning_effort", None), body.pop("reasoning_effort", None), reasoning.get("effort"))
    effort = next((effort for effort in efforts if effort is not None), None)
    if on is None and effort is not None:
        on = effort_means_thinking(effort)
    if on is not None:
        payload["extra_body"] = merged(body, thinking_parameters(on, dialect))
