"""What somebody asks for in Anthropic's words, and what MiMo's host is told of it: two positions, and no schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mimo_quirks import MESSAGES_DIALECT, asked_to_think, effort_means_thinking, position_of, thinking_parameters

NO_SCHEMA: Final = "MiMo's messages wire takes no schema; use function_calling, or ChatMiMo"


def position(thinking: object) -> bool | None:
    """What somebody asks for, in Anthropic's words too: a budget of nothing is off, and `adaptive` is on.

    Raises:
        ValueError: It is no such word.
    """
    if isinstance(thinking, Mapping) and thinking.get("type") in ("enabled", "adaptive"):
        return asked_to_think({"thinking": thinking})
    return position_of(thinking)


def switch(on: bool) -> dict[str, Any]:  # noqa: FBT001 - the switch itself
    """The switch as this wire has it."""
    return dict(thinking_parameters(on, MESSAGES_DIALECT)["thinking"])


def switch_thinking(payload: dict[str, Any], on: bool | None) -> None:  # noqa: FBT001 - the switch itself
    """Tells the host to think or not, if anybody asked: by the call's word, the model's own, or an effort."""
    config = dict(payload.pop("output_config", None) or {})
    effort = config.pop("effort", None)
    if config:
        payload["output_config"] = config
    if on is None and "thinking" not in payload and effort is not None:
        on = effort_means_thinking(effort)
    if on is not None:
        payload["thinking"] = switch(on)


def reject_schemas(asked: Mapping[str, Any]) -> None:
    """Looks for a schema that the host would ignore: an answer without it must not look like one that followed it.

    Raises:
        ValueError: There is one; the message names the parameter.
    """
    for name in ("response_format", "output_format"):
        if asked.get(name):
            raise ValueError(f"{name}: {NO_SCHEMA}")
    config = asked.get("output_config")
    if isinstance(config, Mapping) and config.get("format"):
        raise ValueError(f"output_config: {NO_SCHEMA}")
