"""Connections that belong to the event loop that opened them.

langchain-openai keeps one asynchronous client for the whole process, and the connections in its pool belong to the loop
of whoever was first. An application with several loops, such as one `asyncio.run` after another, then meets connections
of a loop that has ended, and every other request fails. Here each loop has a pool of its own.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import urllib.request
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import openai
from langchain_openai.chat_models._client_utils import _DEFAULT_CONNECTION_LIMITS, _resolve_socket_options

if TYPE_CHECKING:
    import httpx
else:  # the SDK's own: openai 3 comes with another than openai 2, and takes transports of that one alone
    _ROOTS = (base.__module__.partition(".")[0] for base in openai.DefaultAsyncHttpxClient.__mro__)
    httpx = importlib.import_module(next(root for root in _ROOTS if root.startswith("httpx")))

SocketOptions = tuple[tuple[int, int, int], ...]

_GIVEN = ("http_async_client", "async_client", "root_async_client", "openai_proxy")


def with_client(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields of a model with an asynchronous client that several event loops may use.

    Where one is given, or a proxy that httpx finds in the environment, the fields are the ones that came in.
    """
    if any(fields.get(name) for name in _GIVEN) or urllib.request.getproxies():
        return fields
    timeout = fields.get("timeout", fields.get("request_timeout"))
    transport = _shared(_resolve_socket_options(fields.get("http_socket_options")))
    return {**fields, "http_async_client": openai.DefaultAsyncHttpxClient(transport=transport, timeout=timeout)}


class LoopTransport(httpx.AsyncBaseTransport):
    """A transport with a pool of connections for each event loop.

    Args:
        socket_options: What is set on each connection, as `socket.setsockopt` takes it.
    """

    def __init__(self, socket_options: Sequence[tuple[int, int, int]] = ()) -> None:
        self._socket_options = list(socket_options)
        self._pools: dict[asyncio.AbstractEventLoop, httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends the request over a connection of the running loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._pools:
            for ended in [other for other in tuple(self._pools) if other.is_closed()]:
                self._pools.pop(ended, None)
            self._pools[loop] = httpx.AsyncHTTPTransport(
                limits=_DEFAULT_CONNECTION_LIMITS, socket_options=self._socket_options or None
            )
        return await self._pools[loop].handle_async_request(request)

    async def aclose(self) -> None:
        """Keeps the connections: models of the whole process share them."""


@functools.cache
def _shared(socket_options: SocketOptions) -> LoopTransport:
    return LoopTransport(socket_options)
