"""A deadline for a whole call of redis-py's blocking client, which itself knows only how long a single wait may take.

A server that sends a byte now and then never lets a wait run out. So each wait of a call, for a free connection, for
each address, for the handshake and for each piece of a reply, has what is left until the call's deadline. Only looking
up the host's name has none: the system's resolver has a limit of its own.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from redis import BlockingConnectionPool
from redis.connection import AbstractConnection

_WAITS: Final = frozenset({"recv", "recv_into", "send", "sendall"})
_DEADLINE: Final[ContextVar[float]] = ContextVar("deadline", default=math.inf)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """What is inside waits no longer than this altogether."""
    token = _DEADLINE.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _DEADLINE.reset(token)


def _within(limit: float | None) -> float | None:
    """How long to wait, where the wait itself has a limit; None is for ever, and zero is not to wait."""
    left = _DEADLINE.get() - time.monotonic()
    if limit == 0 or left == math.inf:
        return limit
    if left <= 0:
        raise TimeoutError("the call has taken its time")
    return left if limit is None else min(limit, left)


class DeadlinePool(BlockingConnectionPool):
    """A pool whose connections keep to the deadline, and so does who waits for one of them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self.connection_class: type[AbstractConnection] = type(
            f"Deadline{self.connection_class.__name__}", (_Connection, self.connection_class), {}
        )

    @property
    def timeout(self) -> float | None:
        """How long to wait for a free connection."""
        return _within(self._timeout)

    @timeout.setter
    def timeout(self, seconds: float | None) -> None:
        self._timeout = seconds


class _Connection(AbstractConnection):
    """What makes a connection of redis-py one with a deadline, mixed into its class."""

    def __init__(self, **options: Any) -> None:
        self.socket_connect_timeout = options["socket_connect_timeout"]  # newer releases set another attribute
        self.socket_timeout = options["socket_timeout"]
        super().__init__(**options)

    @property
    def socket_connect_timeout(self) -> float | None:
        """Is asked for once for each address of the host."""
        return _within(self._connecting)

    @socket_connect_timeout.setter
    def socket_connect_timeout(self, seconds: float | None) -> None:
        self._connecting = seconds

    @property
    def socket_timeout(self) -> float | None:
        """Is what a TLS handshake may take."""
        return _within(self._answering)

    @socket_timeout.setter
    def socket_timeout(self, seconds: float | None) -> None:
        self._answering = seconds

    def _connect(self) -> _Socket:
        return _Socket(super()._connect(), self._answering)  # type: ignore[safe-super,no-untyped-call] # a mixin's


class _Socket:
    """A socket each of whose waits keeps to the deadline; the rest is the socket's."""

    def __init__(self, sock: Any, limit: float | None) -> None:
        self._sock = sock
        self.settimeout(limit)

    def __getattr__(self, name: str) -> Any:
        if name in _WAITS:
            self._sock.settimeout(_within(self._limit))
        return getattr(self._sock, name)

    def settimeout(self, seconds: float | None) -> None:
        """The limit of a single wait, as the client sets it."""
        self._limit = seconds
