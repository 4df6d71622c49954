"""`mimo-quirks forget`: what a store has of one owner is deleted."""

from __future__ import annotations

from mimo_quirks import ReasoningMemory, Settings, SettingsError, StoreError

from .screens import fail


def forgotten(settings: Settings, scope: str) -> int:
    """Deletes what the store has of a scope; returns how many entries there were.

    Raises:
        typer.Exit: There is no store that this command can open, or it cannot delete them now.
    """
    try:
        store = settings.open_store()
    except (SettingsError, ImportError) as error:
        fail(
            f"{error}; for LiteLLM's Redis pass its redis:// URL with --store"
            if isinstance(error, SettingsError)
            else str(error)
        )
    if store is None:
        fail(f"{settings.store} keeps nothing outside the process that uses it: name the store with --store")
    try:
        return ReasoningMemory(store, settings).forget(scope)
    except StoreError as error:
        fail(f"not everything could be deleted, so run it again: {error}")
