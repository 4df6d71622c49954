"""What is said once, when the callback begins: what is in use, and whether the store can be reached.

LiteLLM's proxy loads its callbacks before it has read which deployments there are, and tells nobody when it has.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from mimo_quirks import (
    CHAT,
    LITELLM,
    MESSAGES,
    ReasoningMemory,
    Settings,
    SettingsError,
    log_frames,
    set_log_level,
    store_address,
    use_handlers_of,
)

from . import _internals
from .call import Deployment
from .metrics import export, is_prometheus_on
from .scope import is_proxy, tells_clients_apart

_LOGGER: Final = logging.getLogger("mimo_quirks")

_PAUSE_SECONDS: Final = 0.05
_PATIENCE_SECONDS: Final = 60.0
"""How long a proxy may take to read its configuration; one without deployments never has a Router."""
_NAMED: Final = 20
"""How many deployments are named."""


class Start:
    """Says once what is in use. Thread-safe.

    Args:
        settings: The operator's settings.
        memory: Opens the memory.
    """

    def __init__(self, settings: Settings, memory: Callable[[], ReasoningMemory]) -> None:
        self._settings = settings
        self._memory = memory
        self._said = threading.Lock()
        self._waiting: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Says it now, or in a proxy as soon as that has read its configuration. Nothing waits for it."""
        set_log_level(self._settings.log)
        if _internals.LOGGER is not None:
            use_handlers_of(_internals.LOGGER)
        if not _internals.is_proxy_loaded():
            self.tell()
            return
        try:
            self._waiting = asyncio.get_running_loop().create_task(self._tell_when_ready())
        except RuntimeError:  # the first request will have it said
            return

    async def _tell_when_ready(self) -> None:
        left = _PATIENCE_SECONDS
        while not is_proxy() and left > 0:
            await asyncio.sleep(_PAUSE_SECONDS)
            left -= _PAUSE_SECONDS
        self.tell()

    def tell(self) -> None:
        """Says it, unless it is said already. Nothing is raised: the start goes on."""
        if not self._said.acquire(blocking=False):  # taken once and never given back
            return
        try:
            self._tell()
        except (SettingsError, ImportError) as error:
            _LOGGER.warning("the reasoning store cannot be opened, so requests to MiMo fail: %s", error)
        except Exception as error:  # noqa: BLE001 - whatever a LiteLLM of tomorrow does
            log_frames("what is in use cannot be told", error)

    def _tell(self) -> None:
        if is_prometheus_on():
            with suppress(ImportError):  # LiteLLM says itself what its callback lacks
                export()
        if _LOGGER.isEnabledFor(logging.INFO):
            _LOGGER.info("%s", "; ".join(_told(self._settings)))
        if not is_proxy() and self._settings.store in ("off", "memory://", LITELLM):  # nothing to reach, or not yet
            return
        self._memory().check()


def _told(settings: Settings) -> Iterator[str]:
    yield f"mimo-quirks {_internals.release_of('mimo-quirks')}, LiteLLM {_internals.release_of('litellm')}"
    sealed = "encrypted" if settings.secret else "not encrypted"
    yield f"store {store_address(settings.store)}{'' if settings.store in ('off', 'memory://') else f', {sealed}'}"
    yield _whose(settings)
    router = _internals.of_proxy("llm_router") if is_proxy() else None
    listed = getattr(router, "model_list", None)
    if isinstance(listed, list):
        ours = list(_deployments(listed, settings))
        more = f" and {len(ours) - _NAMED} more" if len(ours) > _NAMED else ""
        yield f"deployments of MiMo: {', '.join(ours[:_NAMED]) or 'none'}{more}"


def _whose(settings: Settings) -> str:
    if is_proxy():
        if not tells_clients_apart():
            return "all clients share one scope"
        return f"a scope for each client, known by {', '.join(settings.identity)}"
    return "one scope (MIMO_QUIRKS_SCOPE)" if settings.scope is not None else "scope set per request"


def _deployments(listed: list[Any], settings: Settings) -> Iterator[str]:
    """The deployments of a Router that are ours, as `name (model at host)`."""
    for deployment in listed:
        parameters = deployment.get("litellm_params") if isinstance(deployment, Mapping) else None
        if not isinstance(parameters, Mapping):
            continue
        known = Deployment.of(parameters, {})
        quirks = known.quirks(settings, MESSAGES if known.provider == "anthropic" else CHAT)
        if quirks is not None:
            where = quirks.address or quirks.host
            yield f"{deployment.get('model_name')} ({known.model} at {where})"
