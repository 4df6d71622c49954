"""The simulator as a server of its own, which says where it listens once it does."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import uvicorn

from ..simulator import HangingUp, Mode, create_app, endpoints  # noqa: TID252 - one room up is the core

_PORTS: Final = 65535


def serve(mode: Mode, host: str, port: int, say: Callable[[str], None]) -> None:
    """Serves until it is interrupted.

    Args:
        mode: How the host behaves.
        host: The address to listen on.
        port: The port; 0 finds a free one.
        say: Prints a line.

    Raises:
        ValueError: It cannot listen there; the message says why.
    """
    with suppress(KeyboardInterrupt), _listener(host, port) as listener:
        address, bound = listener.getsockname()[:2]
        origin = f"http://[{address}]:{bound}" if ":" in address else f"http://{address}:{bound}"
        for name, path in (*endpoints(mode), ("log", "/simulator/log")):
            say(f"{name:<10} {origin}{path}")
        config = uvicorn.Config(create_app(mode), http=HangingUp, log_level="warning")
        uvicorn.Server(config).run(sockets=[listener])


def _listener(host: str, port: int) -> socket.socket:
    if port not in range(_PORTS + 1):
        raise ValueError(f"--port {port} is not a port: use 1 to {_PORTS}, or 0 for a free one")
    try:
        (family, *_, address), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        listener = socket.create_server(address[:2], family=family)
    except OSError as error:
        is_named = not isinstance(error, socket.gaierror) and error.errno
        reason = os.strerror(error.errno or 0) if is_named else error.strerror
        raise ValueError(f"cannot listen on {host} port {port}: {reason}") from None
    except UnicodeError:
        raise ValueError(f"cannot listen on {host!r}: it is not a name of a host") from None
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or each answer waits for an acknowledgement
    return listener
