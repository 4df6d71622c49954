"""How the commands print: a table that fits a terminal, or one line for each row where nobody looks."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from shutil import get_terminal_size
from typing import Final, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

_NARROWEST: Final = 40
_CREDENTIALS: Final = re.compile(r"(?<=//)[^/@\s]*@")


def echo(text: str = "") -> None:
    """Prints a line, without the credentials of URLs in it."""
    typer.echo(redacted(text))


def say(line: str, *, hang: int = 0, always: bool = False, err: bool = False) -> None:
    """Prints a line, on a terminal in as many as it takes.

    Args:
        line: Its text; what it begins with in white space is kept.
        hang: How far those after the first are indented.
        always: Breaks it where nobody looks too, as help is.
        err: Prints it to the standard error.
    """
    if not (always or (sys.stderr if err else sys.stdout).isatty()):
        typer.echo(redacted(line), err=err)
        return
    width = max(get_terminal_size().columns, _NARROWEST)
    rest = line.lstrip()
    wrapped = textwrap.wrap(
        redacted(rest),
        width,
        initial_indent=" " * (len(line) - len(rest)),
        subsequent_indent=" " * hang,
        break_on_hyphens=False,
    )
    typer.echo("\n".join(wrapped), err=err)


def fail(message: str) -> NoReturn:
    """Ends the command with one line and status 2: it was not used as it can be.

    Raises:
        typer.Exit: Always.
    """
    typer.echo(f"mimo-quirks: {redacted(' '.join(message.split()))}", err=True)
    raise typer.Exit(2)


def redacted(text: str) -> str:
    """A text without the credentials of URLs in it."""
    return _CREDENTIALS.sub("", text)


def show(rows: Sequence[Sequence[str]], colours: Mapping[str, str], *, indent: str = "") -> None:
    """Prints rows: wrapped in columns on a terminal, elsewhere one line each.

    Args:
        rows: Of cells.
        colours: Of cells with these words.
        indent: What stands before each row.
    """
    rows = [[redacted(cell) for cell in row] for row in rows]
    console = Console(highlight=False)
    if not console.is_terminal:
        for line in aligned(rows):
            typer.echo(f"{indent}{line}")
        return
    table = Table.grid(padding=(0, 2), pad_edge=False)
    table.add_column(no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell, style=_style(cell, colours), overflow="fold") for cell in row))
    console.print(table)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines with their cells below each other."""
    widths = [max(map(len, column)) for column in zip_longest(*rows, fillvalue="")]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in rows]


def _style(cell: str, colours: Mapping[str, str]) -> str:
    return next((colour for word, colour in colours.items() if cell == word or cell.startswith(f"{word} ")), "")
