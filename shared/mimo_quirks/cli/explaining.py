"""`mimo-quirks explain`: a request is read from a file, and what would be done to it is printed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from mimo_quirks import ExplainedMessage, Explanation, Settings, SettingsError, explain

from .screens import echo, fail, say, show

_COLOURS: Final[Mapping[str, str]] = {
    "kept": "green",
    "respelled": "green",
    "found": "green",
    "placeholder": "red",
    "nothing": "red",
    "dropped": "red",
    "stripped": "yellow",
    "lost:": "red",
}
_PATIENCE: Final = {"MIMO_QUIRKS_STORE_TIMEOUT_SECONDS": "5"}
"""Nobody's request waits here."""


def request_in(file: str) -> Any:
    """What a file holds as JSON; `-` is the standard input.

    Raises:
        typer.Exit: It cannot be read.
    """
    name = "standard input" if file == "-" else file
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return json.loads(raw.decode("utf-8-sig"))
    except OSError as error:
        fail(f"cannot read {name}: {error.strerror or error}")
    except UnicodeDecodeError:
        fail(f"{name} is not UTF-8 text")
    except json.JSONDecodeError as error:
        fail(f"{name} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}")
    except (ValueError, RecursionError):
        fail(f"{name} is not JSON that can be read: it is nested too deeply, or has a number that is too long")


def settings_with(store: str | None) -> Settings:
    """The settings of the environment, and of another store where one is given.

    Raises:
        typer.Exit: They cannot be used, or the store is a file that is not there.
    """
    given = {} if store is None else {"MIMO_QUIRKS_STORE": store}
    try:
        settings = Settings.from_env({**_PATIENCE, **os.environ, **given})
    except (SettingsError, ImportError) as error:
        fail(str(error).replace("MIMO_QUIRKS_STORE:", "--store:") if given else str(error))
    path = settings.store.partition("sqlite:///")[2]
    if path and not Path(path).expanduser().is_file():
        fail(f"there is no store at {path}")
    return settings


def explained(  # noqa: PLR0913 - the options of the command
    request: Any, settings: Settings, *, model: str | None, base_url: str | None, wire: str | None, scope: str | None
) -> Explanation:
    """See `mimo_quirks.explain`; what stands before a slash in the model is LiteLLM's provider, if it is one.

    Raises:
        typer.Exit: It is no request, or something must be given besides.
    """
    named = model or (request.get("model") if isinstance(request, dict) else None)
    provider = named.partition("/")[0] if isinstance(named, str) and "/" in named else None
    try:
        return explain(
            request, model=model, base_url=base_url, provider=provider, wire=wire, scope=scope, settings=settings
        )
    except (ValueError, ImportError) as error:
        fail(str(error))


def print_explanation(explanation: Explanation, *, as_json: bool, show_reasoning: bool) -> None:
    """Prints it: as JSON, as lines, or on a terminal as a table."""
    if as_json:
        echo(json.dumps(explanation.to_dict(show_reasoning=show_reasoning), indent=2))
        return
    if not sys.stdout.isatty():
        for line in explanation.lines(show_reasoning=show_reasoning):
            echo(line)
        return
    for line in explanation.head():
        say(line, hang=7)
    echo()
    shown = [[message] for message in explanation.messages] if show_reasoning else [explanation.messages]
    for messages in shown:
        show([_row(message) for message in messages], _COLOURS)
        for line in messages[0].reasoning_lines() if show_reasoning else ():
            say(line, hang=7)
    echo()
    for line in explanation.tail():
        say(line, hang=2)


def _row(message: ExplainedMessage) -> tuple[str, str, str, str]:
    return message.place.rjust(3), message.there, message.done, message.why
