"""The thinking switch of a request: is it on, and how is this host told.

The rule about reasoning holds while thinking is on (Xiaomi, "passing back reasoning_content", 2026-05-12), and
thinking is on unless a request says otherwise (contract §3; lessons.md 27). Leaving the switch out is not "off".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .hosts import Dialect, Switch
from .quirks import Quirks


def is_thinking(request: Mapping[str, Any], quirks: Quirks) -> bool:
    """Whether the model will think in this request.

    Args:
        request: The request's body, or an SDK's keyword arguments with ``extra_body`` still apart.
        quirks: The quirks of the deployment; only the switches its host obeys are heard.
    """
    extra = request.get("extra_body")
    body = {**request, **extra} if isinstance(extra, Mapping) else request
    for switch in quirks.dialect.switches:
        position = _read(body, switch)
        if position is not None:
            return position
    return quirks.thinks_by_default


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


def effort_means_thinking(effort: str) -> bool:
    """What a `reasoning_effort` asks for. MiMo's chat wire refuses or ignores it (contract §3, C6)."""
    return effort.lower() not in ("none", "off", "disable", "disabled")


def _read(body: Mapping[str, Any], switch: Switch) -> bool | None:
    value: Any = body
    for key in switch.path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    if value is None:
        return None
    if value == switch.off and type(value) is type(switch.off):
        return False
    return True if value == switch.on and type(value) is type(switch.on) else None
