"""Parameters of a request that a host does not obey: what is sent in their place, or why nothing can be.

Xiaomi's chat wire knows `tool_choice: "auto"` alone and drops every other value without a word, and it rejects `n`
(EVIDENCE §9). An application that asks for more must not believe that it got it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mimo_quirks.facts.quirks import Quirks


def without_forced_tools(request: Mapping[str, Any], quirks: Quirks) -> Mapping[str, Any]:
    """The request without a `tool_choice` that its host would drop; the same object where there is none.

    "none" is obeyed by leaving out the tools.

    Args:
        request: The body, or an SDK's keyword arguments.
        quirks: The quirks of the deployment.
    """
    choice = request.get("tool_choice")
    choice = choice.get("type") if isinstance(choice, Mapping) else choice
    if quirks.forces_tools or choice in (None, "auto"):
        return request
    gone = ("tool_choice", "tools", "parallel_tool_calls") if choice == "none" else ("tool_choice",)
    return {key: value for key, value in request.items() if key not in gone}


def is_forced(tool_choice: object) -> bool:
    """Whether a `tool_choice`, in any framework's spelling, demands that a tool is called."""
    tool_choice = tool_choice.get("type") if isinstance(tool_choice, Mapping) else tool_choice
    return tool_choice not in (None, False, "auto", "none")


def rejected_choices(n: object, quirks: Quirks) -> str | None:
    """Why a request for `n` choices cannot be made of this host, or None where it can."""
    if quirks.takes_n or not isinstance(n, int) or n <= 1:
        return None
    return f"n={n} is not supported by {quirks.host} (one choice per request); use batch()"


def dropped_demand(tool_choice: object, quirks: Quirks) -> str | None:
    """Why the demand in a `tool_choice` is not sent to this host, or None where it is, or demands nothing."""
    if quirks.forces_tools or not is_forced(tool_choice):
        return None
    return f"tool_choice={tool_choice!r} dropped: this host supports only 'auto', so the model may answer in text"
