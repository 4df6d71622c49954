"""The thinking switch of a request: is it on, and how is this host told.

The rule about reasoning holds while thinking is on (Xiaomi, "passing back reasoning_content", 2026-05-12), and
thinking is on unless a request says otherwise (EVIDENCE §6.3). Leaving the switch out is not "off".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mimo_quirks.facts.hosts import Dialect, Switch
from mimo_quirks.facts.quirks import Quirks


def is_thinking(request: Mapping[str, Any], quirks: Quirks) -> bool:
    """Whether the model will think in this request.

    Args:
        request: The request's body, or an SDK's keyword arguments with ``extra_body`` still apart.
        quirks: The quirks of the deployment; only the switches its host obeys are heard.
    """
    extra = request.get("extra_body")
    position = switch_of({**request, **extra} if isinstance(extra, Mapping) else request, quirks.dialect)
    return quirks.thinks_by_default if position is None else position


def switch_of(body: Mapping[str, Any], dialect: Dialect) -> bool | None:
    """The position of the switch in a request's body, in the dialect of its host; None where it is not there."""
    positions = (_read(body, switch) for switch in dialect.switches)
    return next((position for position in positions if position is not None), None)


def thinking_parameters(on: bool, dialect: Dialect) -> dict[str, Any]:  # noqa: FBT001 - the switch itself
    """The body parameters that tell a host of this dialect to think, or not to."""
    switch = dialect.switches[0]
    value: Any = switch.on if on else switch.off
    for key in reversed(switch.path):
        value = {key: value}
    return dict(value)


def position_of(thinking: object) -> bool | None:
    """What somebody asks for who writes a thinking switch: on, off, or None for no word about it.

    Args:
        thinking: True, False, "enabled", "disabled", ``{"type": ...}`` with one of these words, or None.

    Raises:
        ValueError: Anything else; the message names what would do.
    """
    kind = thinking.get("type", thinking) if isinstance(thinking, Mapping) else thinking
    for position, words in ((None, (None,)), (True, (True, "enabled")), (False, (False, "disabled"))):
        if any(kind is word or (isinstance(word, str) and kind == word) for word in words):
            return position
    raise ValueError(f'thinking is {thinking!r}; use True, False, "enabled", "disabled" or {{"type": "enabled"}}')


def asked_to_think(parameters: Mapping[str, Any]) -> bool | None:
    """What a client asks for, in any of the spellings that vendors have: on, off, or None for no word about it.

    The switch is heard before efforts. A budget of nothing is off; `adaptive`, and every effort but none, are on, for
    MiMo knows no degrees (EVIDENCE §6.1).

    Args:
        parameters: A request's body, or the arguments of a call.
    """
    for path in _ASKED:
        if path[0] in parameters and (word := _asked(_at(parameters, path))) is not None:
            return word
    return None


_ASKED: Final = (
    ("thinking", "budget_tokens"),
    ("thinking", "type"),
    ("thinking",),
    ("enable_thinking",),
    ("chat_template_kwargs", "enable_thinking"),
    ("reasoning", "enabled"),
    ("reasoning", "effort"),
    ("reasoning_effort",),
    ("reasoning_effort", "effort"),
)
"""Where the hosts' dialects, Anthropic (budget, type), OpenAI and LiteLLM (efforts) have the switch; EVIDENCE §6.1."""


def effort_means_thinking(effort: str) -> bool:
    """What a `reasoning_effort` asks for. MiMo's chat wire rejects or ignores it (EVIDENCE §6.2)."""
    return effort.lower() not in ("none", "off", "disable", "disabled", "false")


def _asked(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value:
        return effort_means_thinking(value)
    return False if isinstance(value, int) and value == 0 else None


def _at(value: Any, path: tuple[str, ...]) -> Any:
    """What stands at a place in a request; None where nothing does."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _read(body: Mapping[str, Any], switch: Switch) -> bool | None:
    value = _at(body, switch.path)
    if value == switch.off and type(value) is type(switch.off):
        return False
    return True if value == switch.on and type(value) is type(switch.on) else None
