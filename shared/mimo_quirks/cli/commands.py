"""The commands and their options; what they do is elsewhere."""

from __future__ import annotations

from dataclasses import Field, fields
from typing import Annotated, Any, Final

import typer
import uvicorn

from ..simulator import HangingUp, Mode, create_app, endpoints  # noqa: TID252 - one room up is the core

app: Final = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_show_locals=False)


@app.callback()
def _group() -> None:
    """MiMo reasoning survives message conversion: show it, and test against it."""


@app.command()
def simulate(
    mode: Annotated[
        list[str] | None,
        typer.Argument(help="Fields of the mode, such as accepts=exact split_utf8=true wires=chat,messages."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8765,
) -> None:
    """Serves a MiMo host that judges every replayed turn; see GET /simulator/log."""
    world = read_mode(mode or [])
    for name, path in (*endpoints(world), ("log", "/simulator/log")):
        typer.echo(f"{name:<10} http://{host}:{port}{path}")
    uvicorn.run(create_app(world), host=host, port=port, http=HangingUp, log_level="warning")


@app.command()
def demo(
    live: Annotated[bool, typer.Option("--live", help="Use the real service: MIMO_API_KEY, MIMO_BASE_URL.")] = False,  # noqa: FBT002
) -> None:
    """Runs agents through LiteLLM and LangChain, without us and with us, and prints one table."""
    try:
        from .demo import run  # noqa: PLC0415 - it needs more extras than this module
    except ModuleNotFoundError as error:
        raise SystemExit(f'the demo needs every extra ({error}): pip install "mimo-quirks[all]"') from error
    raise typer.Exit(run(live=live))


def read_mode(words: list[str]) -> Mode:
    """The mode that words such as ``accepts=exact`` describe.

    After ``then=5`` come the words of the mode that follows after five requests, which is like the first but for them.

    Raises:
        typer.BadParameter: A word is not a field of the mode, or its value is none of that field's.
    """
    return _mode(words, {})


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
