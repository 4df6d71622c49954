"""The command `mimo-quirks`: the one room of the core that knows the frameworks, because it shows them at work."""


def main() -> None:
    """Runs the command; without its extra it says which one to install."""
    try:
        from .commands import app  # noqa: PLC0415 - the extra may be missing, and then this is the place to say so
    except ModuleNotFoundError as error:
        raise SystemExit(f'mimo-quirks needs the "cli" extra ({error}): pip install "mimo-quirks[cli]"') from error
    app()
