"""The simulator in a thread of this process: up when `with` begins, gone when it ends, no port to choose."""

import socket
import threading
from types import TracebackType
from typing import final

import uvicorn

from mimo_quirks.simulator.app import Host, application
from mimo_quirks.simulator.course import Course
from mimo_quirks.simulator.modes import Mode
from mimo_quirks.simulator.protocol import HangingUp
from mimo_quirks.simulator.records import Exchange

_HOST = "127.0.0.1"
_GRACE_SECONDS = 1
"""A client that stopped reading in mid-stream does not keep the server alive for longer."""


class _Server(uvicorn.Server):
    """Says when it serves, so that nobody has to poll."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.settled = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.settled.set()

    def serve_on(self, listener: socket.socket) -> None:
        with listener:
            try:
                self.run(sockets=[listener])
            finally:
                self.settled.set()


@final
class Simulator:
    """A MiMo host on this machine, for as long as a `with` block lasts.

    Args:
        mode: How the host behaves; assign `mode` to change it between two requests.
        port: Port to listen on; 0 finds a free one.
        ssl_keyfile: Private key, to be served as https.
        ssl_certfile: Its certificate.
    """

    def __init__(
        self,
        mode: Mode | None = None,
        *,
        port: int = 0,
        ssl_keyfile: str | None = None,
        ssl_certfile: str | None = None,
    ) -> None:
        self._host = Host(mode or Mode())
        self._port = port
        self._ssl_keyfile, self._ssl_certfile = ssl_keyfile, ssl_certfile
        self._running: tuple[_Server, threading.Thread] | None = None

    @property
    def mode(self) -> Mode:
        """How the host behaves from the next request on; one that was assigned may have been followed by another."""
        return self._host.course.mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        self._host.course = Course(mode)

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        if not self._port:
            raise RuntimeError("the simulator has no port yet: use it in a `with` block")
        return f"{'https' if self._ssl_certfile else 'http'}://{_HOST}:{self._port}"

    @property
    def base_url(self) -> str:
        """What an OpenAI client takes as its base URL, for the chat and the responses wire."""
        return f"{self.origin}/v1"

    @property
    def anthropic_url(self) -> str:
        """What an Anthropic client takes as its base URL; `origin` is that of a relay."""
        return f"{self.origin}/anthropic"

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Every exchange so far, oldest first."""
        return self._host.ledger.exchanges

    def reset(self) -> None:
        """Forget every exchange and every issued turn, and begin the mode that was assigned anew."""
        self._host.reset()

    def __enter__(self) -> "Simulator":
        config = self._config()
        config.load()  # here rather than in the thread, so that a bad certificate is raised where it was given
        listener = socket.create_server((_HOST, self._port))
        # Inherited by every connection: asyncio leaves it off on a listener made like this, and each answer on a
        # kept connection would then wait 40 ms for the client's acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._port = listener.getsockname()[1]
        server = _Server(config)
        thread = threading.Thread(target=server.serve_on, args=(listener,), name="simulator", daemon=True)
        thread.start()
        server.settled.wait()
        if not server.started:
            thread.join()
            raise RuntimeError("the simulator could not start")
        self._running = server, thread
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._running is not None:
            server, thread = self._running
            server.should_exit = True
            thread.join()
            self._running = None

    def _config(self) -> uvicorn.Config:
        # The loop and the parser are named, so that the server is the same whatever else is installed;
        # `log_config=None` leaves the logging of the process alone.
        return uvicorn.Config(
            application(self._host),
            loop="asyncio",
            http=HangingUp,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            ssl_keyfile=self._ssl_keyfile,
            ssl_certfile=self._ssl_certfile,
        )
