"""The fields of a simulator's mode on the command line: read from words, and told with their meaning."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import Field, fields
from typing import Any, Final, get_args, get_type_hints

import typer

from ..simulator import WORDINGS, Mode  # noqa: TID252 - one room up is the core

_FIELD: Final = re.compile(r"^(\w+): (.*?)(?=^\w+: |\Z)", re.MULTILINE | re.DOTALL)


def read_mode(words: list[str]) -> Mode:
    """The mode that words such as ``accepts=exact`` describe.

    After ``then=5`` come the words of the mode that follows after five requests, which is like the first but for them.

    Raises:
        typer.BadParameter: A word is not a field of the mode, or its value is none of that field's.
    """
    return _mode(words, {})


def told_fields() -> Iterator[tuple[str, str]]:
    """Each field of a mode with its values, the default first, and what it means."""
    attributes = inspect.cleandoc(Mode.__doc__ or "").partition("Attributes:\n")[2]
    meanings = dict(_FIELD.findall(textwrap.dedent(attributes)))
    hints = get_type_hints(Mode)
    for field in fields(Mode):
        values = _THEN if field.name == "then" else _values(field, hints[field.name])
        yield f"{field.name}={values}", " ".join(meanings[field.name].split())


def told_wordings() -> Iterator[tuple[str, str, str, str]]:
    """Each code that a rejection may have: its status, whether it is about reasoning, and what the server says."""
    for row in WORDINGS.values():
        said = " ".join(row.error.raw.decode("utf-8", "replace").split())
        yield row.name, str(row.status), "reasoning" if row.ours else "other", f"{said} ({row.source})"


_THEN: Final = "N and further words"
_MORE: Final = {"rejection": "a code of --list-wordings", "conversation": "a name", "quotes": "a text"}


def _values(field: Field[Any], hint: Any) -> str:
    """What may stand behind the equals sign; the default first."""
    default = field.default
    if isinstance(default, bool):
        return "|".join(_shown(value) for value in (default, not default))
    if isinstance(default, tuple):
        return f"some of {','.join(default)} (default all)"
    options = [value for value in get_args(hint) if isinstance(value, str)]
    if options:
        return "|".join([str(default), *(value for value in options if value != default)])
    kind = _MORE.get(field.name, "N")
    return f"{kind} (default {_shown(default)})"


def _shown(value: object) -> str:
    return {"None": "none", "True": "true", "False": "false"}.get(str(value), str(value))


def _mode(words: list[str], inherited: dict[str, Any]) -> Mode:
    known = {field.name: field for field in fields(Mode)}
    given = dict(inherited)
    for place, word in enumerate(words, 1):
        name, _, value = word.partition("=")
        if name not in known:
            raise typer.BadParameter(f"{name!r} is not a field of the mode; known: {', '.join(known)}")
        if name == "then":
            return _made({**given, "then": (_number(value), _mode(words[place:], given))})
        given[name] = _read(value, known[name])
    return _made(given)


def _made(given: dict[str, Any]) -> Mode:
    try:
        return Mode(**given)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _read(value: str, field: Field[Any]) -> object:
    if isinstance(field.default, tuple):
        return tuple(value.split(","))
    if field.type is bool:
        return {"true": True, "false": False}.get(value.lower(), value)
    return _number(value) if field.type in (int, int | None) else value


def _number(value: str) -> int | str:
    return int(value) if value.isdigit() else value
