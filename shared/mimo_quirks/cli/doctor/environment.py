"""The settings, the key and the store of an environment."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from typing import Final

from mimo_quirks import LITELLM, SETTINGS_PREFIX, Entry, ReasoningStore, Settings, SettingsError, StoreError, open_store

from .checks import Check

_PROBE: Final = b"mimo-quirks doctor"
_PROBE_SECONDS: Final = 60.0
_PATIENCE: Final = 5.0
"""How long a store may take here; a request waits for `store_timeout_seconds`."""


def examine_settings(environ: Mapping[str, str]) -> tuple[Settings | None, list[Check]]:
    """The settings of an environment, and whether they can be used; values are not told."""
    try:
        settings = Settings.from_env(environ)
    except SettingsError as error:
        return None, [Check("error", "settings", str(error), "fix it: LiteLLM and ChatMiMo do not start with it")]
    except ImportError as error:
        return None, [Check("error", "settings", str(error))]
    names = sorted(name for name in environ if name.startswith(SETTINGS_PREFIX))
    return settings, [Check("ok", "settings", ", ".join(names) if names else "none set (defaults)")]


def examine_key(environ: Mapping[str, str]) -> Check:
    """Whether there is a key; it is not told."""
    if environ.get("MIMO_API_KEY"):
        return Check("ok", "key", "MIMO_API_KEY is set")
    other = "; OPENAI_API_KEY is set, and is not read" if environ.get("OPENAI_API_KEY") else ""
    return Check("warning", "key", f"MIMO_API_KEY is not set{other}", "set it, or pass api_key=... to ChatMiMo")


def examine_store(settings: Settings, *, is_proxy: bool) -> Iterator[Check]:
    """Whether the store answers, writes and reads, and in what time; and whose it is."""
    kind = settings.store.partition("://")[0]
    if kind == "off":
        yield Check("warning", "store", "off: lost reasoning is not found again", f"unset {SETTINGS_PREFIX}STORE")
        return
    if kind == "memory":
        yield Check("ok", "store", "memory://: each process has its own, which ends with it")
        return
    if kind == LITELLM:
        yield Check("ok", "store", "litellm: the Redis of LiteLLM's cache, which only LiteLLM can open")
    else:
        yield _probed(kind, settings)
    sealed = "encrypted" if settings.secret else f"not encrypted; {SETTINGS_PREFIX}SECRET encrypts it"
    yield Check("ok", "encryption", f"what is stored is {sealed}")
    if settings.scope is None and not is_proxy:
        yield Check(
            "warning",
            "scope",
            "other processes see this store, and no scope is set: requests without a scope are not stored",
            f"set {SETTINGS_PREFIX}SCOPE, or pass scope=... or metadata.mimo_scope",
        )
    elif settings.scope is not None:
        yield Check("ok", "scope", f"{SETTINGS_PREFIX}SCOPE is set")


def _probed(kind: str, settings: Settings) -> Check:
    """One entry is written and read; it expires within a minute."""
    remedy = f"check {SETTINGS_PREFIX}STORE: its path or address, its rights or password, and whether it runs"
    try:
        store = open_store(
            settings.store, ttl_seconds=_PROBE_SECONDS, max_bytes=settings.store_max_bytes, timeout_seconds=_PATIENCE
        )
        if store is None:  # not one of these kinds
            return Check("ok", "store", kind)
        wrote, read = _times(store)
    except ImportError as error:
        return Check("error", "store", f"{kind}: {error}")
    except (StoreError, ValueError, OSError) as error:
        return Check("error", "store", f"{kind}: {error}", remedy)
    took = f"{kind}: wrote in {wrote * 1000:.0f} ms, read in {read * 1000:.0f} ms"
    if read > settings.store_timeout_seconds:
        limit = f"longer than the {settings.store_timeout_seconds * 1000:.0f} ms that a request waits"
        return Check(
            "warning", "store", f"{took}: {limit}", f"bring it nearer, or set {SETTINGS_PREFIX}STORE_TIMEOUT_SECONDS"
        )
    return Check("ok", "store", took)


def _times(store: ReasoningStore) -> tuple[float, float]:
    """How many seconds a write took, and a read.

    Raises:
        StoreError: The store failed, or did not keep what was written.
    """
    key = secrets.token_hex(16)
    try:
        began = time.monotonic()
        store.put([Entry((key,), _PROBE)])
        wrote = time.monotonic()
        found = store.get([key])
        read = time.monotonic()
    finally:
        store.close()
    if list(found.get(key, ())) != [_PROBE]:
        raise StoreError("what was written was not found again")
    return wrote - began, read - wrote
