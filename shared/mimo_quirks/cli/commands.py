"""The commands and their options; what they do is elsewhere."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any, Final

import typer
import typer.core

from .live import MODEL, URL
from .modes import read_mode, told_fields, told_wordings
from .screens import fail, say, show

__all__ = ["app", "read_mode"]

app: Final = typer.Typer(
    name="mimo-quirks", add_completion=False, no_args_is_help=True, pretty_exceptions_show_locals=False
)


_SCOPES: Final = (
    "ChatMiMo: the scope itself. LiteLLM SDK: application:NAME. Proxy: key:HASH, key:litellm_proxy_master_key, "
    "user:ID, team:ID or proxy."
)


def _print_version(asked: bool) -> None:  # noqa: FBT001 - typer's signature
    if asked:
        try:
            typer.echo(f"mimo-quirks {version('mimo-quirks')}")
        except PackageNotFoundError:
            typer.echo("mimo-quirks, not installed as a package")
        raise typer.Exit


@app.callback()
def _group(
    version_: Annotated[  # noqa: FBT002 - its callback ends the command
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Keeps MiMo's reasoning through message conversion. Check, explain, probe, simulate and delete."""


class _WithFields(typer.core.TyperCommand):
    """Its help ends with the fields of the mode."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """See click; typer prints at once."""
        super().format_help(ctx, formatter)
        typer.echo("Fields of the mode, each with its values, the default first:\n")
        for field, meaning in told_fields():
            say(f"  {field}", hang=6, always=True)
            say(f"      {meaning}", hang=6, always=True)


def _list_wordings(asked: bool) -> None:  # noqa: FBT001 - typer's signature
    if asked:
        show([("code", "status", "about", "what the server says (who reported it)"), *told_wordings()], {})
        raise typer.Exit


@app.command(cls=_WithFields)
def simulate(
    mode: Annotated[
        list[str] | None,
        typer.Argument(help="Fields of the mode, such as accepts=exact split_utf8=true wires=chat,messages."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 finds a free one.")] = 8765,
    list_wordings: Annotated[  # noqa: ARG001, FBT002 - its callback ends the command
        bool,
        typer.Option(
            "--list-wordings",
            callback=_list_wordings,
            is_eager=True,
            help="List the codes of rejection=, and what each says.",
        ),
    ] = False,
) -> None:
    """Serves a MiMo host that judges every replayed turn; see GET /simulator/log."""
    from .serving import serve  # noqa: PLC0415 - the other commands need no server

    try:
        serve(read_mode(mode or []), host, port, typer.echo)
    except (ValueError, typer.BadParameter) as error:
        fail(str(error))


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


@app.command()
def explain(  # noqa: PLR0913, PLR0917 - one for each option
    file: Annotated[
        str, typer.Argument(help="A request's body, or its list of messages, as JSON; - is standard input.")
    ],
    model: Annotated[str | None, typer.Option(help="The model's id; by default the request's own.")] = None,
    base_url: Annotated[str | None, typer.Option(envvar="MIMO_BASE_URL", help="Where the request goes.")] = None,
    wire: Annotated[str, typer.Option(help="chat, messages, responses, or auto.")] = "auto",
    store: Annotated[str | None, typer.Option(help="Where to look; by default MIMO_QUIRKS_STORE.")] = None,
    scope: Annotated[
        str | None,
        typer.Option(help=f"Whose memory it is; by default MIMO_QUIRKS_SCOPE. {_SCOPES}"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,  # noqa: FBT002
    show_reasoning: Annotated[bool, typer.Option("--show-reasoning", help="Print the reasoning too.")] = False,  # noqa: FBT002
) -> None:
    """Tells for each assistant message of a request what would be sent, and why.

    Exit status: 0 where no reasoning is lost, 1 where some is, 2 where the request cannot be explained.
    """
    from .explaining import explained, print_explanation, request_in, settings_with  # noqa: PLC0415 - quick help

    request = request_in(file)
    explanation = explained(
        request,
        settings_with(store),
        model=model,
        base_url=base_url,
        wire=None if wire == "auto" else wire,
        scope=scope,
    )
    print_explanation(explanation, as_json=as_json, show_reasoning=show_reasoning)
    raise typer.Exit(0 if explanation.is_well else 1)


@app.command()
def forget(
    scope: Annotated[str, typer.Option(help=f"Whose memory to delete. {_SCOPES}")],
    store: Annotated[str | None, typer.Option(help="Where; by default MIMO_QUIRKS_STORE.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,  # noqa: FBT002
) -> None:
    """Deletes everything that a store has of one scope, and prints how many entries that was.

    Processes that use the store hold what they recorded until they are restarted. MIMO_QUIRKS_SECRET must be theirs.

    Exit status: 0 once nothing is left, 1 where the answer was no, 2 where it cannot be deleted.
    """
    from mimo_quirks import store_address  # noqa: PLC0415 - quick help

    from .explaining import settings_with  # noqa: PLC0415 - as above
    from .forgetting import forgotten  # noqa: PLC0415 - as above

    settings = settings_with(store)
    if not yes:
        typer.confirm(
            f"Delete everything of the scope {scope!r} from {store_address(settings.store)}?", abort=True, err=True
        )
    count = forgotten(settings, scope)
    hint = "" if count else ": none has this scope (check --scope and MIMO_QUIRKS_SECRET)"
    typer.echo(f"{count} {'entry' if count == 1 else 'entries'} deleted{hint}")


@app.command()
def doctor(
    config: Annotated[str | None, typer.Option(help="A LiteLLM proxy's config, such as litellm.yaml.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,  # noqa: FBT002
) -> None:
    """Checks settings, store, versions, and a LiteLLM config; says what to do about what is wrong.

    Exit status: 0 without an error, 1 with one.
    """
    from .doctor import examine, print_checks  # noqa: PLC0415 - quick help

    checks = examine(config)
    print_checks(checks, as_json=as_json)
    raise typer.Exit(1 if any(check.status == "error" for check in checks) else 0)


@app.command()
def probe(  # noqa: PLR0913, PLR0917 - one for each option
    base_url: Annotated[str, typer.Option(envvar="MIMO_BASE_URL", help="Base URL as an OpenAI client has it.")] = URL,
    model: Annotated[str, typer.Option(help="The model's id, or a proxy's alias.")] = MODEL,
    wire: Annotated[str, typer.Option(help="chat, messages, responses, or all.")] = "chat",
    only: Annotated[list[str] | None, typer.Option(help="Ask only this question; repeatable.")] = None,
    limit: Annotated[int, typer.Option(help="How many requests are sent at most.")] = 200,
    timeout: Annotated[float, typer.Option(help="How many seconds an answer may take.")] = 120,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,  # noqa: FBT002
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,  # noqa: FBT002
) -> None:
    """Asks an endpoint what it accepts, and whether reasoning survives the way to the model.

    The key is MIMO_API_KEY. Exit status: 0 where nothing differs from our row, 1 where something differs or reasoning
    is lost, 2 where it had to stop. The questions: emitted, tool-turns, plain-turns, switches, thinking-off, fields,
    used, ids, steady, errors, cache, parallel, n, forced-tools, json, contents, keys.
    """
    try:
        from .probe import Wanted  # noqa: PLC0415 - quick help
        from .probe import probe as run_probe  # noqa: PLC0415 - as above
    except ModuleNotFoundError as error:
        raise SystemExit(f'the probe needs the "cli" extra ({error}): pip install "mimo-quirks[cli]"') from error
    raise typer.Exit(run_probe(Wanted(base_url, model, wire, only or [], limit, timeout, yes, as_json)))
