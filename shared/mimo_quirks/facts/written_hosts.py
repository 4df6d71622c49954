"""A host row as operators write it in `MIMO_QUIRKS_HOSTS`: the name of a row, and what is different here.

    {"row": "relay", "placeholder": " ", "switches": [{"path": "enable_thinking", "on": true, "off": false}]}

The names are those of `Host` and of `Dialect`; what is left out is as the named row says. So a fact about a host can be
used before it stands in the table, as `mimo-quirks probe` prints it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from .families import FAMILY_NAMES
from .hosts import HOST_NAMES, HOSTS, RELAY, Host, Switch
from .reasoning_fields import KEYS

_PLACEHOLDERS: Final = ("", " ")
"""A placeholder is never words, for models repeat them (EVIDENCE §11.1)."""
_PATH: Final = re.compile(r"\w+(?:\.\w+)*")
_EXAMPLE: Final = '{"path": "thinking.type", "on": "enabled", "off": "disabled"}'


def host_from(written: Mapping[str, Any]) -> Host:
    """The row that is written.

    Raises:
        ValueError: A name or a value is none that a row has; the message names it and says what would do.
    """
    given = {name: _value(name, value) for name, value in written.items()}
    name = given.pop("row", RELAY.name)
    row = next(host for host in HOSTS if host.name == name)
    if "placeholder" in given and not given.get("takes_placeholder", row.takes_placeholder):
        raise ValueError(f'placeholder: {name} takes none; add "takes_placeholder": true if this host does')
    spelled = {name: given.pop(name) for name in _DIALECT if name in given}
    return replace(row, dialect=replace(row.dialect, **spelled), **given)


def written_as(row: Host) -> dict[str, Any]:
    """The row as it is written: what it has in another way than the row of its name."""
    base = next(host for host in HOSTS if host.name == row.name)
    written: dict[str, Any] = {"row": row.name}
    for name in (*_DIALECT, *_HOST):
        ours, theirs = (getattr(one.dialect if name in _DIALECT else one, name) for one in (row, base))
        if ours != theirs:
            written[name] = [*map(_written, ours)] if isinstance(ours, tuple) else ours
    return written


def _written(item: object) -> object:
    if isinstance(item, Switch):
        return {"path": ".".join(item.path), "on": item.on, "off": item.off}
    return item


def _value(name: str, value: object) -> Any:
    known = ("row", *_DIALECT, *_HOST)
    if name not in known:
        raise ValueError(f"unknown key {name!r}; known: {', '.join(known)}")
    try:
        return {"row": _row, **_DIALECT, **_HOST}[name](value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _row(value: object) -> object:
    return _one_of(HOST_NAMES)(value)


def _one_of(known: tuple[str, ...]) -> Callable[[object], object]:
    def read(value: object) -> object:
        if value not in known:
            raise ValueError(f"{value!r} must be one of {', '.join(map(repr, known))}")
        return value

    return read


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} must be true or false")  # noqa: TRY004 - pydantic reports this type alone
    return value


def _some_of(known: tuple[str, ...], at_least: int) -> Callable[[object], tuple[str, ...]]:
    def read(value: object) -> tuple[str, ...]:
        names = tuple(value) if isinstance(value, list | tuple) else (None,)
        if len(names) < at_least or any(name not in known for name in names):
            raise ValueError(f"{value!r} must be a list of: {', '.join(known)}")
        return names

    return read


def _switches(value: object) -> tuple[Switch, ...]:
    items = tuple(value) if isinstance(value, list | tuple) else ()
    if not items:
        raise ValueError(f"{value!r} must be a non-empty list of switches")
    return tuple(map(_switch, items))


def _switch(item: object) -> Switch:
    if not isinstance(item, Mapping) or set(item) != {"path", "on", "off"} or not _PATH.fullmatch(str(item["path"])):
        raise ValueError(f"{item!r} is not a switch, such as {_EXAMPLE}")
    on, off = item["on"], item["off"]
    if not all(isinstance(value, str | bool) for value in (on, off)) or on == off:
        raise ValueError(f"on and off of {item['path']} must differ (strings or booleans)")
    return Switch(tuple(item["path"].split(".")), on, off)


_DIALECT: Final[Mapping[str, Callable[[object], Any]]] = {
    "fields": _some_of(KEYS[:2], 1),  # the others hold no plain text
    "alternatives": _some_of(KEYS, 0),
    "switches": _switches,
}
_HOST: Final[Mapping[str, Callable[[object], Any]]] = {
    "serves": _one_of(FAMILY_NAMES),
    "placeholder": _one_of(_PLACEHOLDERS),
    **dict.fromkeys(
        ("takes_placeholder", "pads_every_turn", "forbids", "forbids_when_off", "forces_tools", "takes_n"), _flag
    ),
}
"""What a row can say, and how each value is read."""
