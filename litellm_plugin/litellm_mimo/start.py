"""What happens once a process: the store is opened, and an operator is told what it means."""

from __future__ import annotations

import logging
import multiprocessing
import sys
from typing import Any, Final

import litellm

from mimo_quirks.memory import Memory
from mimo_quirks.settings import LITELLM, Settings, SettingsError
from mimo_quirks.stores import ReasoningStore

from .scope import is_proxy, tells_clients_apart

_LOGGER: Final = logging.getLogger("mimo_quirks")


def warn_of_workers(settings: Settings) -> None:
    """Warns, once in each of a proxy's workers, that they do not share what is remembered in memory.

    Each says it for itself: uvicorn replaces a worker that is slow to start, the first one too.
    """
    is_worker = multiprocessing.parent_process() is not None
    if settings.store.lower() == "memory://" and is_worker and "litellm.proxy.proxy_server" in sys.modules:
        _LOGGER.warning(
            "reasoning is remembered in the memory of this worker, and a conversation may meet another worker: "
            "set MIMO_QUIRKS_STORE to a sqlite:/// or redis:// store"
        )


def memory_of(settings: Settings) -> Memory:
    """Opens the store that the settings name, and says whose memory it is where everybody's is one.

    Raises:
        SettingsError: LiteLLM's own Redis was asked for, and LiteLLM has none.
    """
    if settings.store != "off" and is_proxy() and not tells_clients_apart():
        _LOGGER.warning("the proxy cannot tell its clients apart, so all of them share one memory of reasoning")
    store = _litellm_store(settings) if settings.store == LITELLM else settings.open_store()
    return Memory.around(store, settings)


def _litellm_store(settings: Settings) -> ReasoningStore:
    cache = _redis_cache()
    if cache is None:
        raise SettingsError("MIMO_QUIRKS_STORE is litellm, but LiteLLM has no Redis: set litellm_settings.cache")
    from mimo_quirks.stores.encrypted import EncryptedStore  # noqa: PLC0415 - as above
    from mimo_quirks.stores.redis import RedisStore  # noqa: PLC0415 - its extra comes with LiteLLM's own Redis

    store: ReasoningStore = RedisStore(
        cache.redis_client, cache.init_async_client, ttl_seconds=settings.store_ttl_seconds
    )
    return EncryptedStore(store, settings.secret) if settings.secret else store


def _redis_cache() -> Any:
    """LiteLLM's Redis: the proxy's, or the SDK's cache where it is one."""
    server = sys.modules.get("litellm.proxy.proxy_server")
    router = getattr(server, "llm_router", None)
    candidates = (
        getattr(server, "redis_usage_cache", None),
        getattr(getattr(router, "cache", None), "redis_cache", None),
        getattr(litellm.cache, "cache", None),
    )
    return next((cache for cache in candidates if hasattr(cache, "redis_client")), None)
