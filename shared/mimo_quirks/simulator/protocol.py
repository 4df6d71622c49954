"""A server that can hang up in mid-answer: ASGI has no word for it, and an application that fails is logged."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol

_EXTENSION = "mimo_quirks.hang_up"

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]


class HangingUp(H11Protocol):
    """Offers an application, as an extension of its scope, to close the connection as it is."""

    def __init__(
        self,
        config: Config,
        server_state: Any,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        application: Any = self.app

        async def extended(scope: Any, receive: Any, send: Any) -> None:
            scope.setdefault("extensions", {})[_EXTENSION] = self.transport.close
            await application(scope, receive, send)

        self.app = extended


async def hang_up(scope: Scope, receive: Receive) -> None:
    """Close the connection of a request behind what was written so far.

    Raises:
        ConnectionAbortedError: The server is another one, and has to be failed.
    """
    close = scope.get("extensions", {}).get(_EXTENSION)
    if close is None:
        raise ConnectionAbortedError("the mode cuts this stream")
    close()
    # The server takes an application that returns before it for one that forgot the rest of its answer.
    while (await receive())["type"] != "http.disconnect":
        pass
