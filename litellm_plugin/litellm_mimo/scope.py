"""Whose memory a request is, and where it is kept: what LiteLLM's proxy is asked besides a request.

The owner is in a proxy the authenticated identity, elsewhere what the application says.

In a proxy nothing that a client can choose counts. The identity is the object that LiteLLM's authentication made; a
client's JSON cannot hold one, whatever it puts into `metadata`. Without authentication the object holds whatever key
the client sent, so then everybody is one.
"""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from mimo_quirks import LITELLM, Quirks, ReasoningMemory, ReasoningStore, Settings, SettingsError

from . import _internals

_LOGGER: Final = logging.getLogger("mimo_quirks")

EVERYBODY: Final = "proxy"
"""The one owner of a proxy that cannot tell its clients apart."""
UNKNOWN: Final = "unknown"
"""The owner where a proxy knows its clients and this one has no name, or where LiteLLM does not say whether it does.

Nothing is remembered for it, on any store."""

_METADATA: Final = ("litellm_metadata", "metadata")
_AUTHENTICATORS: Final = ("enable_jwt_auth", "enable_oauth2_auth", "enable_oauth2_proxy_auth")
_MEMBERS: Final[Mapping[str, str]] = {"key": "api_key", "user": "user_id", "team": "team_id"}


def owner_of(arguments: Mapping[str, Any], settings: Settings) -> str | None:
    """Who owns the memory of a request, or None where no application says.

    Args:
        arguments: Of a call, or the parameters among its details. LiteLLM's proxy adds to `metadata` on the chat route,
            and on the others to `litellm_metadata`, because `metadata` is the client's there.
        settings: For the order in which an identity is read.
    """
    known = [metadata for name in _METADATA if isinstance(metadata := arguments.get(name), Mapping)]
    identities = (metadata.get("user_api_key_auth") for metadata in known)
    identity = next((identity for identity in identities if isinstance(identity, BaseModel)), None)
    if identity is not None or is_proxy():
        authenticated = authenticates()
        if authenticated is None:
            return UNKNOWN
        return _owner(identity, settings) if authenticated else EVERYBODY
    named = next((metadata["mimo_scope"] for metadata in known if metadata.get("mimo_scope") is not None), None)
    return None if named is None else f"application:{named}"


def scope_of(arguments: Mapping[str, Any], settings: Settings, quirks: Quirks, *, shared: bool) -> str | None:
    """The scope of a request's memory of a deployment; None where nothing may be remembered, or put back.

    Args:
        arguments: As for `owner_of`.
        settings: The operator's settings.
        quirks: The deployment's.
        shared: Whether others than this process can see what is remembered.
    """
    owner = owner_of(arguments, settings)
    return None if owner is UNKNOWN else settings.scope_of(owner, quirks, shared=shared)


def end_user_of(arguments: Mapping[str, Any]) -> str | None:
    """Whom a request names as its end user, in any of the places that the wires and LiteLLM have for it."""
    metadata = [arguments.get(name) for name in _METADATA]
    known = [one for one in metadata if isinstance(one, Mapping)]
    named = [arguments.get("user"), *(one.get(key) for one in known for key in ("user_api_key_end_user_id", "user_id"))]
    return next((name for name in named if isinstance(name, str) and name), None)


def is_proxy() -> bool:
    """Whether this process is a LiteLLM proxy that has read its configuration."""
    if not _internals.is_proxy_loaded():
        return False
    return not _internals.proxy_has("llm_router") or _internals.of_proxy("llm_router") is not None


def authenticates() -> bool | None:
    """Whether the proxy knows who its clients are; None where this LiteLLM does not say so as others do."""
    if not _internals.is_proxy_loaded():
        _internals.warn("proxy_server")
        return None
    general = _internals.of_proxy("general_settings") or {}
    known = (_internals.of_proxy("master_key"), _internals.of_proxy("user_custom_auth"))
    if any(known) or any(general.get(name) for name in _AUTHENTICATORS):
        return True
    return False if all(map(_internals.proxy_has, ("general_settings", "master_key", "user_custom_auth"))) else None


def tells_clients_apart() -> bool:
    """Whether the proxy can have more than one owner: with a master key alone everybody shares it."""
    known = (_internals.of_proxy("user_custom_auth"), _internals.of_proxy("prisma_client"))
    return authenticates() is not False and (any(known) or not _internals.proxy_has("prisma_client"))


def warn_of_workers(settings: Settings) -> None:
    """Warns, once in each of a proxy's workers, that they do not share what is remembered in memory.

    Each says it for itself: uvicorn replaces a worker that is slow to start, the first one too.
    """
    is_worker = multiprocessing.parent_process() is not None
    if settings.store.lower() == "memory://" and is_worker and _internals.is_proxy_loaded():
        _LOGGER.warning(
            "memory:// is per worker process, and requests of one conversation may reach different workers. "
            "Set MIMO_QUIRKS_STORE to sqlite:/// or redis://."
        )


def memory_of(settings: Settings) -> ReasoningMemory:
    """Opens the store that the settings name, and says whose memory it is where everybody's is one.

    Raises:
        SettingsError: LiteLLM's own Redis was asked for, and LiteLLM has none.
    """
    if settings.store != "off" and is_proxy() and not tells_clients_apart():
        _LOGGER.warning(
            "The proxy has no per-client identity (no database, no custom auth): all clients share one scope."
        )
    store = _litellm_store(settings) if settings.store == LITELLM else settings.open_store()
    return ReasoningMemory(
        store, settings, unscoped=_UNNAMED.format(", ".join(settings.identity)) if is_proxy() else None
    )


_UNNAMED: Final = (
    "A client has no identity among MIMO_QUIRKS_IDENTITY ({}): its reasoning is neither stored nor restored. "
    "Give its key a user or team, or add key to MIMO_QUIRKS_IDENTITY."
)


def _litellm_store(settings: Settings) -> ReasoningStore | None:
    cache = _redis_cache()
    if cache is None:
        if _internals.is_proxy_loaded() and not _internals.proxy_has("redis_usage_cache"):
            return None  # it may well have one, where we do not find it
        raise SettingsError(
            "MIMO_QUIRKS_STORE=litellm, but LiteLLM has no Redis cache. "
            "Set litellm_settings.cache with cache_params.type: redis, or another store."
        )
    return settings.open_store(cache.redis_client)


def _redis_cache() -> Any:
    """LiteLLM's Redis: the proxy's, or the SDK's cache where it is one."""
    router = _internals.of_proxy("llm_router")
    candidates = (
        _internals.of_proxy("redis_usage_cache"),
        getattr(getattr(router, "cache", None), "redis_cache", None),
        getattr(_internals.cache(), "cache", None),
    )
    return next((cache for cache in candidates if hasattr(cache, "redis_client")), None)


def _owner(identity: object, settings: Settings) -> str:
    """The identity's first member that there is."""
    for kind in settings.identity:
        value = getattr(identity, _MEMBERS[kind], None)
        if isinstance(value, str) and value:
            return f"{kind}:{value}"
    return UNKNOWN
