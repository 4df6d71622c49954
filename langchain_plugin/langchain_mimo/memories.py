"""Whose memory a call is about, and which memory a model has."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Mapping
from typing import Any, Final

from langchain_core.runnables.config import RunnableConfig, ensure_config

from mimo_quirks import ReasoningMemory, ReasoningStore, Settings

SCOPE: Final = "mimo_scope"
"""The member of a RunnableConfig's `configurable` that says whose memory it is."""


def owner_of(
    called: object, own: str | None, metadata: Mapping[str, Any] | None, config: RunnableConfig | None = None
) -> str | None:
    """Whose memory it is: what the call says, its config, the chain that it runs in, metadata, or the model itself.

    Args:
        called: The call's `scope=`.
        own: The model's.
        metadata: The run's, which has that of every config around the call.
        config: The one that the call was given.
    """
    given, chain = ensure_config(config), ensure_config()
    says = (
        called,
        given["configurable"].get(SCOPE),
        chain["configurable"].get(SCOPE),
        given["metadata"].get(SCOPE),
        (metadata or {}).get(SCOPE),
        own,
    )
    return next((str(scope) for scope in says if scope is not None), None)


def scoped(arguments: dict[str, Any], config: RunnableConfig | None) -> dict[str, Any]:
    """A call's arguments with the `scope=` that the configs around it say, which LangChain does not hand on.

    What is among the arguments is also in the key of LangChain's caches: answers have reasoning too.
    """
    scope = owner_of(arguments.get("scope"), None, None, config)
    return arguments if scope is None else {**arguments, "scope": scope}


def memory_of(store: ReasoningStore | str | None, settings: Settings) -> ReasoningMemory:
    """The memory of a model: around a store that was given, or the one that all models of these settings share."""
    if store is None or isinstance(store, str):
        with _SHARING:
            return _shared(
                settings.store if store is None else store, settings.model_dump_json(include=_STORE_SETTINGS)
            )
    return ReasoningMemory(store, settings)


_STORE_SETTINGS: Final = {
    "secret",
    "store_ttl_seconds",
    "store_max_bytes",
    "store_timeout_seconds",
    "near_max_bytes",
    "write_wait_seconds",
    "policy_ttl_seconds",
}


_SHARING: Final = threading.Lock()


@functools.cache
def _shared(url: str, settings: str) -> ReasoningMemory:
    chosen = Settings(store=url, **json.loads(settings))
    return ReasoningMemory(chosen.open_store(), chosen)
