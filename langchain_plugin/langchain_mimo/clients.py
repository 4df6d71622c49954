"""Clients that several event loops may use, and that make no rejected request again as it was.

LangChain's classes keep one asynchronous client for the whole process, and the connections in its pool belong to the
loop of whoever was first. An application with several loops, such as one `asyncio.run` after another, then meets
connections of a loop that has ended, and every other request fails. Here each loop has a pool of its own.

To an SDK every 5xx is transient, whatever it says, and relays make one of a rejection (EVIDENCE §5.4).
"""

from __future__ import annotations

import asyncio
import functools
import re
import urllib.request
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import ModuleType, SimpleNamespace
from typing import Any

import openai
from pydantic import SecretStr
from typing_extensions import Self

from mimo_quirks import host_name, is_reasoning_rejection, log_frames

from . import _internals
from .serialising import KEY

_GIVEN = ("http_async_client", "async_client", "root_async_client", "openai_proxy")


def checked_key(key: Any) -> Any:
    """A model's key, or the function that says it.

    Raises:
        ValueError: There is none, or no header can hold it, as where a file's line break came with it: the error of
            whoever sends it prints it.
    """
    text = key.get_secret_value() if isinstance(key, SecretStr) else key
    if not text:
        raise ValueError(
            f"no API key: set {KEY} or pass api_key=... (OPENAI_API_KEY and ANTHROPIC_API_KEY are not read)"
        )
    if isinstance(text, str) and not (text.isascii() and text.isprintable()):
        raise ValueError(f"{KEY} or api_key contains characters that are not allowed in an HTTP header (a newline?)")
    return key


def checked_url(url: object) -> str:
    """A model's URL.

    Raises:
        ValueError: It cannot be dialled. The URL is not printed, for it may hold a key.
    """
    if not isinstance(url, str) or not re.fullmatch(r"https?://\S+", url, re.IGNORECASE) or host_name(url) is None:
        raise ValueError("MIMO_BASE_URL or base_url is not an http:// or https:// URL with a host")
    return url


def with_client(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields of a model on openai's SDK with an asynchronous client that several event loops may use.

    Where one is given, or a proxy that httpx finds in the environment, the fields are the ones that came in.
    """
    if any(fields.get(name) for name in _GIVEN):
        return fields
    timeout = fields.get("timeout", fields.get("request_timeout"))
    client = loop_client(openai, fields.get("http_socket_options"), timeout=timeout)
    return fields if client is None else {**fields, "http_async_client": client}


def loop_client(sdk: Any, socket_options: Sequence[tuple[int, int, int]] | None = None, **options: Any) -> Any:
    """An asynchronous client of an SDK that several event loops may use; None for a proxy of the environment.

    Args:
        sdk: The package, such as `openai`.
        socket_options: What is set on each connection, as `socket.setsockopt` takes it; langchain-openai's by default.
        **options: What else the client is made with.
    """
    library = None if _has_proxy(urllib.request.getproxies()) else _internals.httpx_of(sdk)
    if library is None:
        return None
    transport = _shared(library, _internals.socket_options(socket_options))
    return sdk.DefaultAsyncHttpxClient(transport=transport, event_hooks={"response": [_read_failure]}, **options)


def _has_proxy(environment: Mapping[str, str]) -> bool:
    """Whether httpx finds a proxy in the environment: hosts that need none, or FTP's, make none."""
    hosts = environment.get("no", "").split(",")
    return "*" not in map(str.strip, hosts) and any(environment.get(scheme) for scheme in ("http", "https", "all"))


def without_repeats(client: Any) -> None:
    """Has an SDK's client make no rejected request again: the same body is rejected again, and another is made here.

    Of an asynchronous stream only clients of `loop_client` have read what the failure says.
    """
    _internals.veto_retries(client, _is_rejection)


def _is_rejection(response: Any) -> bool:
    try:
        response.read()
    except Exception as error:  # noqa: BLE001 - a failure that breaks off, or an asynchronous one that nobody has read
        log_frames("a failed response could not be read", error)
    return is_reasoning_rejection(SimpleNamespace(response=response))


async def _read_failure(response: Any) -> None:
    """Reads what a server's failure says, also where a stream was asked for; a stream that goes well is not read."""
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        await response.aread()


class LoopTransport:
    """A transport with a pool of connections for each event loop.

    It is of no library's class, for it serves those of either httpx.

    Args:
        library: The httpx whose connections they are.
        socket_options: What is set on each of them, as `socket.setsockopt` takes it.
    """

    def __init__(self, library: Any, socket_options: Sequence[tuple[int, int, int]] = ()) -> None:
        self._library = library
        self._socket_options = list(socket_options)
        self._pools: dict[asyncio.AbstractEventLoop, Any] = {}

    async def handle_async_request(self, request: Any) -> Any:
        """Sends the request over a connection of the running loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._pools:
            for ended in [other for other in tuple(self._pools) if other.is_closed()]:
                self._pools.pop(ended, None)
            limits = self._library.Limits(max_connections=1000, max_keepalive_connections=100)  # the SDKs' own
            self._pools[loop] = self._library.AsyncHTTPTransport(
                limits=limits, socket_options=self._socket_options or None
            )
        return await self._pools[loop].handle_async_request(request)

    async def aclose(self) -> None:
        """Keeps the connections: models of the whole process share them."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


@functools.cache
def _shared(library: ModuleType, socket_options: _internals.SocketOptions) -> LoopTransport:
    return LoopTransport(library, socket_options)
